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
    /// How many files the copy lacks and is not given, because its own retention took them away.
    [[nodiscard]] std::uint64_t leftOut() const noexcept { return m_leftOut; }
    /// History files and labels first, then segments in order, then pieces.
    [[nodiscard]] Result<> copy();
    /// As if copy() had been called.
    void assumeCopied();

    /// What is missing of a span in the copy, its history file included: a name; nothing when it
    /// is all there, as far as was listed and copied.
    [[nodiscard]] Result<std::optional<std::string>> missingOf(const WalSpan& span) const;
    /// The same, looked for in the copy now; what is there is durable from here on.
    [[nodiscard]] Result<std::optional<std::string>> missingNow(const WalSpan& span) const;

private:
    struct Item {
        storage::ObjectInfo object;
        std::string name;
    };
    using Items = std::vector<Item>;
    using ByName = std::map<std::string, std::vector<storage::ObjectInfo>>;

    [[nodiscard]] std::optional<std::string> nameIn(const storage::ObjectKey& key) const;
    [[nodiscard]] Result<> list(const Repository& repository, const storage::ObjectKey& prefix,
                                ByName& found) const;
    void planObject(const std::string& name, const std::vector<storage::ObjectInfo>& ours,
                    const std::vector<storage::ObjectInfo>* theirs);
    void dropSwept(const std::vector<WalSpan>& spans, const Swept& swept);
    [[nodiscard]] Result<std::vector<std::string>> namesIn(const WalSpan& span) const;
    [[nodiscard]] Result<> planPieces();
    [[nodiscard]] Result<> planPiecesOf(const Pieces& ours, const Pieces& theirs);
    [[nodiscard]] Result<> copyAll(const Items& items);

    ObjectCopier& m_copier;
    const model::Incarnation& m_incarnation;
    Items m_files;
    Items m_segments;
    Items m_pieces;
    std::uint64_t m_leftOut = 0;
    std::set<std::string> m_whole; ///< Segments that the source has.
    std::mutex m_mutex;
    std::set<std::string> m_there; ///< Once, in the copy. Guarded by m_mutex.
};

} // namespace salvor::repository
