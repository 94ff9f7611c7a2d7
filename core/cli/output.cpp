#include "core/cli/output.h"

#include "core/cli/exit_status.h"
#include "core/cli/text.h"

#include <atomic>
#include <csignal>
#include <ostream>

namespace salvor::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto lookInterval = 100ms;
constexpr auto terminalInterval = 500ms;
constexpr auto fileInterval = 10s;

// A signal handler can reach nothing but such a variable; it runs on any thread.
std::atomic<int> stopSignal{0}; // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
static_assert(std::atomic<int>::is_always_lock_free, "no handler may touch it else");

extern "C" void onStopSignal(int number)
{
    stopSignal = number;
}

constexpr std::int64_t schema = 1;

Json errorJson(const Error& error, const Json& nearest)
{
    return Json::Object{
        {"code", errorCodeName(error.code)},
        {"message", error.message},
        {"hint", error.hint},
        {"nearest", nearest},
    };
}

} // namespace

std::string_view commandWords(std::optional<CommandId> command) noexcept
{
    for (const CommandSpec& each : commandTable())
        if (command == each.id)
            return each.words;
    return "";
}

std::string errorLine(const Error& error)
{
    std::string line = "salvorctl: " + printable(error.message);
    if (!error.hint.empty())
        line += ". " + printable(error.hint);
    return line;
}

int finish(const Answer& answer, std::optional<CommandId> command, Format format, std::ostream& out,
           std::ostream& err)
{
    int status = answer.problem ? exitStatus(answer.problem->code, command) : exit_status::done;
    if (format == Format::Json) {
        Json::Object object{
            {"schema", schema},
            {"command", commandWords(command)},
            {"ok", !answer.problem},
        };
        if (!answer.problem || !answer.result.isNull())
            object.emplace("result", answer.result);
        if (answer.problem) {
            object.emplace("exit", status);
            object.emplace("error", errorJson(*answer.problem, answer.nearest));
        }
        out << Json(std::move(object)).text() << "\n";
    } else {
        out << answer.text;
    }
    out.flush();
    // A list cut short by a full disk must not look complete. archive-get has done its work by now.
    std::optional<Error> problem = answer.problem;
    if (!out && !problem && command != CommandId::ArchiveGet && command != CommandId::ArchivePush) {
        problem = fail(ErrorCode::NoSpace, "cannot write to standard output");
        status = exit_status::failed;
    }
    if (problem)
        err << errorLine(*problem) << "\n";
    else if (!answer.message.empty())
        err << printable(answer.message) << "\n";
    err.flush();
    return status;
}

void catchStopSignals()
{
    struct sigaction action {};
    action.sa_handler = onStopSignal;
    // The second one has its usual effect, for a person who does not want to wait.
    action.sa_flags = static_cast<int>(SA_RESTART | static_cast<unsigned>(SA_RESETHAND));
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    // A lost terminal stops what it started, unless nohup said otherwise.
    struct sigaction before {};
    if (::sigaction(SIGHUP, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
        ::sigaction(SIGHUP, &action, nullptr);
}

bool stopSignalCame() noexcept
{
    return stopSignal != 0;
}

std::string progressText(const std::string& phase, ByteCount done, ByteCount total,
                         std::chrono::milliseconds elapsed)
{
    std::string text = phase;
    if (done == 0)
        return text;
    text += ": " + sizeText(done);
    if (total > 0)
        text += " of " + sizeText(total) + " ("
                + std::to_string(static_cast<int>(100.0 * static_cast<double>(std::min(done, total))
                                                  / static_cast<double>(total)))
                + " %)";
    if (elapsed < 1s)
        return text;
    const double rate = static_cast<double>(done) * 1000 / static_cast<double>(elapsed.count());
    text += ", " + sizeText(static_cast<ByteCount>(rate)) + "/s";
    if (total > done && rate > 0)
        text += ", "
                + durationText(std::chrono::seconds(
                    static_cast<std::int64_t>(static_cast<double>(total - done) / rate) + 1))
                + " left";
    return text;
}

ProgressPrinter::ProgressPrinter(std::ostream& err, Show show, bool isTerminal)
    : m_err(err)
    , m_show(show)
    , m_isTerminal(isTerminal)
    , m_thread([this](const std::stop_token& end) { watch(end); })
{}

void ProgressPrinter::close()
{
    if (!m_thread.joinable())
        return;
    m_thread.request_stop();
    m_thread.join();
    const std::lock_guard lock(m_mutex);
    if (m_shownWidth > 0)
        m_err << "\r" << std::string(m_shownWidth, ' ') << "\r";
    m_shownWidth = 0;
    m_show = Show::WarningsOnly;
}

void ProgressPrinter::phase(std::string_view name, ByteCount total)
{
    const std::lock_guard lock(m_mutex);
    m_phase = std::string(name);
    m_phaseBegan = std::chrono::steady_clock::now();
    if (m_show == Show::Everything && !m_isTerminal)
        printLine(m_phase + (total > 0 ? ": " + sizeText(total) : ""));
}

void ProgressPrinter::note(std::string_view sentence)
{
    const std::lock_guard lock(m_mutex);
    if (m_show == Show::Everything)
        printLine(std::string(sentence));
}

void ProgressPrinter::warning(std::string_view sentence)
{
    const std::lock_guard lock(m_mutex);
    printLine("warning: " + std::string(sentence));
}

void ProgressPrinter::watch(const std::stop_token& end)
{
    auto shown = std::chrono::steady_clock::now();
    std::unique_lock lock(m_mutex);
    while (!end.stop_requested()) {
        m_wake.wait_for(lock, end, lookInterval, [] { return false; });
        if (stopSignalCame() && !m_stop.stop_requested()) {
            printLine("stopping...");
            // Those who wait for the token may report while they wake up.
            lock.unlock();
            m_stop.request_stop();
            lock.lock();
        }
        const auto now = std::chrono::steady_clock::now();
        if (m_phase.empty() || m_show != Show::Everything
            || now - shown < (m_isTerminal ? std::chrono::milliseconds(terminalInterval)
                                           : std::chrono::milliseconds(fileInterval)))
            continue;
        shown = now;
        printProgress();
    }
}

void ProgressPrinter::printLine(const std::string& line)
{
    const std::string text = printable(line);
    const std::size_t fill = m_shownWidth > text.size() ? m_shownWidth - text.size() : 0;
    m_err << (m_shownWidth > 0 ? "\r" : "") << text << std::string(fill, ' ') << "\n";
    m_shownWidth = 0;
    m_err.flush();
}

void ProgressPrinter::printProgress()
{
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - m_phaseBegan);
    const std::string text =
        printable(progressText(m_phase, m_progress.done(), m_progress.total(), elapsed));
    if (!m_isTerminal) {
        printLine(text);
        return;
    }
    const std::size_t fill = m_shownWidth > text.size() ? m_shownWidth - text.size() : 0;
    m_err << "\r" << text << std::string(fill, ' ');
    m_err.flush();
    m_shownWidth = text.size();
}

} // namespace salvor::cli
