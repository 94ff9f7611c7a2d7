// Physical replication: WAL as a server sends it, byte after byte.
#pragma once

#include "core/postgres/connection.h"

#include <algorithm>
#include <chrono>

namespace salvor::postgres {

/// What came from the server, if anything.
struct FeedMessage {
    enum class Kind { None, Wal, Alive, End };
    Kind kind = Kind::None;
    ByteView wal;            ///< Follows what came before; valid until the next call.
    model::Lsn end{};        ///< Of Alive: up to where the server has WAL.
    bool isQuestion = false; ///< Of Alive: the server waits for what is flushed.
};

/// One run of START_REPLICATION. One thread; the connection outlives it.
class WalFeed {
public:
    struct Start {
        std::string slot;
        model::TimelineId timeline{};
        model::Lsn at{};
        model::Lsn slotAt{}; ///< Where the slot stands, which may be later.
    };
    /// Where a timeline that ended goes on.
    struct Next {
        model::TimelineId timeline{};
        model::Lsn at{};
    };
    enum class Reply { NotNeeded, Wanted };

    /// Errors: NotFound when there is no such slot or the WAL was removed; NotReady when somebody
    ///         else uses the slot.
    [[nodiscard]] static Result<WalFeed> start(Connection& replication, const Start& from);

    /// The next message; waits for it at most `limit`, or until `wake` can be read (-1: nothing
    /// wakes it). Answers a server that wants to hear something. Errors: Unavailable; Corrupt when
    /// WAL of another place came.
    [[nodiscard]] Result<FeedMessage> next(std::chrono::milliseconds limit, int wake = -1);
    /// Tells the server what came, and that everything before `flushed` will never be asked for
    /// again. Nothing is said to be flushed as long as that is not beyond the start and the slot's
    /// own place: it would put the slot back.
    [[nodiscard]] Result<> report(model::Lsn flushed, Reply reply);
    /// Ends the stream in good order, whoever began, so that the connection can ask for more. Tells
    /// the next timeline when this one has ended. Errors: what the server ended it with.
    [[nodiscard]] Result<std::optional<Next>> finish(const std::stop_token& stop);

    [[nodiscard]] model::Lsn position() const noexcept { return m_position; }
    [[nodiscard]] bool isOver() const noexcept { return m_isOver; }
    [[nodiscard]] auto lastHeard() const noexcept { return m_lastHeard; }
    [[nodiscard]] auto lastReport() const noexcept { return m_lastReport; }

private:
    using Clock = std::chrono::steady_clock;
    struct Freer {
        void operator()(char* text) const noexcept;
    };

    WalFeed(Connection::Native& native, const Start& from)
        : m_native(&native)
        , m_floor(std::max(from.at, from.slotAt))
        , m_position(from.at)
    {}
    [[nodiscard]] Result<> wait(std::chrono::milliseconds limit, int wake);
    [[nodiscard]] Result<FeedMessage> messageOf(ByteView bytes);

    Connection::Native* m_native;
    model::Lsn m_floor;     ///< Only what is beyond it is reported.
    model::Lsn m_position;  ///< Of the next byte.
    model::Lsn m_flushed{}; ///< 0: nothing is said of it.
    std::unique_ptr<char, Freer> m_message;
    Clock::time_point m_lastHeard = Clock::now();
    Clock::time_point m_lastReport = Clock::now();
    bool m_isOver = false; ///< The server ended the stream.
    std::optional<Next> m_next;
};

} // namespace salvor::postgres
