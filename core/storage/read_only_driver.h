// A place that can be looked at and not touched.
#pragma once

#include "core/storage/driver.h"

namespace salvor::storage {

/// Passes reads on and answers every write and removal with Denied. Thread-safe.
class ReadOnlyDriver final : public Driver {
public:
    explicit ReadOnlyDriver(std::shared_ptr<Driver> inner)
        : m_inner(std::move(inner))
    {}

    [[nodiscard]] Capabilities capabilities() const noexcept override { return {}; }
    [[nodiscard]] std::string location() const override { return m_inner->location(); }
    Result<ObjectInfo> stat(const ObjectKey& key) override { return m_inner->stat(key); }
    Result<> list(const ObjectKey& prefix, const ObjectVisitor& visit) override
    {
        return m_inner->list(prefix, visit);
    }
    Result<std::unique_ptr<ReadStream>> openRead(const ObjectKey& key, ByteRange range) override
    {
        return m_inner->openRead(key, range);
    }
    Result<std::unique_ptr<WriteStream>> openWrite(const ObjectKey& key,
                                                   const WriteOptions& /*how*/) override
    {
        return refused("write", key);
    }
    Result<> remove(const ObjectKey& key) override { return refused("remove", key); }
    [[nodiscard]] std::chrono::milliseconds advisedPause() const override
    {
        return m_inner->advisedPause();
    }

private:
    [[nodiscard]] Error refused(const std::string& doing, const ObjectKey& key) const
    {
        return fail(ErrorCode::Denied,
                    "cannot " + doing + " '" + key + "': " + location()
                        + " is open for reading only",
                    "Open the repository for writing to change it.");
    }

    const std::shared_ptr<Driver> m_inner;
};

} // namespace salvor::storage
