#include "core/repository/copy_wal.h"

#include "core/repository/parallel.h"
#include "core/repository/sealed_object.h"
#include "core/repository/wal_object.h"

#include <algorithm>

namespace salvor::repository {

namespace {

using storage::ObjectInfo;
using storage::ObjectKey;

constexpr std::size_t threads = 4;

/// Of the file that a key is of: the key's last part without the '-' and the hash.
std::string nameOfKey(const ObjectKey& key)
{
    const std::string last = key.substr(key.rfind('/') + 1);
    return last.size() > walHashDigits + 1 ? last.substr(0, last.size() - walHashDigits - 1) : "";
}

bool isSegment(const std::string& name)
{
    return model::walFileKind(name) == model::WalFileKind::Segment;
}

bool holds(const std::vector<ObjectInfo>& objects, const ObjectKey& key)
{
    return std::any_of(objects.begin(), objects.end(),
                       [&](const ObjectInfo& each) { return each.key == key; });
}

/// Pieces by their segment.
std::map<model::Segment, Pieces> bySegment(const Pieces& all)
{
    std::map<model::Segment, Pieces> grouped;
    for (const StoredPiece& piece : all)
        grouped[piece.segment].push_back(piece);
    return grouped;
}

bool isIn(const Pieces& pieces, const StoredPiece& piece)
{
    return std::any_of(pieces.begin(), pieces.end(),
                       [&](const StoredPiece& each) { return each.object == piece.object; });
}

/// Whether a copy's pieces may stand beside ours. Those that we lack were superseded here, or are
/// newer: told by their names from the bytes that ours give.
enum class Beside { Fits, KnowsMore, Contradicts };
Result<Beside> compare(const Repository& from, const model::Incarnation& incarnation,
                       const Pieces& ours, const Pieces& theirs)
{
    Pieces others;
    std::copy_if(theirs.begin(), theirs.end(), std::back_inserter(others),
                 [&](const StoredPiece& piece) { return !isIn(ours, piece); });
    if (others.empty())
        return Beside::Fits;
    const ByteCount covered = coveredBytes(ours);
    SALVOR_TRY(const Bytes bytes, readPieces(from, incarnation, ours.front().segment));
    for (const StoredPiece& piece : others) {
        if (piece.to > covered)
            return Beside::KnowsMore;
        if (!isPiece(from, incarnation, piece,
                     ByteView(bytes).subspan(piece.from, piece.to - piece.from)))
            return Beside::Contradicts;
    }
    return Beside::Fits;
}

} // namespace

WalSpan spanOf(const model::Backup& backup)
{
    const ByteCount size = backup.incarnation.identity.segmentSize;
    return {backup.timeline, model::segmentOf(backup.timeline, backup.startLsn, size).number,
            model::lastSegmentBefore(backup.timeline, backup.stopLsn, size).number};
}

/// Only what is exactly the key of a WAL file: who reads one looks under no other.
std::optional<std::string> WalCopy::nameIn(const ObjectKey& key) const
{
    std::string name = nameOfKey(key);
    if (model::walFileKind(name) == model::WalFileKind::Other
        || (isSegment(name)
            && !model::parseSegmentName(name, m_incarnation.identity.segmentSize).ok()))
        return std::nullopt;
    const std::string stem = walStem(m_incarnation, name);
    if (key.size() != stem.size() + walHashDigits || !key.starts_with(stem)
        || key.find_first_not_of("0123456789abcdef", stem.size()) != ObjectKey::npos)
        return std::nullopt;
    return name;
}

Result<> WalCopy::list(const Repository& repository, const ObjectKey& prefix, ByName& found) const
{
    return repository.driver().list(prefix, [&](const ObjectInfo& object) {
        if (const auto name = nameIn(object.key))
            found[*name].push_back(object);
        return Result<>();
    });
}

void WalCopy::planObject(const std::string& name, const std::vector<ObjectInfo>& ours,
                         const std::vector<ObjectInfo>* theirs)
{
    if (isSegment(name))
        m_whole.insert(name);
    const ObjectInfo& object = ours.front();
    if (ours.size() > 1) {
        m_copier.find(object.key, "is there " + std::to_string(ours.size())
                                      + " times, with different bytes: which of them is right "
                                        "nobody can tell");
        return;
    }
    if (theirs == nullptr) {
        (isSegment(name) ? m_segments : m_files).push_back({object, name});
        return;
    }
    // A second one keeps the copy from using either.
    if (theirs->size() > 1)
        m_copier.find(object.key, "is in the copy " + std::to_string(theirs->size())
                                      + " times, with different bytes: which of them is right "
                                        "nobody can tell");
    else if (!holds(*theirs, object.key))
        m_copier.find(object.key, "is in the copy with other bytes, as '" + theirs->front().key
                                      + "': two servers archived under one name");
}

Result<> WalCopy::plan(const std::vector<WalSpan>& spans, const std::optional<Swept>& swept)
{
    const ObjectKey prefix = "wal/" + scopePath(m_incarnation.cluster, m_incarnation.number) + "/";
    ByName theirs;
    ByName ours;
    SALVOR_CHECK(list(m_copier.to(), prefix, theirs));
    SALVOR_CHECK(list(m_copier.from(), prefix, ours));
    for (const auto& [name, objects] : theirs)
        if (objects.size() == 1)
            m_there.insert(name);
    for (const auto& [name, objects] : ours) {
        const auto other = theirs.find(name);
        planObject(name, objects, other == theirs.end() ? nullptr : &other->second);
    }
    SALVOR_CHECK(planPieces());
    if (swept)
        dropSwept(spans, *swept);
    return {};
}

void WalCopy::dropSwept(const std::vector<WalSpan>& spans, const Swept& swept)
{
    const ByteCount size = m_incarnation.identity.segmentSize;
    const std::uint64_t first = value(swept.before) / size;
    // What came after the mark is of a timeline that went back behind it.
    const auto isLeftOut = [&](const Item& item) {
        const auto segment =
            model::parseSegmentName(item.name.substr(0, item.name.find('.')), size);
        if (!segment.ok() || segment->number >= first || item.object.modifiedAt > swept.at)
            return false;
        return std::none_of(spans.begin(), spans.end(), [&](const WalSpan& span) {
            return span.timeline == segment->timeline && span.first <= segment->number
                   && segment->number <= span.last;
        });
    };
    m_leftOut += std::erase_if(m_segments, isLeftOut);
    m_leftOut += std::erase_if(m_pieces, isLeftOut);
}

Result<> WalCopy::planPieces()
{
    SALVOR_TRY(const Pieces ours, pieces(m_copier.from(), m_incarnation));
    SALVOR_TRY(const Pieces theirs, pieces(m_copier.to(), m_incarnation));
    auto theirsBySegment = bySegment(theirs);
    for (const auto& [segment, all] : bySegment(ours)) {
        SALVOR_TRY(const std::string name,
                   model::segmentName(segment, m_incarnation.identity.segmentSize));
        if (!m_whole.contains(name) && !m_there.contains(name))
            SALVOR_CHECK(planPiecesOf(all, theirsBySegment[segment]));
    }
    return {};
}

Result<> WalCopy::planPiecesOf(const Pieces& ours, const Pieces& theirs)
{
    if (coveredBytes(ours) < ours.back().from) {
        m_copier.find(ours.back().object, "comes after a piece that is missing");
        return {};
    }
    const auto beside = compare(m_copier.from(), m_incarnation, ours, theirs);
    if (!beside.ok() && beside.error().code == ErrorCode::Corrupt) {
        m_copier.find(ours.front().object, beside.error().message);
        return {};
    }
    SALVOR_CHECK(beside);
    if (*beside == Beside::Contradicts)
        m_copier.find(ours.front().object,
                      "is in the copy with other bytes, as '" + theirs.front().object + "'");
    if (*beside != Beside::Fits)
        return {};
    for (const StoredPiece& piece : coverOf(ours))
        if (!isIn(theirs, piece))
            m_pieces.push_back(
                {{piece.object, piece.storedSize, piece.storedAt}, nameOfKey(piece.object)});
    return {};
}

std::size_t WalCopy::objects() const noexcept
{
    return m_files.size() + m_segments.size() + m_pieces.size();
}

ByteCount WalCopy::bytes() const
{
    ByteCount sum = 0;
    for (const Items* items : {&m_files, &m_segments, &m_pieces})
        for (const Item& item : *items)
            sum += item.object.size;
    return sum;
}

Result<> WalCopy::copyAll(const Items& items)
{
    return inParallel(threads, items.size(), [&](std::size_t i) -> Result<> {
        SALVOR_TRY(const bool copied,
                   m_copier.copyWal(m_incarnation, items[i].object.key, items[i].name));
        if (!copied)
            return {};
        const std::lock_guard lock(m_mutex);
        m_there.insert(items[i].name);
        return {};
    });
}

Result<> WalCopy::copy()
{
    SALVOR_CHECK(copyAll(m_files));
    SALVOR_CHECK(copyAll(m_segments));
    // One after the other: after a gap the copy's own would be damage.
    std::string damaged;
    for (const Item& item : m_pieces) {
        const std::string segment = item.name.substr(0, item.name.find('.'));
        if (segment == damaged)
            continue;
        SALVOR_TRY(const bool copied, m_copier.copyWal(m_incarnation, item.object.key, item.name));
        if (!copied)
            damaged = segment;
    }
    return {};
}

void WalCopy::assumeCopied()
{
    for (const Items* items : {&m_files, &m_segments})
        for (const Item& item : *items)
            m_there.insert(item.name);
}

Result<std::vector<std::string>> WalCopy::namesIn(const WalSpan& span) const
{
    std::vector<std::string> names;
    if (value(span.timeline) > 1)
        names.push_back(model::historyFileName(span.timeline));
    for (std::uint64_t number = span.first; number <= span.last; ++number) {
        SALVOR_TRY(std::string name,
                   model::segmentName({span.timeline, number}, m_incarnation.identity.segmentSize));
        names.push_back(std::move(name));
    }
    return names;
}

Result<std::optional<std::string>> WalCopy::missingOf(const WalSpan& span) const
{
    SALVOR_TRY(std::vector<std::string> names, namesIn(span));
    for (std::string& name : names)
        if (!m_there.contains(name))
            return std::optional(std::move(name));
    return std::optional<std::string>();
}

Result<std::optional<std::string>> WalCopy::missingNow(const WalSpan& span) const
{
    SALVOR_TRY(std::vector<std::string> names, namesIn(span));
    std::set<ObjectKey> prefixes; // A folder for many segments.
    for (const std::string& name : names) {
        const ObjectKey stem = walStem(m_incarnation, name);
        prefixes.insert(isSegment(name) ? stem.substr(0, stem.rfind('/') + 1) : stem);
    }
    ByName found;
    for (const ObjectKey& prefix : prefixes)
        SALVOR_CHECK(list(m_copier.to(), prefix, found));
    for (std::string& name : names) {
        const auto there = found.find(name);
        // Of two with different bytes nobody could use either.
        if (there == found.end() || there->second.size() != 1)
            return std::optional(std::move(name));
        // Whoever stored it may have been killed before it was.
        const Result<> kept = m_copier.to().driver().makeDurable(there->second.front().key);
        if (!kept.ok() && kept.error().code == ErrorCode::NotFound)
            return std::optional(std::move(name));
        SALVOR_CHECK(kept);
    }
    return std::optional<std::string>();
}

} // namespace salvor::repository
