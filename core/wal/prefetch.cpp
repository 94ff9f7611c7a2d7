#include "core/wal/prefetch.h"

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/crypto/crc32c.h"
#include "core/wal/prefetch_files.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <thread>
#include <unistd.h>

namespace salvor::wal {
namespace {

using namespace std::chrono;

constexpr auto lookInterval = milliseconds(1);

std::optional<PrefetchedFile> find(const Spool& spool, const std::string& segment)
{
    for (const std::string& name : spool.names())
        if (auto file = PrefetchedFile::parse(name); file && file->segment == segment)
            return file;
    return std::nullopt;
}

/// Reads the file to its end, and hands every part on.
template <typename Visit>
Result<> readParts(const FileDescriptor& file, Visit visit)
{
    Bytes buffer(std::size_t{256} << 10U);
    ByteCount at = 0;
    while (true) {
        SALVOR_TRY(const std::size_t got, readFullAt(file, buffer, at));
        SALVOR_CHECK(visit(ByteView(buffer).first(got)));
        at += got;
        if (got < buffer.size())
            return {};
    }
}

Result<> check(const FileDescriptor& file, const PrefetchedFile& expected)
{
    crypto::Crc32c crc;
    ByteCount size = 0;
    SALVOR_CHECK(readParts(file, [&](ByteView part) -> Result<> {
        crc.add(part);
        size += part.size();
        return {};
    }));
    if (size != expected.size || crc.value() != expected.crc)
        return fail(ErrorCode::Corrupt, "it is not what was written");
    return {};
}

/// For a spool on another file system.
Result<> copy(const FileDescriptor& file, const Path& destination)
{
    std::string temporary = destination.native() + ".salvor-XXXXXX";
    const FileDescriptor target(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!target.isOpen())
        return failErrno(errno, "cannot write " + quoted(destination));
    Result<> copied = readParts(file, [&](ByteView part) { return writeAll(target, part); });
    if (copied.ok() && ::rename(temporary.c_str(), destination.c_str()) != 0)
        copied = failErrno(errno, "cannot write " + quoted(destination));
    if (!copied.ok())
        ::unlink(temporary.c_str());
    return copied;
}

Result<> take(const Spool& spool, const PrefetchedFile& expected, const Path& destination)
{
    const Path path = spool.folder() / expected.name();
    SALVOR_TRY(const FileDescriptor file, openFile(path, O_RDONLY | O_NOFOLLOW));
    SALVOR_CHECK(check(file, expected));
    if (::rename(path.c_str(), destination.c_str()) == 0)
        return {};
    if (errno != EXDEV)
        return failErrno(errno, "cannot rename to " + quoted(destination));
    return copy(file, destination);
}

/// True when it was there and is at the destination now.
bool takeNow(const Spool& spool, const std::string& segment, const Path& destination)
{
    const auto file = find(spool, segment);
    if (!file)
        return false;
    const Result<> taken = take(spool, *file, destination);
    if (!taken.ok())
        log(LogLevel::Warning, "the segment fetched ahead, " + quoted(spool.folder() / file->name())
                                   + ", is not used: " + taken.error().message);
    // Also after a copy, and when it was damaged.
    spool.remove(file->name());
    return taken.ok();
}

std::string tokenNow()
{
    return std::to_string(::getpid()) + "-"
           + std::to_string(steady_clock::now().time_since_epoch().count());
}

Result<std::string> nameAfter(const std::string& name, ByteCount segmentSize)
{
    SALVOR_TRY(model::Segment segment, model::parseSegmentName(name, segmentSize));
    ++segment.number;
    return model::segmentName(segment, segmentSize);
}

Result<> goOn(const Prefetch& prefetch, const std::string& name)
{
    SALVOR_TRY(const std::string next, nameAfter(name, prefetch.segmentSize));
    SALVOR_CHECK(prefetch.spool.put(positionName, next + " 0"));
    if (prefetch.spool.hasWorker())
        return {};
    SALVOR_TRY(const auto lock, prefetch.spool.tryLock());
    if (!lock)
        return {};
    prefetch.spool.clear(positionName);
    return prefetch.startWorker(*lock);
}

bool waitFor(const Prefetch& prefetch, const std::string& name, const Path& destination)
{
    const std::string asked = name + " " + tokenNow();
    if (!prefetch.spool.put(positionName, asked).ok())
        return false;
    const auto deadline = steady_clock::now() + prefetch.timeout;
    while (steady_clock::now() < deadline && prefetch.spool.hasWorker()) {
        if (takeNow(prefetch.spool, name, destination))
            return true;
        if (prefetch.spool.get(passName) == asked)
            return false;
        std::this_thread::sleep_for(lookInterval);
    }
    return false;
}

} // namespace

std::string PrefetchedFile::name() const
{
    std::array<char, 9> digits{};
    std::snprintf(digits.data(), digits.size(), "%08x", crc); // NOLINT: no std::format here.
    return segment + "." + std::to_string(size) + "." + digits.data();
}

std::optional<PrefetchedFile> PrefetchedFile::parse(const std::string& name)
{
    const std::size_t first = name.find('.');
    const std::size_t second = name.rfind('.');
    if (first == std::string::npos || first == second)
        return std::nullopt;
    const auto size = parseUnsigned(std::string_view(name).substr(first + 1, second - first - 1));
    const auto crc = parseHexNumber(std::string_view(name).substr(second + 1));
    const std::string segment = name.substr(0, first);
    if (!size || !crc || model::walFileKind(segment) != model::WalFileKind::Segment)
        return std::nullopt;
    return PrefetchedFile{segment, *size, static_cast<std::uint32_t>(*crc)};
}

bool takePrefetched(const Prefetch& prefetch, const std::string& name, const Path& destination)
{
    // What a dead worker left is of nobody knows which repository.
    if (!prefetch.spool.hasWorker())
        return false;
    if (!takeNow(prefetch.spool, name, destination) && !waitFor(prefetch, name, destination))
        return false;
    prefetchAfter(prefetch, name);
    return true;
}

void prefetchAfter(const Prefetch& prefetch, const std::string& name)
{
    if (const Result<> done = goOn(prefetch, name); !done.ok())
        log(LogLevel::Warning, "no WAL is fetched ahead: " + done.error().message);
}

} // namespace salvor::wal
