// Received WAL on its way into the repository.
#pragma once

#include "core/base/event_sink.h"
#include "core/base/file.h"
#include "core/repository/wal_pieces.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace salvor::wal {

/// Stores WAL as it comes, on a thread of its own: whole segments as archive-push does, the begun
/// one in pieces. While the repository is out of reach it tries again and again.
///
/// All but the thread's own work is for one thread. Destroying it gives up what is not stored.
class WalKeeper {
public:
    /// Where it goes and how often.
    struct Keeping {
        const repository::Repository& repository;
        model::Incarnation incarnation;
        EventSink& events;
        /// How long WAL of a begun segment waits for a piece; 0: not at all.
        std::chrono::milliseconds interval{};
    };
    /// `first` is the segment that begins with the first byte added. Of it no piece is stored that
    /// ends at or before `beyond`, where its timeline begins.
    WalKeeper(Keeping keeping, model::Segment first, model::Lsn beyond);
    ~WalKeeper();
    WalKeeper(const WalKeeper&) = delete;
    WalKeeper& operator=(const WalKeeper&) = delete;

    /// Takes the next bytes; more than isFull() would have only cost memory.
    void add(ByteView wal);
    [[nodiscard]] bool isFull();
    /// Stores what there is without waiting for the interval.
    void hurry();
    /// Stores all there is. False when that took longer than `limit`, or failed.
    [[nodiscard]] bool drain(std::chrono::milliseconds limit);

    /// Everything before it is durable in the repository.
    [[nodiscard]] model::Lsn stored();
    /// What no repetition mends: other bytes are there already, or what came is no WAL.
    [[nodiscard]] std::optional<Error> failure();
    /// Can be read when stored() or failure() have something new; ask for it by heard().
    [[nodiscard]] int wake() const noexcept { return m_wake.get(); }
    void heard();

private:
    using Clock = std::chrono::steady_clock;
    struct Begun {
        model::Segment segment;
        Bytes bytes; ///< Of full size from the start; what has not come is zero.
        ByteCount received = 0;
    };
    /// What the thread stores next: the first `size` bytes of the oldest segment.
    struct Task {
        const Begun* begun = nullptr;
        ByteCount size = 0;
    };

    void work(const std::stop_token& stop);
    [[nodiscard]] std::optional<Task> waitForTask(const std::stop_token& stop);
    [[nodiscard]] bool isDue() const;
    void pauseAfter(const Error& error, const std::stop_token& stop);
    [[nodiscard]] Result<> store(const Task& task);
    [[nodiscard]] Result<> checkPlace() const;
    [[nodiscard]] Result<> checkHeader(const Task& task) const;
    [[nodiscard]] Result<> checkPieces(const Task& task);
    [[nodiscard]] Result<> checkNothingBeyond(ByteCount size);
    [[nodiscard]] Result<> storePiece(const Task& task);
    void finished(const Task& task);
    void tell();

    const Keeping m_keeping;
    const ByteCount m_segmentSize;
    const model::Lsn m_beyond;
    const FileDescriptor m_wake;

    // The thread's own: what is known of the oldest segment.
    std::optional<repository::Pieces> m_known; ///< Stored by an earlier run, not looked at yet.
    bool m_isComparing = false;                ///< With what the repository has more of.
    bool m_isWhole = false;                    ///< So stored, by archive_command say.
    repository::Pieces m_verified;             ///< Those of them that hold what came.
    std::vector<ByteCount> m_ends;             ///< Where each piece of this run ends.
    std::string m_lastWarning;
    std::chrono::milliseconds m_pause{};

    std::mutex m_mutex;
    std::condition_variable_any m_changed;
    std::deque<Begun> m_segments;  // Guarded by m_mutex, but for bytes that have come.
    ByteCount m_storedOfFront = 0; // Guarded by m_mutex, as what follows.
    model::Lsn m_stored{};
    Clock::time_point m_waitingSince{}; // For what is not stored yet.
    bool m_hurries = false;
    std::optional<Error> m_failure;
    std::jthread m_thread; // Last: joined first.
};

} // namespace salvor::wal
