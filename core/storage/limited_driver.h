// Keeps the traffic with a place below a rate.
#pragma once

#include "core/storage/driver.h"

#include <mutex>
#include <stop_token>

namespace salvor::storage {

/// Lets bytes through at a rate, whoever brings them: each waits until those before are through.
/// Thread-safe.
class ByteRate {
public:
    using Clock = std::chrono::steady_clock;
    /// How time passes. Unset: really. Tests hand in another.
    struct Time {
        std::function<Clock::time_point()> now;
        std::function<void(Clock::duration, const std::stop_token&)> sleep;
    };

    /// `perSecond` in bytes; 0 is no limit.
    explicit ByteRate(ByteCount perSecond, Time time = {});
    /// Returns when `bytes` may go; up to 16 KiB may at once. Errors: Cancelled.
    [[nodiscard]] Result<> pass(ByteCount bytes, const std::stop_token& stop);

private:
    const ByteCount m_perSecond;
    const Time m_time;
    std::mutex m_mutex;
    Clock::time_point m_free{}; // Guarded by m_mutex: when what was let through is over.
};

struct Rates {
    ByteCount upload = 0;   ///< Bytes a second; 0 is no limit.
    ByteCount download = 0; ///< Bytes a second; 0 is no limit.
};

/// Passes every call on; the bytes of objects wait their turn, all streams together. Thread-safe.
class LimitedDriver final : public Driver {
public:
    LimitedDriver(std::shared_ptr<Driver> inner, const Rates& rates, std::stop_token stop,
                  const ByteRate::Time& time = {});

    [[nodiscard]] Capabilities capabilities() const noexcept override
    {
        return m_inner->capabilities();
    }
    [[nodiscard]] std::string location() const override { return m_inner->location(); }
    Result<ObjectInfo> stat(const ObjectKey& key) override { return m_inner->stat(key); }
    Result<> list(const ObjectKey& prefix, const ObjectVisitor& visit) override
    {
        return m_inner->list(prefix, visit);
    }
    Result<std::unique_ptr<ReadStream>> openRead(const ObjectKey& key, ByteRange range) override;
    Result<std::unique_ptr<WriteStream>> openWrite(const ObjectKey& key,
                                                   const WriteOptions& how) override;
    Result<> makeDurable(const ObjectKey& key) override { return m_inner->makeDurable(key); }
    Result<> remove(const ObjectKey& key) override { return m_inner->remove(key); }
    [[nodiscard]] std::chrono::milliseconds advisedPause() const override
    {
        return m_inner->advisedPause();
    }

private:
    const std::shared_ptr<Driver> m_inner;
    const std::stop_token m_stop;
    ByteRate m_upload;
    ByteRate m_download;
};

} // namespace salvor::storage
