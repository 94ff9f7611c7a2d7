#include "core/storage/retry_driver.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <random>

namespace salvor::storage {

namespace {

/// What a driver promises to take or to leave whole.
constexpr std::size_t mostAtOnce = std::size_t{1} << 20U;

void sleepUntilStopped(std::chrono::milliseconds time, const std::stop_token& stop)
{
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, time, [] { return false; });
}

double randomNumber()
{
    thread_local std::mt19937_64 engine{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(engine);
}

RetryOptions complete(RetryOptions options)
{
    if (!options.sleep)
        options.sleep = sleepUntilStopped;
    if (!options.random)
        options.random = randomNumber;
    return options;
}

} // namespace

RetryDriver::RetryDriver(std::shared_ptr<Driver> inner, RetryOptions options)
    : m_inner(std::move(inner))
    , m_options(complete(std::move(options)))
{}

bool RetryDriver::waitToRepeat(const Error& error, int attempt)
{
    if (!error.isRetryable() || attempt >= m_options.attempts || m_options.stop.stop_requested())
        return false;
    const double most =
        std::min(static_cast<double>(m_options.longest.count()),
                 std::ldexp(static_cast<double>(m_options.base.count()), attempt - 1));
    const std::chrono::milliseconds ours(static_cast<std::int64_t>(most * m_options.random()));
    const std::chrono::milliseconds advised = m_inner->advisedPause();
    if (advised > m_options.patience)
        return false;
    m_options.sleep(std::max(ours, advised), m_options.stop);
    return true;
}

template <typename Call>
auto RetryDriver::repeat(const Call& call) -> decltype(call())
{
    for (int attempt = 1;; ++attempt) {
        if (m_options.stop.stop_requested())
            return fail(ErrorCode::Cancelled, "stopped on request");
        auto outcome = call();
        if (outcome.ok() || !waitToRepeat(outcome.error(), attempt))
            return outcome;
    }
}

class RetryReadStream final : public ReadStream {
public:
    RetryReadStream(RetryDriver& driver, std::unique_ptr<ReadStream> inner)
        : m_driver(driver)
        , m_inner(std::move(inner))
    {}

    Result<std::size_t> read(MutableByteView buffer) override
    {
        return m_driver.repeat([&] { return m_inner->read(buffer); });
    }

private:
    RetryDriver& m_driver;
    const std::unique_ptr<ReadStream> m_inner;
};

class RetryWriteStream final : public WriteStream {
public:
    RetryWriteStream(RetryDriver& driver, std::unique_ptr<WriteStream> inner)
        : m_driver(driver)
        , m_inner(std::move(inner))
    {}

    Result<> write(ByteView bytes) override
    {
        while (!bytes.empty()) {
            const ByteView part = bytes.first(std::min(bytes.size(), mostAtOnce));
            SALVOR_CHECK(m_driver.repeat([&] { return m_inner->write(part); }));
            bytes = bytes.subspan(part.size());
        }
        return {};
    }

    Result<> commit() override
    {
        return m_driver.repeat([&] { return m_inner->commit(); });
    }

private:
    RetryDriver& m_driver;
    const std::unique_ptr<WriteStream> m_inner;
};

Result<ObjectInfo> RetryDriver::stat(const ObjectKey& key)
{
    return repeat([&] { return m_inner->stat(key); });
}

Result<> RetryDriver::list(const ObjectKey& prefix, const ObjectVisitor& visit)
{
    ObjectKey last;
    std::optional<Error> ofTheVisitor;
    const auto visitOnce = [&](const ObjectInfo& object) -> Result<> {
        if (!last.empty() && object.key <= last)
            return {};
        last = object.key;
        if (Result<> outcome = visit(object); !outcome.ok()) {
            ofTheVisitor = outcome.error();
            // Any code that is not repeated: the visitor's own may look like a lost connection.
            return fail(ErrorCode::Cancelled, "stopped by the visitor");
        }
        return {};
    };
    Result<> outcome = repeat([&] { return m_inner->list(prefix, visitOnce); });
    if (ofTheVisitor)
        return *std::move(ofTheVisitor);
    return outcome;
}

Result<std::unique_ptr<ReadStream>> RetryDriver::openRead(const ObjectKey& key, ByteRange range)
{
    SALVOR_TRY(auto inner, repeat([&] { return m_inner->openRead(key, range); }));
    return std::unique_ptr<ReadStream>(std::make_unique<RetryReadStream>(*this, std::move(inner)));
}

Result<std::unique_ptr<WriteStream>> RetryDriver::openWrite(const ObjectKey& key,
                                                            const WriteOptions& how)
{
    SALVOR_TRY(auto inner, repeat([&] { return m_inner->openWrite(key, how); }));
    return std::unique_ptr<WriteStream>(
        std::make_unique<RetryWriteStream>(*this, std::move(inner)));
}

Result<> RetryDriver::makeDurable(const ObjectKey& key)
{
    return repeat([&] { return m_inner->makeDurable(key); });
}

Result<> RetryDriver::remove(const ObjectKey& key)
{
    return repeat([&] { return m_inner->remove(key); });
}

} // namespace salvor::storage
