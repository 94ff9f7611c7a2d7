// Passes every call on: for tests that watch or change one of them.
#pragma once

#include "core/storage/driver.h"

#include <memory>

namespace salvor::test {

class ForwardingDriver : public storage::Driver {
public:
    explicit ForwardingDriver(std::shared_ptr<storage::Driver> inner)
        : m_inner(std::move(inner))
    {}
    [[nodiscard]] storage::Capabilities capabilities() const noexcept override
    {
        return m_inner->capabilities();
    }
    [[nodiscard]] std::string location() const override { return m_inner->location(); }
    Result<storage::ObjectInfo> stat(const storage::ObjectKey& key) override
    {
        return m_inner->stat(key);
    }
    Result<> list(const storage::ObjectKey& prefix, const storage::ObjectVisitor& visit) override
    {
        return m_inner->list(prefix, visit);
    }
    Result<std::unique_ptr<storage::ReadStream>> openRead(const storage::ObjectKey& key,
                                                          storage::ByteRange range) override
    {
        return m_inner->openRead(key, range);
    }
    Result<std::unique_ptr<storage::WriteStream>>
    openWrite(const storage::ObjectKey& key, const storage::WriteOptions& how) override
    {
        return m_inner->openWrite(key, how);
    }
    Result<> makeDurable(const storage::ObjectKey& key) override
    {
        return m_inner->makeDurable(key);
    }
    Result<> remove(const storage::ObjectKey& key) override { return m_inner->remove(key); }

private:
    std::shared_ptr<storage::Driver> m_inner;
};

} // namespace salvor::test
