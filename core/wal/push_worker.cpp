// The worker of asynchronous pushes.
#include "core/base/log.h"
#include "core/wal/archive.h"
#include "core/wal/async_push.h"
#include "core/wal/push_answer.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

namespace salvor::wal {
namespace {

using namespace std::chrono;
using repository::Repository;

constexpr milliseconds lookInterval{10};
constexpr std::size_t mostQueued = 64;
constexpr std::string_view readyEnding = ".ready";

/// What waits to be archived, in PostgreSQL's order: history files first, then by name.
Result<std::vector<std::string>> readyFiles(const Path& walFolder)
{
    const Path folder = walFolder / "archive_status";
    std::vector<std::string> names;
    std::error_code failed;
    for (auto at = std::filesystem::directory_iterator(folder, failed);
         !failed && at != std::filesystem::directory_iterator(); at.increment(failed)) {
        std::string name = at->path().filename().native();
        if (!name.ends_with(readyEnding))
            continue;
        name.resize(name.size() - readyEnding.size());
        if (model::walFileKind(name) != model::WalFileKind::Other)
            names.push_back(std::move(name));
    }
    if (failed)
        return failErrno(failed.value(), "cannot list " + quoted(folder));
    const auto rank = [](const std::string& name) {
        return model::walFileKind(name) == model::WalFileKind::History ? 0 : 1;
    };
    std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
        return std::pair(rank(a), std::string_view(a)) < std::pair(rank(b), std::string_view(b));
    });
    return names;
}

/// Its threads share everything; each pushes one file at a time.
class PushRun {
public:
    PushRun(const Spool& spool, const PushWork& work)
        : m_spool(spool)
        , m_work(work)
    {}

    Result<> run()
    {
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < std::max(m_work.threads, 1); ++i)
                threads.emplace_back([this] { pushUntilIdle(); });
        }
        return m_failure ? Result<>(*m_failure) : Result<>();
    }

private:
    void pushUntilIdle();
    std::optional<std::string> next();
    Result<> refresh();
    void push(const std::string& name);
    Result<Repository::Pushed> pushChecked(const std::string& name);
    void finished(const std::string& name, Result<> told);

    const Spool& m_spool;
    const PushWork& m_work;
    std::mutex m_mutex;
    std::vector<std::string> m_ready;                         // Guarded by m_mutex.
    std::deque<std::string> m_queue;                          // Guarded by m_mutex.
    std::set<std::string> m_underWay;                         // Guarded by m_mutex.
    std::optional<Error> m_failure;                           // Guarded by m_mutex; ends the run.
    steady_clock::time_point m_changed = steady_clock::now(); // Guarded by m_mutex.
    bool m_ended = false;                                     // Guarded by m_mutex.
};

void PushRun::pushUntilIdle()
{
    while (true) {
        const auto began = steady_clock::now();
        {
            const std::lock_guard lock(m_mutex);
            if (m_ended)
                return;
        }
        if (const auto name = next())
            push(*name);
        else // A long list of files must not cost a processor.
            std::this_thread::sleep_for(
                std::max<steady_clock::duration>(lookInterval, 10 * (steady_clock::now() - began)));
    }
}

std::optional<std::string> PushRun::next()
{
    const std::lock_guard lock(m_mutex);
    if (m_queue.empty() && !m_ended) {
        if (Result<> looked = refresh(); !looked.ok()) {
            m_failure = std::move(looked).error();
            m_ended = true;
        }
    }
    if (m_underWay.empty() && m_queue.empty() && steady_clock::now() - m_changed > m_work.idle)
        m_ended = true;
    if (m_ended || m_queue.empty())
        return std::nullopt;
    std::string name = std::move(m_queue.front());
    m_queue.pop_front();
    m_underWay.insert(name);
    return name;
}

Result<> PushRun::refresh()
{
    SALVOR_TRY(auto ready, readyFiles(m_work.walFolder));
    const std::set<std::string> wanted(ready.begin(), ready.end());
    std::set<std::string> answered;
    for (const std::string& name : m_spool.names()) {
        const std::string file = name.substr(0, name.rfind('.'));
        if (name != acknowledgementName(file) && name != errorName(file))
            continue;
        if (wanted.contains(file))
            answered.insert(file);
        else
            m_spool.remove(name); // PostgreSQL has heard it.
    }
    for (const std::string& name : ready) {
        if (m_queue.size() == mostQueued)
            break;
        if (!answered.contains(name) && !m_underWay.contains(name))
            m_queue.push_back(name);
    }
    if (ready != m_ready)
        m_changed = steady_clock::now();
    m_ready = std::move(ready);
    return {};
}

Result<Repository::Pushed> PushRun::pushChecked(const std::string& name)
{
    SALVOR_TRY(const bool same, m_work.isSamePlace());
    if (!same) {
        const std::lock_guard lock(m_mutex);
        m_failure =
            fail(ErrorCode::NotReady, "another repository is at its place than a moment ago",
                 "The next attempt opens the new one.");
        m_ended = true;
        return *m_failure;
    }
    return m_work.push(m_work.walFolder / name);
}

void PushRun::push(const std::string& name)
{
    const Path path = m_work.walFolder / name;
    // Taken before the bytes are read: of a file that changes meanwhile nothing is acknowledged.
    const auto subject = walFileSubject(path);
    if (!isReadyToArchive(path)) {
        finished(name, {}); // Somebody else archived it.
        return;
    }
    if (!subject.ok()) {
        finished(name, refuse(m_spool, name, "", subject.error()));
        return;
    }
    const auto pushed = pushChecked(name);
    finished(name, pushed.ok() ? acknowledge(m_spool, name, *subject, *pushed)
                               : refuse(m_spool, name, *subject, pushed.error()));
}

void PushRun::finished(const std::string& name, Result<> told)
{
    const std::lock_guard lock(m_mutex);
    m_underWay.erase(name);
    m_changed = steady_clock::now();
    if (told.ok())
        return;
    m_failure = std::move(told).error();
    m_ended = true;
}

} // namespace

Result<bool> isSameRepository(const Repository& repository)
{
    SALVOR_TRY(const auto there, Repository::probe(repository.driver()));
    return there.id == repository.info().id;
}

Result<> pushReadyFiles(const Spool& spool, const PushWork& work)
{
    return PushRun(spool, work).run();
}

} // namespace salvor::wal
