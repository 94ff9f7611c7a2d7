// The repositories that WAL of a cluster is sent to, and those that it comes from.
#pragma once

#include "core/base/clock.h"
#include "core/console/values.h"
#include "core/repository/repository.h"
#include "core/settings/config.h"
#include "core/wal/archive.h"

#include <functional>
#include <mutex>

namespace salvor::console {

class Outages;

/// Sends files of pg_wal to every repository of a cluster. Thread-safe.
class WalTargets {
public:
    using Open = std::function<Result<std::shared_ptr<repository::Repository>>(
        const std::string& name, Patience patience)>;
    /// `outages` outlives it.
    WalTargets(const settings::ClusterConfig& cluster, Open open, Outages& outages);

    /// Durable in as many as the configuration requires when this returns. What others could not
    /// take is told in the log: they were out of reach, full, damaged, of a newer version, or did
    /// not let us in. One that failed a moment ago is asked last, and only if it is needed; one
    /// that can be spared counts as failed when a file takes it more than ten seconds for each
    /// 16 MiB. Where more are required than answer at once, they are given the time they take.
    ///
    /// Errors: those of wal::archivePush(); InvalidInput for two that are not copies of one another
    ///         or are the same. This, other bytes or another cluster in one of them fails it
    ///         whatever is required.
    [[nodiscard]] Result<repository::Repository::Pushed> push(const Path& path);
    /// Of one repository: false once it was replaced by another. Of several each is asked by
    /// push().
    [[nodiscard]] Result<bool> areSame();
    /// Of the cluster, as the first that answers knows it. Errors: when none does.
    [[nodiscard]] Result<std::optional<ByteCount>> segmentSize();

private:
    struct Target {
        std::string name;
        std::shared_ptr<repository::Repository> repository; // Guarded by m_mutex.
        Patience patience = Patience::Short;                // Guarded by m_mutex: of its opening.
    };
    struct Tally;
    [[nodiscard]] bool canSpareOne() const noexcept { return m_required < m_targets.size(); }
    [[nodiscard]] Result<std::shared_ptr<repository::Repository>> opened(Target& target,
                                                                         Patience patience);
    [[nodiscard]] Result<std::shared_ptr<repository::Repository>> openedAndThere(Target& target,
                                                                                 Patience patience);
    void forget(Target& target);
    [[nodiscard]] Result<> checkAgainstOthers(const Target& target,
                                              const repository::Repository& repository,
                                              const Tally& tally);
    [[nodiscard]] std::optional<ByteCount>
    segmentSizeIn(const repository::Repository& repository) const;
    [[nodiscard]] Error named(const Error& error, const std::string& repository) const;
    void pushTo(Target& target, Patience patience, const wal::FileToArchive& file, Tally& tally);
    void pushToMissed(const wal::FileToArchive& file, Tally& tally);
    [[nodiscard]] Result<repository::Repository::Pushed> outcome(const std::string& name,
                                                                 const Tally& tally) const;

    const std::string m_cluster;
    const std::size_t m_required;
    const Open m_open;
    Outages& m_outages;
    std::mutex m_mutex;
    std::vector<Target> m_targets;
};

/// Asks repositories for something, in their order but those that failed a moment ago last, and the
/// outages learn from it. Each is given seconds; those that did not answer are asked again at the
/// end with all the time they take. The name of the first that gave it; nothing when all were asked
/// and none did. Thread-safe.
[[nodiscard]] std::optional<std::string>
askInTurn(const std::vector<std::string>& names, Outages& outages,
          const std::function<Result<>(const std::string& name, Patience patience)>& ask);

/// A repository with the incarnation that is read.
struct WalSource {
    std::string name;
    std::shared_ptr<repository::Repository> repository;
    model::Incarnation incarnation;
};

/// Reads segments from several repositories that are copies of one another. Thread-safe.
class WalSources {
public:
    /// `clock` outlives it.
    WalSources(std::vector<WalSource> sources, const Clock& clock);

    /// From the one in turn, else from the next that gives it. One that does not answer hands its
    /// turn on, and the first is tried again after ten times as long as that took, a minute at
    /// least. Errors: NotFound when all of them lack it.
    [[nodiscard]] Result<Bytes> read(const model::Segment& segment);

private:
    [[nodiscard]] std::size_t begin();
    void handOn(std::size_t from, std::size_t to, Moment askedAt);

    const std::vector<WalSource> m_sources;
    const Clock& m_clock;
    std::mutex m_mutex;
    std::size_t m_inTurn = 0; // Guarded by m_mutex.
    Moment m_firstAgain{};    // Guarded by m_mutex: when the first is tried again.
};

} // namespace salvor::console
