// Small objects, sealed under the metadata key: incarnations, backups, index, labels. See
// docs/repository-format.md, section 4.
#pragma once

#include "core/base/json.h"
#include "core/repository/keys.h"

namespace salvor::repository {

/// The object's bytes, bound to its type and storage key.
[[nodiscard]] Result<Bytes> sealObject(const Keys& keys, std::string_view type,
                                       const storage::ObjectKey& key, ByteView content);
/// The content again. Errors: Corrupt when anything differs; Incompatible; the message reads on
/// after the object's name.
[[nodiscard]] Result<Bytes> openObject(const Keys& keys, std::string_view type,
                                       const storage::ObjectKey& key, ByteView object);

struct SealedName {
    std::string_view type;
    const storage::ObjectKey& key;
};

/// Seals and writes. Errors: those of the driver.
[[nodiscard]] Result<> writeSealed(storage::Driver& driver, const Keys& keys, SealedName name,
                                   ByteView content, storage::WriteOptions how = {});
/// Reads and opens. Errors: those of the driver; as openObject(), naming the object.
[[nodiscard]] Result<Bytes> readSealed(storage::Driver& driver, const Keys& keys,
                                       std::string_view type, const storage::ObjectKey& key);
/// The same for JSON, whose member "format" is checked. Errors: Corrupt when it is no JSON.
[[nodiscard]] Result<Json> readSealedJson(storage::Driver& driver, const Keys& keys,
                                          std::string_view type, const storage::ObjectKey& key);

/// The keys below the id key that belong to one incarnation.
struct ScopeKeys {
    Secret chunk; ///< For chunks of files.
    Secret tree;  ///< For tree segments and lists.
    Secret wal;   ///< For names of WAL.
};
[[nodiscard]] ScopeKeys scopeKeys(const Keys& keys, const std::string& cluster,
                                  std::uint32_t number);

/// "0006440a1c2f3b4d-9f3a01c2": the time in microseconds and four random bytes, so that a listing
/// shows objects in the order in which they were written.
[[nodiscard]] Result<std::string> newTimedName();

/// "cluster/number", as it stands in keys of objects.
[[nodiscard]] std::string scopePath(const std::string& cluster, std::uint32_t number);

/// Refuses a member "format" other than 1. Errors: Incompatible; Corrupt.
[[nodiscard]] Result<> checkFormat(const Json& json);

} // namespace salvor::repository
