// Host mode: the files are read where they lie, between start and stop of one session.
#include "core/backup/file_copy.h"
#include "core/backup/run.h"
#include "core/backup/unchanged.h"
#include "core/backup/wal_arrival.h"
#include "core/postgres/control_file.h"
#include "core/postgres/page.h"

#include <algorithm>
#include <map>
#include <thread>

namespace salvor::backup {
namespace {

using model::Backup;
using postgres::BackupSession;
using postgres::DataEntry;
using postgres::ServerFacts;

constexpr const char* controlPath = "global/pg_control";

/// One run, step by step in the order of execute().
class HostBackup {
public:
    HostBackup(const BackupRequest& request, repository::Repository& repository, JobContext& job)
        : m_request(request)
        , m_repository(repository)
        , m_job(job)
        , m_backup(newBackup(request))
    {}
    [[nodiscard]] Result<Backup> execute();

private:
    [[nodiscard]] Result<postgres::Connection> lookAtServer();
    [[nodiscard]] Result<> checkArchiving() const;
    [[nodiscard]] Result<> checkDirectory();
    [[nodiscard]] Result<> checkName() const;
    [[nodiscard]] Result<BackupSession> start(postgres::Connection connection);
    [[nodiscard]] Result<> checkIsLive(const postgres::BackupStart& start) const;
    [[nodiscard]] Result<> copy();
    [[nodiscard]] Result<> takeOver(std::vector<DataEntry>& entries);
    [[nodiscard]] Result<> copyControl();
    [[nodiscard]] Result<> addLastFiles(const postgres::BackupStop& stop);
    [[nodiscard]] Result<> addConfiguration(FileWriter& writer);
    void judgePages();
    [[nodiscard]] Result<> awaitWal(BackupSession& session);

    const BackupRequest& m_request;
    repository::Repository& m_repository;
    JobContext& m_job;
    Backup m_backup;
    ServerFacts m_facts;
    std::optional<postgres::Connection> m_primary;
    std::unique_ptr<repository::BackupBuilder> m_builder;
    DataEntry m_control; ///< Copied last.
    CopyResult m_copied;
    TakenOver m_taken;
    model::Lsn m_consistentAt{}; ///< By the copied control file of a standby.
    bool m_checksPages = false;
    bool m_isReceived = false; ///< WAL arrives through receive-wal.
    Moment m_serverStartedAt;
};

Result<Backup> HostBackup::execute()
{
    SALVOR_TRY(auto connection, lookAtServer());
    SALVOR_CHECK(checkDirectory());
    SALVOR_CHECK(checkName());
    SALVOR_CHECK(checkArchiving());
    SALVOR_TRY(m_backup.incarnation, m_repository.pin(m_request.cluster, m_facts.identity));
    SALVOR_TRY(m_builder, repository::BackupBuilder::create(
                              m_repository, m_backup.incarnation,
                              {.compressionLevel = m_request.compressionLevel}, m_job));
    SALVOR_TRY(auto session, start(std::move(connection)));
    SALVOR_CHECK(copy());
    SALVOR_TRY(const auto stop, session.stop(m_job.stop));
    // Of a standby PostgreSQL takes the end of the backup from the control file that was copied.
    m_backup.stopLsn = m_facts.inRecovery ? m_consistentAt : stop.lsn;
    judgePages();
    SALVOR_CHECK(addLastFiles(stop));
    SALVOR_CHECK(pushHistoryFiles(m_repository, m_backup.incarnation, m_request.dataDirectory));
    SALVOR_CHECK(checkHistory(m_repository, m_backup));
    SALVOR_CHECK(awaitWal(session));
    m_job.phase("finish", 0);
    return m_builder->finish(m_backup, m_job);
}

Result<postgres::Connection> HostBackup::lookAtServer()
{
    SALVOR_TRY(auto connection,
               postgres::Connection::open(m_request.connection, postgres::Connection::Kind::Normal,
                                          m_job.stop));
    SALVOR_TRY(m_facts, postgres::readServerFacts(connection));
    SALVOR_TRY(
        const auto receivers,
        connection.query("SELECT 1 FROM pg_replication_slots WHERE slot_name = $1 AND active",
                         {m_request.receiveSlot}, m_job.stop));
    m_isReceived = !receivers.empty();
    m_backup.fromStandby = m_facts.inRecovery;
    m_backup.serverVersion = m_facts.serverVersion;
    m_backup.pageChecksums = m_facts.pageChecksums;
    m_backup.dataDirectory =
        m_facts.dataDirectory.empty() ? m_request.dataDirectory.native() : m_facts.dataDirectory;
    if (m_facts.inRecovery && !m_request.primaryConnection.empty()) {
        SALVOR_TRY(m_primary, openPrimary(m_request, m_facts.identity, m_job.stop));
    }
    return connection;
}

/// Of a standby only its primary archives, unless archive_mode is "always": nothing to check here.
Result<> HostBackup::checkArchiving() const
{
    const std::string hint = "Set archive_mode to on and archive_command to 'salvorctl "
                             "archive-push "
                             + m_request.cluster
                             + " %p' and restart the server, start receive-wal, or back up in "
                               "stream mode.";
    if (m_facts.inRecovery || m_isReceived)
        return {};
    if (m_facts.archiveMode == "off")
        return fail(ErrorCode::NotReady, "archive_mode is off on the server", hint);
    if (m_facts.archiveCommand.empty() || m_facts.archiveCommand == "(disabled)")
        return fail(ErrorCode::NotReady, "archive_command is empty on the server", hint);
    return {};
}

Result<> HostBackup::checkDirectory()
{
    const Path& directory = m_request.dataDirectory;
    auto control = postgres::readControlFile(directory);
    if (!control.ok()) {
        Error error = std::move(control).error();
        if (error.code == ErrorCode::NotFound) {
            error.code = ErrorCode::NotReady;
            error.hint = "Set data-directory to the server's data directory on this machine.";
        } else if (error.code == ErrorCode::Denied) {
            error.hint = "Run the backup as the user that owns the data directory, or back up in "
                         "stream mode.";
        }
        return error;
    }
    if (control->identity.systemIdentifier != m_facts.identity.systemIdentifier)
        return fail(ErrorCode::NotReady,
                    "data directory " + quoted(directory)
                        + " is another cluster's: its system identifier is "
                        + std::to_string(control->identity.systemIdentifier) + ", the server's is "
                        + std::to_string(m_facts.identity.systemIdentifier),
                    "Set data-directory and connection to the same server.");
    m_checksPages = control->pageChecksums && control->blockSize == postgres::pageSize;
    return noteOwner(m_backup, directory);
}

/// Another cluster's name is said before anything about this one's settings. A new name is pinned
/// only when the backup can begin.
Result<> HostBackup::checkName() const
{
    SALVOR_TRY(const auto known, m_repository.incarnations(m_request.cluster));
    if (known.empty())
        return {};
    const auto pinned = m_repository.pin(m_request.cluster, m_facts.identity);
    return pinned.ok() ? Result<>() : Result<>(pinned.error());
}

Result<BackupSession> HostBackup::start(postgres::Connection connection)
{
    m_job.phase("checkpoint", 0);
    SALVOR_TRY(auto session, BackupSession::start(std::move(connection), "salvor " + m_backup.id,
                                                  m_request.checkpoint, m_job.stop));
    m_backup.startLsn = session.started().lsn;
    m_backup.timeline = session.started().timeline;
    m_serverStartedAt = session.started().serverStartedAt;
    SALVOR_CHECK(checkIsLive(session.started()));
    return session;
}

/// A copy of the directory has the same identity; only the live one saw this backup's checkpoint.
Result<> HostBackup::checkIsLive(const postgres::BackupStart& start) const
{
    SALVOR_TRY(const auto control, postgres::readControlFile(m_request.dataDirectory));
    if (control.checkpointRedo >= start.lsn && control.checkpointTimeline == start.timeline)
        return {};
    return fail(ErrorCode::NotReady,
                "data directory " + quoted(m_request.dataDirectory)
                    + " is not the server's own: its last checkpoint is at "
                    + formatLsn(control.checkpointRedo) + ", the server's at "
                    + formatLsn(start.lsn),
                "Set data-directory to the directory that the server runs on.");
}

Result<> HostBackup::copy()
{
    SALVOR_TRY(auto contents, postgres::scanDataDirectory(m_request.dataDirectory,
                                                          m_facts.identity.majorVersion, m_job));
    m_backup.tablespaces = std::move(contents.tablespaces);
    auto& entries = contents.entries;
    const auto control = std::find_if(entries.begin(), entries.end(), [](const DataEntry& entry) {
        return entry.path == controlPath;
    });
    if (control == entries.end())
        return fail(ErrorCode::NotReady,
                    quoted(m_request.dataDirectory / controlPath) + " is not there");
    m_control = *control;
    entries.erase(control);
    m_backup.filesystemTime = m_control.modifiedAt;
    SALVOR_CHECK(takeOver(entries));
    ByteCount total = m_control.size;
    for (const DataEntry& entry : entries)
        total += entry.size;
    m_job.phase("copy files", total);
    const unsigned processors = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
    SALVOR_TRY(m_copied,
               copyFiles(entries,
                         {.workers = m_request.workers == 0 ? processors : m_request.workers,
                          .checkPages = m_checksPages,
                          .startLsn = m_backup.startLsn,
                          .restsSince = *m_backup.filesystemTime - m_request.restTime},
                         *m_builder, m_job));
    SALVOR_CHECK(copyControl());
    m_backup.finishedAt = systemClock().now();
    for (const auto& file : m_copied.files)
        m_backup.readSize += file.size;
    m_copied.files.insert(m_copied.files.end(), m_taken.files.begin(), m_taken.files.end());
    return {};
}

/// An older backup that cannot be read must not keep the next one from being made.
Result<> HostBackup::takeOver(std::vector<DataEntry>& entries)
{
    if (m_request.readsEverything)
        return {};
    m_job.phase("compare with the last backup", 0);
    const auto compare = [&]() -> Result<> {
        SALVOR_TRY(const auto backups, m_repository.backups(m_request.cluster));
        const Backup* basis = findBasis(backups, m_backup, m_serverStartedAt);
        if (basis == nullptr)
            return {};
        m_backup.basis = basis->id;
        return takeOverUnchanged({m_repository, *basis, m_request.restTime}, entries, m_taken,
                                 *m_builder, m_job);
    };
    const auto compared = compare();
    SALVOR_CHECK(m_job.proceed());
    if (!compared.ok())
        m_job.events.warning("An older backup could not be compared with, so that files are read "
                             "again: "
                             + compared.error().message
                             + ". 'salvorctl verify' says what is damaged.");
    if (m_taken.files.empty())
        m_backup.basis.clear();
    return {};
}

Result<> HostBackup::copyControl()
{
    FileWriter writer(*m_builder);
    // After all others: recovery must not begin later than what the files need. Reading it through
    // the parser makes sure that the copy is whole.
    for (int attempt = 0;; ++attempt) {
        SALVOR_TRY(const Bytes bytes, readFile(m_control.source));
        const auto parsed = postgres::parseControlFile(bytes);
        if (!parsed.ok() && attempt < 10) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            continue;
        }
        if (!parsed.ok())
            return Error(parsed.error()).in("read " + quoted(m_control.source));
        m_consistentAt = std::max(parsed->minRecoveryPoint, m_backup.startLsn);
        SALVOR_TRY(auto listed, writer.add(treeEntryOf(m_control), bytes));
        m_copied.files.push_back(std::move(listed));
        m_job.progress.add(bytes.size());
        break;
    }
    return writer.flush();
}

/// Pages that claim to be newer than the end of the backup were not written by the server: those
/// before it are rebuilt from WAL and were torn at worst.
void HostBackup::judgePages()
{
    std::map<std::string, std::vector<std::uint32_t>> damaged;
    for (const auto* found : {&m_copied.damaged, &m_taken.damaged})
        for (const auto& file : *found)
            damaged[file.path] = file.blocks;
    for (const auto& page : m_copied.doubtful)
        if (page.lsn > m_backup.stopLsn)
            damaged[page.path].push_back(page.block);
    for (auto& [path, blocks] : damaged) {
        std::sort(blocks.begin(), blocks.end());
        std::string list;
        for (std::size_t i = 0; i < std::min<std::size_t>(blocks.size(), 10); ++i)
            list += (i == 0 ? "" : ", ") + std::to_string(blocks[i]);
        if (blocks.size() > 10)
            list += " and " + std::to_string(blocks.size() - 10) + " more";
        std::string sentence = "'";
        sentence += path;
        sentence += "' has damaged pages on the server: block ";
        sentence += list;
        sentence += ". They were backed up as they are.";
        m_job.events.warning(sentence);
        m_backup.damaged.push_back({path, blocks});
    }
}

Result<> HostBackup::addConfiguration(FileWriter& writer)
{
    for (const std::string& path : m_facts.configFiles) {
        auto bytes = readFile(path);
        if (!bytes.ok()) {
            m_job.events.warning("The configuration file '" + path
                                 + "' was left out: " + bytes.error().message + ".");
            continue;
        }
        repository::TreeEntry entry = ownFile(m_backup, path);
        entry.mode = 0640;
        SALVOR_CHECK(writer.add(std::move(entry), *bytes));
    }
    return {};
}

/// There is no tablespace_map: the tree has the links, and a server that found a map would make
/// those of the original again.
Result<> HostBackup::addLastFiles(const postgres::BackupStop& stop)
{
    FileWriter writer(*m_builder);
    SALVOR_TRY(auto label,
               writer.add(ownFile(m_backup, "backup_label"), asBytes(stop.backupLabel)));
    m_copied.files.push_back(std::move(label));
    std::sort(m_copied.files.begin(), m_copied.files.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    SALVOR_TRY(const std::string manifest,
               postgres::makeBackupManifest(
                   m_copied.files, {{m_backup.timeline, m_backup.startLsn, m_backup.stopLsn}},
                   m_facts.identity));
    SALVOR_CHECK(writer.add(ownFile(m_backup, "backup_manifest"), asBytes(manifest)));
    SALVOR_CHECK(addConfiguration(writer));
    return writer.flush();
}

Result<> HostBackup::awaitWal(BackupSession& session)
{
    m_job.phase("wait for WAL", 0);
    if (m_primary)
        SALVOR_CHECK(postgres::switchWal(*m_primary));
    else if (m_backup.fromStandby)
        m_job.events.note("Without primary-connection no segment switch can be asked for: the "
                          "backup ends when the primary has filled its segment.");
    return waitForWal(m_repository, m_backup, m_request.walTimeout, session.connection(), m_job);
}

} // namespace

Result<Backup> runHostBackup(const BackupRequest& request, repository::Repository& repository,
                             JobContext& job)
{
    return HostBackup(request, repository, job).execute();
}

} // namespace salvor::backup
