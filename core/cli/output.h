// How a command ends, and what is shown while it works.
#pragma once

#include "core/base/job_context.h"
#include "core/base/json.h"
#include "core/cli/arguments.h"

#include <condition_variable>
#include <iosfwd>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace salvor::cli {

/// What a command came to.
struct Answer {
    Json result;         ///< For scripts: "result"; null when there is none.
    std::string text;    ///< For people, on standard output, with its line ends.
    std::string message; ///< Last line on standard error; empty: nothing to say.
    /// Set when it did not do what was asked; gives exit status and "error". With a result too when
    /// there is something to show all the same: findings of `verify`, checks of a cluster.
    std::optional<Error> problem;
    Json nearest = Json::Array{}; ///< What can be had instead.
};

enum class Format { Text, Json };

/// Writes the answer: one JSON object or text to `out`, the message as the last line to `err`.
/// Returns the exit status. `command` is unset when the command line names none.
int finish(const Answer& answer, std::optional<CommandId> command, Format format, std::ostream& out,
           std::ostream& err);

/// The words of a command, as "command" in JSON: "repo key add".
[[nodiscard]] std::string_view commandWords(std::optional<CommandId> command) noexcept;

/// "salvorctl: cannot open 'x': Permission denied. Run it as the owner."
[[nodiscard]] std::string errorLine(const Error& error);

/// Shows phases, notes, warnings and how far a job is on a stream while it lives, and asks the job
/// to stop once SIGINT or SIGTERM came. Thread-safe.
class ProgressPrinter final : public EventSink {
public:
    enum class Show { Everything, WarningsOnly };
    ProgressPrinter(std::ostream& err, Show show, bool isTerminal);
    ProgressPrinter(const ProgressPrinter&) = delete;
    ProgressPrinter& operator=(const ProgressPrinter&) = delete;
    ~ProgressPrinter() override { close(); }

    [[nodiscard]] JobContext job() { return {m_stop.get_token(), m_progress, *this}; }
    /// Nothing is written after this, so that the message is the last line.
    void close();

    void phase(std::string_view name, ByteCount total) override;
    void note(std::string_view sentence) override;
    void warning(std::string_view sentence) override;

private:
    void watch(const std::stop_token& end);
    void printLine(const std::string& line);
    void printProgress();

    std::ostream& m_err;
    Show m_show;
    bool m_isTerminal;
    Progress m_progress;
    std::stop_source m_stop;
    std::mutex m_mutex;
    std::condition_variable_any m_wake;
    std::string m_phase; // Guarded by m_mutex, as what follows.
    std::chrono::steady_clock::time_point m_phaseBegan{};
    std::size_t m_shownWidth = 0; // Of the line that the cursor stands in.
    std::jthread m_thread;        // Last, so it is joined before anything it uses is destroyed.
};

/// From now on SIGINT and SIGTERM ask the running job to stop; a second one ends the program.
void catchStopSignals();
[[nodiscard]] bool stopSignalCame() noexcept;

/// "copy files: 120.3 MiB of 3.0 GiB (4 %), 230.0 MiB/s, 12 s left"
[[nodiscard]] std::string progressText(const std::string& phase, ByteCount done, ByteCount total,
                                       std::chrono::milliseconds elapsed);

} // namespace salvor::cli
