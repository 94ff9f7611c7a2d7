// Objects kept in memory, gone with the driver: for tests and for trying things out.
#pragma once

#include "core/storage/driver.h"

#include <map>
#include <mutex>

namespace salvor::storage {

/// Thread-safe.
class MemoryDriver final : public Driver {
public:
    /// Without exclusiveCreate in `abilities`, onlyIfAbsent is a look before the write, as with a
    /// store that cannot do better. `clock` outlives the driver.
    explicit MemoryDriver(const Clock& clock = systemClock(),
                          Capabilities abilities = {.exclusiveCreate = true, .retention = false})
        : m_clock(clock)
        , m_abilities(abilities)
    {}

    [[nodiscard]] Capabilities capabilities() const noexcept override { return m_abilities; }
    [[nodiscard]] std::string location() const override { return "memory://"; }
    Result<ObjectInfo> stat(const ObjectKey& key) override;
    Result<> list(const ObjectKey& prefix, const ObjectVisitor& visit) override;
    Result<std::unique_ptr<ReadStream>> openRead(const ObjectKey& key, ByteRange range) override;
    Result<std::unique_ptr<WriteStream>> openWrite(const ObjectKey& key,
                                                   const WriteOptions& how) override;
    Result<> remove(const ObjectKey& key) override;

private:
    friend class MemoryWriteStream;

    struct Object {
        std::shared_ptr<const Bytes> content;
        Moment modifiedAt;
    };

    Result<> put(const ObjectKey& key, Bytes content, const WriteOptions& how);

    const Clock& m_clock;
    const Capabilities m_abilities;
    std::mutex m_mutex;
    std::map<ObjectKey, Object> m_objects; // Guarded by m_mutex.
};

} // namespace salvor::storage
