// Objects as files below a folder: a local disk, or whatever is mounted there.
#pragma once

#include "core/base/file.h"
#include "core/storage/driver.h"

#include <mutex>
#include <set>

namespace salvor::storage {

/// The key is the path below the root. A file is written under another name in the folder "~tmp" of
/// the root (no key can begin with '~'), flushed, and renamed when it is whole. Thread-safe; any
/// number of processes may use one root.
///
/// Errors: NoSpace also when a limit on the size of files was reached; InvalidInput where a key
///         needs a folder that is an object, or a name longer than the file system allows.
class PosixDriver final : public Driver {
public:
    /// The root, and what is missing above it, is made by the first write; until then the place is
    /// empty.
    explicit PosixDriver(const Path& root);

    [[nodiscard]] Capabilities capabilities() const noexcept override
    {
        return {.exclusiveCreate = true, .retention = false};
    }
    [[nodiscard]] std::string location() const override { return "file://" + m_root.native(); }
    Result<ObjectInfo> stat(const ObjectKey& key) override;
    Result<> list(const ObjectKey& prefix, const ObjectVisitor& visit) override;
    Result<std::unique_ptr<ReadStream>> openRead(const ObjectKey& key, ByteRange range) override;
    Result<std::unique_ptr<WriteStream>> openWrite(const ObjectKey& key,
                                                   const WriteOptions& how) override;
    Result<> makeDurable(const ObjectKey& key) override;
    Result<> remove(const ObjectKey& key) override;

private:
    friend class PosixWriteStream;

    struct Walk;

    [[nodiscard]] Path pathOf(const ObjectKey& key) const { return m_root / key; }
    Result<> listFolder(const Walk& walk, const ObjectKey& folder);
    Result<> makeFolder(const Path& folder);
    Result<> makeDurableFolder(const Path& folder);
    void sweepOldTemporaries();

    const Path m_root;
    std::mutex m_mutex;
    std::set<Path> m_durableFolders; // Guarded by m_mutex. Known to be durable in their parents.
    bool m_swept = false;            // Guarded by m_mutex.
};

} // namespace salvor::storage
