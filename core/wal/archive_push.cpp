#include "core/base/file.h"
#include "core/postgres/control_file.h"
#include "core/wal/archive.h"
#include "core/wal/async_push.h"

#include <array>
#include <cerrno>
#include <sys/stat.h>

namespace salvor::wal {
namespace {

using repository::Repository;

constexpr ByteCount largestSegment = ByteCount{1} << 30U;

std::string inBytes(ByteCount bytes)
{
    return std::to_string(bytes) + " bytes";
}

Result<FileToArchive> readWholeSegment(const Path& path, const std::string& name)
{
    SALVOR_TRY(Bytes bytes, readFile(path, largestSegment));
    SALVOR_TRY(const auto header, checkWholeSegment(bytes, name, quoted(path)));
    return FileToArchive{name,
                         std::move(bytes),
                         {.systemIdentifier = header.systemIdentifier,
                          .majorVersion = header.majorVersion,
                          .segmentSize = header.segmentSize}};
}

/// Which cluster a file without an identity of its own belongs to.
Result<model::ClusterIdentity> identityBeside(const Path& path)
{
    if (path.is_absolute()) {
        auto above = postgres::readControlFile(path.parent_path().parent_path());
        if (above.ok())
            return above->identity;
    }
    auto here = postgres::readControlFile(".");
    if (!here.ok()) {
        Error error =
            std::move(here).error().in("cannot tell which cluster " + quoted(path) + " is of");
        if (error.code == ErrorCode::NotFound) {
            error.code = ErrorCode::NotReady;
            error.hint = "Run archive-push from the data directory, as PostgreSQL does.";
        }
        return error;
    }
    return here->identity;
}

Result<FileToArchive> readSmallFile(const Path& path, const std::string& name)
{
    SALVOR_TRY(Bytes bytes, readFile(path, largestSegment));
    SALVOR_TRY(const auto identity, identityBeside(path));
    if (model::walFileKind(name) == model::WalFileKind::PartialSegment) {
        SALVOR_TRY(const auto header,
                   postgres::readSegmentHeader(bytes).in("read " + quoted(path)));
        if (header.systemIdentifier != identity.systemIdentifier)
            return fail(ErrorCode::NotReady,
                        quoted(path) + " is of the cluster with system identifier "
                            + std::to_string(header.systemIdentifier) + ", the data directory of "
                            + std::to_string(identity.systemIdentifier),
                        "Remove the foreign file from pg_wal.");
    }
    return FileToArchive{name, std::move(bytes), identity};
}

Result<Repository::Pushed> store(const Repository& repository, const std::string& cluster,
                                 const FileToArchive& file)
{
    SALVOR_TRY(const auto incarnation, repository.pin(cluster, file.identity));
    if (model::walFileKind(file.name) != model::WalFileKind::Segment)
        return repository.pushWalFile(incarnation, file.name, file.bytes);
    SALVOR_TRY(const model::Segment segment,
               model::parseSegmentName(file.name, file.identity.segmentSize));
    return repository.pushSegment(incarnation, segment, file.bytes);
}

Result<std::uint64_t> systemIdentifierOf(const FileDescriptor& file, const Path& path)
{
    if (model::walFileKind(path.filename().native()) != model::WalFileKind::Segment) {
        SALVOR_TRY(const auto identity, identityBeside(path));
        return identity.systemIdentifier;
    }
    std::array<std::byte, 64> beginning{};
    SALVOR_TRY(const std::size_t got, readFull(file, beginning).in("read " + quoted(path)));
    SALVOR_TRY(
        const auto header,
        postgres::readSegmentHeader(ByteView(beginning).first(got)).in("read " + quoted(path)));
    return header.systemIdentifier;
}

std::string nanoseconds(const timespec& time)
{
    return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
}

} // namespace

Result<postgres::SegmentHeader> checkWholeSegment(ByteView bytes, const std::string& name,
                                                  const std::string& what)
{
    SALVOR_TRY(const auto header, postgres::readSegmentHeader(bytes).in("read " + what));
    if (bytes.size() != header.segmentSize)
        return fail(ErrorCode::Corrupt, what + " has " + inBytes(bytes.size())
                                            + ", its header says " + inBytes(header.segmentSize));
    SALVOR_TRY(const model::Segment segment, model::parseSegmentName(name, header.segmentSize));
    // The copied part of a new timeline's first segment still carries the parent's number.
    if (header.start != model::segmentStart(segment, header.segmentSize)
        || header.timeline > segment.timeline)
        return fail(ErrorCode::Corrupt,
                    what + " holds the WAL of another segment: " + model::formatLsn(header.start)
                        + " on timeline " + std::to_string(value(header.timeline)));
    return header;
}

Result<std::string> walFileSubject(const Path& path)
{
    SALVOR_TRY(const FileDescriptor file, openFile(path, O_RDONLY));
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return failErrno(errno, "cannot look at " + quoted(path));
    SALVOR_TRY(const std::uint64_t system, systemIdentifierOf(file, path));
    return "system " + std::to_string(system) + " inode " + std::to_string(status.st_ino) + " size "
           + std::to_string(status.st_size) + " modified " + nanoseconds(status.st_mtim)
           + " changed " + nanoseconds(status.st_ctim);
}

Result<FileToArchive> readFileToArchive(const Path& path)
{
    const std::string name = path.filename().native();
    switch (model::walFileKind(name)) {
    case model::WalFileKind::Segment:
        return readWholeSegment(path, name).in("archive '" + name + "'");
    case model::WalFileKind::PartialSegment:
    case model::WalFileKind::History:
    case model::WalFileKind::BackupLabel:
        return readSmallFile(path, name).in("archive '" + name + "'");
    case model::WalFileKind::Other:
        break;
    }
    return fail(ErrorCode::InvalidInput, "'" + name + "' is not the name of a WAL file",
                "Use 'salvorctl archive-push CLUSTER %p' as archive_command.");
}

Result<Repository::Pushed> storeFile(const Repository& repository, const std::string& cluster,
                                     const FileToArchive& file)
{
    return store(repository, cluster, file).in("archive '" + file.name + "'");
}

Result<Repository::Pushed> archivePush(const Repository& repository, const std::string& cluster,
                                       const Path& path)
{
    SALVOR_TRY(const FileToArchive file, readFileToArchive(path));
    return storeFile(repository, cluster, file);
}

} // namespace salvor::wal
