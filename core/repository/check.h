// Looking for damage in the packs of an incarnation: from a listing alone, or by reading.
#pragma once

#include "core/repository/repository.h"

namespace salvor::repository {

struct PackDamage {
    Damage damage;
    std::vector<ChunkId> chunks; ///< Those that cannot be read.
};

struct PackCheck {
    int samplePercent = 100; ///< Below 100 every frame is picked with that chance, by `seed`.
    std::uint64_t seed = 0;
    std::vector<model::Backup> backups; ///< Only the packs that these name; empty: all.
};

/// Checks packs of an incarnation: present, of the right size, every frame opens and every chunk
/// has its id.
///
/// Damage is a value; the call fails only when it cannot go on. Needs a reader's keys.
[[nodiscard]] Result<std::vector<PackDamage>> checkPacks(const Repository& repository,
                                                         const model::Incarnation& incarnation,
                                                         const PackCheck& check, JobContext& job);

/// Quick part of it, from a listing alone: packs that are missing or have another size. What a
/// restore asks for before it writes anything.
[[nodiscard]] Result<std::vector<PackDamage>>
listDamage(const Repository& repository, const model::Incarnation& incarnation, JobContext& job);

} // namespace salvor::repository
