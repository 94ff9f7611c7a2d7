// archive-push and archive-get, as PostgreSQL calls them, and the workers behind them.
#pragma once

#include "core/console/spools.h"
#include "core/console/wal_places.h"

namespace salvor::console {

class Console;

/// Thread-safe. Borrows the console.
class Archiving {
public:
    explicit Archiving(Console& console);

    /// Errors: those of WalTargets::push() and of the worker, where one pushes.
    [[nodiscard]] Result<repository::Repository::Pushed> push(const std::string& cluster,
                                                              const Path& path);
    /// Writes a file of the archive to `destination`, from what was fetched ahead where that is so.
    /// Errors: NotFound only when every repository of the cluster was asked and lacks it.
    [[nodiscard]] Result<> get(const std::string& cluster, const std::string& name,
                               const Path& destination, wal::Take take = wal::Take::WholeOnly);
    /// What push ("push") and get ("get") start in the background, with the lock of their spool as
    /// standard input. Returns when there is nothing more to do.
    [[nodiscard]] Result<> work(const std::string& kind, const std::string& cluster,
                                const Path& folder);

private:
    [[nodiscard]] WalTargets::Open opener() const;
    [[nodiscard]] std::optional<wal::Spool> outagesOf(const settings::ClusterConfig& cluster,
                                                      const Path& folder) const;
    /// Nothing when no worker comes to an answer.
    [[nodiscard]] Result<std::optional<repository::Repository::Pushed>>
    pushThroughWorker(const settings::ClusterConfig& cluster, const Path& path) const;
    [[nodiscard]] Result<> pushInBackground(const wal::Spool& spool, const std::string& cluster,
                                            const Path& folder);
    [[nodiscard]] Result<> prefetchInBackground(const wal::Spool& spool,
                                                const std::string& cluster);
    [[nodiscard]] Result<Bytes> readFromArchive(const std::string& cluster, const std::string& name,
                                                wal::Take take);
    /// The repositories of a cluster that can be read from here, in order. Errors: that of the
    /// first when none can; InvalidInput when they are not copies of one another.
    [[nodiscard]] Result<std::vector<WalSource>> walSources(const std::string& cluster);
    [[nodiscard]] Result<WalSource> walSource(const std::string& repository,
                                              const std::string& cluster,
                                              const std::optional<std::uint64_t>& system,
                                              Patience patience);

    Console& m_console;
    const Spools m_spools;
};

} // namespace salvor::console
