// Packs on their way to storage, and the index objects that follow them.
#pragma once

#include "core/base/bounded_queue.h"
#include "core/repository/pack_builder.h"
#include "core/repository/repository.h"

#include <atomic>
#include <thread>

namespace salvor::repository {

/// Uploads packs on threads of its own and writes an index object after every 16 durable ones.
/// Thread-safe, but for finish().
class Uploader {
public:
    Uploader(const Repository& repository, model::Incarnation incarnation, BufferPool& pool);
    ~Uploader();

    /// Waits for room. Errors: whatever an earlier upload failed with.
    [[nodiscard]] Result<> hand(FinishedPack pack);
    /// A pack that is durable already but that no index object names.
    void addNamed(const format::Id& id, ByteCount size, ByteView header, ByteView directory);
    /// Waits until all is durable and writes the last index object. Nothing can be handed over
    /// afterwards.
    [[nodiscard]] Result<> finish();

    /// Of packs handed to storage so far.
    [[nodiscard]] ByteCount storedBytes() const noexcept { return m_stored; }
    /// Ids of the packs of this run. After finish().
    [[nodiscard]] const std::vector<format::Id>& packs() const noexcept { return m_packs; }

private:
    /// A durable pack that waits for its index object.
    struct Durable {
        format::Id id{};
        ByteCount size = 0;
        Bytes header;
        Bytes directory;
    };

    void run();
    [[nodiscard]] Result<> upload(FinishedPack pack);
    [[nodiscard]] Result<> writeIndex(const std::vector<Durable>& packs);
    [[nodiscard]] Result<> failure();
    void failWith(Error error);

    const Repository& m_repository;
    const model::Incarnation m_incarnation;
    BufferPool& m_pool;
    std::atomic<ByteCount> m_stored{0};
    std::atomic<bool> m_failed{false};
    std::mutex m_mutex;
    std::optional<Error> m_error;    // Guarded by m_mutex.
    std::vector<Durable> m_waiting;  // Guarded by m_mutex.
    std::vector<format::Id> m_packs; // Guarded by m_mutex.
    BoundedQueue<FinishedPack> m_queue;
    std::vector<std::jthread> m_threads;
};

} // namespace salvor::repository
