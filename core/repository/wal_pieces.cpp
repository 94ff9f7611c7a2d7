// Pieces of begun segments. See docs/repository-format.md, section 9.
#include "core/repository/wal_pieces.h"

#include "core/base/text.h"
#include "core/repository/sealed_object.h"
#include "core/repository/wal_object.h"

#include <algorithm>
#include <array>
#include <map>
#include <thread>

namespace salvor::repository {

namespace {

using storage::ObjectKey;

constexpr std::size_t segmentDigits = 24;
constexpr std::size_t sharedDigits = 16;
constexpr std::string_view marker = ".partial.";
constexpr std::size_t offsetDigits = 8;
/// "<segment>.partial.<from>-<to>".
constexpr std::size_t nameSize = segmentDigits + marker.size() + offsetDigits + 1 + offsetDigits;

std::string piecesPrefix(const model::Incarnation& incarnation)
{
    return "pieces/" + scopePath(incarnation.cluster, incarnation.number) + "/";
}

/// Beginning of the keys of a segment's pieces; everything up to the first offset.
ObjectKey piecesStem(const model::Incarnation& incarnation, const std::string& segment)
{
    return piecesPrefix(incarnation) + segment.substr(0, 8) + "/" + segment.substr(0, sharedDigits)
           + "/" + segment + std::string(marker);
}

std::string offsetText(ByteCount offset)
{
    std::array<char, offsetDigits + 1> text{};
    std::snprintf(text.data(), text.size(), "%08x", static_cast<unsigned>(offset));
    return text.data();
}

std::string nameInKey(const ObjectKey& key)
{
    return key.substr(key.rfind('/') + 1).substr(0, nameSize);
}

std::optional<StoredPiece> pieceOf(const storage::ObjectInfo& object, ByteCount segmentSize)
{
    const std::string name = object.key.substr(object.key.rfind('/') + 1);
    if (name.size() != nameSize + 1 + walHashDigits || name[nameSize] != '-'
        || name.compare(segmentDigits, marker.size(), marker) != 0
        || name[nameSize - offsetDigits - 1] != '-')
        return std::nullopt;
    const auto segment = model::parseSegmentName(name.substr(0, segmentDigits), segmentSize);
    const auto from = parseHexNumber(name.substr(segmentDigits + marker.size(), offsetDigits));
    const auto to = parseHexNumber(name.substr(nameSize - offsetDigits, offsetDigits));
    if (!segment.ok() || !from || !to || *from >= *to || *to > segmentSize)
        return std::nullopt;
    return StoredPiece{*segment, *from, *to, object.key, object.size, object.modifiedAt};
}

Result<Pieces> listPieces(storage::Driver& driver, const ObjectKey& prefix, ByteCount segmentSize)
{
    Pieces all;
    SALVOR_CHECK(driver.list(prefix, [&](const storage::ObjectInfo& object) {
        if (auto piece = pieceOf(object, segmentSize))
            all.push_back(*std::move(piece));
        return Result<>();
    }));
    std::sort(all.begin(), all.end(), [](const StoredPiece& a, const StoredPiece& b) {
        return std::tie(a.segment, a.from, a.to) < std::tie(b.segment, b.from, b.to);
    });
    return all;
}

/// Puts a piece in its place. Errors: Corrupt when what is there already is something else.
Result<> place(const StoredPiece& piece, ByteView bytes, ByteCount covered, Bytes& segment)
{
    const ByteCount common = covered - piece.from;
    const ByteView before = ByteView(segment).subspan(piece.from, common);
    if (!std::equal(before.begin(), before.end(), bytes.begin()))
        return fail(ErrorCode::Corrupt,
                    "object '" + piece.object + "' holds other bytes than the pieces before it",
                    "Two servers sent WAL under one cluster name; give each its own.");
    const ByteView rest = bytes.subspan(common);
    std::copy(rest.begin(), rest.end(), segment.begin() + static_cast<std::ptrdiff_t>(covered));
    return {};
}

/// Errors: Corrupt for two pieces of one place with different hashes.
Result<> checkAgreement(const Pieces& pieces)
{
    for (std::size_t i = 1; i < pieces.size(); ++i)
        if (pieces[i].from == pieces[i - 1].from && pieces[i].to == pieces[i - 1].to)
            return fail(ErrorCode::Corrupt,
                        "objects '" + pieces[i - 1].object + "' and '" + pieces[i].object
                            + "' are the same piece with different bytes",
                        "Find out which server wrote which; neither is used until one is removed.");
    return {};
}

/// Those of a segment. While a receiver writes, a listing may show a later piece and not the one
/// before it: so a gap is looked at again. Errors: Corrupt when it stays.
Result<Pieces> wholePiecesOf(const Repository& repository, const model::Incarnation& incarnation,
                             model::Segment segment)
{
    constexpr int tries = 3;
    for (int i = 1;; ++i) {
        SALVOR_TRY(Pieces all, piecesOf(repository, incarnation, segment));
        const ByteCount covered = coveredBytes(all);
        const auto beyond = std::find_if(
            all.begin(), all.end(), [&](const StoredPiece& piece) { return piece.from > covered; });
        if (beyond == all.end())
            return all;
        if (i == tries)
            return fail(ErrorCode::Corrupt,
                        "a piece is missing between byte " + std::to_string(covered) + " and '"
                            + beyond->object + "'",
                        "Choose a moment before it.");
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
}

} // namespace

Pieces coverOf(const Pieces& pieces)
{
    Pieces cover;
    ByteCount covered = 0;
    while (true) {
        const StoredPiece* best = nullptr;
        for (const StoredPiece& piece : pieces)
            if (piece.from <= covered && piece.to > covered
                && (best == nullptr || piece.to > best->to))
                best = &piece;
        if (best == nullptr)
            return cover;
        cover.push_back(*best);
        covered = best->to;
    }
}

ByteCount coveredBytes(const Pieces& pieces)
{
    // In order of their beginnings one pass is enough.
    ByteCount covered = 0;
    for (const StoredPiece& piece : pieces)
        if (piece.from <= covered)
            covered = std::max(covered, piece.to);
    return covered;
}

Result<std::optional<model::WalTail>> tailOf(const Repository& repository,
                                             const model::Incarnation& incarnation,
                                             model::TimelineId timeline,
                                             std::optional<std::uint64_t> lastWhole)
{
    Pieces found;
    if (lastWhole) {
        SALVOR_TRY(found, piecesOf(repository, incarnation, {timeline, *lastWhole + 1}));
    } else {
        SALVOR_TRY(found, pieces(repository, incarnation, timeline));
        if (!found.empty())
            std::erase_if(found, [newest = found.back().segment](const StoredPiece& piece) {
                return piece.segment != newest;
            });
    }
    const ByteCount covered = coveredBytes(found);
    if (covered == 0)
        return std::optional<model::WalTail>();
    const model::Segment segment = found.front().segment;
    const model::Lsn start = model::segmentStart(segment, incarnation.identity.segmentSize);
    return std::optional(model::WalTail{segment, model::Lsn{value(start) + covered}});
}

Pieces supersededPieces(const Pieces& pieces, const std::vector<Repository::StoredSegment>& whole)
{
    std::map<model::Segment, int> copies;
    for (const auto& each : whole)
        ++copies[each.segment];
    Pieces sorted = pieces;
    // Whoever holds a piece stands before it.
    std::sort(sorted.begin(), sorted.end(), [](const StoredPiece& a, const StoredPiece& b) {
        return std::tie(a.segment, a.from, b.to) < std::tie(b.segment, b.from, a.to);
    });
    Pieces gone;
    const StoredPiece* widest = nullptr;
    for (const StoredPiece& piece : sorted) {
        const auto copy = copies.find(piece.segment);
        const bool isWhole = copy != copies.end() && copy->second == 1;
        const bool isHeld = widest != nullptr && widest->segment == piece.segment
                            && widest->to >= piece.to
                            && std::tie(widest->from, widest->to) != std::tie(piece.from, piece.to);
        if (isWhole || isHeld)
            gone.push_back(piece);
        if (widest == nullptr || widest->segment != piece.segment || widest->to < piece.to)
            widest = &piece;
    }
    return gone;
}

Result<Repository::Pushed> pushPiece(const Repository& repository,
                                     const model::Incarnation& incarnation, model::Segment segment,
                                     ByteCount from, ByteView bytes)
{
    const ByteCount segmentSize = incarnation.identity.segmentSize;
    SALVOR_TRY(const std::string segmentName, model::segmentName(segment, segmentSize));
    const ByteCount to = from + bytes.size();
    if (bytes.empty() || to > segmentSize)
        return fail(ErrorCode::InvalidInput, "segment '" + segmentName + "' has no bytes from "
                                                 + std::to_string(from) + " to "
                                                 + std::to_string(to));
    const std::string name =
        segmentName + std::string(marker) + offsetText(from) + "-" + offsetText(to);
    SALVOR_TRY(const Bytes object, encodeWalObject(repository.keys(), incarnation, name, bytes));
    const ObjectKey key = piecesStem(incarnation, segmentName)
                          + name.substr(segmentDigits + marker.size()) + "-"
                          + walHash(repository.keys(), incarnation, name, bytes);
    return storeWalObject(repository.driver(), key, object);
}

Result<Pieces> pieces(const Repository& repository, const model::Incarnation& incarnation,
                      std::optional<model::TimelineId> timeline)
{
    std::string prefix = piecesPrefix(incarnation);
    if (timeline)
        prefix += model::historyFileName(*timeline).substr(0, 8) + "/";
    return listPieces(repository.driver(), prefix, incarnation.identity.segmentSize);
}

Result<Pieces> piecesOf(const Repository& repository, const model::Incarnation& incarnation,
                        model::Segment segment)
{
    const ByteCount segmentSize = incarnation.identity.segmentSize;
    SALVOR_TRY(const std::string name, model::segmentName(segment, segmentSize));
    return listPieces(repository.driver(), piecesStem(incarnation, name), segmentSize);
}

Result<Bytes> readPiece(const Repository& repository, const model::Incarnation& incarnation,
                        const StoredPiece& piece)
{
    SALVOR_TRY(Bytes bytes,
               readWalObject(repository, incarnation, nameInKey(piece.object), piece.object));
    if (bytes.size() != piece.to - piece.from)
        return fail(ErrorCode::Corrupt,
                    "object '" + piece.object + "' has another size than its name says");
    return bytes;
}

bool isPiece(const Repository& repository, const model::Incarnation& incarnation,
             const StoredPiece& piece, ByteView bytes)
{
    return checkWalHash(repository, incarnation, nameInKey(piece.object), piece.object, bytes).ok();
}

Result<Bytes> readPieces(const Repository& repository, const model::Incarnation& incarnation,
                         model::Segment segment)
{
    SALVOR_TRY(const Pieces all, wholePiecesOf(repository, incarnation, segment));
    if (all.empty())
        return fail(ErrorCode::NotFound, "no piece of the segment is in the repository");
    SALVOR_CHECK(checkAgreement(all));
    const Pieces cover = coverOf(all);
    Bytes bytes(incarnation.identity.segmentSize);
    ByteCount end = 0;
    for (const StoredPiece& piece : cover) {
        const auto part = readPiece(repository, incarnation, piece);
        // It was listed a moment ago: this is no "there is no such segment".
        if (!part.ok() && part.error().code == ErrorCode::NotFound)
            return fail(ErrorCode::Unavailable, part.error().message);
        if (!part.ok())
            return part.error();
        SALVOR_CHECK(place(piece, *part, end, bytes));
        end = piece.to;
    }
    for (const StoredPiece& piece : all)
        if (!isPiece(repository, incarnation, piece,
                     ByteView(bytes).subspan(piece.from, piece.to - piece.from)))
            return fail(ErrorCode::Corrupt,
                        "object '" + piece.object + "' contradicts the other pieces",
                        "Two servers sent WAL under one cluster name, or one was put back to an "
                        "earlier state. Choose a moment before this segment.");
    return bytes;
}

Result<Bytes> readSegmentOrPieces(const Repository& repository,
                                  const model::Incarnation& incarnation, model::Segment segment)
{
    auto whole = repository.readSegment(incarnation, segment);
    if (whole.ok() || whole.error().code != ErrorCode::NotFound)
        return whole;
    auto begun = readPieces(repository, incarnation, segment);
    // Of a segment that is not there at all its own name is told.
    return begun.ok() || begun.error().code != ErrorCode::NotFound ? begun : whole;
}

} // namespace salvor::repository
