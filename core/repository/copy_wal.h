// The WAL of one incarnation on its way into a copy of its repository.
#pragma once

#include "core/repository/copy_objects.h"
#include "core/repository/sweep.h"
#include "core/repository/wal_pieces.h"

#include <map>
#include <set>

namespace salvor::repository {

/// A part of the WAL that a backup is consistent with.
struct WalSpan {
    model::TimelineId timeline{};
    std::uint64_t first = 0; ///< Numbers of segments, inclusive.
    std::uint64_t last = 0;
};
[[nodiscard]] WalSpan spanOf(const model::Backup& backup);

/// Made by plan(), carried out by copy(); knows what is there at any time. One thread.
class WalCopy {
public:
    WalCopy(ObjectCopier& copier, const model::Incarnation& incarnation)
        : m_copier(copier)
        , m_incarnation(incarnation)
    {}

    /// What is to be copied: all that the copy lacks, but for what its own retention took away;
    /// of that only what `spans` need. Contradictions are findings.
    [[nodiscard]] Result<> plan(const std::vector<WalSpan>& spans,
                                const std::optional<Swept>& swept);
    [[nodiscard]] std::size_t objects() const noexcept;
    [[nodiscard]] ByteCount bytes() const;
    /// History files and labels first, then segments in order, then pieces.
    [[nodiscard]] Result<> copy();
    /// As if copy() had been called.
    void assumeCopied();

    /// What is missing of a span in the copy, its history file included: a name; nothing when it is
    /// all there, durable from here on.
    [[nodiscard]] Result<std::optional<std::string>> missingOf(const WalSpan& span);

private:
    struct Item {
        storage::ObjectInfo object;
        std::string name;
    };
    using Items = std::vector<Item>;
    using ByStem = std::map<storage::ObjectKey, std::vector<storage::ObjectInfo>>;

    [[nodiscard]] Result<ByStem> listed(const Repository& repository) const;
    void planObject(const storage::ObjectKey& stem, const std::vector<storage::ObjectInfo>& ours,
                    const std::vector<storage::ObjectInfo>* theirs);
    void dropSwept(const std::vector<WalSpan>& spans, const Swept& swept);
    [[nodiscard]] Result<> planPieces();
    [[nodiscard]] Result<> planPiecesOf(const Pieces& ours, const Pieces& theirs);
    [[nodiscard]] Result<> copyAll(const Items& items);

    ObjectCopier& m_copier;
    const model::Incarnation& m_incarnation;
    Items m_files;
    Items m_segments;
    Items m_pieces;
    std::set<std::string> m_whole; ///< Segments that the source has.
    std::mutex m_mutex;
    std::map<std::string, storage::ObjectKey> m_there; ///< By name. Guarded by m_mutex.
};

} // namespace salvor::repository
