// Key slots: the repository's keys, sealed to something a person holds. See
// docs/repository-format.md, section 3.
#pragma once

#include "core/base/json.h"
#include "core/repository/keys.h"

namespace salvor::repository {

/// Fresh keys of a new encrypted repository.
[[nodiscard]] Result<Keys> newKeys();
/// What a reader's slot holds gives all the others. Errors: Corrupt.
[[nodiscard]] Result<Keys> keysOfReader(ByteView masterKey, ByteView privateKey);

/// The content of a new slot. For Unlock::Kind::PrivateKey the secret is the public key.
///
/// Errors: InvalidInput for an empty secret, a key of the wrong size, a writer by X25519.
struct NewSlot {
    KeySlot slot;
    Json content;
};
[[nodiscard]] Result<NewSlot> sealSlot(const std::string& repositoryId, const Keys& keys,
                                       const Unlock& unlock, SlotAccess access,
                                       const std::string& label);

/// What can be listed of a stored slot. Errors: Corrupt; Incompatible.
[[nodiscard]] Result<KeySlot> parseSlot(const Json& content);

/// The keys, or nothing when this secret is not the one of this slot. Errors: as parseSlot().
[[nodiscard]] Result<std::optional<Keys>> openSlot(const std::string& repositoryId,
                                                   const Json& content, const Unlock& unlock);

/// "passphrase", "key-file", "x25519".
[[nodiscard]] std::string_view unlockKindName(Unlock::Kind kind) noexcept;

} // namespace salvor::repository
