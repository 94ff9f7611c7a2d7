// The worker that fetches segments ahead of a replay.
#include "core/base/log.h"
#include "core/crypto/crc32c.h"
#include "core/wal/prefetch.h"
#include "core/wal/prefetch_files.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <thread>
#include <unistd.h>

namespace salvor::wal {
namespace {

using namespace std::chrono;
using model::Segment;

constexpr milliseconds lookInterval{2};

/// Where the replay is, as the foreground said it.
struct Position {
    std::string text;
    Segment segment;
    bool isWaiting = false; ///< Somebody waits for that very segment.
};

enum class State { UnderWay, Fetched, Missing };

class PrefetchRun {
public:
    PrefetchRun(const Spool& spool, const PrefetchWork& work)
        : m_spool(spool)
        , m_work(work)
    {}

    Result<> run();

private:
    void follow();
    void readPosition();
    void begin(Position position);
    void tidy();
    [[nodiscard]] bool isWanted(const Segment& segment) const;
    std::optional<Segment> nextToFetch();
    void fetchUntilEnd();
    Result<> fetch(const Segment& segment);
    void answer(const Segment& segment, State state);

    const Spool& m_spool;
    const PrefetchWork& m_work;
    std::mutex m_mutex;
    std::optional<Position> m_position;                     // Guarded by m_mutex.
    std::map<Segment, State> m_states;                      // Guarded by m_mutex.
    std::optional<Error> m_failure;                         // Guarded by m_mutex; ends the run.
    bool m_ended = false;                                   // Guarded by m_mutex.
    steady_clock::time_point m_taken = steady_clock::now(); // Guarded by m_mutex.
};

Result<> PrefetchRun::run()
{
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < std::max(m_work.threads, 1); ++i)
            threads.emplace_back([this] { fetchUntilEnd(); });
        follow();
    }
    m_spool.clear();
    return m_failure ? Result<>(*m_failure) : Result<>();
}

void PrefetchRun::follow()
{
    while (true) {
        readPosition();
        {
            const std::lock_guard lock(m_mutex);
            const bool busy = std::any_of(m_states.begin(), m_states.end(), [](const auto& each) {
                return each.second == State::UnderWay;
            });
            if (!busy && steady_clock::now() - m_taken > m_work.idle)
                m_ended = true;
            if (m_ended)
                return;
        }
        std::this_thread::sleep_for(lookInterval);
    }
}

void PrefetchRun::readPosition()
{
    auto text = m_spool.get(positionName);
    const std::lock_guard lock(m_mutex);
    if (!text || (m_position && m_position->text == *text))
        return;
    const std::size_t gap = text->find(' ');
    const auto segment = model::parseSegmentName(text->substr(0, gap), m_work.segmentSize);
    if (gap == std::string::npos || !segment.ok())
        return;
    const bool isWaiting = text->substr(gap + 1) != "0";
    begin({*std::move(text), *segment, isWaiting});
}

void PrefetchRun::begin(Position position)
{
    if (!position.isWaiting) // Somebody got a segment: the replay goes on.
        m_taken = steady_clock::now();
    m_position = std::move(position);
    // What was not there may be by now.
    std::erase_if(m_states, [&](const auto& each) {
        return each.second == State::Missing
               || (each.second == State::Fetched && !isWanted(each.first));
    });
    tidy();
}

/// Removes what the replay has passed. Who waits for a segment that was fetched and is gone has
/// asked for it a second time.
void PrefetchRun::tidy()
{
    bool isThere = false;
    for (const std::string& name : m_spool.names()) {
        const auto file = PrefetchedFile::parse(name);
        if (!file)
            continue;
        const auto segment = model::parseSegmentName(file->segment, m_work.segmentSize);
        if (!segment.ok() || !isWanted(*segment))
            m_spool.remove(name);
        else if (*segment == m_position->segment)
            isThere = true;
    }
    const auto own = m_states.find(m_position->segment);
    if (m_position->isWaiting && !isThere && own != m_states.end() && own->second == State::Fetched)
        m_states.erase(own);
}

bool PrefetchRun::isWanted(const Segment& segment) const
{
    const Segment& from = m_position->segment;
    return segment.timeline == from.timeline && segment.number >= from.number
           && segment.number - from.number < std::max<std::size_t>(m_work.count, 1);
}

std::optional<Segment> PrefetchRun::nextToFetch()
{
    const std::lock_guard lock(m_mutex);
    if (m_ended || !m_position)
        return std::nullopt;
    for (Segment segment = m_position->segment; isWanted(segment); ++segment.number) {
        const auto known = m_states.find(segment);
        if (known == m_states.end()) {
            m_states.emplace(segment, State::UnderWay);
            return segment;
        }
        if (known->second == State::Missing)
            break; // Nothing after it can be needed.
    }
    return std::nullopt;
}

void PrefetchRun::fetchUntilEnd()
{
    while (true) {
        {
            const std::lock_guard lock(m_mutex);
            if (m_ended)
                return;
        }
        const auto segment = nextToFetch();
        if (!segment) {
            std::this_thread::sleep_for(lookInterval);
            continue;
        }
        const Result<> fetched = fetch(*segment);
        if (!fetched.ok() && fetched.error().code != ErrorCode::NotFound)
            log(LogLevel::Warning, fetched.error().message);
        answer(*segment, fetched.ok() ? State::Fetched : State::Missing);
    }
}

Result<> PrefetchRun::fetch(const Segment& segment)
{
    SALVOR_TRY(const Bytes bytes, m_work.read(segment));
    SALVOR_TRY(const std::string name, model::segmentName(segment, m_work.segmentSize));
    const PrefetchedFile file{name, bytes.size(), crypto::crc32c(bytes)};
    return m_spool.put(file.name(), asText(bytes));
}

void PrefetchRun::answer(const Segment& segment, State state)
{
    const std::lock_guard lock(m_mutex);
    m_states[segment] = state;
    if (!isWanted(segment))
        tidy(); // The replay went elsewhere meanwhile.
    if (state != State::Missing || !m_position->isWaiting || segment != m_position->segment)
        return;
    if (Result<> told = m_spool.put(passName, m_position->text); !told.ok()) {
        m_failure = std::move(told).error();
        m_ended = true;
    }
}

} // namespace

Result<> prefetchSegments(const Spool& spool, const PrefetchWork& work)
{
    return PrefetchRun(spool, work).run();
}

} // namespace salvor::wal
