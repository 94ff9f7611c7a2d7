#include "core/console/outages.h"

#include "core/base/json.h"
#include "core/base/log.h"

#include <algorithm>

namespace salvor::console {

namespace {

using Pause = std::chrono::microseconds;

constexpr Pause shortest = std::chrono::minutes(1);
constexpr Pause longest = std::chrono::minutes(10);
/// So much longer than the wait is the pause after it.
constexpr int timesTheWait = 10;

std::string noteName(const std::string& repository)
{
    return repository + ".away";
}

} // namespace

std::chrono::microseconds pauseAfter(std::chrono::microseconds waited)
{
    return timesTheWait * std::clamp(waited, shortest / timesTheWait, longest / timesTheWait);
}

Outages::Outages(const Clock& clock, std::optional<wal::Spool> folder)
    : m_clock(clock)
    , m_folder(std::move(folder))
{}

std::optional<Outages::Note> Outages::read(const std::string& repository) const
{
    if (!m_folder) {
        const auto known = m_notes.find(repository);
        return known == m_notes.end() ? std::nullopt : std::optional(known->second);
    }
    const auto text = m_folder->get(noteName(repository));
    const auto json = text ? Json::parse(*text) : Result<Json>(Json());
    if (!json.ok())
        return std::nullopt;
    const auto until = json->stringAt("until");
    const auto why = json->stringAt("why");
    const auto moment = until.ok() ? parseMoment(*until) : Result<Moment>(until.error());
    return moment.ok() && why.ok() ? std::optional(Note{*moment, *why}) : std::nullopt;
}

void Outages::write(const std::string& repository, const Note& note)
{
    if (!m_folder) {
        m_notes[repository] = note;
        return;
    }
    const Json::Object content{{"until", formatMoment(note.until)}, {"why", note.why}};
    if (const Result<> put = m_folder->put(noteName(repository), Json(content).text()); !put.ok())
        log(LogLevel::Warning, put.error().message);
}

Outages::Standing Outages::standing(const std::string& repository)
{
    const std::lock_guard lock(m_mutex);
    auto note = read(repository);
    if (!note)
        return Standing::Good;
    // A clock that was set back must not make it longer.
    const Moment now = m_clock.now();
    if (now < note->until && note->until - now <= longest)
        return Standing::Away;
    note->until = now + shortest;
    write(repository, *note);
    return Standing::Doubtful;
}

void Outages::failed(const std::string& repository, Moment askedAt, const std::string& why)
{
    const std::lock_guard lock(m_mutex);
    const Moment now = m_clock.now();
    write(repository, {now + pauseAfter(now - askedAt), why});
}

void Outages::answered(const std::string& repository)
{
    const std::lock_guard lock(m_mutex);
    if (!m_folder)
        m_notes.erase(repository);
    else
        m_folder->remove(noteName(repository));
}

std::optional<std::string> Outages::why(const std::string& repository) const
{
    const std::lock_guard lock(m_mutex);
    const auto note = read(repository);
    return note ? std::optional(note->why) : std::nullopt;
}

} // namespace salvor::console
