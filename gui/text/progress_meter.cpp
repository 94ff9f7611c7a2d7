#include "gui/text/progress_meter.h"

#include "gui/text/units.h"

#include <QCoreApplication>

#include <algorithm>
#include <cmath>

namespace salvor::text {
namespace {

struct ProgressWords {
    Q_DECLARE_TR_FUNCTIONS(salvor::text::Progress)
};

constexpr std::chrono::seconds window{60};
constexpr std::chrono::seconds recent{10};
constexpr std::chrono::seconds stallAfter{10};

/// 47 s, 4 min, 1 h 05 min: coarser the further away, since a forecast is no clock.
QString coarse(double seconds)
{
    if (seconds < 3600)
        return ProgressWords::tr("%1 min").arg(static_cast<int>(std::ceil(seconds / 60)));
    return duration(std::chrono::minutes(static_cast<int>(std::ceil(seconds / 60))));
}

} // namespace

void ProgressMeter::restart(Time now)
{
    m_samples.clear();
    m_now = now;
    m_lastMove = now;
    m_total = 0;
}

void ProgressMeter::sample(Time now, ByteCount done, ByteCount total)
{
    if (m_samples.empty() || done != m_samples.back().done)
        m_lastMove = now;
    m_now = now;
    m_total = total;
    m_samples.push_back({now, done});
    while (m_samples.front().at + window < now)
        m_samples.pop_front();
}

std::optional<double> ProgressMeter::rateSince(Time from) const
{
    const auto first = std::find_if(m_samples.begin(), m_samples.end(),
                                    [from](const Sample& one) { return one.at >= from; });
    if (first == m_samples.end() || m_samples.back().at - first->at < std::chrono::seconds(1))
        return std::nullopt;
    const double seconds = std::chrono::duration<double>(m_samples.back().at - first->at).count();
    return static_cast<double>(m_samples.back().done - first->done) / seconds;
}

std::optional<double> ProgressMeter::rate() const
{
    return rateSince(m_now - window);
}

std::chrono::seconds ProgressMeter::stalled() const
{
    const auto still = std::chrono::floor<std::chrono::seconds>(m_now - m_lastMove);
    const bool finished = m_total > 0 && !m_samples.empty() && m_samples.back().done >= m_total;
    return still < stallAfter || finished ? std::chrono::seconds(0) : still;
}

QString ProgressMeter::timeLeft() const
{
    if (const auto still = stalled(); still.count() > 0)
        return ProgressWords::tr("stalled for %1").arg(duration(still));
    const auto slowOrFast = rate();
    const auto lately = rateSince(m_now - recent);
    if (m_total == 0 || !slowOrFast || !lately || *slowOrFast <= 0 || *lately <= 0)
        return ProgressWords::tr("unknown");
    const ByteCount done = std::min(m_samples.back().done, m_total);
    const auto left = static_cast<double>(m_total - done);
    // The two windows span the forecast; the margin stands for what neither has seen.
    const double soonest = left / std::max(*slowOrFast, *lately) * 0.9;
    const double latest = left / std::min(*slowOrFast, *lately) * 1.2;
    if (latest < 60)
        return ProgressWords::tr("less than 1 min left");
    const QString from = coarse(soonest);
    const QString until = coarse(latest);
    if (from == until)
        return ProgressWords::tr("about %1 left").arg(until);
    if (latest < 3600)
        return ProgressWords::tr("%1 to %2 left")
            .arg(static_cast<int>(std::ceil(soonest / 60)))
            .arg(until);
    return ProgressWords::tr("%1 to %2 left").arg(from, until);
}

QString ProgressMeter::amount() const
{
    const ByteCount done = m_samples.empty() ? 0 : m_samples.back().done;
    if (m_total == 0)
        return done == 0 ? ProgressWords::tr("unknown") : size(done);
    return ProgressWords::tr("%1 of %2").arg(size(done), size(m_total));
}

} // namespace salvor::text
