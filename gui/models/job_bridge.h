// Runs one core job on its own thread and lets the screen watch it.
#pragma once

#include "core/base/job_context.h"

#include <QObject>
#include <QTimer>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace salvor::gui {

using MonotonicTime = std::chrono::milliseconds; ///< Of the steady clock, in any zero.
[[nodiscard]] MonotonicTime monotonicNow();

/// Something the job said.
struct JobLine {
    enum class Kind { Phase, Note, Warning };
    Kind kind = Kind::Note;
    std::chrono::system_clock::time_point at;
    std::string text;
};

struct JobPhase {
    std::string name;
    ByteCount done = 0;
    ByteCount total = 0; ///< 0: not known.
    MonotonicTime startedAt{};
    std::optional<MonotonicTime> endedAt;
};

/// Collects what a job reports. Thread-safe; keeps the last 2 000 lines.
class JobRecord final : public EventSink {
public:
    void phase(std::string_view name, ByteCount total) override;
    void note(std::string_view sentence) override;
    void warning(std::string_view sentence) override;

    struct Seen {
        std::vector<JobPhase> phases;
        std::vector<JobLine> lines;
        std::uint64_t lineCount = 0;
        std::uint64_t warningCount = 0;
    };
    [[nodiscard]] Seen seen() const;

private:
    void addLine(JobLine::Kind kind, std::string_view text);

    mutable std::mutex m_mutex;
    Seen m_seen; // Guarded by m_mutex.
};

/// Runs one core job on its own thread and watches it from this one, ten times a second.
/// Nothing crosses but atomics and two mutexes. Destroying it cancels the job and joins it.
class JobBridge final : public QObject {
    Q_OBJECT
public:
    using Work = std::function<Result<>(JobContext&)>;
    explicit JobBridge(Work work, QObject* parent = nullptr);

    void cancel() { m_thread.request_stop(); }
    [[nodiscard]] bool isCancelling() const { return m_thread.get_stop_token().stop_requested(); }
    /// Phases with their progress as last sampled, and the lines so far.
    [[nodiscard]] JobRecord::Seen seen() const;
    [[nodiscard]] ByteCount done() const { return m_progress.done(); }
    [[nodiscard]] ByteCount total() const { return m_progress.total(); }

Q_SIGNALS:
    void progressed();
    void finished(const salvor::Result<>& outcome); ///< Once, after the last progressed().

private:
    void look();

    Progress m_progress;
    JobRecord m_record;
    std::vector<JobPhase> m_phases; ///< As sampled by look().
    QTimer m_pulse;
    std::mutex m_mutex;
    std::optional<Result<>> m_outcome; // Guarded by m_mutex.
    std::jthread m_thread; // Last, so it is joined before anything it uses is destroyed.
};

/// Runs `work` as a job and hands its result to `done` on the calling thread, unless `parent` is
/// gone by then. The bridge deletes itself afterwards.
template <typename T>
JobBridge* startJob(QObject* parent, std::function<Result<T>(JobContext&)> work,
                    std::function<void(Result<T>)> done)
{
    auto slot = std::make_shared<std::optional<Result<T>>>();
    auto* bridge = new JobBridge(
        [slot, work = std::move(work)](JobContext& job) -> Result<> {
            slot->emplace(work(job));
            return {};
        },
        parent);
    QObject::connect(bridge, &JobBridge::finished, parent,
                     [slot, bridge, done = std::move(done)](const Result<>& outcome) {
                         bridge->deleteLater();
                         // The slot stays empty only when the work threw.
                         done(slot->has_value() ? std::move(**slot) : Result<T>(outcome.error()));
                     });
    return bridge;
}

} // namespace salvor::gui
