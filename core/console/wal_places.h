// The repositories that WAL of a cluster is sent to, and those that it comes from.
#pragma once

#include "core/repository/repository.h"
#include "core/settings/config.h"

#include <atomic>
#include <chrono>
#include <functional>

namespace salvor::console {

/// Sends files of pg_wal to every repository of a cluster. Thread-safe.
class WalTargets {
public:
    using Open =
        std::function<Result<std::shared_ptr<repository::Repository>>(const std::string& name)>;
    WalTargets(const settings::ClusterConfig& cluster, Open open);

    /// Durable in as many as the configuration requires when this returns. What others could not
    /// take for now is a warning in the log; a minute long they are asked last, and only if they
    /// are needed.
    ///
    /// Errors: those of wal::archivePush(); other bytes or another cluster in one of them fails it
    ///         whatever is required.
    [[nodiscard]] Result<repository::Repository::Pushed> push(const Path& path);
    /// False once a repository was replaced by another. Those that do not answer count as the same.
    [[nodiscard]] Result<bool> areSame();
    /// Of the cluster, as the first that answers knows it. Errors: when none does.
    [[nodiscard]] Result<std::optional<ByteCount>> segmentSize();

private:
    struct Target {
        std::string name;
        std::shared_ptr<repository::Repository> repository; // Guarded by m_mutex.
        std::chrono::steady_clock::time_point away{};       // Guarded by m_mutex: until then.
    };
    struct Tally;
    [[nodiscard]] Result<std::shared_ptr<repository::Repository>> opened(Target& target);
    [[nodiscard]] Result<std::shared_ptr<repository::Repository>> openedAndThere(Target& target);
    [[nodiscard]] bool isAway(const Target& target);
    void pushTo(Target& target, const Path& path, Tally& tally);
    [[nodiscard]] Result<repository::Repository::Pushed> outcome(const Path& path,
                                                                 const Tally& tally) const;

    const std::string m_cluster;
    const std::size_t m_required;
    const Open m_open;
    std::mutex m_mutex;
    std::vector<Target> m_targets;
};

/// A repository with the incarnation that is read.
struct WalSource {
    std::string name;
    std::shared_ptr<repository::Repository> repository;
    model::Incarnation incarnation;
};

/// From the source in turn, else from the next that gives it, which is in turn then unless the
/// other only lacks it. Errors: NotFound when all of them lack it.
[[nodiscard]] Result<Bytes> readFromAny(const std::vector<WalSource>& sources,
                                        std::atomic<std::size_t>& inTurn,
                                        const model::Segment& segment);

} // namespace salvor::console
