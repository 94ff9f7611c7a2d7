#include "core/finder/survey.h"

#include <algorithm>

namespace salvor::finder {
namespace {

using model::WalEvent;

/// Takes events in order and keeps what surrounds the matches.
class Surveyor {
public:
    Surveyor(Survey& survey, const IsMatch& isMatch)
        : m_survey(survey)
        , m_isMatch(isMatch)
    {}

    void beginRegion(model::Lsn from)
    {
        m_survey.regions.push_back({from, from, {}, {}});
        m_lastEnd.reset();
    }

    void take(const WalEvent& event)
    {
        const std::size_t region = m_survey.regions.size() - 1;
        const bool isCommit = event.kind == WalEvent::Kind::Commit;
        if (isCommit) {
            // All matches that still wait for a commit get the same one.
            for (; m_waiting < m_survey.matches.size(); ++m_waiting)
                m_survey.matches[m_waiting].nextCommit = event;
        }
        if (m_isMatch(event, region))
            m_survey.matches.push_back({event, region, m_lastEnd,
                                        m_survey.regions.back().lastCommit, std::nullopt,
                                        m_survey.commits});
        if (isCommit) {
            ++m_survey.commits;
            m_survey.regions.back().lastCommit = event;
            m_survey.lastCommit = event;
        }
        if (event.kind != WalEvent::Kind::RestorePoint)
            m_lastEnd = event;
    }

private:
    Survey& m_survey;
    const IsMatch& m_isMatch;
    std::optional<WalEvent> m_lastEnd;
    std::size_t m_waiting = 0; ///< The first match without its next commit.
};

} // namespace

const model::Backup* Survey::backupFor(const Ground& ground, const Match& match,
                                       model::Lsn at) const
{
    const auto& all = ground.backups;
    const auto found = std::find_if(all.rbegin(), all.rend(), [&](const model::Backup& backup) {
        return backup.stopLsn <= at && backup.startLsn >= regions[match.region].from;
    });
    return found == all.rend() ? nullptr : &*found;
}

Result<Survey> makeSurvey(const Ground& ground, std::size_t first, const IsMatch& isMatch,
                          JobContext& job)
{
    Survey survey;
    Surveyor surveyor(survey, isMatch);
    const wal::EventVisitor take = [&](const WalEvent& event) -> Result<bool> {
        surveyor.take(event);
        return true;
    };
    for (std::size_t i = first; i < ground.backups.size(); ++i) {
        const model::Backup& backup = ground.backups[i];
        // Read on the way from an older backup already.
        if (!survey.regions.empty() && backup.startLsn < survey.regions.back().end)
            continue;
        surveyor.beginRegion(backup.startLsn);
        SALVOR_TRY(const auto end, wal::scanEvents({ground.repository, ground.incarnation,
                                                    ground.segments, backup.startLsn, std::nullopt},
                                                   take, job));
        survey.regions.back().end = end.at;
        survey.regions.back().because = end.because;
    }
    return survey;
}

} // namespace salvor::finder
