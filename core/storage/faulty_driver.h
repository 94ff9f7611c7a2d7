// A place that fails where it is told to: for tests, and for test connections. Nothing else.
#pragma once

#include "core/storage/driver.h"

#include <map>
#include <mutex>

namespace salvor::storage {

/// The calls that can be made to fail; Read, Write and Commit are those of the streams.
enum class Call { Stat, List, OpenRead, Read, OpenWrite, Write, Commit, Remove };

/// One scripted failure.
struct Fault {
    Call call = Call::Commit;
    int nth = 1;     ///< The first matching call that fails, counted from 1.
    int times = 1;   ///< How many matching calls in a row fail.
    ObjectKey below; ///< Only calls for keys, or listings, that begin so.
    ErrorCode code = ErrorCode::Unavailable;
    /// AfterEffect: the call is done and then reported as failed, as when an answer is lost.
    enum class When { Instead, AfterEffect } when = When::Instead;
    /// With Call::Write: `nth` counts bytes of one stream instead: it tears once they are written,
    /// and so does every later write and commit of that stream.
    bool tears = false;
    /// Of a listing: how many objects are visited before it fails.
    std::size_t visited = 0;
};

/// Passes calls on to `inner`, which outlives it; counts them, and fails as scripted. Thread-safe.
class FaultyDriver final : public Driver {
public:
    explicit FaultyDriver(Driver& inner)
        : m_inner(inner)
    {}

    void add(const Fault& fault);
    /// From the nth call of any kind on, counted from 1 since the driver was made, every call fails
    /// and does nothing: what a killed process leaves. A crash matrix runs with n = 1, 2, 3, ...
    void failAllFrom(int nth, ErrorCode code = ErrorCode::Unavailable);
    /// The same for the calls that change something only: Write, Commit and Remove.
    void failChangesFrom(int nth, ErrorCode code = ErrorCode::Unavailable);

    [[nodiscard]] int count(Call call) const;
    [[nodiscard]] int calls() const;   ///< All of them.
    [[nodiscard]] int changes() const; ///< Write, Commit and Remove.
    [[nodiscard]] int failures() const;
    /// What advisedPause() answers from now on.
    void setAdvisedPause(std::chrono::milliseconds pause);

    [[nodiscard]] Capabilities capabilities() const noexcept override
    {
        return m_inner.capabilities();
    }
    [[nodiscard]] std::string location() const override { return m_inner.location(); }
    Result<ObjectInfo> stat(const ObjectKey& key) override;
    Result<> list(const ObjectKey& prefix, const ObjectVisitor& visit) override;
    Result<std::unique_ptr<ReadStream>> openRead(const ObjectKey& key, ByteRange range) override;
    Result<std::unique_ptr<WriteStream>> openWrite(const ObjectKey& key,
                                                   const WriteOptions& how) override;
    Result<> makeDurable(const ObjectKey& key) override { return m_inner.makeDurable(key); }
    Result<> remove(const ObjectKey& key) override;
    [[nodiscard]] std::chrono::milliseconds advisedPause() const override;

private:
    friend class FaultyReadStream;
    friend class FaultyWriteStream;

    struct Script {
        Fault fault;
        int seen = 0;
    };
    struct Death {
        int nth = 0;
        ErrorCode code = ErrorCode::Unavailable;
    };

    /// Counts the call and finds the fault that it meets, if any.
    std::optional<Fault> meet(Call call, const ObjectKey& key);
    /// How many bytes a stream for `key` may write before it tears, if one is scripted.
    std::optional<Fault> tearOf(const ObjectKey& key);
    template <typename Act>
    auto run(Call call, const ObjectKey& key, const Act& act) -> decltype(act());

    Driver& m_inner;
    mutable std::mutex m_mutex; // Guards all below.
    std::vector<Script> m_scripts;
    std::map<Call, int> m_counts;
    std::optional<Death> m_allFrom;
    std::optional<Death> m_changesFrom;
    int m_calls = 0;
    int m_changes = 0;
    int m_failures = 0;
    std::chrono::milliseconds m_pause{0};
};

} // namespace salvor::storage
