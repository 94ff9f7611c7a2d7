// The phases of a running job: bars, bytes, rate, time left.
#pragma once

#include "gui/models/job_bridge.h"
#include "gui/text/progress_meter.h"
#include "gui/widgets/parts.h"

#include <optional>
#include <vector>

namespace salvor::gui {

/// Shown as a table that is painted; each row can be read as a sentence. An unknown is "unknown".
class ProgressPanel final : public QWidget {
    Q_OBJECT
public:
    explicit ProgressPanel(QWidget* parent = nullptr);

    enum class Ending { StillRunning, Done, Failed, Stopped };
    /// Takes a sample. `now` is of the monotonic clock.
    void update(const std::vector<JobPhase>& phases, MonotonicTime now, Ending ending);
    [[nodiscard]] QString timeLeft() const { return m_meter.timeLeft(); }
    [[nodiscard]] std::chrono::seconds stalled() const { return m_meter.stalled(); }
    /// All rows in words, for a screen reader and for tests.
    [[nodiscard]] QString words() const;

    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return {600, 28 + 44}; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    struct Row {
        Mark mark = Mark::ToDo;
        QString name;
        QString done;
        QString rate;
        QString time;
        std::optional<double> share; ///< Unset: not known.
    };
    [[nodiscard]] Row rowOf(const JobPhase& phase, bool current, MonotonicTime now,
                            Ending ending) const;
    void paintRow(QPainter& painter, const QRect& box, const Row& row) const;

    text::ProgressMeter m_meter;
    std::size_t m_phase = 0; ///< How many phases the meter has seen.
    std::vector<Row> m_rows;
};

} // namespace salvor::gui
