#include "tests/fuzz/decoders.h"

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/compress/zstd.h"
#include "core/crypto/crc32c.h"
#include "core/format/pack_format.h"
#include "core/format/sealed_format.h"
#include "core/format/wal_format.h"
#include "core/model/backup_json.h"
#include "core/model/restore_plan.h"
#include "core/net/aws_files.h"
#include "core/net/http_client.h"
#include "core/postgres/backup_label.h"
#include "core/postgres/backup_manifest.h"
#include "core/postgres/control_file.h"
#include "core/postgres/page.h"
#include "core/postgres/recovery_settings.h"
#include "core/postgres/tar_reader.h"
#include "core/postgres/wal_reader.h"
#include "core/repository/key_sheet.h"
#include "core/repository/key_slot.h"
#include "core/repository/tree_codec.h"
#include "core/settings/config.h"
#include "core/storage/s3_xml.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace salvor::test {

namespace {

void require(bool holds, const char* what)
{
    if (holds)
        return;
    (void)std::fprintf(stderr, "the decoder contradicts itself: %s\n", what);
    std::abort();
}

bool same(ByteView one, ByteView other)
{
    return std::equal(one.begin(), one.end(), other.begin(), other.end());
}

/// Bytes of a number put over what stands there.
void put(Bytes& bytes, std::size_t at, std::uint32_t value)
{
    Bytes encoded;
    appendLittle(encoded, value);
    std::copy(encoded.begin(), encoded.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

namespace pack {

bool header(ByteView bytes)
{
    const auto taken = format::parseHeader(bytes);
    if (!taken.ok())
        return false;
    require(taken->size() <= bytes.size(), "a header is longer than the pack");
    require(same(format::encodeHeader(*taken), bytes.first(taken->size())), "pack header");
    return true;
}

bool directory(ByteView bytes)
{
    const auto taken = format::parseDirectory(bytes);
    if (!taken.ok())
        return false;
    require(same(format::encodeDirectory(*taken), bytes), "pack directory");
    return true;
}

bool footer(ByteView bytes)
{
    constexpr ByteCount packSize = 1074;
    const auto taken = format::parseFooter(bytes, packSize);
    if (!taken.ok())
        return false;
    require(taken->directoryOffset <= packSize
                && taken->directorySize <= packSize - taken->directoryOffset,
            "a directory lies outside of its pack");
    require(same(format::encodeFooter(*taken), bytes), "pack footer");
    return true;
}

bool index(ByteView bytes)
{
    const auto taken = format::parseIndex(bytes);
    if (!taken.ok())
        return false;
    require(same(format::encodeIndex(*taken), bytes), "index");
    for (const format::IndexItem& item : *taken) {
        (void)header(item.header);
        (void)directory(item.directory);
    }
    return true;
}

} // namespace pack

bool walFrame(ByteView bytes)
{
    const auto taken = format::parseWalFrame(bytes);
    if (!taken.ok())
        return false;
    require(taken->storedSize <= bytes.size() - format::walFrameHeaderSize,
            "a frame is longer than its object");
    require(same(format::encodeWalFrame(*taken), bytes.first(format::walFrameHeaderSize)),
            "WAL frame");
    return true;
}

bool sealedHeader(ByteView bytes)
{
    const auto taken = format::parseSealedHeader(bytes);
    if (!taken.ok())
        return false;
    require(same(format::encodeSealedHeader(*taken), bytes.first(format::sealedHeaderSize)),
            "sealed header");
    return true;
}

bool treeSegment(ByteView bytes)
{
    const auto taken = repository::parseSegment(bytes);
    if (!taken.ok())
        return false;
    std::vector<Bytes> entries;
    for (const repository::StoredEntry& each : *taken) {
        auto entry = repository::encodeEntry(each.entry, each.chunkCount, each.ids);
        require(entry.ok(), "an entry that was read cannot be written");
        require(repository::pathOf(*entry) == each.entry.path, "a path is another one");
        entries.push_back(*std::move(entry));
    }
    const std::vector<ByteView> views(entries.begin(), entries.end());
    require(same(repository::encodeSegment(views), bytes), "tree segment");
    return true;
}

/// The first byte is the number of ids that there must be.
bool treeList(ByteView bytes)
{
    if (bytes.empty())
        return false;
    const auto count = std::to_integer<std::size_t>(bytes[0]);
    const auto taken = repository::parseList(bytes.subspan(1), count);
    if (!taken.ok())
        return false;
    require(taken->size() == count, "a list has another number of ids");
    require(same(repository::encodeList(taken->data(), count), bytes.subspan(1)), "list");
    return true;
}

bool zstd(ByteView bytes)
{
    Bytes out(4096);
    return compress::Decompressor().decompress(bytes, out).ok();
}

bool json(ByteView bytes)
{
    const auto taken = Json::parse(asText(bytes));
    if (!taken.ok())
        return false;
    const auto again = Json::parse(taken->text());
    require(again.ok() && *again == *taken, "JSON");
    return true;
}

bool backup(ByteView bytes)
{
    const auto parsed = Json::parse(asText(bytes));
    if (!parsed.ok())
        return false;
    const auto taken = model::backupFromJson(*parsed);
    if (!taken.ok())
        return false;
    const Json written = model::toJson(*taken);
    const auto again = model::backupFromJson(written);
    require(again.ok() && model::toJson(*again) == written, "backup");
    return true;
}

bool plan(ByteView bytes)
{
    const auto parsed = Json::parse(asText(bytes));
    if (!parsed.ok())
        return false;
    const auto taken = model::RestorePlan::fromJson(*parsed);
    if (!taken.ok())
        return false;
    const Json written = taken->toJson();
    const auto again = model::RestorePlan::fromJson(written);
    require(again.ok() && again->toJson() == written, "plan");
    return true;
}

bool keySlot(ByteView bytes)
{
    const auto parsed = Json::parse(asText(bytes));
    return parsed.ok() && repository::parseSlot(*parsed).ok();
}

bool keySheet(ByteView bytes)
{
    const auto taken = repository::readKeySheet(asText(bytes));
    require(!taken.ok() || taken->size() == 32, "a key has another size");
    return taken.ok();
}

/// With a checksum that fits, which no mutation finds.
bool controlFile(ByteView bytes)
{
    constexpr std::size_t upTo17 = 288;
    constexpr std::size_t from18 = 292;
    bool took = postgres::parseControlFile(bytes).ok();
    for (const std::size_t at : {upTo17, from18}) {
        Bytes mended(bytes.begin(), bytes.end());
        if (mended.size() < at + sizeof(std::uint32_t))
            continue;
        put(mended, at, crypto::crc32c(ByteView(mended).first(at)));
        took = postgres::parseControlFile(mended).ok() || took;
    }
    return took;
}

namespace wal {

constexpr std::size_t pageSize = 8192;
constexpr std::size_t longHeaderSize = 40;
constexpr std::size_t headerSize = 24;
constexpr std::size_t checksumAt = 20;

std::size_t aligned(std::size_t size)
{
    return (size + 7) & ~std::size_t{7};
}

/// Records of the first page get checksums that fit, which no mutation finds.
void mendRecords(Bytes& segment)
{
    std::size_t at = longHeaderSize + aligned(loadLittle<std::uint32_t>(segment, 16));
    while (at + headerSize <= pageSize) {
        const auto size = loadLittle<std::uint32_t>(segment, at);
        if (size < headerSize || size > pageSize - at)
            return;
        const ByteView record = ByteView(segment).subspan(at, size);
        crypto::Crc32c sum;
        sum.add(record.subspan(headerSize));
        sum.add(record.first(checksumAt));
        put(segment, at + checksumAt, sum.value());
        at += aligned(size);
    }
}

Result<> visit(const postgres::WalRecord& record)
{
    require(record.data.size() >= headerSize && record.start < record.end, "a record has no size");
    for (const int major : {13, 15, 18})
        (void)postgres::eventOf(record, model::TimelineId{1}, major);
    (void)postgres::parameterChangeOf(record);
    return {};
}

/// The bytes are the front of a segment of 1 MiB, then of the next.
bool segments(ByteView bytes)
{
    constexpr std::size_t segmentSize = std::size_t{1} << 20U;
    postgres::WalReader reader;
    bool took = false;
    for (const std::size_t half : {std::size_t{0}, bytes.size() / 2}) {
        Bytes segment(bytes.begin() + static_cast<std::ptrdiff_t>(half), bytes.end());
        segment.resize(segmentSize);
        mendRecords(segment);
        took = reader.feed(segment, visit).ok() || took;
        (void)reader.position();
    }
    return took;
}

/// What a record says, whatever is in it. The first byte is its manager, the second its info.
bool record(ByteView bytes)
{
    if (bytes.size() < headerSize)
        return false;
    postgres::WalRecord one;
    one.resourceManager = std::to_integer<std::uint8_t>(bytes[0]);
    one.info = std::to_integer<std::uint8_t>(bytes[1]);
    one.data = bytes;
    bool took = false;
    for (const int major : {13, 15, 18})
        took = postgres::eventOf(one, model::TimelineId{1}, major).ok() || took;
    return postgres::parameterChangeOf(one).ok() && took;
}

} // namespace wal

bool page(ByteView bytes)
{
    Bytes whole(bytes.begin(), bytes.end());
    whole.resize(postgres::pageSize);
    const auto verdict = postgres::checkPage(whole, 0);
    return verdict == postgres::PageVerdict::Good || verdict == postgres::PageVerdict::New;
}

/// The first byte is the size of the pieces that the rest comes in.
bool tar(ByteView bytes)
{
    if (bytes.empty())
        return false;
    const std::size_t piece = std::to_integer<std::size_t>(bytes[0]) * 8 + 1;
    ByteCount announced = 0;
    postgres::TarReader reader({
        [&](const postgres::TarEntry& entry) -> Result<> {
            require(!entry.path.starts_with('/') && !entry.path.ends_with('/'),
                    "a path leads out of the archive");
            announced = entry.size;
            return {};
        },
        [&](ByteView data) -> Result<> {
            require(data.size() <= announced, "more data than announced");
            announced -= data.size();
            return {};
        },
        [&]() -> Result<> {
            require(announced == 0, "less data than announced");
            return {};
        },
    });
    for (ByteView rest = bytes.subspan(1); !rest.empty();) {
        const std::size_t size = std::min(piece, rest.size());
        if (!reader.feed(rest.first(size)).ok())
            return false;
        rest = rest.subspan(size);
    }
    return reader.finish().ok();
}

bool backupLabel(ByteView bytes)
{
    return postgres::parseBackupLabel(asText(bytes)).ok();
}

bool historyFile(ByteView bytes)
{
    return postgres::parseHistoryFile(asText(bytes)).ok();
}

bool manifest(ByteView bytes)
{
    return postgres::parseBackupManifest(asText(bytes)).ok();
}

bool serverSettings(ByteView bytes)
{
    const auto taken = postgres::parseSettings(asText(bytes));
    if (!taken.ok())
        return false;
    const auto again = postgres::parseSettings(postgres::formatSettings(*taken));
    require(again.ok() && *again == *taken, "server settings");
    return true;
}

bool s3Answer(ByteView bytes)
{
    const bool isListing = storage::parseS3Listing(bytes).ok();
    const bool isUpload = storage::parseS3UploadId(bytes).ok();
    return storage::parseS3Fault(bytes).has_value() || isListing || isUpload;
}

bool awsFile(ByteView bytes)
{
    return net::parseIni(asText(bytes)).ok();
}

bool commandLine(ByteView bytes)
{
    return net::splitCommandLine(asText(bytes)).ok();
}

bool configuration(ByteView bytes)
{
    return settings::parseConfig(asText(bytes), "salvor.conf").ok();
}

/// Short texts that a person or a server gives.
bool words(ByteView bytes)
{
    const std::string_view text = asText(bytes);
    const auto moment = parseMoment(text);
    if (moment.ok()) {
        const auto again = parseMoment(formatMoment(*moment));
        require(again.ok() && *again == *moment, "moment");
    }
    const auto lsn = model::parseLsn(text);
    if (lsn.ok()) {
        const auto again = model::parseLsn(model::formatLsn(*lsn));
        require(again.ok() && *again == *lsn, "LSN");
    }
    const bool isSegment = model::parseSegmentName(text, ByteCount{16} << 20U).ok();
    const bool isEndpoint = net::parseEndpoint(text).ok();
    return parseDuration(text).ok() || fromHex(text).ok() || moment.ok() || lsn.ok() || isSegment
           || isEndpoint;
}

constexpr std::array all{
    Decoder{"aws-file", awsFile},
    Decoder{"backup", backup},
    Decoder{"backup-label", backupLabel},
    Decoder{"command-line", commandLine},
    Decoder{"configuration", configuration},
    Decoder{"control-file", controlFile},
    Decoder{"history-file", historyFile},
    Decoder{"json", json},
    Decoder{"key-sheet", keySheet},
    Decoder{"key-slot", keySlot},
    Decoder{"manifest", manifest},
    Decoder{"pack-directory", pack::directory},
    Decoder{"pack-footer", pack::footer},
    Decoder{"pack-header", pack::header},
    Decoder{"pack-index", pack::index},
    Decoder{"page", page},
    Decoder{"plan", plan},
    Decoder{"s3-answer", s3Answer},
    Decoder{"sealed-header", sealedHeader},
    Decoder{"server-settings", serverSettings},
    Decoder{"tar", tar},
    Decoder{"tree-list", treeList},
    Decoder{"tree-segment", treeSegment},
    Decoder{"wal-frame", walFrame},
    Decoder{"wal-record", wal::record},
    Decoder{"wal-segments", wal::segments},
    Decoder{"words", words},
    Decoder{"zstd", zstd},
};

} // namespace

std::span<const Decoder> decoders() noexcept
{
    return all;
}

} // namespace salvor::test
