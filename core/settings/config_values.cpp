#include "core/settings/config_values.h"

#include "core/base/text.h"

#include <algorithm>
#include <functional>
#include <sstream>

namespace salvor::settings {

namespace {

constexpr int maxLockDays = 36500;

/// Why a value is not one; the caller knows where it stands.
Error wrong(std::string problem, std::string hint)
{
    return fail(ErrorCode::InvalidInput, std::move(problem), std::move(hint));
}

Result<Path> absolutePath(const std::string& value)
{
    if (!Path(value).is_absolute())
        return wrong("'" + value + "' is not an absolute path",
                     "Write the whole path, beginning with '/'.");
    return Path(value).lexically_normal();
}

Result<bool> yesOrNo(const std::string& value)
{
    for (const char* word : {"yes", "true", "on"})
        if (value == word)
            return true;
    for (const char* word : {"no", "false", "off"})
        if (value == word)
            return false;
    return wrong("'" + value + "' is neither yes nor no", "Write yes or no.");
}

bool isBucketName(std::string_view name)
{
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    };
    return name.size() >= 3 && name.size() <= 63 && std::all_of(name.begin(), name.end(), allowed)
           && name.front() != '-' && name.front() != '.' && name.back() != '-'
           && name.back() != '.';
}

/// What may stand in object keys, so that every store and every shell takes it.
bool isKeyPrefix(std::string_view prefix)
{
    std::string_view rest = prefix;
    while (true) {
        const std::string_view part = rest.substr(0, rest.find('/'));
        const bool plain = std::all_of(part.begin(), part.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                   || c == '-' || c == '.' || c == '_';
        });
        if (part.empty() || part == "." || part == ".." || !plain)
            return false;
        if (part.size() == rest.size())
            return true;
        rest.remove_prefix(part.size() + 1);
    }
}

Result<std::string> fileUrl(const std::string& value)
{
    const std::string path = value.substr(std::string_view("file://").size());
    if (path.empty() || path.front() != '/')
        return wrong("'" + value + "' does not name an absolute folder of this machine",
                     "Write file:// and the whole path, as in file:///srv/backup.");
    const Path folder = Path(path).lexically_normal();
    if (folder == folder.root_path())
        return wrong("'" + value + "' is the root of the file system",
                     "Name a folder of the repository's own.");
    std::string text = folder.native();
    if (text.back() == '/')
        text.pop_back();
    return "file://" + text;
}

Result<std::string> s3Url(const std::string& value)
{
    std::string_view rest = std::string_view(value).substr(std::string_view("s3://").size());
    while (rest.ends_with('/'))
        rest.remove_suffix(1);
    const std::size_t slash = rest.find('/');
    const std::string_view bucket = rest.substr(0, slash);
    if (!isBucketName(bucket))
        return wrong("'" + std::string(bucket) + "' is not the name of a bucket",
                     "A bucket has 3 to 63 lower-case letters, digits, '-' and '.'.");
    if (slash != std::string_view::npos && !isKeyPrefix(rest.substr(slash + 1)))
        return wrong("'" + std::string(rest.substr(slash + 1)) + "' is not a usable prefix",
                     "Use letters, digits, '-', '_' and '.', with single '/' between the parts.");
    return "s3://" + std::string(rest);
}

Result<std::string> repositoryUrl(const std::string& value)
{
    if (value.starts_with("file://"))
        return fileUrl(value);
    if (value.starts_with("s3://"))
        return s3Url(value);
    return wrong("'" + value + "' is not a place for a repository",
                 "Write file:///absolute/folder or s3://bucket/prefix.");
}

Result<std::string> endpointUrl(const std::string& value)
{
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (!value.starts_with(scheme))
            continue;
        const std::string_view rest = std::string_view(value).substr(scheme.size());
        const std::string_view host = rest.substr(0, rest.find('/'));
        if (host.empty() || value.find_first_of(" \t@?#") != std::string::npos)
            break;
        std::string text = value;
        while (text.back() == '/')
            text.pop_back();
        return text;
    }
    return wrong("'" + value + "' is not the address of a service",
                 "Write https://host or https://host:port, without user, password or query.");
}

Result<std::string> credentialSource(const std::string& value)
{
    if (value == "env" || value == "instance")
        return value;
    for (const std::string_view kind : {"profile:", "process:"}) {
        if (value.starts_with(kind) && !trim(value.substr(kind.size())).empty())
            return value;
    }
    if (value.starts_with("file:")) {
        SALVOR_TRY(const Path path, absolutePath(std::string(trim(value.substr(5)))));
        return "file:" + path.native();
    }
    return wrong("'" + value + "' is not a source of credentials",
                 "Write env, profile:NAME, process:COMMAND, instance or file:/absolute/path; the "
                 "secret itself never stands in this file.");
}

Result<std::string> sseMode(const std::string& value)
{
    if (value == "none" || value == "s3" || (value.starts_with("kms:") && value.size() > 4))
        return value;
    return wrong("'" + value + "' is not a way of server-side encryption",
                 "Write none, s3 or kms:KEY-ID.");
}

Result<std::string> storageClassName(const std::string& value)
{
    const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
    if (plain)
        return value;
    return wrong("'" + value + "' is not a storage class",
                 "Write it as the store does, such as STANDARD_IA.");
}

/// One that a restore can read at once.
Result<std::string> warmClassName(const std::string& value)
{
    if (value == "GLACIER" || value == "DEEP_ARCHIVE")
        return wrong("objects in '" + value
                         + "' cannot be read for hours, and a restore needs them",
                     "Write STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER_IR or a class of "
                     "your store.");
    return storageClassName(value);
}

Result<int> lockDays(const std::string& value)
{
    const auto days = parseUnsigned(value);
    if (days && *days <= static_cast<std::uint64_t>(maxLockDays))
        return static_cast<int>(*days);
    return wrong("'" + value + "' is not a number of days",
                 "Write a whole number from 0 (no lock) to " + std::to_string(maxLockDays) + ".");
}

/// Bytes a second, a power of 1024 behind the number.
Result<ByteCount> byteRate(const std::string& value)
{
    constexpr std::string_view units = "KMG";
    std::string_view digits = value;
    unsigned shift = 0;
    if (!digits.empty())
        if (const std::size_t unit = units.find(digits.back()); unit != std::string_view::npos) {
            shift = 10U * (static_cast<unsigned>(unit) + 1);
            digits.remove_suffix(1);
        }
    constexpr ByteCount slowest = ByteCount{64} << 10U;
    constexpr ByteCount fastest = ByteCount{1} << 40U;
    const auto number = parseUnsigned(digits);
    if (number && *number <= fastest >> shift && (*number << shift) >= slowest)
        return *number << shift;
    return wrong("'" + value + "' is not a rate",
                 "Write bytes a second, such as 20M; 64K is the least.");
}

Result<std::chrono::seconds> someDuration(const std::string& value)
{
    SALVOR_TRY(const std::chrono::seconds duration, parseDuration(value));
    if (duration.count() == 0)
        return wrong("'" + value + "' is no time at all", "Leave the line out, or write more.");
    return duration;
}

/// A whole number between two others.
template <int Least, int Most, typename Number = int>
Result<Number> numberIn(const std::string& value)
{
    const auto number = parseUnsigned(value);
    if (number && *number >= static_cast<std::uint64_t>(Least)
        && *number <= static_cast<std::uint64_t>(Most))
        return static_cast<Number>(*number);
    return wrong("'" + value + "' is out of range", "Write a whole number from "
                                                        + std::to_string(Least) + " to "
                                                        + std::to_string(Most) + ".");
}

Result<std::chrono::seconds> timeOut(const std::string& value)
{
    SALVOR_TRY(const std::chrono::seconds duration, parseDuration(value));
    if (duration < std::chrono::seconds(1) || duration > std::chrono::hours(1))
        return wrong("'" + value + "' is out of range", "Write 1s to 1h.");
    return duration;
}

Result<std::string> slotName(const std::string& value)
{
    const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (plain && !value.empty() && value.size() < 64)
        return value;
    return wrong("'" + value + "' is not the name of a replication slot",
                 "Write at most 63 lower-case letters, digits and '_'.");
}

Result<std::string> anyText(const std::string& value)
{
    return value;
}

template <typename Config>
using Reader = std::function<Result<>(Config&, const std::string&)>;

/// A key and what it does with its value.
template <typename Config>
struct Key {
    const char* name;
    Reader<Config> read;
};

template <typename Config, typename Value, typename Convert>
Reader<Config> into(Value Config::*member, Convert convert)
{
    return [member, convert](Config& config, const std::string& value) -> Result<> {
        SALVOR_TRY(config.*member, convert(value));
        return {};
    };
}

/// A rule of `keep-…`.
template <typename Config, typename Value, typename Convert>
Reader<Config> intoRule(Value model::RetentionRules::*rule, Convert convert)
{
    return [rule, convert](Config& config, const std::string& value) -> Result<> {
        SALVOR_TRY(config.retention.*rule, convert(value));
        return {};
    };
}

/// The keys of a section that has rules, which stand between others of it.
template <typename Config>
std::vector<Key<Config>> withRules(std::vector<Key<Config>> keys,
                                   const std::vector<Key<Config>>& after)
{
    using Rules = model::RetentionRules;
    constexpr auto count = numberIn<1, 100'000, unsigned>;
    const std::vector<Key<Config>> rules = {
        {"keep-window", intoRule<Config>(&Rules::window, someDuration)},
        {"keep-last", intoRule<Config>(&Rules::last, count)},
        {"keep-hourly", intoRule<Config>(&Rules::hourly, count)},
        {"keep-daily", intoRule<Config>(&Rules::daily, count)},
        {"keep-weekly", intoRule<Config>(&Rules::weekly, count)},
        {"keep-monthly", intoRule<Config>(&Rules::monthly, count)},
        {"keep-yearly", intoRule<Config>(&Rules::yearly, count)},
    };
    keys.insert(keys.end(), rules.begin(), rules.end());
    keys.insert(keys.end(), after.begin(), after.end());
    return keys;
}

Result<> readEncryption(RepositoryConfig& repository, const std::string& value)
{
    if (value != "none")
        return wrong("'" + value + "' is not a way to store a repository",
                     "Leave the line out to encrypt, or write none to store everything readable.");
    repository.encrypted = false;
    return {};
}

/// 0: all of them.
Result<unsigned> requiredCount(const std::string& value)
{
    if (value == "all")
        return 0U;
    if (value == "any")
        return 1U;
    const auto number = parseUnsigned(value);
    if (number && *number >= 1 && *number <= 100)
        return static_cast<unsigned>(*number);
    return wrong("'" + value + "' is no number of repositories", "Write all, any, or a number.");
}

/// The first takes the backups; the others are its copies.
Result<> readRepositories(ClusterConfig& cluster, const std::string& value)
{
    std::istringstream words(value);
    std::vector<std::string> names;
    for (std::string word; words >> word;) {
        if (std::find(names.begin(), names.end(), word) != names.end())
            return wrong("'" + word + "' stands there twice", "Name each repository once.");
        names.push_back(word);
    }
    if (names.empty())
        return {};
    cluster.repository = names.front();
    cluster.copies.assign(names.begin() + 1, names.end());
    return {};
}

const std::vector<Key<RepositoryConfig>>& repositoryKeyTable()
{
    using R = RepositoryConfig;
    static const std::vector<Key<R>> table = withRules<R>(
        {
            {"url", into(&R::url, repositoryUrl)},
            {"endpoint", into(&R::endpoint, endpointUrl)},
            {"region", into(&R::region, anyText)},
            {"path-style", into(&R::pathStyle, yesOrNo)},
            {"ca-file", into(&R::caFile, absolutePath)},
            {"credentials", into(&R::credentials, credentialSource)},
            {"sse", into(&R::sse, sseMode)},
            {"storage-class", into(&R::storageClass, storageClassName)},
            {"lock-days", into(&R::lockDays, lockDays)},
            {"move-after-days", into(&R::moveAfterDays, numberIn<0, maxLockDays>)},
            {"move-to", into(&R::moveTo, warmClassName)},
            {"old-version-days", into(&R::oldVersionDays, numberIn<1, maxLockDays>)},
            {"upload-limit", into(&R::uploadLimit, byteRate)},
            {"download-limit", into(&R::downloadLimit, byteRate)},
            {"key-file", into(&R::keyFile, absolutePath)},
            {"key-command", into(&R::keyCommand, anyText)},
            {"encryption", readEncryption},
        },
        {});
    return table;
}

const std::vector<Key<ClusterConfig>>& clusterKeyTable()
{
    using C = ClusterConfig;
    static const std::vector<Key<C>> table = withRules<C>(
        {
            {"repository", readRepositories},
            {"wal-required", into(&C::walRequired, requiredCount)},
            {"connection", into(&C::connection, anyText)},
            {"data-directory", into(&C::dataDirectory, absolutePath)},
            {"primary-connection", into(&C::primaryConnection, anyText)},
            {"pg-bin", into(&C::pgBin, absolutePath)},
            {"validation", into(&C::validation, absolutePath)},
        },
        {
            {"archive-async", into(&C::archiveAsync, yesOrNo)},
            {"archive-jobs", into(&C::archiveJobs, numberIn<1, 32>)},
            {"archive-timeout", into(&C::archiveTimeout, timeOut)},
            {"prefetch", into(&C::prefetch, numberIn<0, 64>)},
            {"spool-path", into(&C::spoolPath, absolutePath)},
            {"receive-interval", into(&C::receiveInterval, timeOut)},
            {"receive-slot", into(&C::receiveSlot, slotName)},
        });
    return table;
}

template <typename Config>
std::vector<std::string> namesOf(const std::vector<Key<Config>>& table)
{
    std::vector<std::string> names;
    names.reserve(table.size());
    for (const auto& key : table)
        names.emplace_back(key.name);
    return names;
}

template <typename Config>
Result<Config> readSection(const IniSection& section, std::string_view file,
                           const std::vector<Key<Config>>& table)
{
    Config config;
    config.name = section.name;
    for (const IniEntry& entry : section.entries) {
        const auto key = std::find_if(table.begin(), table.end(),
                                      [&](const auto& each) { return each.name == entry.key; });
        if (key == table.end()) {
            const auto near = nearest(entry.key, namesOf(table));
            return fail(ErrorCode::InvalidInput,
                        atLine(file, entry.line) + ": unknown key '" + entry.key + "' in ["
                            + section.kind + " " + section.name + "]",
                        near ? "Did you mean '" + *near + "'?"
                             : "See salvor.conf(5) for the keys there are.");
        }
        SALVOR_CHECK(
            key->read(config, entry.value).in(atLine(file, entry.line) + ": " + entry.key));
    }
    return config;
}

Error missing(const IniSection& section, std::string_view file, const std::string& key,
              const std::string& example)
{
    return fail(ErrorCode::InvalidInput,
                atLine(file, section.line) + ": [" + section.kind + " " + section.name
                    + "] has no '" + key + "'",
                "Add a line like: " + key + " = " + example + ".");
}

/// Refuses `key` in a section where it means nothing, so that nobody relies on it.
Result<> refuseKey(const IniSection& section, std::string_view file, const std::string& key,
                   const std::string& reason)
{
    const auto entry = std::find_if(section.entries.begin(), section.entries.end(),
                                    [&](const IniEntry& each) { return each.key == key; });
    if (entry == section.entries.end())
        return {};
    return fail(ErrorCode::InvalidInput, atLine(file, entry->line) + ": '" + key + "' " + reason,
                "Remove the line.");
}

/// Otherwise nobody said how much WAL there must be, and the answer loses data one day.
Result<> checkRules(const IniSection& section, std::string_view file,
                    const model::RetentionRules& rules)
{
    if (!rules.any() || rules.window.count() > 0 || rules.last > 0)
        return {};
    return fail(
        ErrorCode::InvalidInput,
        atLine(file, section.line) + ": [" + section.kind + " " + section.name
            + "] says which backups are kept, but not since when any moment can be restored",
        "Add a line like keep-window = 14d, or keep-last = 7.");
}

} // namespace

std::vector<std::string> repositoryKeys()
{
    return namesOf(repositoryKeyTable());
}

std::vector<std::string> clusterKeys()
{
    return namesOf(clusterKeyTable());
}

Result<RepositoryConfig> readRepository(const IniSection& section, std::string_view file)
{
    SALVOR_TRY(RepositoryConfig repository, readSection(section, file, repositoryKeyTable()));
    if (repository.url.empty())
        return missing(section, file, "url", "file:///srv/backup");
    if (repository.url.starts_with("file:")) {
        for (const char* key :
             {"endpoint", "region", "path-style", "ca-file", "credentials", "sse", "storage-class",
              "lock-days", "move-after-days", "move-to", "old-version-days"})
            SALVOR_CHECK(refuseKey(section, file, key, "has no meaning for a folder"));
    }
    if ((repository.moveAfterDays == 0) != repository.moveTo.empty())
        return missing(section, file, repository.moveTo.empty() ? "move-to" : "move-after-days",
                       repository.moveTo.empty() ? "STANDARD_IA" : "30");
    if (!repository.encrypted) {
        for (const char* key : {"key-file", "key-command"})
            SALVOR_CHECK(refuseKey(section, file, key, "has no meaning with encryption = none"));
    }
    if (!repository.keyFile.empty())
        SALVOR_CHECK(
            refuseKey(section, file, "key-command", "contradicts 'key-file': only one can be"));
    SALVOR_CHECK(checkRules(section, file, repository.retention));
    return repository;
}

Result<ClusterConfig> readCluster(const IniSection& section, std::string_view file)
{
    SALVOR_TRY(ClusterConfig cluster, readSection(section, file, clusterKeyTable()));
    if (cluster.repository.empty())
        return missing(section, file, "repository", "NAME");
    // One that is left of several, the others lost, is valid without another change.
    if (!cluster.copies.empty() && cluster.walRequired > cluster.repositories().size())
        return fail(ErrorCode::InvalidInput,
                    atLine(file, section.line) + ": wal-required asks for "
                        + std::to_string(cluster.walRequired) + " repositories of "
                        + std::to_string(cluster.repositories().size()),
                    "Write all, any, or fewer.");
    SALVOR_CHECK(checkRules(section, file, cluster.retention));
    if (!cluster.archiveAsync)
        for (const char* key : {"archive-jobs", "archive-timeout"})
            SALVOR_CHECK(refuseKey(section, file, key, "has no meaning without archive-async"));
    if (!cluster.archiveAsync && cluster.prefetch == 0)
        SALVOR_CHECK(refuseKey(section, file, "spool-path",
                               "has no meaning with prefetch = 0 and without archive-async"));
    return cluster;
}

namespace {

void put(KeyValues& out, const char* key, const std::string& value)
{
    if (!value.empty())
        out.emplace_back(key, value);
}

void putRules(KeyValues& out, const model::RetentionRules& rules)
{
    put(out, "keep-window", rules.window.count() == 0 ? "" : formatDuration(rules.window));
    const auto putCount = [&out](const char* key, unsigned count) {
        put(out, key, count == 0 ? "" : std::to_string(count));
    };
    putCount("keep-last", rules.last);
    putCount("keep-hourly", rules.hourly);
    putCount("keep-daily", rules.daily);
    putCount("keep-weekly", rules.weekly);
    putCount("keep-monthly", rules.monthly);
    putCount("keep-yearly", rules.yearly);
}

} // namespace

KeyValues writeRepository(const RepositoryConfig& repository)
{
    KeyValues out;
    put(out, "url", repository.url);
    put(out, "endpoint", repository.endpoint);
    put(out, "region", repository.region);
    put(out, "path-style", repository.pathStyle ? "yes" : "");
    put(out, "ca-file", repository.caFile.native());
    put(out, "credentials", repository.credentials == "env" ? "" : repository.credentials);
    put(out, "sse", repository.sse == "none" ? "" : repository.sse);
    put(out, "storage-class", repository.storageClass);
    const auto putDays = [&out](const char* key, int days, int usual) {
        put(out, key, days == usual ? "" : std::to_string(days));
    };
    putDays("lock-days", repository.lockDays, 0);
    putDays("move-after-days", repository.moveAfterDays, 0);
    put(out, "move-to", repository.moveTo);
    putDays("old-version-days", repository.oldVersionDays, 30);
    const auto putRate = [&out](const char* key, ByteCount rate) {
        put(out, key, rate == 0 ? "" : std::to_string(rate));
    };
    putRate("upload-limit", repository.uploadLimit);
    putRate("download-limit", repository.downloadLimit);
    put(out, "key-file", repository.keyFile.native());
    put(out, "key-command", repository.keyCommand);
    put(out, "encryption", repository.encrypted ? "" : "none");
    putRules(out, repository.retention);
    return out;
}

KeyValues writeCluster(const ClusterConfig& cluster)
{
    KeyValues out;
    std::string repositories;
    for (const std::string& name : cluster.repositories())
        repositories += (repositories.empty() ? "" : " ") + name;
    put(out, "repository", repositories);
    put(out, "wal-required", cluster.walRequired == 0 ? "" : std::to_string(cluster.walRequired));
    put(out, "connection", cluster.connection);
    put(out, "data-directory", cluster.dataDirectory.native());
    put(out, "primary-connection", cluster.primaryConnection);
    put(out, "pg-bin", cluster.pgBin.native());
    put(out, "validation", cluster.validation.native());
    putRules(out, cluster.retention);
    const ClusterConfig usual;
    put(out, "archive-async", cluster.archiveAsync ? "yes" : "");
    if (cluster.archiveJobs != usual.archiveJobs)
        put(out, "archive-jobs", std::to_string(cluster.archiveJobs));
    if (cluster.archiveTimeout != usual.archiveTimeout)
        put(out, "archive-timeout", formatDuration(cluster.archiveTimeout));
    if (cluster.prefetch != usual.prefetch)
        put(out, "prefetch", std::to_string(cluster.prefetch));
    put(out, "spool-path", cluster.spoolPath.native());
    if (cluster.receiveInterval != usual.receiveInterval)
        put(out, "receive-interval", formatDuration(cluster.receiveInterval));
    put(out, "receive-slot", cluster.receiveSlot);
    return out;
}

} // namespace salvor::settings
