// The small interface to a place that keeps objects, and what every driver promises.
#pragma once

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/result.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace salvor::storage {

/// A flat key: segments of [A-Za-z0-9._-] joined by '/', no empty, "." or ".." segment, at most
/// 512 bytes.
using ObjectKey = std::string;
[[nodiscard]] bool isValidKey(const ObjectKey& key) noexcept;
/// True for what a key can begin with, the empty text among it.
[[nodiscard]] bool isValidPrefix(const ObjectKey& prefix);

struct ObjectInfo {
    ObjectKey key;
    ByteCount size = 0;
    Moment modifiedAt; ///< By the store's clock.
};

/// Return an error to stop the listing with it.
using ObjectVisitor = std::function<Result<>(const ObjectInfo&)>;

/// Part of an object. Reading past its end is InvalidInput.
struct ByteRange {
    ByteCount offset = 0;
    std::optional<ByteCount> length; ///< Unset: to the end.
};

/// How many bytes of an object of `size` bytes the range covers. Errors: InvalidInput past its end.
[[nodiscard]] Result<ByteCount> rangeLength(const ByteRange& range, ByteCount size);

class ReadStream {
public:
    virtual ~ReadStream() = default;
    /// Fills from the front of `buffer`; 0 is the end. Errors: Corrupt when the object is shorter
    /// than its size said, and those of the driver. After a retryable one the next read() goes on
    /// at the same place.
    virtual Result<std::size_t> read(MutableByteView buffer) = 0;
};

/// Bytes on their way into an object. Destroying it without commit() leaves nothing visible.
class WriteStream {
public:
    virtual ~WriteStream() = default;
    /// After a retryable error none of `bytes` was taken: the same write() may be repeated, as long
    /// as `bytes` are at most 1 MiB.
    virtual Result<> write(ByteView bytes) = 0;
    /// Makes the object visible, whole and durable. May be repeated after a retryable error.
    /// Errors: NoSpace; AlreadyExists with WriteOptions::onlyIfAbsent; InvalidInput when
    /// WriteOptions::size was not what came.
    virtual Result<> commit() = 0;
};

struct WriteOptions {
    std::optional<ByteCount> size; ///< Where known: saves a copy or a round trip.
    /// Fail rather than replace. Only where capabilities() say so is this free of races.
    bool onlyIfAbsent = false;
};

struct Capabilities {
    bool exclusiveCreate = false; ///< onlyIfAbsent is enforced by the store.
    bool retention = false;       ///< Objects are locked on write.
};

/// A place that keeps immutable objects under flat keys. Safe to use from many threads at once.
///
/// Every driver promises: an object is seen whole or not at all; after commit() it is seen by
/// stat, list and openRead, and survives power loss. A failed call changes nothing, except that
/// after a Timeout it may have happened.
/// Errors of every call: Denied, Unavailable, Timeout, Cancelled, InvalidInput for what is no key;
/// others are named below.
class Driver {
public:
    virtual ~Driver() = default;
    [[nodiscard]] virtual Capabilities capabilities() const noexcept = 0;
    /// "file:///srv/backup" or "s3://bucket/prefix": for messages, never with a secret.
    [[nodiscard]] virtual std::string location() const = 0;
    /// NotFound if there is no such object.
    virtual Result<ObjectInfo> stat(const ObjectKey& key) = 0;
    /// Visits each object whose key starts with `prefix` once, in key order, on this thread; stops
    /// at an error. A prefix need not end at a '/'.
    virtual Result<> list(const ObjectKey& prefix, const ObjectVisitor& visit) = 0;
    /// NotFound now, not at the first read. Bytes are not verified here.
    virtual Result<std::unique_ptr<ReadStream>> openRead(const ObjectKey& key, ByteRange range) = 0;
    /// AlreadyExists and NoSpace come from commit(): opening costs no round trip.
    virtual Result<std::unique_ptr<WriteStream>> openWrite(const ObjectKey& key,
                                                           const WriteOptions& how) = 0;
    /// What is listed may still be lost in a power failure when its writer was killed before
    /// commit() returned: afterwards it cannot. NotFound if there is no such object, or success.
    virtual Result<> makeDurable(const ObjectKey& /*key*/) { return {}; }
    /// Removing what is not there succeeds. Denied while retention holds the object.
    virtual Result<> remove(const ObjectKey& key) = 0;
    /// For how long from now the store asked not to be called again.
    [[nodiscard]] virtual std::chrono::milliseconds advisedPause() const { return {}; }
};

/// The whole object, or the range of it. Errors: InvalidInput when it is longer than `limit` bytes.
[[nodiscard]] Result<Bytes> readObject(Driver& driver, const ObjectKey& key, ByteRange range = {},
                                       ByteCount limit = ByteCount{1} << 30U);
/// Writes one object from memory.
[[nodiscard]] Result<> writeObject(Driver& driver, const ObjectKey& key, ByteView bytes,
                                   WriteOptions how = {});
/// All objects below a prefix, in key order.
[[nodiscard]] Result<std::vector<ObjectInfo>> listObjects(Driver& driver, const ObjectKey& prefix);

} // namespace salvor::storage
