#include "core/repository/sweep.h"

#include "core/model/json_fields.h"
#include "core/repository/backup_object.h"
#include "core/repository/index.h"
#include "core/repository/lease.h"
#include "core/repository/ledger.h"
#include "core/repository/parallel.h"
#include "core/repository/retired.h"
#include "core/repository/sealed_object.h"
#include "core/repository/wal_pieces.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace salvor::repository {

namespace {

using storage::ObjectInfo;
using storage::ObjectKey;

constexpr std::size_t threads = 4;

/// A backup's object, or a retired one's, with the age of that object.
struct Manifest {
    ObjectKey key;
    Moment at;
    BackupObject object;
};

/// Those of one incarnation. Errors: Corrupt when any of the cluster cannot be read.
Result<std::vector<Manifest>> readManifests(const Repository& repository,
                                            const model::Incarnation& incarnation,
                                            const std::string& folder)
{
    storage::Driver& driver = repository.driver();
    SALVOR_TRY(const auto objects,
               storage::listObjects(driver, folder + incarnation.cluster + "/"));
    std::vector<Manifest> all(objects.size());
    SALVOR_CHECK(inParallel(threads, objects.size(), [&](std::size_t i) -> Result<> {
        auto object = readBackupObject(driver, repository.keys(), objects[i].key);
        // Retired since the listing: it is found among those, which are read afterwards.
        if (!object.ok() && object.error().code == ErrorCode::NotFound)
            return {};
        if (!object.ok())
            return std::move(object).error().in(
                "nothing was removed, because it is not known what is needed");
        all[i] = {objects[i].key, objects[i].modifiedAt, *std::move(object)};
        return {};
    }));
    std::erase_if(all, [](const Manifest& each) { return each.key.empty(); });
    std::erase_if(all, [&](const Manifest& each) {
        return each.object.backup.incarnation.number != incarnation.number;
    });
    return all;
}

/// What is needed: packs by their ids, WAL by the numbers of its segments.
class Needed {
public:
    explicit Needed(ByteCount segmentSize)
        : m_segmentSize(segmentSize)
    {}

    void add(const BackupObject& object)
    {
        m_packs.insert(object.packs.begin(), object.packs.end());
        const model::Backup& backup = object.backup;
        m_wal.emplace_back(
            model::segmentOf(backup.timeline, backup.startLsn, m_segmentSize).number,
            model::lastSegmentBefore(backup.timeline, backup.stopLsn, m_segmentSize).number);
    }
    [[nodiscard]] bool pack(const format::Id& id) const { return m_packs.contains(id); }
    [[nodiscard]] bool packsAreIn(const std::set<format::Id>& there) const
    {
        return std::includes(there.begin(), there.end(), m_packs.begin(), m_packs.end());
    }
    [[nodiscard]] bool segment(std::uint64_t number) const
    {
        return std::any_of(m_wal.begin(), m_wal.end(), [&](const auto& range) {
            return range.first <= number && number <= range.second;
        });
    }

private:
    ByteCount m_segmentSize;
    std::set<format::Id> m_packs;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> m_wal; ///< First and last.
};

/// Objects that go, and the id of those that are packs.
struct Going {
    std::vector<ObjectInfo> packs;
    std::set<format::Id> packIds;
    std::vector<Repository::StoredSegment> segments;
    Pieces pieces;

    void countInto(SweepReport& report) const
    {
        report.packs = packs.size();
        for (const ObjectInfo& pack : packs)
            report.packBytes += pack.size;
        report.segments = segments.size();
        for (const auto& segment : segments)
            report.walBytes += segment.storedSize;
        report.pieces = pieces.size();
        for (const auto& piece : pieces)
            report.walBytes += piece.storedSize;
    }
};

/// The packs that `goes` says yes to.
template <typename Goes>
Result<> addPacks(Going& going, const Repository& repository, const model::Incarnation& incarnation,
                  const Goes& goes)
{
    const std::string folder = "packs/" + scopePath(incarnation.cluster, incarnation.number) + "/";
    return repository.driver().list(folder, [&](const ObjectInfo& object) -> Result<> {
        const auto id = format::parseId(object.key.substr(object.key.rfind('/') + 1));
        if (id.ok() && goes(*id, object)) {
            going.packs.push_back(object);
            going.packIds.insert(*id);
        }
        return {};
    });
}

/// From where on WAL is kept, as it was said at some time.
struct Cut {
    ObjectKey key;
    Moment at;
    model::Lsn keepFrom{};
};

Result<> addSegments(Going& going, const Repository& repository,
                     const model::Incarnation& incarnation, const Needed& needed, const Cut& cut)
{
    const std::uint64_t first = value(cut.keepFrom) / incarnation.identity.segmentSize;
    // What came after the mark is of a timeline that went back behind it.
    const auto goes = [&](const auto& each) {
        return each.segment.number < first && each.storedAt <= cut.at
               && !needed.segment(each.segment.number);
    };
    SALVOR_TRY(const auto segments, repository.segments(incarnation));
    std::copy_if(segments.begin(), segments.end(), std::back_inserter(going.segments), goes);
    SALVOR_TRY(const auto all, pieces(repository, incarnation));
    std::copy_if(all.begin(), all.end(), std::back_inserter(going.pieces), goes);
    return {};
}

/// Pieces that nobody has needed for the grace: their segment is whole, or a larger one holds them.
Result<> addSuperseded(Going& going, const Repository& repository,
                       const model::Incarnation& incarnation, Moment before)
{
    SALVOR_TRY(const auto segments, repository.segments(incarnation));
    SALVOR_TRY(const auto all, pieces(repository, incarnation));
    const auto isOld = [&](const auto& each) { return each.storedAt <= before; };
    std::vector<Repository::StoredSegment> whole;
    std::copy_if(segments.begin(), segments.end(), std::back_inserter(whole), isOld);
    Pieces old;
    std::copy_if(all.begin(), all.end(), std::back_inserter(old), isOld);
    std::set<ObjectKey> known;
    for (const auto& each : going.pieces)
        known.insert(each.object);
    for (const StoredPiece& piece : supersededPieces(old, whole))
        if (!known.contains(piece.object))
            going.pieces.push_back(piece);
    return {};
}

ObjectKey sweptKey(const model::Incarnation& incarnation)
{
    return "marks/" + scopePath(incarnation.cluster, incarnation.number) + "/swept";
}

/// `since` is told where the time of writing does not.
Result<> writeMark(const Repository& repository, const ObjectKey& key, model::Lsn keepFrom,
                   std::optional<Moment> since = std::nullopt)
{
    Json::Object members{{"format", 1}, {"keepFrom", model::toJson(keepFrom)}};
    if (since)
        members["since"] = formatMoment(*since);
    const std::string text = Json(std::move(members)).text();
    return writeSealed(repository.driver(), repository.keys(), {"mark", key}, asBytes(text));
}

Result<model::Lsn> readMark(const Repository& repository, const ObjectKey& key)
{
    SALVOR_TRY(const Json json,
               readSealedJson(repository.driver(), repository.keys(), "mark", key));
    return model::lsnAt(json, "keepFrom").in("object '" + key + "'");
}

/// One run, step by step in the order of execute().
class Sweeper {
public:
    Sweeper(const Repository& repository, const model::Incarnation& incarnation,
            const SweepRequest& request, JobContext& job)
        : m_repository(repository)
        , m_incarnation(incarnation)
        , m_request(request)
        , m_job(job)
        , m_scope(scopePath(incarnation.cluster, incarnation.number))
    {}
    [[nodiscard]] Result<SweepReport> execute();

private:
    [[nodiscard]] Result<Needed> forgetRetired(Moment now);
    [[nodiscard]] Result<bool> packsAreWhole(const Needed& needed);
    [[nodiscard]] Result<std::vector<Cut>> updateCuts();
    [[nodiscard]] Result<std::optional<Cut>> dueCut(const std::vector<Cut>& cuts);
    [[nodiscard]] Result<> noteSwept(const Cut& cut);
    [[nodiscard]] Result<std::vector<Cut>> readCuts() const;
    [[nodiscard]] Result<Cut> writeCut(model::Lsn keepFrom);
    [[nodiscard]] Result<> dropFromIndex(const std::set<format::Id>& packs);
    [[nodiscard]] Result<> removeAll(const std::vector<ObjectInfo>& objects);
    [[nodiscard]] Result<> remove(const ObjectKey& key);

    const Repository& m_repository;
    const model::Incarnation& m_incarnation;
    const SweepRequest& m_request;
    JobContext& m_job;
    const std::string m_scope;
    std::unique_ptr<Lease> m_lease;
    Moment m_before; ///< What came out of use until then goes.
    SweepReport m_report;
};

Result<SweepReport> Sweeper::execute()
{
    SALVOR_TRY(m_lease, Lease::take(m_repository, m_incarnation, Lease::Kind::Sweep, m_job));
    SALVOR_TRY(const auto cuts, updateCuts());
    SALVOR_TRY(const Moment now, m_lease->storeTime());
    m_before = now - m_request.grace;
    SALVOR_TRY(const Needed needed, forgetRetired(now));
    Going going;
    SALVOR_TRY(const bool whole, packsAreWhole(needed));
    if (whole)
        SALVOR_CHECK(addPacks(going, m_repository, m_incarnation,
                              [&](const format::Id& id, const ObjectInfo& object) {
                                  return !needed.pack(id) && object.modifiedAt <= m_before;
                              }));
    else
        m_job.events.warning("A pack that a backup needs is missing or cut short, so no pack was "
                             "removed: another may hold its contents. 'salvorctl verify' says what "
                             "is damaged.");
    SALVOR_TRY(const auto cut, dueCut(cuts));
    if (cut) {
        SALVOR_CHECK(addSegments(going, m_repository, m_incarnation, needed, *cut));
        // Before the first goes, so that a gap which was made on purpose is known for one.
        if (!going.segments.empty() || !going.pieces.empty())
            SALVOR_CHECK(noteSwept(*cut));
    }
    SALVOR_CHECK(addSuperseded(going, m_repository, m_incarnation, m_before));
    going.countInto(m_report);
    m_job.phase("remove", m_report.packBytes + m_report.walBytes);
    SALVOR_CHECK(dropFromIndex(going.packIds));
    SALVOR_CHECK(removeAll(going.packs));
    std::vector<ObjectInfo> segments;
    // Pieces first: what is whole must not come to look begun.
    for (const auto& each : going.pieces)
        segments.push_back({each.object, each.storedSize, each.storedAt});
    SALVOR_CHECK(removeAll(segments));
    segments.clear();
    for (const auto& each : going.segments)
        segments.push_back({each.object, each.storedSize, each.storedAt});
    SALVOR_CHECK(removeAll(segments));
    return std::move(m_report);
}

/// What live backups and those need that can still be brought back.
Result<Needed> Sweeper::forgetRetired(Moment now)
{
    Needed needed(m_incarnation.identity.segmentSize);
    // All are read before the first is removed.
    SALVOR_TRY(const auto live, readManifests(m_repository, m_incarnation, "backups/"));
    SALVOR_TRY(const auto retired, readManifests(m_repository, m_incarnation, "retired/"));
    SALVOR_TRY(const auto held, holds(m_repository, m_incarnation.cluster));
    std::set<std::string> stays;
    for (const Manifest& each : live) {
        needed.add(each.object);
        stays.insert(each.object.backup.id);
    }
    // Whoever holds a backup while it is being retired was told that it stays.
    for (const model::Hold& each : held)
        if (each.holdsAt(now))
            stays.insert(each.backupId);
    for (const Manifest& each : retired) {
        if (each.at > m_before || stays.contains(each.object.backup.id)) {
            needed.add(each.object);
            continue;
        }
        SALVOR_CHECK(forgetVerifications(m_repository, each.object.backup));
        SALVOR_CHECK(remove(each.key));
        m_report.forgotten.push_back(each.object.backup.id);
    }
    return needed;
}

/// A needed pack that is lost may have its chunks in another one, which no backup names.
Result<bool> Sweeper::packsAreWhole(const Needed& needed)
{
    SALVOR_TRY(const auto index, m_repository.loadIndex(m_incarnation));
    std::set<format::Id> there;
    for (const Repository::Index::Pack& pack : index->packs())
        if (pack.state == Repository::Index::PackState::Present)
            there.insert(pack.id);
    return needed.packsAreIn(there);
}

Result<std::vector<Cut>> Sweeper::readCuts() const
{
    SALVOR_TRY(const auto objects,
               storage::listObjects(m_repository.driver(), "marks/" + m_scope + "/"));
    std::vector<Cut> cuts;
    for (const ObjectInfo& object : objects) {
        if (object.key == sweptKey(m_incarnation))
            continue;
        SALVOR_TRY(const model::Lsn keepFrom, readMark(m_repository, object.key));
        cuts.push_back({object.key, object.modifiedAt, keepFrom});
    }
    return cuts;
}

Result<Cut> Sweeper::writeCut(model::Lsn keepFrom)
{
    SALVOR_TRY(const std::string name, newTimedName());
    const ObjectKey key = "marks/" + m_scope + "/" + name;
    SALVOR_CHECK(writeMark(m_repository, key, keepFrom));
    SALVOR_TRY(const ObjectInfo written, m_repository.driver().stat(key));
    return Cut{key, written.modifiedAt, keepFrom};
}

/// Says from where on WAL is wanted now. Marks that reach further are withdrawn.
Result<std::vector<Cut>> Sweeper::updateCuts()
{
    SALVOR_TRY(std::vector<Cut> cuts, readCuts());
    const model::Lsn asked = m_request.keepFrom.value_or(model::Lsn{0});
    for (const Cut& each : cuts)
        if (each.keepFrom > asked)
            SALVOR_CHECK(remove(each.key));
    std::erase_if(cuts, [&](const Cut& each) { return each.keepFrom > asked; });
    std::sort(cuts.begin(), cuts.end(),
              [](const Cut& a, const Cut& b) { return a.keepFrom < b.keepFrom; });
    if (m_request.keepFrom && (cuts.empty() || cuts.back().keepFrom < asked)) {
        SALVOR_TRY(Cut made, writeCut(asked));
        cuts.push_back(std::move(made));
    }
    return cuts;
}

/// Up to where WAL may go: what was said the grace ago. Of the marks that are old enough one stays.
Result<std::optional<Cut>> Sweeper::dueCut(const std::vector<Cut>& cuts)
{
    std::optional<Cut> due;
    for (auto each = cuts.rbegin(); each != cuts.rend(); ++each) {
        if (due)
            SALVOR_CHECK(remove(each->key));
        else if (each->at <= m_before)
            due = *each;
    }
    return due;
}

Result<> Sweeper::noteSwept(const Cut& cut)
{
    const auto before = sweptBefore(m_repository, m_incarnation);
    if (before.ok() && *before && **before >= cut.keepFrom)
        return {};
    return writeMark(m_repository, sweptKey(m_incarnation), cut.keepFrom, cut.at);
}

/// New index objects for what stays are there before the old ones go, and those before the packs:
/// an index object never names a pack that was removed.
Result<> Sweeper::dropFromIndex(const std::set<format::Id>& packs)
{
    if (packs.empty())
        return {};
    storage::Driver& driver = m_repository.driver();
    SALVOR_TRY(const auto objects, storage::listObjects(driver, "index/" + m_scope + "/"));
    for (const ObjectInfo& object : objects) {
        SALVOR_CHECK(m_job.proceed());
        const auto content = readSealed(driver, m_repository.keys(), "index", object.key);
        if (!content.ok() && content.error().code == ErrorCode::Corrupt)
            continue; // Whoever reads the index reports it.
        if (!content.ok())
            return content.error();
        SALVOR_TRY(auto items, format::parseIndex(*content).in("object '" + object.key + "'"));
        const std::size_t before = items.size();
        std::erase_if(items, [&](const auto& item) { return packs.contains(item.pack); });
        if (items.size() == before)
            continue;
        if (!items.empty())
            SALVOR_CHECK(writeIndexObject(m_repository, m_incarnation, items));
        SALVOR_CHECK(remove(object.key));
    }
    return {};
}

Result<> Sweeper::remove(const ObjectKey& key)
{
    SALVOR_CHECK(m_job.proceed());
    if (!m_lease->isFresh())
        SALVOR_CHECK(m_lease->confirm(m_job));
    return m_repository.driver().remove(key);
}

Result<> Sweeper::removeAll(const std::vector<ObjectInfo>& objects)
{
    return inParallel(threads, objects.size(), [&](std::size_t i) -> Result<> {
        SALVOR_CHECK(remove(objects[i].key));
        m_job.progress.add(objects[i].size);
        return {};
    });
}

} // namespace

Result<SweepReport> sweep(const Repository& repository, const model::Incarnation& incarnation,
                          const SweepRequest& request, JobContext& job)
{
    return Sweeper(repository, incarnation, request, job).execute();
}

Result<std::optional<model::Lsn>> sweptBefore(const Repository& repository,
                                              const model::Incarnation& incarnation)
{
    auto mark = readMark(repository, sweptKey(incarnation));
    if (mark.ok())
        return std::optional(*mark);
    if (mark.error().code == ErrorCode::NotFound)
        return std::optional<model::Lsn>();
    return std::move(mark).error();
}

bool wentWith(const Swept& swept, const model::Backup& backup,
              const std::string& newestThere) noexcept
{
    return backup.startLsn < swept.before && backup.finishedAt <= swept.at
           && (newestThere.empty() || backup.id < newestThere); // Ids begin with the time.
}

Result<std::optional<Swept>> sweptMark(const Repository& repository,
                                       const model::Incarnation& incarnation)
{
    const ObjectKey key = sweptKey(incarnation);
    const auto json = readSealedJson(repository.driver(), repository.keys(), "mark", key);
    if (!json.ok() && json.error().code == ErrorCode::NotFound)
        return std::optional<Swept>();
    SALVOR_CHECK(json);
    SALVOR_TRY(const auto before, model::lsnAt(*json, "keepFrom").in("object '" + key + "'"));
    SALVOR_TRY(const auto since, model::momentAt(*json, "since").in("object '" + key + "'"));
    return std::optional(Swept{before, since});
}

Result<bool> hasMarks(const Repository& repository, const model::Incarnation& incarnation)
{
    SALVOR_TRY(
        const auto marks,
        storage::listObjects(repository.driver(),
                             "marks/" + scopePath(incarnation.cluster, incarnation.number) + "/"));
    return !marks.empty();
}

Result<SweepReport> measureSweep(const Repository& repository,
                                 const model::Incarnation& incarnation,
                                 const std::vector<std::string>& retiring,
                                 std::optional<model::Lsn> keepFrom)
{
    SALVOR_TRY(const auto live, readManifests(repository, incarnation, "backups/"));
    Needed needed(incarnation.identity.segmentSize);
    Needed wasNeeded(incarnation.identity.segmentSize);
    for (const Manifest& each : live) {
        const bool goes =
            std::find(retiring.begin(), retiring.end(), each.object.backup.id) != retiring.end();
        (goes ? wasNeeded : needed).add(each.object);
    }
    Going going;
    SALVOR_CHECK(addPacks(going, repository, incarnation,
                          [&](const format::Id& id, const ObjectInfo& /*object*/) {
                              return wasNeeded.pack(id) && !needed.pack(id);
                          }));
    if (keepFrom)
        SALVOR_CHECK(
            addSegments(going, repository, incarnation, needed, {"", Moment::max(), *keepFrom}));
    SweepReport report;
    going.countInto(report);
    return report;
}

} // namespace salvor::repository
