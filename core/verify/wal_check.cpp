#include "core/postgres/backup_label.h"
#include "core/postgres/wal_reader.h"
#include "core/repository/wal_pieces.h"
#include "core/verify/structure.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>

namespace salvor::verify {

namespace {

using repository::Repository;

std::string nameOf(const model::Segment& segment, const Group& group)
{
    const auto name = model::segmentName(segment, group.incarnation.identity.segmentSize);
    return name.ok() ? *name : std::to_string(segment.number);
}

struct OwnRange {
    model::Segment first;
    model::Segment last;
};

/// The segments without which a backup is not consistent.
OwnRange ownRange(const model::Backup& backup)
{
    const ByteCount size = backup.incarnation.identity.segmentSize;
    return {model::segmentOf(backup.timeline, backup.startLsn, size),
            model::lastSegmentBefore(backup.timeline, backup.stopLsn, size)};
}

/// Backups that cannot be restored without this segment, whatever the target.
std::vector<std::string> backupsThatNeed(const model::Segment& segment, const Group& group)
{
    std::vector<std::string> ids;
    for (const model::Backup& backup : group.backups) {
        const OwnRange own = ownRange(backup);
        if (own.first <= segment && segment <= own.last)
            ids.push_back(backup.id);
    }
    return ids;
}

using PiecesBySegment = std::map<model::Segment, repository::Pieces>;

/// The piece of a whole segment that holds other bytes than it, if there is one.
std::optional<std::string> contradiction(const Repository& repository, const Group& group,
                                         const repository::Pieces& pieces, ByteView segment)
{
    for (const auto& piece : pieces)
        if (!repository::isPiece(repository, group.incarnation, piece,
                                 segment.subspan(piece.from, piece.to - piece.from)))
            return "it holds other bytes than '" + piece.object
                   + "', which was received before it was whole";
    return std::nullopt;
}

/// Segments, and pieces of them that were stored before.
struct ToRead {
    std::vector<Repository::StoredSegment> segments;
    PiecesBySegment pieces;
};

/// Reads segments by a few threads; findings come in any order and are sorted afterwards.
class SegmentReader {
public:
    SegmentReader(const Repository& repository, const Group& group, const ToRead& wanted,
                  VerifyReport& report, JobContext& job)
        : m_repository(repository)
        , m_group(group)
        , m_segments(wanted.segments)
        , m_pieces(wanted.pieces)
        , m_report(report)
        , m_job(job)
    {}

    Result<> run()
    {
        constexpr unsigned most = 8;
        const unsigned workers = std::clamp(std::thread::hardware_concurrency(), 1U, most);
        {
            std::vector<std::jthread> threads;
            for (unsigned i = 0; i < workers; ++i)
                threads.emplace_back([this] { work(); });
        }
        std::sort(m_found.begin(), m_found.end(),
                  [](const Finding& a, const Finding& b) { return a.object < b.object; });
        m_report.findings.insert(m_report.findings.end(), m_found.begin(), m_found.end());
        if (m_error)
            return *m_error;
        return {};
    }

private:
    void work()
    {
        for (std::size_t i = m_next++; i < m_segments.size() && !m_failed; i = m_next++)
            if (auto done = readOne(m_segments[i]); !done.ok()) {
                const std::lock_guard lock(m_mutex);
                m_failed = true;
                if (!m_error)
                    m_error = std::move(done).error();
            }
    }

    /// What is wrong with one segment, or nothing.
    Result<std::optional<std::string>> faultOf(const model::Segment& segment,
                                               const repository::Pieces& pieces)
    {
        const auto bytes = m_repository.readSegment(m_group.incarnation, segment);
        if (!bytes.ok()) {
            if (!isFinding(bytes.error()))
                return bytes.error();
            return std::optional<std::string>(bytes.error().message);
        }
        {
            const std::lock_guard lock(m_mutex);
            ++m_report.segmentsChecked;
            m_report.bytesRead += bytes->size();
        }
        const auto header = postgres::readSegmentHeader(*bytes);
        if (!header.ok())
            return std::optional<std::string>(header.error().message);
        const std::uint64_t system = m_group.incarnation.identity.systemIdentifier;
        if (header->systemIdentifier != system)
            return std::optional("it is WAL of the cluster "
                                 + std::to_string(header->systemIdentifier) + ", not of "
                                 + std::to_string(system));
        return contradiction(m_repository, m_group, pieces, *bytes);
    }

    Result<> readOne(const Repository::StoredSegment& stored)
    {
        SALVOR_CHECK(m_job.proceed());
        const auto pieces = m_pieces.find(stored.segment);
        SALVOR_TRY(const auto fault,
                   faultOf(stored.segment,
                           pieces == m_pieces.end() ? repository::Pieces() : pieces->second));
        m_job.progress.add(stored.storedSize);
        if (!fault)
            return {};
        const std::lock_guard lock(m_mutex);
        m_found.push_back(
            {stored.object,
             "WAL segment '" + nameOf(stored.segment, m_group) + "' cannot be replayed: " + *fault,
             backupsThatNeed(stored.segment, m_group),
             {}});
        return {};
    }

    const Repository& m_repository;
    const Group& m_group;
    const std::vector<Repository::StoredSegment>& m_segments;
    const PiecesBySegment& m_pieces;
    VerifyReport& m_report; // Guarded by m_mutex while threads run.
    JobContext& m_job;
    std::atomic<std::size_t> m_next{0};
    std::atomic<bool> m_failed{false};
    std::mutex m_mutex;
    std::vector<Finding> m_found; // Guarded by m_mutex.
    std::optional<Error> m_error; // Guarded by m_mutex.
};

void findMissing(const Group& group, const std::set<model::Segment>& present, VerifyReport& report)
{
    std::set<model::Segment> missing;
    for (const model::Backup& backup : group.backups) {
        const OwnRange own = ownRange(backup);
        for (model::Segment one = own.first; one.number <= own.last.number; ++one.number)
            if (!present.contains(one))
                missing.insert(one);
    }
    for (const model::Segment& segment : missing)
        report.findings.push_back({"WAL '" + nameOf(segment, group) + "'",
                                   "WAL segment '" + nameOf(segment, group)
                                       + "' is missing: a backup is not consistent without it",
                                   backupsThatNeed(segment, group),
                                   {}});
}

std::vector<std::string> backupsOn(const std::string& historyName, const Group& group)
{
    std::vector<std::string> ids;
    for (const model::Backup& backup : group.backups)
        if (model::historyFileName(backup.timeline) == historyName)
            ids.push_back(backup.id);
    return ids;
}

/// History files that backups need, and every other small file that is there.
Result<> checkSmallFiles(const Repository& repository, const Group& group,
                         const VerifyRequest& request, VerifyReport& report)
{
    std::set<std::string> names;
    for (const model::Backup& backup : group.backups)
        if (model::value(backup.timeline) > 1)
            names.insert(model::historyFileName(backup.timeline));
    if (request.backupIds.empty()) {
        SALVOR_TRY(const auto all, repository.walFiles(group.incarnation));
        names.insert(all.begin(), all.end());
    }
    for (const std::string& name : names) {
        const auto bytes = repository.readWalFile(group.incarnation, name);
        if (!bytes.ok() && !isFinding(bytes.error()))
            return bytes.error();
        const bool isHistory = model::walFileKind(name) == model::WalFileKind::History;
        if (bytes.ok() && (!isHistory || postgres::parseHistoryFile(asText(*bytes)).ok()))
            continue;
        report.findings.push_back({"WAL '" + name + "'",
                                   "'" + name + "' cannot be read"
                                       + (isHistory ? ": no server can follow that timeline" : ""),
                                   backupsOn(name, group),
                                   {}});
    }
    return {};
}

void findConflicts(const std::vector<Repository::StoredSegment>& stored, const Group& group,
                   VerifyReport& report)
{
    for (std::size_t i = 1; i < stored.size(); ++i)
        if (stored[i].segment == stored[i - 1].segment)
            report.findings.push_back({stored[i].object,
                                       "WAL segment '" + nameOf(stored[i].segment, group)
                                           + "' is there twice, with different bytes: which one "
                                             "belongs to this history is not known",
                                       backupsThatNeed(stored[i].segment, group),
                                       {}});
}

/// Those to read, each once, those in conflict left out: all, or those from the start of the oldest
/// of the backups asked for on.
std::vector<Repository::StoredSegment> chosen(const std::vector<Repository::StoredSegment>& stored,
                                              const Group& group, const VerifyRequest& request)
{
    std::uint64_t first = request.backupIds.empty() ? 0 : UINT64_MAX;
    for (const model::Backup& backup : group.backups)
        first = std::min(first, ownRange(backup).first.number);
    std::mt19937_64 random(request.seed);
    std::vector<Repository::StoredSegment> list;
    for (std::size_t i = 0; i < stored.size(); ++i) {
        const auto isSame = [&](std::size_t other) {
            return other < stored.size() && stored[other].segment == stored[i].segment;
        };
        const bool isPicked = random() % 100 < static_cast<std::uint64_t>(request.samplePercent);
        if (isPicked && stored[i].segment.number >= first && !isSame(i + 1)
            && (i == 0 || !isSame(i - 1)))
            list.push_back(stored[i]);
    }
    return list;
}

/// Of segments that are not whole every piece is read, and all of one together.
Result<> checkBegun(const Repository& repository, const Group& group, const PiecesBySegment& begun,
                    VerifyReport& report, JobContext& job)
{
    for (const auto& [segment, pieces] : begun) {
        bool isGood = true;
        for (const auto& piece : pieces) {
            SALVOR_CHECK(job.proceed());
            const auto bytes = repository::readPiece(repository, group.incarnation, piece);
            if (bytes.ok()) {
                report.bytesRead += bytes->size();
                continue;
            }
            if (!isFinding(bytes.error()))
                return bytes.error();
            isGood = false;
            report.findings.push_back({piece.object,
                                       "a piece of WAL segment '" + nameOf(segment, group)
                                           + "' cannot be read: " + bytes.error().message,
                                       {},
                                       {}});
        }
        const auto together = repository::readPieces(repository, group.incarnation, segment);
        if (!isGood || together.ok())
            continue;
        if (!isFinding(together.error()))
            return together.error();
        report.findings.push_back({pieces.front().object,
                                   "the pieces of WAL segment '" + nameOf(segment, group)
                                       + "' do not fit: " + together.error().message,
                                   {},
                                   {}});
    }
    return {};
}

} // namespace

Result<> checkWal(const Repository& repository, const Group& group, const VerifyRequest& request,
                  VerifyReport& report, JobContext& job)
{
    SALVOR_TRY(const auto stored, repository.segments(group.incarnation));
    std::set<model::Segment> present;
    for (const auto& one : stored)
        present.insert(one.segment);
    findMissing(group, present, report);
    findConflicts(stored, group, report);
    SALVOR_CHECK(checkSmallFiles(repository, group, request, report));
    ToRead wanted{chosen(stored, group, request), {}};
    SALVOR_TRY(const auto pieces, repository::pieces(repository, group.incarnation));
    PiecesBySegment begun;
    for (const auto& piece : pieces)
        (present.contains(piece.segment) ? wanted.pieces : begun)[piece.segment].push_back(piece);
    ByteCount total = 0;
    for (const auto& one : wanted.segments)
        total += one.storedSize;
    job.phase("read WAL", total);
    SALVOR_CHECK(checkBegun(repository, group, begun, report, job));
    return SegmentReader(repository, group, wanted, report, job).run();
}

} // namespace salvor::verify
