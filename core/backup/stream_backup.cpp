// Stream mode: the server sends its files and its WAL over two replication connections.
#include "core/backup/run.h"
#include "core/backup/stream_receiver.h"
#include "core/backup/wal_arrival.h"
#include "core/postgres/control_file.h"

#include <atomic>
#include <condition_variable>
#include <random>

namespace salvor::backup {
namespace {

using model::Backup;
using model::Lsn;
using postgres::BackupStart;
using postgres::Connection;

/// Brings the WAL of a backup into the repository, on a thread of its own.
class WalBringer {
public:
    /// `onFailure` is told from the thread.
    WalBringer(repository::Repository& repository, Connection connection,
               std::stop_source& onFailure)
        : m_repository(repository)
        , m_connection(std::move(connection))
        , m_onFailure(onFailure)
    {}

    void start(const model::Incarnation& incarnation, const BackupStart& begun)
    {
        m_thread = std::jthread([this, incarnation, begun](const std::stop_token& stop) {
            Result<> outcome = bring(incarnation, begun, stop);
            const bool failed = !outcome.ok();
            {
                const std::lock_guard lock(m_mutex);
                m_outcome = std::move(outcome);
                m_ended.notify_all();
            }
            // After the reason is there to be read.
            if (failed)
                m_onFailure.request_stop();
        });
    }

    /// The segment that holds the byte before `stop` is the last one, and it is taken only whole:
    /// the archiver stores it under the same name, and its bytes must be the same.
    void endAt(Lsn stop, ByteCount segmentSize)
    {
        m_until = (value(stop) + segmentSize - 1) / segmentSize * segmentSize;
    }

    /// Nothing when it has not ended within the time.
    [[nodiscard]] std::optional<Result<>> wait(std::chrono::milliseconds limit)
    {
        std::unique_lock lock(m_mutex);
        m_ended.wait_for(lock, limit, [this] { return m_outcome.has_value(); });
        return m_outcome;
    }

private:
    [[nodiscard]] Result<> bring(const model::Incarnation& incarnation, const BackupStart& begun,
                                 const std::stop_token& stop)
    {
        const auto until = [this]() -> std::optional<Lsn> {
            const std::uint64_t end = m_until;
            return end == 0 ? std::nullopt : std::optional(Lsn{end});
        };
        const postgres::SegmentReceiver receive = [&](model::Segment segment,
                                                      ByteView bytes) -> Result<> {
            auto pushed = m_repository.pushSegment(incarnation, segment, bytes);
            return pushed.ok() ? Result<>() : Result<>(std::move(pushed).error());
        };
        return postgres::streamWal(m_connection,
                                   {begun.timeline, begun.lsn, incarnation.identity.segmentSize},
                                   until, receive, stop)
            .in("receive WAL");
    }

    repository::Repository& m_repository;
    Connection m_connection;
    std::stop_source& m_onFailure;
    std::atomic<std::uint64_t> m_until{0};
    std::mutex m_mutex;
    std::condition_variable m_ended;
    std::optional<Result<>> m_outcome; // Guarded by m_mutex.
    std::jthread m_thread;             // Last: joined first.
};

/// One run, step by step in the order of execute().
class StreamBackup {
public:
    StreamBackup(const BackupRequest& request, repository::Repository& repository, JobContext& job)
        : m_request(request)
        , m_repository(repository)
        , m_job(job)
        , m_backup(newBackup(request))
    {}
    [[nodiscard]] Result<Backup> execute();

private:
    [[nodiscard]] Result<Connection> open();
    [[nodiscard]] Result<> lookAtServer(Connection& replication);
    [[nodiscard]] Result<> receive(Connection& replication, WalBringer& wal,
                                   std::stop_source& stop);
    [[nodiscard]] Result<> awaitWal(WalBringer& wal);

    const BackupRequest& m_request;
    repository::Repository& m_repository;
    JobContext& m_job;
    Backup m_backup;
    model::ClusterIdentity m_identity;
    std::unique_ptr<repository::BackupBuilder> m_builder;
    std::optional<Connection> m_primary;
};

std::string newSlotName()
{
    std::random_device random;
    Bytes number;
    appendLittle(number, std::uint32_t{random()});
    appendLittle(number, std::uint32_t{random()});
    std::string name = "salvor_";
    for (const std::byte byte : number)
        for (const unsigned shift : {4U, 0U})
            name += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> shift & 0xfU];
    return name;
}

Result<Connection> StreamBackup::open()
{
    auto opened = Connection::open(m_request.connection, Connection::Kind::Replication, m_job.stop);
    if (!opened.ok()) {
        Error error = std::move(opened).error();
        if (error.code == ErrorCode::Denied && error.hint.empty())
            error.hint = "Give the role the attribute REPLICATION and a line for the database "
                         "'replication' in pg_hba.conf.";
        return std::move(error).in("connect for replication");
    }
    return opened;
}

Result<> StreamBackup::lookAtServer(Connection& replication)
{
    SALVOR_TRY(m_identity, postgres::identityOf(replication));
    m_backup.serverVersion = replication.serverVersion();
    SALVOR_TRY(const auto checksums, replication.value("SHOW data_checksums"));
    m_backup.pageChecksums = checksums == "on";
    // Not for every role to see, and only told to people.
    const auto directory = replication.value("SHOW data_directory");
    if (directory.ok())
        m_backup.dataDirectory = *directory;
    return {};
}

Result<> StreamBackup::receive(Connection& replication, WalBringer& wal, std::stop_source& stop)
{
    JobContext job{stop.get_token(), m_job.progress, m_job.events};
    StreamReceiver receiver(*m_builder);
    const auto started = [&](const BackupStart& begun) -> Result<> {
        m_backup.startLsn = begun.lsn;
        m_backup.timeline = begun.timeline;
        m_backup.fromStandby = begun.inRecovery;
        if (begun.inRecovery && !m_request.primaryConnection.empty()) {
            SALVOR_TRY(m_primary, openPrimary(m_request, m_identity, m_job.stop));
        }
        m_job.phase("copy files", m_job.progress.total());
        wal.start(m_backup.incarnation, begun);
        return {};
    };
    auto result = postgres::runBaseBackup(
        replication, {"salvor " + m_backup.id, m_request.checkpoint, started}, receiver, job);
    if (!result.ok())
        return std::move(result).error();
    m_backup.stopLsn = result->stopLsn;
    m_backup.tablespaces = result->tablespaces;
    SALVOR_CHECK(receiver.finish());
    if (m_backup.fromStandby) {
        // PostgreSQL takes the end of such a backup from the control file that was copied.
        SALVOR_TRY(const auto control, postgres::parseControlFile(receiver.control()));
        m_backup.stopLsn = std::max(control.minRecoveryPoint, m_backup.startLsn);
    }
    m_backup.finishedAt = systemClock().now();
    m_backup.owner = receiver.owner();
    m_backup.group = receiver.group();
    return {};
}

Result<> StreamBackup::awaitWal(WalBringer& wal)
{
    m_job.phase("wait for WAL", 0);
    wal.endAt(m_backup.stopLsn, m_identity.segmentSize);
    // The end of a backup switches the segment on a primary; on a standby nobody does.
    if (m_primary)
        SALVOR_CHECK(postgres::switchWal(*m_primary));
    else if (m_backup.fromStandby)
        m_job.events.note("Without primary-connection no segment switch can be asked for: the "
                          "backup ends when the primary has filled its segment.");
    const auto deadline = std::chrono::steady_clock::now() + m_request.walTimeout;
    while (std::chrono::steady_clock::now() < deadline) {
        SALVOR_CHECK(m_job.proceed());
        if (auto ended = wal.wait(std::chrono::milliseconds(100)))
            return *std::move(ended);
    }
    return fail(ErrorCode::NotReady,
                "the server did not fill the segment that the backup ends in within "
                    + std::to_string(m_request.walTimeout.count()) + " s",
                m_backup.fromStandby ? "Set primary-connection, so that a segment switch can be "
                                       "asked for."
                                     : "Start the backup again.");
}

Result<Backup> StreamBackup::execute()
{
    SALVOR_TRY(auto replication, open());
    SALVOR_CHECK(lookAtServer(replication));
    SALVOR_TRY(m_backup.incarnation, m_repository.pin(m_request.cluster, m_identity));
    SALVOR_TRY(m_builder, repository::BackupBuilder::create(
                              m_repository, m_backup.incarnation,
                              {.compressionLevel = m_request.compressionLevel}, m_job));
    m_job.phase("checkpoint", 0);
    // Before the backup starts, so that none of its WAL can go.
    SALVOR_TRY(auto second, open());
    SALVOR_CHECK(postgres::createTemporarySlot(second, newSlotName()));
    std::stop_source stop;
    const std::stop_callback forward(m_job.stop, [&] { stop.request_stop(); });
    WalBringer wal(m_repository, std::move(second), stop);
    if (auto received = receive(replication, wal, stop); !received.ok()) {
        SALVOR_CHECK(m_job.proceed());
        // Without its WAL the backup was stopped: that is the reason then.
        if (auto ended = wal.wait(std::chrono::milliseconds(0)); ended && !ended->ok())
            return std::move(*ended).error();
        return std::move(received).error();
    }
    SALVOR_CHECK(awaitWal(wal));
    SALVOR_CHECK(
        pushHistoryFiles(m_repository, m_backup.incarnation, replication, m_backup.timeline));
    m_job.phase("finish", 0);
    return m_builder->finish(m_backup, m_job);
}

} // namespace

Result<Backup> runStreamBackup(const BackupRequest& request, repository::Repository& repository,
                               JobContext& job)
{
    return StreamBackup(request, repository, job).execute();
}

} // namespace salvor::backup
