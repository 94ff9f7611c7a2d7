// Repeats what failed for a moment.
#pragma once

#include "core/storage/driver.h"

#include <stop_token>

namespace salvor::storage {

struct RetryOptions {
    int attempts = 6; ///< In all, the first one among them.
    /// Before attempt n + 1: a random time up to base * 2^(n-1), at most `longest`, and at least
    /// what the store asked for.
    std::chrono::milliseconds base{500};
    std::chrono::milliseconds longest = std::chrono::seconds(20);
    /// A store that asks for a longer pause than this has failed.
    std::chrono::milliseconds patience = std::chrono::minutes(10);
    std::stop_token stop; ///< Ends the waiting, and the repeating, with Cancelled.
    /// Waits, or less when stopped. Unset: really. Tests hand in another.
    std::function<void(std::chrono::milliseconds, const std::stop_token&)> sleep;
    /// A number from 0 to below 1. Unset: random.
    std::function<double()> random;
};

/// Passes every call on, and repeats it while its error is retryable. Nothing else is repeated. A
/// listing that broke off goes on behind the last object visited. Thread-safe.
class RetryDriver final : public Driver {
public:
    RetryDriver(std::shared_ptr<Driver> inner, RetryOptions options);

    [[nodiscard]] Capabilities capabilities() const noexcept override
    {
        return m_inner->capabilities();
    }
    [[nodiscard]] std::string location() const override { return m_inner->location(); }
    Result<ObjectInfo> stat(const ObjectKey& key) override;
    Result<> list(const ObjectKey& prefix, const ObjectVisitor& visit) override;
    Result<std::unique_ptr<ReadStream>> openRead(const ObjectKey& key, ByteRange range) override;
    Result<std::unique_ptr<WriteStream>> openWrite(const ObjectKey& key,
                                                   const WriteOptions& how) override;
    Result<> makeDurable(const ObjectKey& key) override;
    Result<> remove(const ObjectKey& key) override;
    [[nodiscard]] std::chrono::milliseconds advisedPause() const override
    {
        return m_inner->advisedPause();
    }

private:
    friend class RetryReadStream;
    friend class RetryWriteStream;

    /// Decides after a failure: waits and says true, or says false.
    bool waitToRepeat(const Error& error, int attempt);
    template <typename Call>
    auto repeat(const Call& call) -> decltype(call());

    const std::shared_ptr<Driver> m_inner;
    const RetryOptions m_options;
};

} // namespace salvor::storage
