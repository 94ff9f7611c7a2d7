#include "core/base/file.h"
#include "core/repository/wal_pieces.h"
#include "core/wal/archive.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace salvor::wal {
namespace {

/// PostgreSQL runs restore_command in its data directory.
bool isStandby()
{
    std::error_code error;
    return std::filesystem::exists("standby.signal", error) || error;
}

/// Removes a file unless told that it stays.
class UnlinkOnExit {
public:
    explicit UnlinkOnExit(std::string path)
        : m_path(std::move(path))
    {}
    ~UnlinkOnExit()
    {
        if (!m_path.empty())
            ::unlink(m_path.c_str());
    }
    UnlinkOnExit(const UnlinkOnExit&) = delete;
    UnlinkOnExit& operator=(const UnlinkOnExit&) = delete;
    void keep() { m_path.clear(); }

private:
    std::string m_path;
};

} // namespace

Result<Bytes> readArchived(const repository::Repository& repository,
                           const model::Incarnation& incarnation, const std::string& name,
                           Take take)
{
    switch (model::walFileKind(name)) {
    case model::WalFileKind::Segment: {
        SALVOR_TRY(const auto segment,
                   model::parseSegmentName(name, incarnation.identity.segmentSize));
        // A standby gets the rest from its primary, and must not keep a segment that is not whole.
        if (take == Take::WholeOnly || isStandby())
            return repository.readSegment(incarnation, segment);
        return repository::readSegmentOrPieces(repository, incarnation, segment);
    }
    case model::WalFileKind::PartialSegment:
    case model::WalFileKind::History:
    case model::WalFileKind::BackupLabel:
        return repository.readWalFile(incarnation, name);
    case model::WalFileKind::Other:
        break;
    }
    return fail(ErrorCode::InvalidInput, "'" + name + "' is not the name of a WAL file");
}

Result<> writeFetched(ByteView bytes, const Path& destination)
{
    std::string temporary = destination.native() + ".salvor-XXXXXX";
    const FileDescriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!file.isOpen()) {
        // NotFound would tell PostgreSQL that the archive lacks the file.
        Error error = failErrno(errno, "cannot write " + quoted(destination));
        if (error.code == ErrorCode::NotFound)
            error.code = ErrorCode::NotReady;
        return error;
    }
    UnlinkOnExit guard(temporary);
    SALVOR_CHECK(writeAll(file, bytes).in("write " + quoted(destination)));
    // No fsync: PostgreSQL syncs the file itself when it takes it over (durable_rename).
    if (::rename(temporary.c_str(), destination.c_str()) != 0) {
        Error error = failErrno(errno, "cannot write " + quoted(destination));
        if (error.code == ErrorCode::NotFound)
            error.code = ErrorCode::NotReady;
        return error;
    }
    guard.keep();
    return {};
}

Result<> archiveGet(const repository::Repository& repository, const model::Incarnation& incarnation,
                    const std::string& name, const Path& destination, Take take)
{
    SALVOR_TRY(const Bytes bytes, readArchived(repository, incarnation, name, take));
    return writeFetched(bytes, destination);
}

} // namespace salvor::wal
