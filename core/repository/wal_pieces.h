// Pieces of begun segments: what receive-wal stores before a segment is whole.
#pragma once

#include "core/repository/repository.h"

namespace salvor::repository {

/// Some of a segment's bytes.
struct StoredPiece {
    model::Segment segment;
    ByteCount from = 0; ///< Offset in the segment.
    ByteCount to = 0;   ///< Exclusive.
    std::string object; ///< Storage key.
    ByteCount storedSize = 0;
    Moment storedAt;
};
using Pieces = std::vector<StoredPiece>;

/// Stores what stands in a segment from offset `from` on. Durable when this returns.
[[nodiscard]] Result<Repository::Pushed> pushPiece(const Repository& repository,
                                                   const model::Incarnation& incarnation,
                                                   model::Segment segment, ByteCount from,
                                                   ByteView bytes);
/// In order of segment and offset; all, or those of a timeline. Listed, not read.
[[nodiscard]] Result<Pieces> pieces(const Repository& repository,
                                    const model::Incarnation& incarnation,
                                    std::optional<model::TimelineId> timeline = std::nullopt);
[[nodiscard]] Result<Pieces> piecesOf(const Repository& repository,
                                      const model::Incarnation& incarnation,
                                      model::Segment segment);
/// Verified. Errors: Corrupt.
[[nodiscard]] Result<Bytes> readPiece(const Repository& repository,
                                      const model::Incarnation& incarnation,
                                      const StoredPiece& piece);
/// Whether a piece holds these bytes, told from its name. Needs no reader's key.
[[nodiscard]] bool isPiece(const Repository& repository, const model::Incarnation& incarnation,
                           const StoredPiece& piece, ByteView bytes);

/// The begun segment put together from its pieces, filled up with zeros.
///
/// Errors: NotFound when there are none; Corrupt when one is damaged, lacks, or contradicts
///         another.
[[nodiscard]] Result<Bytes> readPieces(const Repository& repository,
                                       const model::Incarnation& incarnation,
                                       model::Segment segment);
/// The whole segment, or readPieces() where it is not there.
[[nodiscard]] Result<Bytes> readSegmentOrPieces(const Repository& repository,
                                                const model::Incarnation& incarnation,
                                                model::Segment segment);

/// Up to which offset pieces of one segment, in order, give it without a gap.
[[nodiscard]] ByteCount coveredBytes(const Pieces& pieces);

/// The fewest of them that do so. One may begin before the end of the one before.
[[nodiscard]] Pieces coverOf(const Pieces& pieces);

/// The begun segment of a timeline, after its last whole one; nothing when there are no pieces.
///
/// `lastWhole` is the number of that one: only the pieces of the next are listed then.
[[nodiscard]] Result<std::optional<model::WalTail>> tailOf(const Repository& repository,
                                                           const model::Incarnation& incarnation,
                                                           model::TimelineId timeline,
                                                           std::optional<std::uint64_t> lastWhole);

/// Those that no reader needs any more: their segment is whole, or a larger piece holds them.
[[nodiscard]] Pieces supersededPieces(const Pieces& pieces,
                                      const std::vector<Repository::StoredSegment>& whole);

} // namespace salvor::repository
