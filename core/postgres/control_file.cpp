#include "core/postgres/control_file.h"

#include "core/crypto/crc32c.h"

#include <bit>
#include <chrono>
#include <optional>
#include <thread>

namespace salvor::postgres {

namespace {

/// Offsets within ControlFileData. The compiler's padding is part of the format: all majors from 13
/// to 18 agree up to the checksum version.
namespace offset {
constexpr std::size_t systemIdentifier = 0;
constexpr std::size_t controlVersion = 8;
constexpr std::size_t catalogVersion = 12;
constexpr std::size_t state = 16;
constexpr std::size_t checkpoint = 32;
constexpr std::size_t checkpointRedo = 40;
constexpr std::size_t checkpointTimeline = 48;
constexpr std::size_t nextXid = 64;
constexpr std::size_t checkpointTime = 104;
constexpr std::size_t minRecoveryPoint = 136;
constexpr std::size_t minRecoveryTimeline = 144;
constexpr std::size_t backupStart = 152;
constexpr std::size_t backupEnd = 160;
constexpr std::size_t maxConnections = 180;
constexpr std::size_t maxWorkerProcesses = 184;
constexpr std::size_t maxWalSenders = 188;
constexpr std::size_t maxPreparedTransactions = 192;
constexpr std::size_t maxLocksPerTransaction = 196;
constexpr std::size_t blockSize = 216;
constexpr std::size_t blocksPerFile = 220;
constexpr std::size_t walBlockSize = 224;
constexpr std::size_t segmentSize = 228;
constexpr std::size_t checksumVersion = 252;
} // namespace offset

constexpr std::size_t crcUpTo17 = 288;
constexpr std::size_t crcFrom18 = 292; ///< A byte was added before the nonce.

constexpr std::uint32_t control13To16 = 1300;
constexpr std::uint32_t control17 = 1700;
constexpr std::uint32_t control18 = 1800;

/// The four majors that share one control version differ in their catalogs.
std::optional<int> majorOf(std::uint32_t controlVersion, std::uint32_t catalogVersion)
{
    if (controlVersion == control17)
        return 17;
    if (controlVersion == control18)
        return 18;
    if (controlVersion != control13To16)
        return std::nullopt;
    switch (catalogVersion) {
    case 202007201:
        return 13;
    case 202107181:
        return 14;
    case 202209061:
        return 15;
    case 202307071:
        return 16;
    default:
        return std::nullopt;
    }
}

Error unknownVersion(std::uint32_t controlVersion, std::uint32_t catalogVersion)
{
    // A version is a small number, so one that is small the other way round has been swapped.
    if (controlVersion % 65536 == 0 && controlVersion != 0)
        return fail(ErrorCode::Incompatible, "the control file has another byte order",
                    "Use a machine of the same kind as the one the cluster ran on.");
    return fail(ErrorCode::Incompatible,
                "the control file has version " + std::to_string(controlVersion) + " and catalog "
                    + std::to_string(catalogVersion),
                "PostgreSQL 13 to 18 are supported.");
}

model::Lsn lsnAt(ByteView bytes, std::size_t at)
{
    return model::Lsn{loadLittle<std::uint64_t>(bytes, at)};
}

int intAt(ByteView bytes, std::size_t at)
{
    return static_cast<int>(loadLittle<std::uint32_t>(bytes, at));
}

model::TimelineId timelineAt(ByteView bytes, std::size_t at)
{
    return model::TimelineId{loadLittle<std::uint32_t>(bytes, at)};
}

/// Seconds since 1970. A moment counts microseconds, so what does not fit is refused.
Result<Moment> timeAt(ByteView bytes, std::size_t at)
{
    const auto seconds = static_cast<std::int64_t>(loadLittle<std::uint64_t>(bytes, at));
    constexpr std::int64_t latest = 253402300799; // The end of the year 9999.
    if (seconds < 0 || seconds > latest)
        return fail(ErrorCode::Corrupt, "the control file has no sensible checkpoint time");
    return Moment(std::chrono::seconds(seconds));
}

/// What describes the build and the settings.
void readSettings(ByteView bytes, ControlFile& control)
{
    control.blockSize = loadLittle<std::uint32_t>(bytes, offset::blockSize);
    control.walBlockSize = loadLittle<std::uint32_t>(bytes, offset::walBlockSize);
    control.blocksPerFile = loadLittle<std::uint32_t>(bytes, offset::blocksPerFile);
    control.pageChecksums = loadLittle<std::uint32_t>(bytes, offset::checksumVersion) != 0;
    control.sizes.maxConnections = intAt(bytes, offset::maxConnections);
    control.sizes.maxWorkerProcesses = intAt(bytes, offset::maxWorkerProcesses);
    control.sizes.maxWalSenders = intAt(bytes, offset::maxWalSenders);
    control.sizes.maxPreparedTransactions = intAt(bytes, offset::maxPreparedTransactions);
    control.sizes.maxLocksPerTransaction = intAt(bytes, offset::maxLocksPerTransaction);
}

void readPositions(ByteView bytes, ControlFile& control)
{
    control.checkpoint = lsnAt(bytes, offset::checkpoint);
    control.checkpointRedo = lsnAt(bytes, offset::checkpointRedo);
    control.checkpointTimeline = timelineAt(bytes, offset::checkpointTimeline);
    control.nextXid = loadLittle<std::uint64_t>(bytes, offset::nextXid);
    control.minRecoveryPoint = lsnAt(bytes, offset::minRecoveryPoint);
    control.minRecoveryTimeline = timelineAt(bytes, offset::minRecoveryTimeline);
    control.backupStart = lsnAt(bytes, offset::backupStart);
    control.backupEnd = lsnAt(bytes, offset::backupEnd);
}

/// The state and the sizes that everything else is computed with.
Result<> checkSense(std::uint32_t state, const ControlFile& control)
{
    constexpr ByteCount smallest = ByteCount{1} << 20U;
    constexpr ByteCount largest = ByteCount{1} << 30U;
    const ByteCount size = control.identity.segmentSize;
    if (state > static_cast<std::uint32_t>(ClusterState::InProduction) || !std::has_single_bit(size)
        || size < smallest || size > largest || !std::has_single_bit(control.blockSize)
        || !std::has_single_bit(control.walBlockSize) || control.blocksPerFile == 0)
        return fail(ErrorCode::Corrupt, "the control file makes no sense although its CRC fits");
    return {};
}

} // namespace

Result<ControlFile> parseControlFile(ByteView bytes)
{
    if (bytes.size() < crcUpTo17 + sizeof(std::uint32_t))
        return fail(ErrorCode::Corrupt,
                    "the control file has only " + std::to_string(bytes.size()) + " bytes");
    ControlFile control;
    control.controlVersion = loadLittle<std::uint32_t>(bytes, offset::controlVersion);
    control.catalogVersion = loadLittle<std::uint32_t>(bytes, offset::catalogVersion);
    const auto major = majorOf(control.controlVersion, control.catalogVersion);
    if (!major)
        return unknownVersion(control.controlVersion, control.catalogVersion);

    const std::size_t crcAt = *major >= 18 ? crcFrom18 : crcUpTo17;
    if (bytes.size() < crcAt + sizeof(std::uint32_t)
        || loadLittle<std::uint32_t>(bytes, crcAt) != crypto::crc32c(bytes.first(crcAt)))
        return fail(ErrorCode::Corrupt, "the control file has a wrong checksum");

    control.identity = {loadLittle<std::uint64_t>(bytes, offset::systemIdentifier), *major,
                        loadLittle<std::uint32_t>(bytes, offset::segmentSize)};
    readPositions(bytes, control);
    readSettings(bytes, control);
    SALVOR_TRY(control.checkpointAt, timeAt(bytes, offset::checkpointTime));
    const auto state = loadLittle<std::uint32_t>(bytes, offset::state);
    SALVOR_CHECK(checkSense(state, control));
    control.state = static_cast<ClusterState>(state);
    return control;
}

Result<ControlFile> readControlFile(const Path& dataDirectory)
{
    const Path path = dataDirectory / "global" / "pg_control";
    constexpr int attempts = 10;
    constexpr ByteCount limit = ByteCount{1} << 16U;
    for (int attempt = 1;; ++attempt) {
        SALVOR_TRY(const Bytes bytes, readFile(path, limit));
        auto control = parseControlFile(bytes);
        // The server overwrites the file in place, so a reader can meet half of a new one.
        if (control.ok() || control.error().code != ErrorCode::Corrupt || attempt == attempts)
            return std::move(control).in(quoted(path));
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

} // namespace salvor::postgres
