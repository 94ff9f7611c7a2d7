#include "core/finder/replay_needs.h"

#include "core/wal/archive.h"

#include <algorithm>

namespace salvor::finder {

namespace {

constexpr std::uint8_t tablespaceManager = 5; ///< RM_TBLSPC_ID, in 13 to 18.
constexpr std::uint8_t createTablespace = 0x00;

bool makesTablespace(const postgres::WalRecord& record)
{
    return record.resourceManager == tablespaceManager && (record.info & 0xf0U) == createTablespace;
}

/// Where it is made: empty for one within the data directory, nothing when the record has a form
/// that is not known.
std::optional<std::string> placeOf(const postgres::WalRecord& record)
{
    constexpr std::size_t headerSize = 24;
    constexpr unsigned shortData = 255;
    constexpr unsigned longData = 254;
    if (record.data.size() <= headerSize)
        return std::nullopt;
    const auto id = std::to_integer<unsigned>(record.data[headerSize]);
    if (id != shortData && id != longData)
        return std::nullopt;
    const std::size_t path = headerSize + (id == shortData ? 2 : 5) + sizeof(std::uint32_t);
    if (record.data.size() < path)
        return std::nullopt;
    const std::string_view text = asText(record.data.subspan(path));
    return std::string(text.substr(0, text.find('\0')));
}

void lookForTablespace(const postgres::WalRecord& record, ReplayNeeds& needs)
{
    if (!makesTablespace(record))
        return;
    const auto place = placeOf(record);
    if (place && place->empty())
        return;
    needs.blockers.push_back({model::Check::Level::Blocker, "tablespaces",
                              "The WAL at " + model::formatLsn(record.start)
                                  + " makes a tablespace in '" + place.value_or("?") + "'.",
                              "Replay would make it in that very place and write into it.",
                              "Choose a backup that was taken after it, or a target before it."});
}

Result<> lookForSettings(const postgres::WalRecord& record, ReplayNeeds& needs)
{
    SALVOR_TRY(const auto change, postgres::parameterChangeOf(record));
    if (!change)
        return {};
    needs.sizes.raiseTo(change->sizes);
    if (!change->isReplayable)
        needs.blockers.push_back(
            {model::Check::Level::Blocker, "WAL",
             "From " + model::formatLsn(record.start)
                 + " on the original ran with wal_level = minimal.",
             "That WAL does not hold everything: a server refuses to replay it.",
             "Choose a backup that was taken after it, or a target before it."});
    return {};
}

} // namespace

Result<ReplayNeeds> replayNeeds(const repository::Repository& repository,
                                const Resolution& resolution, JobContext& job)
{
    ReplayNeeds needs;
    if (!repository.keys().canReadContents())
        return needs;
    const model::Backup& backup = resolution.backup;
    SALVOR_TRY(auto path,
               wal::timelinePath(repository, backup.incarnation, resolution.target.timeline));
    SALVOR_TRY(const auto segments,
               wal::PathSegments::list(repository, backup.incarnation, std::move(path)));
    const wal::RecordVisitor look = [&](const postgres::WalRecord& record,
                                        model::TimelineId /*timeline*/) -> Result<bool> {
        lookForTablespace(record, needs);
        SALVOR_CHECK(lookForSettings(record, needs));
        return true;
    };
    const model::Lsn end =
        std::max(resolution.target.replayEnd.value_or(backup.stopLsn), backup.stopLsn);
    SALVOR_CHECK(wal::scanRecords({repository, backup.incarnation, segments, backup.startLsn, end},
                                  look, job));
    return needs;
}

} // namespace salvor::finder
