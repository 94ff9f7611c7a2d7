// Removes what no backup needs any more. See docs/write-ordering.md.
#pragma once

#include "core/base/job_context.h"
#include "core/repository/repository.h"

namespace salvor::repository {

struct SweepRequest {
    /// What came out of use less than this ago, by the store's clock, stays.
    std::chrono::seconds grace{86400};
    /// WAL before this is not needed, but for what backups need to be consistent. Unset: all is.
    std::optional<model::Lsn> keepFrom;
};

struct SweepReport {
    std::vector<std::string> forgotten; ///< Retired backups that cannot be brought back any more.
    std::size_t packs = 0;
    ByteCount packBytes = 0;
    std::size_t segments = 0;
    std::size_t pieces = 0; ///< Of begun segments.
    ByteCount walBytes = 0; ///< Of both.
};

/// Forgets retired backups, removes packs that neither a backup nor a retired one names, WAL before
/// `keepFrom` once that was asked for the grace ago, and pieces of segments that are whole since.
/// Has the incarnation alone meanwhile.
///
/// Errors: NotReady while somebody adds or reads a backup: nothing was removed; Corrupt when a
///         backup's own object cannot be read, since nobody knows what it needs: nothing was
///         removed; Cancelled and those of the driver: what is left goes the next time.
[[nodiscard]] Result<SweepReport> sweep(const Repository& repository,
                                        const model::Incarnation& incarnation,
                                        const SweepRequest& request, JobContext& job);

/// Where WAL was removed because no rule wanted it, but for what backups need to be consistent.
struct Swept {
    model::Lsn before{};
    Moment at; ///< Since when no rule wants it, by the store's clock.
};
/// Whether a backup is older than that: its own retention did not want it there. One of a timeline
/// that went back behind the mark is younger than it. `newestThere` is the id of the newest backup
/// that the repository lists or has retired, empty for none: what is younger never went.
[[nodiscard]] bool wentWith(const Swept& swept, const model::Backup& backup,
                            const std::string& newestThere) noexcept;
/// Unset: nothing ever was.
[[nodiscard]] Result<std::optional<Swept>> sweptMark(const Repository& repository,
                                                     const model::Incarnation& incarnation);
/// Whether it was ever said from where on WAL is wanted: then there were backups.
[[nodiscard]] Result<bool> hasMarks(const Repository& repository,
                                    const model::Incarnation& incarnation);
/// The place alone.
[[nodiscard]] Result<std::optional<model::Lsn>> sweptBefore(const Repository& repository,
                                                            const model::Incarnation& incarnation);

/// What will have gone when these backups are retired, WAL before `keepFrom` is not needed, and the
/// grace is over. Changes nothing.
[[nodiscard]] Result<SweepReport> measureSweep(const Repository& repository,
                                               const model::Incarnation& incarnation,
                                               const std::vector<std::string>& retiring,
                                               std::optional<model::Lsn> keepFrom);

} // namespace salvor::repository
