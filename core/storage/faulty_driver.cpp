#include "core/storage/faulty_driver.h"

namespace salvor::storage {

namespace {

bool changesSomething(Call call)
{
    return call == Call::Write || call == Call::Commit || call == Call::Remove;
}

Error scripted(const Fault& fault, const ObjectKey& key)
{
    return fail(fault.code, "'" + key + "': a scripted fault");
}

} // namespace

class FaultyReadStream final : public ReadStream {
public:
    FaultyReadStream(FaultyDriver& driver, ObjectKey key, std::unique_ptr<ReadStream> inner)
        : m_driver(driver)
        , m_key(std::move(key))
        , m_inner(std::move(inner))
    {}

    Result<std::size_t> read(MutableByteView buffer) override
    {
        return m_driver.run(Call::Read, m_key, [&] { return m_inner->read(buffer); });
    }

private:
    FaultyDriver& m_driver;
    const ObjectKey m_key;
    const std::unique_ptr<ReadStream> m_inner;
};

class FaultyWriteStream final : public WriteStream {
public:
    FaultyWriteStream(FaultyDriver& driver, ObjectKey key, std::unique_ptr<WriteStream> inner)
        : m_driver(driver)
        , m_key(std::move(key))
        , m_inner(std::move(inner))
        , m_tear(driver.tearOf(m_key))
    {}

    Result<> write(ByteView bytes) override
    {
        if (m_tear && m_size + bytes.size() > static_cast<ByteCount>(m_tear->nth))
            m_torn = true;
        if (m_torn)
            return scripted(*m_tear, m_key);
        auto outcome = m_driver.run(Call::Write, m_key, [&] { return m_inner->write(bytes); });
        if (outcome.ok())
            m_size += bytes.size();
        return outcome;
    }

    Result<> commit() override
    {
        if (m_torn)
            return scripted(*m_tear, m_key);
        return m_driver.run(Call::Commit, m_key, [&] { return m_inner->commit(); });
    }

private:
    FaultyDriver& m_driver;
    const ObjectKey m_key;
    const std::unique_ptr<WriteStream> m_inner;
    const std::optional<Fault> m_tear;
    ByteCount m_size = 0;
    bool m_torn = false;
};

void FaultyDriver::add(const Fault& fault)
{
    const std::lock_guard lock(m_mutex);
    m_scripts.push_back({fault, 0});
}

void FaultyDriver::failAllFrom(int nth, ErrorCode code)
{
    const std::lock_guard lock(m_mutex);
    m_allFrom = Death{nth, code};
}

void FaultyDriver::failChangesFrom(int nth, ErrorCode code)
{
    const std::lock_guard lock(m_mutex);
    m_changesFrom = Death{nth, code};
}

int FaultyDriver::count(Call call) const
{
    const std::lock_guard lock(m_mutex);
    const auto found = m_counts.find(call);
    return found == m_counts.end() ? 0 : found->second;
}

int FaultyDriver::calls() const
{
    const std::lock_guard lock(m_mutex);
    return m_calls;
}

int FaultyDriver::changes() const
{
    const std::lock_guard lock(m_mutex);
    return m_changes;
}

int FaultyDriver::failures() const
{
    const std::lock_guard lock(m_mutex);
    return m_failures;
}

void FaultyDriver::setAdvisedPause(std::chrono::milliseconds pause)
{
    const std::lock_guard lock(m_mutex);
    m_pause = pause;
}

std::chrono::milliseconds FaultyDriver::advisedPause() const
{
    const std::lock_guard lock(m_mutex);
    return m_pause;
}

std::optional<Fault> FaultyDriver::meet(Call call, const ObjectKey& key)
{
    const std::lock_guard lock(m_mutex);
    ++m_counts[call];
    ++m_calls;
    m_changes += changesSomething(call) ? 1 : 0;
    std::optional<Fault> met;
    for (Script& script : m_scripts) {
        const Fault& fault = script.fault;
        if (fault.tears || fault.call != call || !key.starts_with(fault.below))
            continue;
        ++script.seen;
        if (!met && script.seen >= fault.nth && script.seen < fault.nth + fault.times)
            met = fault;
    }
    if (m_changesFrom && changesSomething(call) && m_changes >= m_changesFrom->nth)
        met = Fault{.call = call, .below = {}, .code = m_changesFrom->code};
    if (m_allFrom && m_calls >= m_allFrom->nth)
        met = Fault{.call = call, .below = {}, .code = m_allFrom->code};
    m_failures += met ? 1 : 0;
    return met;
}

std::optional<Fault> FaultyDriver::tearOf(const ObjectKey& key)
{
    const std::lock_guard lock(m_mutex);
    for (Script& script : m_scripts)
        if (script.fault.tears && key.starts_with(script.fault.below)
            && script.seen++ < script.fault.times)
            return script.fault;
    return std::nullopt;
}

template <typename Act>
auto FaultyDriver::run(Call call, const ObjectKey& key, const Act& act) -> decltype(act())
{
    const std::optional<Fault> fault = meet(call, key);
    if (!fault)
        return act();
    if (fault->when == Fault::When::AfterEffect)
        SALVOR_CHECK(act());
    return scripted(*fault, key);
}

Result<ObjectInfo> FaultyDriver::stat(const ObjectKey& key)
{
    return run(Call::Stat, key, [&] { return m_inner.stat(key); });
}

Result<> FaultyDriver::list(const ObjectKey& prefix, const ObjectVisitor& visit)
{
    const std::optional<Fault> fault = meet(Call::List, prefix);
    if (!fault)
        return m_inner.list(prefix, visit);
    std::size_t left = fault->visited;
    SALVOR_CHECK(m_inner.list(prefix, [&](const ObjectInfo& object) -> Result<> {
        if (left == 0)
            return scripted(*fault, prefix);
        --left;
        return visit(object);
    }));
    return scripted(*fault, prefix);
}

Result<std::unique_ptr<ReadStream>> FaultyDriver::openRead(const ObjectKey& key, ByteRange range)
{
    return run(Call::OpenRead, key, [&]() -> Result<std::unique_ptr<ReadStream>> {
        SALVOR_TRY(auto inner, m_inner.openRead(key, range));
        return std::unique_ptr<ReadStream>(
            std::make_unique<FaultyReadStream>(*this, key, std::move(inner)));
    });
}

Result<std::unique_ptr<WriteStream>> FaultyDriver::openWrite(const ObjectKey& key,
                                                             const WriteOptions& how)
{
    return run(Call::OpenWrite, key, [&]() -> Result<std::unique_ptr<WriteStream>> {
        SALVOR_TRY(auto inner, m_inner.openWrite(key, how));
        return std::unique_ptr<WriteStream>(
            std::make_unique<FaultyWriteStream>(*this, key, std::move(inner)));
    });
}

Result<> FaultyDriver::remove(const ObjectKey& key)
{
    return run(Call::Remove, key, [&] { return m_inner.remove(key); });
}

} // namespace salvor::storage
