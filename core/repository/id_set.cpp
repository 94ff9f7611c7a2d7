#include "core/repository/id_set.h"

#include <algorithm>
#include <cstring>

namespace salvor::repository {

namespace {

constexpr std::size_t firstCapacity = 1024;

std::span<ChunkId> slotsOf(const ScratchMemory& memory) noexcept
{
    const MutableByteView bytes = memory.bytes();
    return {reinterpret_cast<ChunkId*>(bytes.data()), bytes.size() / sizeof(ChunkId)};
}

} // namespace

ChunkId* IdSet::find(const Shard& shard, const ChunkId& id) noexcept
{
    const std::span<ChunkId> slots = slotsOf(shard.slots);
    std::uint64_t hash = 0;
    std::memcpy(&hash, id.data(), sizeof hash); // An id is random already.
    for (std::size_t i = hash & (slots.size() - 1);; i = (i + 1) & (slots.size() - 1))
        if (slots[i] == id || slots[i] == ChunkId{})
            return &slots[i];
}

Result<> IdSet::grow(Shard& shard)
{
    const std::size_t capacity = std::max(firstCapacity, slotsOf(shard.slots).size() * 2);
    SALVOR_TRY(ScratchMemory larger, ScratchMemory::create(capacity * sizeof(ChunkId)));
    std::swap(shard.slots, larger);
    for (const ChunkId& id : slotsOf(larger))
        if (id != ChunkId{})
            *find(shard, id) = id;
    return {};
}

Result<bool> IdSet::insert(const ChunkId& id)
{
    Shard& shard = shardOf(id);
    const std::lock_guard lock(shard.mutex);
    if ((shard.used + 1) * 4 > slotsOf(shard.slots).size() * 3)
        SALVOR_CHECK(grow(shard));
    ChunkId* slot = find(shard, id);
    if (*slot == id)
        return false;
    *slot = id;
    ++shard.used;
    return true;
}

bool IdSet::contains(const ChunkId& id)
{
    Shard& shard = shardOf(id);
    const std::lock_guard lock(shard.mutex);
    return shard.used != 0 && *find(shard, id) == id;
}

} // namespace salvor::repository
