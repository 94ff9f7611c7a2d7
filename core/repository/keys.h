// What opens a repository.
#pragma once

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/secret.h"
#include "core/storage/driver.h"

#include <optional>
#include <string>
#include <vector>

namespace salvor::repository {

/// What a person or a configuration has in hand.
struct Unlock {
    enum class Kind { None, Passphrase, KeyFile, PrivateKey };
    Kind kind = Kind::None; ///< None opens a plain repository only.
    Secret secret;          ///< A passphrase, 32 random bytes, or an X25519 private key.
};

/// Reads 32 bytes in base64. Errors: Denied when others can read the file or it is not the
/// runner's own (root may read anybody's); InvalidInput when it is not such a key.
[[nodiscard]] Result<Secret> readKeyFile(const Path& path);
/// Writes 32 bytes in base64, mode 0600. Errors: AlreadyExists.
[[nodiscard]] Result<> writeKeyFile(const Path& path, const Secret& key);
/// Makes 32 random bytes and writes them in base64, mode 0600. Errors: AlreadyExists.
[[nodiscard]] Result<Secret> createKeyFile(const Path& path);

enum class SlotAccess { Reader, Writer };
[[nodiscard]] std::string_view slotAccessName(SlotAccess access) noexcept;

/// One way into the repository, as it can be listed without any secret.
struct KeySlot {
    std::string id;
    SlotAccess access = SlotAccess::Reader;
    std::string kind; ///< "passphrase", "key-file", "x25519".
    std::string label;
    Moment createdAt;
};

/// The keys themselves. A writer's lacks the private key: it cannot read contents.
struct Keys {
    bool encrypted = false;
    Secret idKey;       ///< For the identity of chunks and WAL.
    Secret metadataKey; ///< For names, trees, index.
    Secret masterKey;   ///< Empty for a writer.
    Secret privateKey;  ///< X25519; empty for a writer.
    Bytes publicKey;    ///< X25519.
    std::string slot;   ///< The one that was opened with; empty in a plain repository.

    [[nodiscard]] bool canReadContents() const noexcept
    {
        return !encrypted || !privateKey.empty();
    }
};

} // namespace salvor::repository
