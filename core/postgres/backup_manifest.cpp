#include "core/postgres/backup_manifest.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/model/json_fields.h"

#include <openssl/evp.h>

#include <array>

namespace salvor::postgres {

namespace {

constexpr int firstMajorWithIdentifier = 17;
constexpr std::string_view checksumKey = "\"Manifest-Checksum\"";

Result<std::string> sha256Hex(std::string_view text)
{
    std::array<std::byte, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
                   EVP_sha256(), nullptr)
        != 1)
        return fail(ErrorCode::Bug, "cannot compute SHA-256");
    return toHex(ByteView(digest).first(size));
}

/// "2026-11-20 21:05:06 GMT".
std::string manifestTime(Moment moment)
{
    std::string text = formatMoment(moment);
    text.resize(text.find('.'));
    text[text.find('T')] = ' ';
    return text + " GMT";
}

/// The CRC's bytes as they lie in the memory of a little-endian server.
std::string crcHex(std::uint32_t crc)
{
    Bytes bytes;
    appendLittle(bytes, crc);
    return toHex(bytes);
}

void appendFile(std::string& out, const ManifestFile& file)
{
    const Json path = model::bytesJson(file.path);
    if (const Json* hex = path.find("hex"))
        out += R"({ "Encoded-Path": )" + hex->text();
    else
        out += R"({ "Path": )" + path.text();
    out += R"(, "Size": )" + std::to_string(file.size) + R"(, "Last-Modified": ")"
           + manifestTime(file.modifiedAt) + R"(", "Checksum-Algorithm": "CRC32C", "Checksum": ")"
           + crcHex(file.crc32c) + R"(" })";
}

void appendRange(std::string& out, const ManifestWalRange& range)
{
    out += R"({ "Timeline": )" + std::to_string(value(range.timeline)) + R"(, "Start-LSN": ")"
           + formatLsn(range.start) + R"(", "End-LSN": ")" + formatLsn(range.end) + R"(" })";
}

template <typename T>
void appendList(std::string& out, const std::vector<T>& values,
                void (*appendOne)(std::string&, const T&))
{
    for (std::size_t i = 0; i < values.size(); ++i) {
        out += i == 0 ? "\n" : ",\n";
        appendOne(out, values[i]);
    }
    out += "\n],\n";
}

Error notAManifest(std::string_view why)
{
    return fail(ErrorCode::Corrupt, "not a backup manifest: " + std::string(why));
}

/// Errors: Corrupt unless the last line carries the SHA-256 of all lines before it.
Result<> checkOwnChecksum(std::string_view text)
{
    const std::size_t at = text.rfind("\n" + std::string(checksumKey));
    if (at == std::string_view::npos)
        return notAManifest("it has no checksum of its own");
    const std::string_view last = text.substr(at + 1 + checksumKey.size());
    const std::size_t open = last.find('"');
    const std::size_t close = open == std::string_view::npos ? open : last.find('"', open + 1);
    if (close == std::string_view::npos)
        return notAManifest("its own checksum is cut short");
    SALVOR_TRY(const std::string actual, sha256Hex(text.substr(0, at + 1)));
    if (last.substr(open + 1, close - open - 1) != actual)
        return notAManifest("its own checksum is wrong");
    return {};
}

/// System identifiers exceed what JSON's numbers hold exactly, so the one of version 2 is made a
/// text. The key cannot occur inside a text, where its quotes would be escaped.
std::string withIdentifierAsText(std::string_view text)
{
    constexpr std::string_view key = "\"System-Identifier\":";
    std::string result(text);
    const std::size_t at = result.find(key);
    if (at == std::string::npos)
        return result;
    const std::size_t first = result.find_first_not_of(" \t\n", at + key.size());
    const std::size_t end = result.find_first_not_of("0123456789", first);
    if (first == std::string::npos || end == std::string::npos || end == first)
        return result;
    result.insert(end, "\"");
    result.insert(first, "\"");
    return result;
}

Result<std::uint32_t> crcFromHex(const std::string& hex)
{
    const auto bytes = fromHex(hex);
    if (!bytes.ok() || bytes->size() != sizeof(std::uint32_t))
        return notAManifest("'" + hex + "' is no CRC-32C");
    return loadLittle<std::uint32_t>(*bytes, 0);
}

Result<Moment> manifestTimeAt(const Json& json, std::string_view key)
{
    SALVOR_TRY(const std::string text, json.stringAt(key));
    constexpr std::string_view zone = " GMT";
    const std::string_view view(text);
    const auto moment = parseMoment(
        std::string(view.substr(0, view.size() - std::min(view.size(), zone.size()))) + "Z");
    if (!view.ends_with(zone) || !moment.ok())
        return notAManifest("'" + text + "' is no time");
    return *moment;
}

Result<ManifestFile> fileFromJson(const Json& json)
{
    ManifestFile file;
    if (json.find("Encoded-Path") != nullptr) {
        SALVOR_TRY(const std::string hex, json.stringAt("Encoded-Path"));
        const auto bytes = fromHex(hex);
        if (!bytes.ok())
            return notAManifest("'" + hex + "' is no encoded path");
        file.path = asText(*bytes);
    } else {
        SALVOR_TRY(file.path, json.stringAt("Path"));
    }
    SALVOR_TRY(file.size, json.unsignedAt("Size"));
    SALVOR_TRY(file.modifiedAt, manifestTimeAt(json, "Last-Modified"));
    const Json* algorithm = json.find("Checksum-Algorithm");
    if (algorithm != nullptr && *algorithm == Json("CRC32C")) {
        SALVOR_TRY(const std::string hex, json.stringAt("Checksum"));
        SALVOR_TRY(file.crc32c, crcFromHex(hex));
    }
    return file;
}

Result<ManifestWalRange> rangeFromJson(const Json& json)
{
    ManifestWalRange range;
    SALVOR_TRY(range.timeline, model::timelineAt(json, "Timeline"));
    SALVOR_TRY(range.start, model::lsnAt(json, "Start-LSN"));
    SALVOR_TRY(range.end, model::lsnAt(json, "End-LSN"));
    return range;
}

} // namespace

Result<std::string> makeBackupManifest(const std::vector<ManifestFile>& files,
                                       const std::vector<ManifestWalRange>& wal,
                                       const model::ClusterIdentity& identity)
{
    std::string text;
    if (identity.majorVersion >= firstMajorWithIdentifier)
        text = "{ \"PostgreSQL-Backup-Manifest-Version\": 2,\n\"System-Identifier\": "
               + std::to_string(identity.systemIdentifier) + ",\n";
    else
        text = "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n";
    text += "\"Files\": [";
    appendList(text, files, appendFile);
    text += "\"WAL-Ranges\": [";
    appendList(text, wal, appendRange);
    SALVOR_TRY(const std::string checksum, sha256Hex(text));
    return text + std::string(checksumKey) + ": \"" + checksum + "\"}\n";
}

Result<BackupManifest> parseBackupManifest(std::string_view text)
{
    SALVOR_CHECK(checkOwnChecksum(text));
    const auto json = Json::parse(withIdentifierAsText(text));
    if (!json.ok())
        return notAManifest(json.error().message);
    SALVOR_TRY(const std::int64_t version, json->integerAt("PostgreSQL-Backup-Manifest-Version"));
    if (version != 1 && version != 2)
        return notAManifest("its version " + std::to_string(version) + " is unknown");
    BackupManifest manifest;
    SALVOR_TRY(manifest.files, model::listAt(*json, "Files", fileFromJson));
    SALVOR_TRY(manifest.wal, model::listAt(*json, "WAL-Ranges", rangeFromJson));
    return manifest;
}

} // namespace salvor::postgres
