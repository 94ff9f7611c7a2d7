// Turns one kind of target after the other into numbers.
#pragma once

#include "core/finder/survey.h"

namespace salvor::finder {

/// One resolution. Used once, on one thread.
class Resolver {
public:
    Resolver(const Ground& ground, const ResolveRequest& request, JobContext& job, Nearest& nearest)
        : m_ground(ground)
        , m_request(request)
        , m_job(job)
        , m_nearest(nearest)
    {}
    [[nodiscard]] Result<Resolution> resolve(const model::LatestTarget& target);
    [[nodiscard]] Result<Resolution> resolve(const model::ImmediateTarget& target);
    [[nodiscard]] Result<Resolution> resolve(const model::TimeTarget& target);
    [[nodiscard]] Result<Resolution> resolve(const model::LsnTarget& target);
    [[nodiscard]] Result<Resolution> resolve(const model::XidTarget& target);
    [[nodiscard]] Result<Resolution> resolve(const model::RestorePointTarget& target);

private:
    struct RecordAt;
    struct XidFindings;

    [[nodiscard]] Resolution begin(const model::Backup& backup, std::string_view because) const;
    [[nodiscard]] Resolution atCommit(const model::Backup& backup, std::string_view because,
                                      const model::WalEvent& commit) const;
    /// Stops after, or before, an event that was matched.
    [[nodiscard]] Resolution atMatch(const model::Backup& backup, std::string_view because,
                                     const Survey& survey, const Match& match) const;
    /// Stops where the backup becomes consistent.
    [[nodiscard]] Resolution atConsistency(const model::Backup& backup,
                                           std::string_view because) const;
    static void addLosses(Resolution& resolution, const Survey& survey,
                          const std::optional<model::WalEvent>& firstLost, std::uint64_t kept);
    void addWal(Resolution& resolution, model::Lsn end) const;
    [[nodiscard]] Result<Resolution> stopBefore(const Survey& survey, const Match& match,
                                                const model::Backup& backup,
                                                const std::string& time) const;
    [[nodiscard]] Error tooLate(const std::string& what, const Survey& survey);
    [[nodiscard]] Error tooEarly(const std::string& what, const Survey& survey);
    [[nodiscard]] Error inGap(const std::string& what, const Survey& survey, const Match& match);
    [[nodiscard]] Error xidRefused(const model::XidTarget& target, const XidFindings& findings,
                                   const Survey& survey);
    [[nodiscard]] Result<RecordAt> findRecord(model::Lsn lsn);
    [[nodiscard]] Result<Resolution> atRecord(const model::LsnTarget& target,
                                              const RecordAt& found);

    const Ground& m_ground;
    const ResolveRequest& m_request;
    JobContext& m_job;
    Nearest& m_nearest;
};

/// "the commit of 2026-… at 0/3018098 (transaction 745)".
[[nodiscard]] std::string describe(const model::WalEvent& event);

} // namespace salvor::finder
