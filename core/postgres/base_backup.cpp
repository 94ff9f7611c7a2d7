#include "core/postgres/base_backup.h"

#include "core/base/text.h"
#include "core/postgres/connection_native.h"
#include "core/postgres/copy_stream.h"
#include "core/postgres/tar_reader.h"

namespace salvor::postgres {

namespace {

using namespace std::chrono_literals;

constexpr ByteCount largestManifest = ByteCount{1} << 30U;

std::string sqlQuoted(const std::string& text)
{
    std::string quoted = "'";
    for (const char c : text)
        quoted += c == '\'' ? std::string("''") : std::string(1, c);
    return quoted + "'";
}

std::string commandFor(const Connection& connection, const std::string& label,
                       Checkpoint checkpoint)
{
    const std::string name = sqlQuoted(label);
    const bool fast = checkpoint == Checkpoint::Fast;
    if (connection.serverVersion() < 150000)
        return "BASE_BACKUP LABEL " + name + " PROGRESS" + (fast ? " FAST" : "")
               + " NOWAIT MANIFEST 'yes' MANIFEST_CHECKSUMS 'CRC32C'";
    return "BASE_BACKUP (LABEL " + name + ", PROGRESS, CHECKPOINT " + (fast ? "'fast'" : "'spread'")
           + ", WAIT 0, MANIFEST 'yes', MANIFEST_CHECKSUMS 'CRC32C')";
}

/// One run of BASE_BACKUP: takes the server's answer apart and hands it on.
class Run {
public:
    Run(Connection& connection, BaseBackupReceiver& receiver, JobContext& job)
        : m_connection(connection)
        , m_native(connection.native())
        , m_receiver(receiver)
        , m_job(job)
    {}

    Result<BaseBackupResult> go(const std::string& command,
                                const std::function<Result<>(const BackupStart&)>& started);

private:
    Result<ResultHandle> nextResult(ExecStatusType expected);
    Result<std::pair<model::Lsn, model::TimelineId>> nextPosition();
    Result<> takeTablespaces();
    Result<> takeArchives();
    Result<> copyOut(const TakeCopy& take);
    Result<> takeMessage(ByteView message);
    Result<> beginArchive(const std::string& prefix);
    Result<> endArchive();
    Result<> beginEntry(const TarEntry& entry);
    Result<> takeManifestPart(ByteView part);
    Result<> drain();
    [[nodiscard]] Error withWarnings(Error error) const;

    Connection& m_connection;
    Connection::Native& m_native;
    BaseBackupReceiver& m_receiver;
    JobContext& m_job;
    BaseBackupResult m_result;
    std::vector<std::string> m_prefixes; ///< Of the archives, in the order in which they come.
    std::string m_prefix;                ///< Of the archive that is being read.
    std::optional<TarReader> m_tar;
    std::string m_manifest;
    bool m_inManifest = false;
};

/// The server says only at the end that checksums were wrong, and where in warnings before.
Error Run::withWarnings(Error error) const
{
    std::size_t told = 0;
    for (const Notice& notice : m_native.notices)
        if (notice.severity == "WARNING" && ++told <= 10)
            error.message += "; " + notice.text;
    if (told > 10)
        error.message += "; and " + std::to_string(told - 10) + " more";
    return error;
}

Result<ResultHandle> Run::nextResult(ExecStatusType expected)
{
    SALVOR_CHECK(waitForResult(m_native, m_job.stop));
    ResultHandle result(PQgetResult(m_native.handle.get()));
    if (result != nullptr && PQresultStatus(result.get()) == expected)
        return result;
    if (m_job.stop.stop_requested())
        return fail(ErrorCode::Cancelled, "stopped on request");
    const bool failed = result == nullptr || PQresultStatus(result.get()) == PGRES_FATAL_ERROR;
    if (!failed)
        return fail(ErrorCode::Incompatible, "the server answered something unexpected");
    Error error = withWarnings(failResult(m_native, result.get()));
    if (error.code == ErrorCode::Denied)
        error.hint = "Give the role the attribute REPLICATION.";
    return error;
}

Result<std::pair<model::Lsn, model::TimelineId>> Run::nextPosition()
{
    SALVOR_TRY(const ResultHandle result, nextResult(PGRES_TUPLES_OK));
    if (PQntuples(result.get()) != 1 || PQnfields(result.get()) < 2)
        return fail(ErrorCode::Incompatible, "the server gave no position of the backup");
    SALVOR_TRY(const model::Lsn lsn, model::parseLsn(PQgetvalue(result.get(), 0, 0)));
    const auto timeline = parseUnsigned(PQgetvalue(result.get(), 0, 1));
    if (!timeline || *timeline == 0 || *timeline > UINT32_MAX)
        return fail(ErrorCode::Incompatible, "the server gave no timeline of the backup");
    return std::pair(lsn, static_cast<model::TimelineId>(*timeline));
}

Result<> Run::takeTablespaces()
{
    SALVOR_TRY(const ResultHandle result, nextResult(PGRES_TUPLES_OK));
    ByteCount total = 0;
    for (int row = 0; row < PQntuples(result.get()); ++row) {
        const auto kilobytes = parseUnsigned(PQgetvalue(result.get(), row, 2));
        total += kilobytes.value_or(0) * 1024;
        if (PQgetisnull(result.get(), row, 0) != 0) {
            m_prefixes.emplace_back();
            continue;
        }
        const auto oid = parseUnsigned(PQgetvalue(result.get(), row, 0));
        if (!oid || *oid > UINT32_MAX)
            return fail(ErrorCode::Incompatible, "the server gave no identifier of a tablespace");
        m_prefixes.push_back("pg_tblspc/" + std::to_string(*oid) + "/");
        m_result.tablespaces.push_back(
            {static_cast<std::uint32_t>(*oid), PQgetvalue(result.get(), row, 1)});
    }
    m_job.progress.setTotal(total);
    return {};
}

Result<> Run::beginEntry(const TarEntry& entry)
{
    DataEntry told;
    told.path = m_prefix + entry.path;
    told.kind = entry.type == TarEntry::Type::Directory ? EntryKind::Directory
                : entry.type == TarEntry::Type::Link    ? EntryKind::Link
                                                        : EntryKind::File;
    told.mode = entry.mode;
    told.owner = entry.owner;
    told.group = entry.group;
    told.modifiedAt = Moment(std::chrono::seconds(entry.modifiedAt));
    told.size = entry.size;
    told.linkTarget = entry.linkTarget;
    return m_receiver.begin(told);
}

Result<> Run::beginArchive(const std::string& prefix)
{
    SALVOR_CHECK(endArchive());
    m_prefix = prefix;
    m_tar.emplace(TarReader::Visitor{
        [this](const TarEntry& entry) { return beginEntry(entry); },
        [this](ByteView bytes) { return m_receiver.data(bytes); },
        [this] { return m_receiver.end(); },
    });
    return {};
}

Result<> Run::endArchive()
{
    if (!m_tar)
        return {};
    SALVOR_CHECK(m_tar->finish());
    m_tar.reset();
    return {};
}

Result<> Run::takeManifestPart(ByteView part)
{
    if (m_manifest.size() + part.size() > largestManifest)
        return fail(ErrorCode::Incompatible, "the server's manifest is too large");
    m_manifest += asText(part);
    return {};
}

Result<> Run::copyOut(const TakeCopy& take)
{
    auto taken = takeCopyData(m_native, take, m_job);
    if (!taken.ok())
        return withWarnings(std::move(taken).error());
    return {};
}

/// A message of the one stream that servers from 15 on send.
/// Source: PostgreSQL 15, src/backend/backup/basebackup_copy.c.
Result<> Run::takeMessage(ByteView message)
{
    const ByteView rest = message.subspan(1);
    switch (std::to_integer<char>(message[0])) {
    case 'n': {
        const std::string_view text = asText(rest);
        const std::string name(text.substr(0, text.find('\0')));
        const auto oid = parseUnsigned(name.substr(0, name.find('.')));
        return beginArchive(oid ? "pg_tblspc/" + std::to_string(*oid) + "/" : std::string());
    }
    case 'm':
        m_inManifest = true;
        return endArchive();
    case 'd':
        if (m_inManifest)
            return takeManifestPart(rest);
        if (!m_tar)
            return fail(ErrorCode::Incompatible, "the server sent data of no archive");
        return m_tar->feed(rest);
    case 'p':
        return {};
    default:
        return fail(ErrorCode::Incompatible, "the server sent a message of an unknown kind");
    }
}

Result<> Run::takeArchives()
{
    if (m_connection.serverVersion() >= 150000) {
        SALVOR_CHECK(nextResult(PGRES_COPY_OUT));
        SALVOR_CHECK(copyOut([this](ByteView message) { return takeMessage(message); }));
        return endArchive();
    }
    for (const std::string& prefix : m_prefixes) {
        SALVOR_CHECK(nextResult(PGRES_COPY_OUT));
        SALVOR_CHECK(beginArchive(prefix));
        SALVOR_CHECK(copyOut([this](ByteView bytes) { return m_tar->feed(bytes); }));
        SALVOR_CHECK(endArchive());
    }
    SALVOR_CHECK(nextResult(PGRES_COPY_OUT));
    return copyOut([this](ByteView bytes) { return takeManifestPart(bytes); });
}

/// The end of the command, so that the connection can be used again.
Result<> Run::drain()
{
    while (true) {
        SALVOR_CHECK(waitForResult(m_native, m_job.stop));
        const ResultHandle result(PQgetResult(m_native.handle.get()));
        if (result == nullptr)
            return {};
        if (PQresultStatus(result.get()) != PGRES_COMMAND_OK)
            return withWarnings(failResult(m_native, result.get()));
    }
}

Result<BaseBackupResult> Run::go(const std::string& command,
                                 const std::function<Result<>(const BackupStart&)>& started)
{
    m_native.notices.clear();
    if (PQsendQuery(m_native.handle.get(), command.c_str()) == 0)
        return failResult(m_native, nullptr);
    SALVOR_TRY(const auto start, nextPosition());
    m_result.start.lsn = start.first;
    m_result.start.timeline = start.second;
    SALVOR_CHECK(takeTablespaces());
    SALVOR_CHECK(started(m_result.start));
    SALVOR_CHECK(takeArchives());
    SALVOR_TRY(const auto end, nextPosition());
    m_result.stopLsn = end.first;
    m_result.stopTimeline = end.second;
    SALVOR_CHECK(drain());
    SALVOR_CHECK(m_receiver.manifest(m_manifest));
    if (m_result.stopTimeline != m_result.start.timeline)
        return fail(ErrorCode::NotReady,
                    "the server was promoted or changed its timeline during the backup",
                    "Start the backup again.");
    return std::move(m_result);
}

/// Without SQL, only this tells a standby from a primary on every version.
Result<bool> isInRecovery(Connection& replication)
{
    if (replication.serverVersion() >= 140000) {
        SALVOR_TRY(const std::string standby, replication.value("SHOW in_hot_standby"));
        return standby == "on";
    }
    SALVOR_TRY(const std::string usual, replication.value("SHOW default_transaction_read_only"));
    SALVOR_TRY(const std::string now, replication.value("SHOW transaction_read_only"));
    return usual == "off" && now == "on";
}

} // namespace

Result<BaseBackupResult> runBaseBackup(Connection& replication, const BaseBackupRequest& request,
                                       BaseBackupReceiver& receiver, JobContext& job)
{
    SALVOR_TRY(const bool recovering, isInRecovery(replication));
    const Moment at = systemClock().now();
    const auto told = [&](BackupStart start) {
        start.inRecovery = recovering;
        start.at = at;
        return request.started ? request.started(start) : Result<>();
    };
    Run run(replication, receiver, job);
    auto result = run.go(commandFor(replication, request.label, request.checkpoint), told);
    if (!result.ok()) {
        // In the middle of a COPY: the server is told to stop, and the session is of no more use.
        if (PQtransactionStatus(replication.native().handle.get()) == PQTRANS_ACTIVE) {
            requestCancel(replication.native());
            replication.native().lost = true;
        }
        return std::move(result).error();
    }
    result->start.inRecovery = recovering;
    result->start.at = at;
    return result;
}

} // namespace salvor::postgres
