#include "gui/models/job_bridge.h"

#include <exception>

namespace salvor::gui {
namespace {

constexpr std::size_t keptLines = 2000;

} // namespace

MonotonicTime monotonicNow()
{
    return std::chrono::duration_cast<MonotonicTime>(
        std::chrono::steady_clock::now().time_since_epoch());
}

void JobRecord::addLine(JobLine::Kind kind, std::string_view text)
{
    m_seen.lines.push_back({kind, std::chrono::system_clock::now(), std::string(text)});
    ++m_seen.lineCount;
    if (m_seen.lines.size() > keptLines)
        m_seen.lines.erase(m_seen.lines.begin());
}

void JobRecord::phase(std::string_view name, ByteCount total)
{
    const std::lock_guard lock(m_mutex);
    const MonotonicTime now = monotonicNow();
    if (!m_seen.phases.empty())
        m_seen.phases.back().endedAt = now;
    m_seen.phases.push_back({std::string(name), 0, total, now, std::nullopt});
    addLine(JobLine::Kind::Phase, name);
}

void JobRecord::note(std::string_view sentence)
{
    const std::lock_guard lock(m_mutex);
    addLine(JobLine::Kind::Note, sentence);
}

void JobRecord::warning(std::string_view sentence)
{
    const std::lock_guard lock(m_mutex);
    ++m_seen.warningCount;
    addLine(JobLine::Kind::Warning, sentence);
}

JobRecord::Seen JobRecord::seen() const
{
    const std::lock_guard lock(m_mutex);
    return m_seen;
}

JobBridge::JobBridge(Work work, QObject* parent)
    : QObject(parent)
{
    m_pulse.callOnTimeout(this, &JobBridge::look);
    m_pulse.start(std::chrono::milliseconds(100));
    m_thread = std::jthread([this, work = std::move(work)](std::stop_token stop) {
        JobContext job{std::move(stop), m_progress, m_record};
        Result<> outcome;
        try {
            outcome = work(job);
        } catch (const std::exception& thrown) {
            outcome = fail(ErrorCode::Bug, std::string("the job threw: ") + thrown.what());
        }
        const std::lock_guard lock(m_mutex);
        m_outcome = std::move(outcome);
    });
}

JobRecord::Seen JobBridge::seen() const
{
    JobRecord::Seen seen = m_record.seen();
    for (std::size_t i = 0; i < seen.phases.size() && i < m_phases.size(); ++i) {
        seen.phases[i].done = m_phases[i].done;
        seen.phases[i].total = m_phases[i].total;
    }
    return seen;
}

void JobBridge::look()
{
    std::optional<Result<>> outcome;
    {
        const std::lock_guard lock(m_mutex);
        outcome = std::exchange(m_outcome, std::nullopt);
    }
    std::vector<JobPhase> phases = m_record.seen().phases;
    for (std::size_t i = 0; i < phases.size(); ++i) {
        const bool known = i < m_phases.size();
        const bool current = i + 1 == phases.size();
        if (current) {
            phases[i].done = m_progress.done();
            phases[i].total = m_progress.total();
        } else {
            // What came between the last look and the next phase was not sampled; a phase that was
            // followed by another was finished.
            phases[i].total = known ? m_phases[i].total : phases[i].total;
            phases[i].done = phases[i].total > 0 ? phases[i].total : (known ? m_phases[i].done : 0);
        }
    }
    m_phases = std::move(phases);
    Q_EMIT progressed();
    if (!outcome)
        return;
    m_pulse.stop();
    Q_EMIT finished(*outcome);
}

} // namespace salvor::gui
