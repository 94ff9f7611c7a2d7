// Objects as files below a folder: a local disk, or whatever is mounted there.
#pragma once

#include "core/base/file.h"
#include "core/storage/driver.h"

#include <mutex>
#include <optional>
#include <set>

namespace salvor::storage {

/// The key is the path below the root. A file is written under another name in the folder "~tmp" of
/// the root (no key can begin with '~'), flushed, and renamed when it is whole. Thread-safe; any
/// number of processes may use one root.
///
/// Errors: NoSpace also when a limit on the size of files was reached; InvalidInput where a key
///         needs a folder that is an object, or a name longer than the file system allows; NotReady
///         when the root that was there is gone, or is another folder now: a disk that was
///         unmounted, or renamed. Nothing is stored then, and nothing is taken for absent.
class PosixDriver final : public Driver {
public:
    /// A root that is not there, and what is missing above it, is made by the first write; until
    /// then the place is empty. One that was seen is never made again.
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
    /// Says whether a folder is the one it was, wherever it is mounted.
    struct FolderMark {
        std::uint64_t number;
        std::int64_t madeAt; // Nanoseconds since 1970; 0 where the file system keeps none.

        [[nodiscard]] bool isSame(const FolderMark& other) const noexcept;
    };
    [[nodiscard]] Result<std::optional<FolderMark>> lookAtRoot() const;
    /// Some file systems give a folder another number now and then: then what was in it decides.
    [[nodiscard]] bool hasLandmark(const ObjectKey& landmark) const;
    void noteLandmark(const ObjectKey& key);

    [[nodiscard]] Path pathOf(const ObjectKey& key) const { return m_root / key; }
    Result<> listFolder(const Walk& walk, const ObjectKey& folder);
    Result<> checkRoot();
    Result<> makeRoot();
    Result<> makeFolder(const Path& folder);
    [[nodiscard]] Error whyAbsent(Error error);
    Result<> makeDurableFolder(const Path& folder);
    void sweepOldTemporaries();

    const Path m_root;
    std::mutex m_mutex;
    std::set<Path> m_durableFolders; // Guarded by m_mutex. Known to be durable in their parents.
    bool m_swept = false;            // Guarded by m_mutex.
    std::optional<FolderMark> m_rootMark; // Guarded by m_mutex. Empty while no root was seen.
    ObjectKey m_landmark;                 // Guarded by m_mutex. The first object that was read.
};

} // namespace salvor::storage
