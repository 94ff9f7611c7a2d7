// The chunks that a run has stored itself: bounded memory for any number of them.
#pragma once

#include "core/repository/scratch.h"
#include "core/repository/tree.h"

#include <array>
#include <mutex>

namespace salvor::repository {

/// A set of ids in memory that the kernel may write out. Thread-safe.
class IdSet {
public:
    /// True if it was not in yet. `id` is not the zero chunk's. Errors: NoSpace.
    [[nodiscard]] Result<bool> insert(const ChunkId& id);
    [[nodiscard]] bool contains(const ChunkId& id);

private:
    struct Shard {
        std::mutex mutex;
        ScratchMemory slots; // Guarded by mutex; ids, all zero where free.
        std::size_t used = 0;
    };

    /// Where the id is or would be. The shard is locked and has a free slot.
    static ChunkId* find(const Shard& shard, const ChunkId& id) noexcept;
    static Result<> grow(Shard& shard);
    Shard& shardOf(const ChunkId& id) noexcept
    {
        return m_shards[std::to_integer<std::size_t>(id[19]) % m_shards.size()];
    }

    std::array<Shard, 32> m_shards;
};

} // namespace salvor::repository
