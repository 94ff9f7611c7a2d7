// One WAL object: its name, its frames, its hash. See docs/repository-format.md, section 9.
#pragma once

#include "core/repository/repository.h"

namespace salvor::repository {

inline constexpr std::size_t walHashDigits = 16;

/// The key of a WAL file but for the hash at its end; everything else is no WAL file.
///
/// `name`: that of a segment, or of a history, backup or partial file.
[[nodiscard]] storage::ObjectKey walStem(const model::Incarnation& incarnation,
                                         const std::string& name);

/// The keyed hash that the object of a WAL file has at the end of its key.
[[nodiscard]] std::string walHash(const Keys& keys, const model::Incarnation& incarnation,
                                  const std::string& name, ByteView bytes);

/// The bytes of the file `name` as they are stored.
[[nodiscard]] Result<Bytes> encodeWalObject(const Keys& keys, const model::Incarnation& incarnation,
                                            const std::string& name, ByteView bytes);

/// Durable when this returns, also when somebody else had stored it.
[[nodiscard]] Result<Repository::Pushed>
storeWalObject(storage::Driver& driver, const storage::ObjectKey& key, const Bytes& object);

/// The plain bytes, verified. Errors: Denied with a writer's key; Corrupt.
[[nodiscard]] Result<Bytes> readWalObject(const Repository& repository,
                                          const model::Incarnation& incarnation,
                                          const std::string& name, const storage::ObjectKey& key);

/// The same of an object that was read. The message reads on after the object's name.
[[nodiscard]] Result<Bytes> openWalObject(const Repository& repository,
                                          const model::Incarnation& incarnation,
                                          const std::string& name, const storage::ObjectKey& key,
                                          ByteView object);

/// Errors: Corrupt when the key's hash is another one.
[[nodiscard]] Result<> checkWalHash(const Repository& repository,
                                    const model::Incarnation& incarnation, const std::string& name,
                                    const storage::ObjectKey& key, ByteView bytes);

/// The same error with the object named.
[[nodiscard]] Error damagedObject(const storage::ObjectKey& key, const Error& error);

} // namespace salvor::repository
