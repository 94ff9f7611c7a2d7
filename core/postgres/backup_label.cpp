#include "core/postgres/backup_label.h"

#include "core/base/text.h"

#include <optional>

namespace salvor::postgres {

namespace {

/// Takes the first line off `text`, without its end.
std::string_view takeLine(std::string_view& text)
{
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

/// Takes the first word off `text`, and the white space around it.
std::string_view takeWord(std::string_view& text)
{
    text = trim(text);
    const std::size_t end = text.find_first_of(" \t");
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(word.size());
    text = trim(text);
    return word;
}

/// What follows `key` on a line that starts with it.
std::optional<std::string_view> valueOf(std::string_view line, std::string_view key)
{
    if (!line.starts_with(key))
        return std::nullopt;
    return trim(line.substr(key.size()));
}

std::optional<model::TimelineId> parseTimeline(std::string_view text)
{
    const auto number = parseUnsigned(text);
    if (!number || *number == 0 || *number > 0xffffffffU)
        return std::nullopt;
    return model::TimelineId{static_cast<std::uint32_t>(*number)};
}

Error notALabel(std::string_view why)
{
    return fail(ErrorCode::Corrupt, "not a backup label: " + std::string(why));
}

} // namespace

Result<BackupLabel> parseBackupLabel(std::string_view text)
{
    BackupLabel label;
    bool hasStart = false;
    std::optional<model::TimelineId> timeline;
    while (!text.empty()) {
        const std::string_view line = takeLine(text);
        if (auto start = valueOf(line, "START WAL LOCATION:"); start && !hasStart) {
            const auto lsn = model::parseLsn(takeWord(*start));
            if (!lsn.ok())
                return notALabel("no LSN on line '" + std::string(line) + "'");
            label.startLsn = *lsn;
            hasStart = true;
        } else if (const auto from = valueOf(line, "BACKUP FROM:")) {
            label.fromStandby = *from == "standby";
        } else if (const auto number = valueOf(line, "START TIMELINE:")) {
            timeline = parseTimeline(*number);
            if (!timeline)
                return notALabel("no timeline on line '" + std::string(line) + "'");
        }
    }
    if (!hasStart)
        return notALabel("it has no line 'START WAL LOCATION'");
    if (!timeline)
        return notALabel("it has no line 'START TIMELINE'");
    label.timeline = *timeline;
    return label;
}

Result<std::vector<HistoryEntry>> parseHistoryFile(std::string_view text)
{
    std::vector<HistoryEntry> entries;
    while (!text.empty()) {
        const std::string_view line = takeLine(text);
        std::string_view rest = trim(line);
        if (rest.empty() || rest.front() == '#')
            continue;
        const auto timeline = parseTimeline(takeWord(rest));
        const auto lsn = model::parseLsn(takeWord(rest));
        if (!timeline || !lsn.ok())
            return fail(ErrorCode::Corrupt,
                        "no line of a timeline history: '" + std::string(line) + "'");
        if (!entries.empty() && *timeline <= entries.back().timeline)
            return fail(ErrorCode::Corrupt, "the timelines of a history are not in order");
        entries.push_back({*timeline, *lsn, std::string(rest)});
    }
    return entries;
}

} // namespace salvor::postgres
