#include "core/storage/limited_driver.h"

#include <algorithm>
#include <condition_variable>

namespace salvor::storage {

namespace {

/// At most this much at once: who waits for a slow line can be stopped, and others get their turn.
constexpr std::size_t mostAtOnce = std::size_t{256} << 10U;
/// As much never waits, but counts: a lease must be renewed in time, whatever else is under way.
constexpr ByteCount small = ByteCount{16} << 10U;

void sleepUntilStopped(ByteRate::Clock::duration time, const std::stop_token& stop)
{
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, time, [] { return false; });
}

ByteRate::Time complete(ByteRate::Time time)
{
    if (!time.now)
        time.now = ByteRate::Clock::now;
    if (!time.sleep)
        time.sleep = sleepUntilStopped;
    return time;
}

class LimitedReadStream final : public ReadStream {
public:
    LimitedReadStream(std::unique_ptr<ReadStream> inner, ByteRate& rate, std::stop_token stop)
        : m_inner(std::move(inner))
        , m_rate(rate)
        , m_stop(std::move(stop))
    {}

    /// Before the bytes of the read before are through, no more are asked for.
    Result<std::size_t> read(MutableByteView buffer) override
    {
        SALVOR_CHECK(m_rate.pass(m_unpaid, m_stop));
        m_unpaid = 0;
        auto got = m_inner->read(buffer.first(std::min(buffer.size(), mostAtOnce)));
        if (got.ok())
            m_unpaid = *got;
        return got;
    }

private:
    const std::unique_ptr<ReadStream> m_inner;
    ByteRate& m_rate;
    const std::stop_token m_stop;
    std::size_t m_unpaid = 0;
};

class LimitedWriteStream final : public WriteStream {
public:
    LimitedWriteStream(std::unique_ptr<WriteStream> inner, ByteRate& rate, std::stop_token stop)
        : m_inner(std::move(inner))
        , m_rate(rate)
        , m_stop(std::move(stop))
    {}

    /// Handed on in one piece: after an error none of it was taken.
    Result<> write(ByteView bytes) override
    {
        SALVOR_CHECK(m_rate.pass(bytes.size(), m_stop));
        return m_inner->write(bytes);
    }
    Result<> commit() override { return m_inner->commit(); }

private:
    const std::unique_ptr<WriteStream> m_inner;
    ByteRate& m_rate;
    const std::stop_token m_stop;
};

} // namespace

ByteRate::ByteRate(ByteCount perSecond, Time time)
    : m_perSecond(perSecond)
    , m_time(complete(std::move(time)))
{}

Result<> ByteRate::pass(ByteCount bytes, const std::stop_token& stop)
{
    if (m_perSecond == 0 || bytes == 0)
        return {};
    const auto lasts = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
        static_cast<double>(bytes) / static_cast<double>(m_perSecond)));
    const auto now = m_time.now();
    Clock::time_point begin;
    {
        const std::lock_guard lock(m_mutex);
        // A line that was idle has nothing saved up.
        begin = std::max(now, m_free);
        m_free = begin + lasts;
    }
    if (begin > now && bytes > small)
        m_time.sleep(begin - now, stop);
    if (stop.stop_requested())
        return fail(ErrorCode::Cancelled, "stopped on request");
    return {};
}

LimitedDriver::LimitedDriver(std::shared_ptr<Driver> inner, const Rates& rates,
                             std::stop_token stop, const ByteRate::Time& time)
    : m_inner(std::move(inner))
    , m_stop(std::move(stop))
    , m_upload(rates.upload, time)
    , m_download(rates.download, time)
{}

Result<std::unique_ptr<ReadStream>> LimitedDriver::openRead(const ObjectKey& key, ByteRange range)
{
    SALVOR_TRY(auto stream, m_inner->openRead(key, range));
    return std::unique_ptr<ReadStream>(
        std::make_unique<LimitedReadStream>(std::move(stream), m_download, m_stop));
}

Result<std::unique_ptr<WriteStream>> LimitedDriver::openWrite(const ObjectKey& key,
                                                              const WriteOptions& how)
{
    SALVOR_TRY(auto stream, m_inner->openWrite(key, how));
    return std::unique_ptr<WriteStream>(
        std::make_unique<LimitedWriteStream>(std::move(stream), m_upload, m_stop));
}

} // namespace salvor::storage
