// Says that somebody uses an incarnation, so that nothing is swept away under him. See
// docs/write-ordering.md.
#pragma once

#include "core/base/job_context.h"
#include "core/repository/repository.h"

#include <condition_variable>
#include <map>
#include <thread>

namespace salvor::repository {

/// An object that is written anew now and then and counts for a while after, by the store's clock:
/// a dead holder's lease ends by itself. Any number of users share; a sweep has the incarnation
/// alone. Thread-safe. The destructor ends it.
class Lease {
public:
    enum class Kind {
        Use,  ///< Adds a backup, or reads one.
        Sweep ///< Removes what nobody needs.
    };
    struct Timing {
        std::chrono::milliseconds renewal{0};
        std::chrono::milliseconds fresh{0}; ///< For how long its holder relies on a renewal.
        std::chrono::milliseconds term{0};  ///< For how long it counts for others.
    };
    struct Timings {
        Timing use{std::chrono::minutes(1), std::chrono::minutes(5), std::chrono::minutes(10)};
        /// A removal that was begun while fresh, and repeated after failures, ends well within the
        /// term.
        Timing sweep{std::chrono::seconds(10), std::chrono::seconds(30), std::chrono::minutes(10)};
        std::chrono::milliseconds poll{1'000}; ///< While waiting for a sweep.
    };

    /// For Kind::Use waits for a sweep to end. Errors: NotReady for Kind::Sweep while somebody uses
    /// the incarnation, saying who; Cancelled; those of the driver. No lease is left then.
    [[nodiscard]] static Result<std::unique_ptr<Lease>> take(const Repository& repository,
                                                             const model::Incarnation& incarnation,
                                                             Kind kind, JobContext& job);
    [[nodiscard]] static Result<std::unique_ptr<Lease>> take(const Repository& repository,
                                                             const model::Incarnation& incarnation,
                                                             Kind kind, JobContext& job,
                                                             const Timings& timings);
    /// For who only reads and must not depend on being let write: none when it cannot be had, with
    /// a note. Errors: Cancelled.
    [[nodiscard]] static Result<std::unique_ptr<Lease>>
    takeForReading(const Repository& repository, const model::Incarnation& incarnation,
                   JobContext& job);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    /// Renews it. A user waits for any sweep that began meanwhile, as it can when the lease had run
    /// out (a suspended machine, an unreachable store), and has to look again at what he relied on;
    /// a sweep whose lease had run out gets NotReady and must not go on.
    [[nodiscard]] Result<> confirm(JobContext& job);
    /// What the store's clock says. Renews it.
    [[nodiscard]] Result<Moment> storeTime();
    /// False once it may have run out, also when it was renewed since. Costs nothing.
    [[nodiscard]] bool isFresh() const;

private:
    Lease(const Repository& repository, const model::Incarnation& incarnation, Kind kind,
          const Timings& timings, const std::string& name);
    [[nodiscard]] const Timing& own() const noexcept;
    [[nodiscard]] Result<> renew();
    /// Who else there is by now. Renews first: that tells the store's time, too.
    struct Others {
        std::vector<storage::ObjectInfo> users;
        std::vector<storage::ObjectInfo> sweeps;
    };
    [[nodiscard]] Result<Others> others();
    [[nodiscard]] Result<> waitForSweeps(JobContext& job);
    /// Drops what was not renewed for a whole term by this machine's clock, whatever its date.
    void dropUnchanged(std::vector<storage::ObjectInfo>& sweeps);
    [[nodiscard]] Error usedBy(const storage::ObjectKey& other) const;
    void keepRenewing(const std::stop_token& stop);

    const Repository& m_repository;
    const std::string m_folder; ///< "leases/CLUSTER/N/".
    const Kind m_kind;
    const Timings m_timings;
    const storage::ObjectKey m_key;
    mutable std::mutex m_mutex;
    std::chrono::nanoseconds m_renewedAt{0}; // Guarded by m_mutex. Counts while suspended, too.
    bool m_ranOut = false;                   // Guarded by m_mutex. Since confirm() at the earliest.
    struct Seen {
        Moment modifiedAt;
        std::chrono::nanoseconds since{0};
    };
    std::map<storage::ObjectKey, Seen> m_seen; ///< Sweeps that are waited for.
    std::condition_variable_any m_wake;
    std::jthread m_thread; // Last: joined first.
};

} // namespace salvor::repository
