// Makes a repository in a folder from a folder of files, for the independent reader's test:
//   make_repository encrypted|plain SOURCE REPOSITORY KEYS
// Backs SOURCE up as backup "b1" of cluster "prod" (and again as "b2", with all known), pushes the
// file SOURCE.segment as a segment and some small files, and leaves what opens it in KEYS.
#include "core/base/file.h"
#include "core/base/text.h"
#include "core/crypto/crc32c.h"
#include "core/crypto/x25519.h"
#include "core/repository/repository.h"
#include "core/repository/wal_pieces.h"
#include "core/storage/posix_driver.h"

#include <algorithm>
#include <cstdio>
#include <sys/stat.h>

namespace salvor::repository {

namespace {

constexpr std::string_view passphraseText = "correct horse";

Result<> addFile(BackupBuilder& builder, BackupBuilder::Worker& worker, const Path& file,
                 TreeEntry entry)
{
    SALVOR_TRY(const Bytes content, readFile(file));
    entry.size = content.size();
    entry.crc32c = crypto::crc32c(content);
    for (std::size_t at = 0; at < content.size(); at += chunkSize) {
        const std::size_t size = std::min<std::size_t>(chunkSize, content.size() - at);
        SALVOR_TRY(const ChunkId id, worker.add(ByteView(content).subspan(at, size)));
        entry.chunks.push_back(id);
    }
    return builder.addEntry(std::move(entry));
}

Result<> addFolder(BackupBuilder& builder, BackupBuilder::Worker& worker, const Path& source)
{
    for (const auto& each : std::filesystem::recursive_directory_iterator(source)) {
        TreeEntry entry;
        entry.path = each.path().lexically_relative(source).native();
        struct stat status {};
        if (::lstat(each.path().c_str(), &status) != 0)
            return failErrno(errno, "cannot examine " + quoted(each.path()));
        entry.mode = status.st_mode & 07777U;
        entry.owner = entry.group = "postgres";
        entry.modifiedAt = Moment(std::chrono::microseconds(status.st_mtim.tv_sec * 1000000
                                                            + status.st_mtim.tv_nsec / 1000));
        if (S_ISLNK(status.st_mode)) {
            entry.kind = TreeKind::Link;
            entry.linkTarget = std::filesystem::read_symlink(each.path()).native();
        } else if (S_ISDIR(status.st_mode)) {
            entry.kind = TreeKind::Directory;
        } else {
            SALVOR_CHECK(addFile(builder, worker, each.path(), std::move(entry)));
            continue;
        }
        SALVOR_CHECK(builder.addEntry(std::move(entry)));
    }
    return {};
}

Result<> backUp(Repository& repository, const model::Incarnation& incarnation, const Path& source,
                const std::string& id)
{
    BackupBuilder::Options options;
    options.packSize = ByteCount{1} << 20U;
    Progress progress;
    JobContext job{{}, progress, discardEvents()};
    SALVOR_TRY(const auto builder, BackupBuilder::create(repository, incarnation, options, job));
    const auto worker = builder->worker();
    SALVOR_CHECK(addFolder(*builder, *worker, source));
    SALVOR_CHECK(worker->flush());
    model::Backup backup;
    backup.id = id;
    backup.startedAt = systemClock().now();
    SALVOR_CHECK(builder->finish(std::move(backup), job));
    return {};
}

Result<> pushWal(const Repository& repository, const model::Incarnation& incarnation,
                 const Path& source)
{
    SALVOR_TRY(const Bytes segment, readFile(Path(source.native() + ".segment")));
    SALVOR_CHECK(repository.pushSegment(incarnation, {model::TimelineId{1}, 7}, segment));
    SALVOR_CHECK(repository.pushWalFile(incarnation, "00000002.history",
                                        asBytes("1\t0/3000000\tno recovery target\n")));
    SALVOR_CHECK(repository.pushWalFile(incarnation, "000000010000000000000008.partial",
                                        ByteView(segment).first(300000)));
    const model::Segment begun{model::TimelineId{1}, 8};
    for (const auto& [from, to] :
         std::vector<std::pair<ByteCount, ByteCount>>{{0, 100000}, {100000, 300000}, {0, 400000}})
        SALVOR_CHECK(pushPiece(repository, incarnation, begun, from,
                               ByteView(segment).subspan(from, to - from)));
    return {};
}

Result<Unlock> makeFirstKey(const Path& keys)
{
    SALVOR_CHECK(createDirectories(keys));
    SALVOR_TRY(Secret key, createKeyFile(keys / "key-file"));
    return Unlock{Unlock::Kind::KeyFile, std::move(key)};
}

/// A passphrase and an X25519 recipient beside the key file.
Result<> addSlots(const Repository& repository, const Path& keys)
{
    SALVOR_TRY(const crypto::KeyPair pair, crypto::newKeyPair());
    SALVOR_CHECK(repository.addSlot({Unlock::Kind::Passphrase, Secret(passphraseText)},
                                    SlotAccess::Reader, "typed"));
    SALVOR_CHECK(repository.addSlot({Unlock::Kind::PrivateKey, Secret(ByteView(pair.publicKey))},
                                    SlotAccess::Reader, "away"));
    SALVOR_CHECK(writeFileDurably(keys / "passphrase", asBytes(passphraseText)));
    return writeFileDurably(keys / "private-key", asBytes(toHex(pair.privateKey.reveal())));
}

Result<> make(bool encrypted, const Path& source, const Path& place, const Path& keys)
{
    const auto driver = std::make_shared<storage::PosixDriver>(place);
    Unlock unlock;
    if (encrypted) {
        SALVOR_TRY(unlock, makeFirstKey(keys));
    }
    InitOptions options;
    options.encrypted = encrypted;
    options.firstKey = {unlock.kind, unlock.secret.duplicate()};
    SALVOR_CHECK(Repository::init(*driver, options));
    SALVOR_TRY(const auto repository, Repository::open(driver, unlock));
    if (encrypted)
        SALVOR_CHECK(addSlots(*repository, keys));
    SALVOR_TRY(const model::Incarnation incarnation,
               repository->pin("prod", {7370000000000000001ULL, 15, ByteCount{1} << 20U}));
    SALVOR_CHECK(backUp(*repository, incarnation, source, "b1"));
    SALVOR_CHECK(backUp(*repository, incarnation, source, "b2"));
    return pushWal(*repository, incarnation, source);
}

} // namespace

} // namespace salvor::repository

int main(int argc, char** argv)
{
    if (argc != 5)
        return 2;
    const auto made = salvor::repository::make(std::string_view(argv[1]) == "encrypted", argv[2],
                                               argv[3], argv[4]);
    if (!made.ok())
        std::fprintf(stderr, "%s\n", made.error().message.c_str());
    return made.ok() ? 0 : 1;
}
