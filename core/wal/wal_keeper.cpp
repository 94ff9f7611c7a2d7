#include "core/wal/wal_keeper.h"

#include "core/wal/archive.h"

#include <algorithm>
#include <sys/eventfd.h>
#include <unistd.h>

namespace salvor::wal {
namespace {

using namespace std::chrono_literals;
using model::Lsn;
using repository::Repository;

/// Every so many pieces are repeated as one, so that few have to be read.
constexpr std::size_t group = 16;
constexpr std::size_t headerSize = 40;
constexpr ByteCount mostInMemory = ByteCount{64} << 20U;

/// Trying again would end the same way.
bool isFinal(const Error& error)
{
    switch (error.code) {
    case ErrorCode::AlreadyExists:
    case ErrorCode::Corrupt:
    case ErrorCode::Incompatible:
    case ErrorCode::InvalidInput:
    case ErrorCode::Bug:
        return true;
    default:
        return false;
    }
}

/// Piece number n repeats the ones before it that complete a group with it, or a group of groups.
std::size_t piecesIn(std::size_t number)
{
    std::size_t count = 1;
    while (number % (count * group) == 0)
        count *= group;
    return count;
}

} // namespace

WalKeeper::WalKeeper(Keeping keeping, model::Segment first, Lsn beyond)
    : m_keeping(std::move(keeping))
    , m_segmentSize(m_keeping.incarnation.identity.segmentSize)
    , m_beyond(beyond)
    , m_wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
    , m_stored(model::segmentStart(first, m_segmentSize))
{
    m_segments.push_back({first, Bytes(m_segmentSize), 0});
    m_thread = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

WalKeeper::~WalKeeper() = default;

void WalKeeper::add(ByteView wal)
{
    const std::lock_guard lock(m_mutex);
    if (m_segments.size() == 1 && m_segments.front().received == m_storedOfFront)
        m_waitingSince = Clock::now();
    while (!wal.empty()) {
        if (m_segments.back().received == m_segmentSize) {
            const model::Segment last = m_segments.back().segment;
            m_segments.push_back({{last.timeline, last.number + 1}, Bytes(m_segmentSize), 0});
        }
        Begun& begun = m_segments.back();
        const ByteView part =
            wal.first(std::min<ByteCount>(wal.size(), m_segmentSize - begun.received));
        std::copy(part.begin(), part.end(),
                  begun.bytes.begin() + static_cast<std::ptrdiff_t>(begun.received));
        begun.received += part.size();
        wal = wal.subspan(part.size());
    }
    m_changed.notify_all();
}

bool WalKeeper::isFull()
{
    const std::lock_guard lock(m_mutex);
    return m_segments.size() > std::max<std::size_t>(mostInMemory / m_segmentSize, 1);
}

void WalKeeper::hurry()
{
    const std::lock_guard lock(m_mutex);
    m_hurries = true;
    m_changed.notify_all();
}

bool WalKeeper::drain(std::chrono::milliseconds limit)
{
    std::unique_lock lock(m_mutex);
    m_hurries = true;
    m_changed.notify_all();
    const auto isDone = [this] {
        const Begun& last = m_segments.back();
        const Lsn end{value(model::segmentStart(last.segment, m_segmentSize)) + last.received};
        // What is not beyond the fork is the older timeline's.
        return m_stored == end || (m_segments.size() == 1 && end <= m_beyond);
    };
    m_changed.wait_for(lock, limit, [&] { return m_failure || isDone(); });
    return !m_failure && isDone();
}

Lsn WalKeeper::stored()
{
    const std::lock_guard lock(m_mutex);
    return m_stored;
}

std::optional<Error> WalKeeper::failure()
{
    const std::lock_guard lock(m_mutex);
    return m_failure;
}

void WalKeeper::heard()
{
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(m_wake.get(), &count, sizeof count);
}

void WalKeeper::tell()
{
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(m_wake.get(), &one, sizeof one);
    m_changed.notify_all();
}

bool WalKeeper::isDue() const
{
    const Begun& front = m_segments.front();
    if (front.received == m_segmentSize)
        return true;
    const Lsn end{value(model::segmentStart(front.segment, m_segmentSize)) + front.received};
    if (front.received == m_storedOfFront || end <= m_beyond)
        return false;
    return m_hurries || Clock::now() - m_waitingSince >= m_keeping.interval;
}

std::optional<WalKeeper::Task> WalKeeper::waitForTask(const std::stop_token& stop)
{
    std::unique_lock lock(m_mutex);
    while (!stop.stop_requested()) {
        if (isDue()) {
            const Begun& front = m_segments.front();
            return Task{&front, front.received};
        }
        m_hurries = false;
        const auto due = m_waitingSince + m_keeping.interval;
        const Begun& front = m_segments.front();
        const Lsn end{value(model::segmentStart(front.segment, m_segmentSize)) + front.received};
        const bool waits = front.received != m_storedOfFront && end > m_beyond;
        m_changed.wait_until(lock, stop, waits ? due : Clock::now() + 1s,
                             [this] { return isDue(); });
    }
    return std::nullopt;
}

void WalKeeper::work(const std::stop_token& stop)
{
    while (const auto task = waitForTask(stop)) {
        Result<> done = store(*task);
        if (done.ok()) {
            finished(*task);
        } else if (isFinal(done.error())) {
            const std::lock_guard lock(m_mutex);
            m_failure = std::move(done).error();
            tell();
            return;
        } else {
            pauseAfter(done.error(), stop);
        }
    }
}

void WalKeeper::pauseAfter(const Error& error, const std::stop_token& stop)
{
    // After a start the server soon sends again what is there already.
    const bool isEarly = m_isComparing && m_pause < 3s;
    if (m_lastWarning != error.message && !isEarly)
        m_keeping.events.warning("WAL cannot be stored: " + error.message
                                 + ". It stays on the server until it is; trying again.");
    if (!isEarly)
        m_lastWarning = error.message;
    m_pause = std::clamp<std::chrono::milliseconds>(m_pause * 2, 200ms, 10s);
    std::unique_lock lock(m_mutex);
    m_changed.wait_for(lock, stop, m_pause, [] { return false; });
}

/// The keys are those of the repository that was opened; an empty mount point is none.
Result<> WalKeeper::checkPlace() const
{
    SALVOR_TRY(const auto there, Repository::probe(m_keeping.repository.driver()));
    if (there.id != m_keeping.repository.info().id)
        return fail(ErrorCode::Incompatible,
                    "another repository is at '" + m_keeping.repository.driver().location()
                        + "' than a moment ago",
                    "Start receive-wal again if that was meant.");
    return {};
}

Result<> WalKeeper::checkHeader(const Task& task) const
{
    const ByteView bytes = ByteView(task.begun->bytes).first(task.size);
    SALVOR_TRY(const std::string name, model::segmentName(task.begun->segment, m_segmentSize));
    if (task.size == m_segmentSize) {
        SALVOR_TRY([[maybe_unused]] const auto header,
                   checkWholeSegment(bytes, name, "what the server sent as '" + name + "'"));
    }
    if (task.size < headerSize)
        return {};
    SALVOR_TRY(const auto header, postgres::readSegmentHeader(bytes).in("'" + name + "'"));
    if (header.systemIdentifier == m_keeping.incarnation.identity.systemIdentifier)
        return {};
    return fail(ErrorCode::Corrupt, "what the server sent as '" + name + "' is WAL of the cluster "
                                        + std::to_string(header.systemIdentifier));
}

/// What an earlier run, or another receiver, stored of this segment must be what came now.
Result<> WalKeeper::checkPieces(const Task& task)
{
    const Repository& repository = m_keeping.repository;
    // Once more when it is whole: a second receiver may have stored pieces meanwhile.
    if (!m_known || task.size == m_segmentSize) {
        SALVOR_TRY(auto known,
                   repository::piecesOf(repository, m_keeping.incarnation, task.begun->segment));
        SALVOR_TRY(m_isWhole, repository.hasSegment(m_keeping.incarnation, task.begun->segment));
        m_known = std::move(known);
    }
    for (auto piece = m_known->begin(); piece != m_known->end();) {
        if (piece->to > task.size) {
            ++piece;
            continue;
        }
        const ByteView bytes =
            ByteView(task.begun->bytes).subspan(piece->from, piece->to - piece->from);
        if (!repository::isPiece(repository, m_keeping.incarnation, *piece, bytes))
            return fail(ErrorCode::AlreadyExists,
                        "the server sends other WAL than object '" + piece->object
                            + "' of the repository holds",
                        "Two servers send WAL under one cluster name, or the server lost WAL that "
                        "it had sent. Find out which; nothing was overwritten.");
        // Whoever stored it may have been killed before it was durable.
        SALVOR_CHECK(repository.driver().makeDurable(piece->object));
        m_verified.push_back(*piece);
        piece = m_known->erase(piece);
    }
    return {};
}

/// A restore would read what the repository has of this segment beyond `size`, so nothing before it
/// is acknowledged until the server has sent as much, and it is known to be the same.
Result<> WalKeeper::checkNothingBeyond(ByteCount size)
{
    const bool isBeyond = m_isWhole
                          || std::any_of(m_known->begin(), m_known->end(),
                                         [&](const auto& piece) { return piece.to > size; });
    m_isComparing = isBeyond;
    if (!isBeyond)
        return {};
    return fail(ErrorCode::NotReady,
                "the repository has more of the begun segment than the server has sent",
                "It is compared as it comes. A server that was put back to an earlier state under "
                "the same timeline never sends it: promote it, and take a backup.");
}

Result<> WalKeeper::storePiece(const Task& task)
{
    SALVOR_CHECK(checkNothingBeyond(task.size));
    if (m_ends.empty())
        m_ends.push_back(repository::coveredBytes(m_verified));
    if (m_ends.back() >= task.size)
        return {};
    const std::size_t number = m_ends.size();
    const ByteCount from = m_ends[number - piecesIn(number)];
    SALVOR_TRY([[maybe_unused]] const auto pushed,
               repository::pushPiece(m_keeping.repository, m_keeping.incarnation,
                                     task.begun->segment, from,
                                     ByteView(task.begun->bytes).subspan(from, task.size - from)));
    m_ends.push_back(task.size);
    return {};
}

Result<> WalKeeper::store(const Task& task)
{
    m_isComparing = false;
    SALVOR_CHECK(checkHeader(task));
    SALVOR_CHECK(checkPlace());
    SALVOR_CHECK(checkPieces(task));
    if (task.size < m_segmentSize)
        return storePiece(task);
    auto pushed = m_keeping.repository.pushSegment(m_keeping.incarnation, task.begun->segment,
                                                   task.begun->bytes);
    return pushed.ok() ? Result<>() : Result<>(std::move(pushed).error());
}

void WalKeeper::finished(const Task& task)
{
    if (!m_lastWarning.empty())
        m_keeping.events.note("WAL is stored again.");
    m_lastWarning.clear();
    m_pause = {};
    const std::lock_guard lock(m_mutex);
    m_stored = Lsn{value(model::segmentStart(task.begun->segment, m_segmentSize)) + task.size};
    m_storedOfFront = task.size;
    m_waitingSince = Clock::now();
    if (task.size == m_segmentSize) {
        if (m_segments.size() == 1) {
            const model::Segment last = task.begun->segment;
            m_segments.push_back({{last.timeline, last.number + 1}, Bytes(m_segmentSize), 0});
        }
        m_segments.pop_front();
        m_storedOfFront = 0;
        m_known.reset();
        m_isWhole = false;
        m_verified.clear();
        m_ends.clear();
    }
    tell();
}

} // namespace salvor::wal
