// What of a cluster can be restored, on a line of time. Arithmetic only; no widgets.
#pragma once

#include "core/console/console.h"

#include <QString>

#include <optional>
#include <vector>

namespace salvor::gui {

struct Span {
    Moment from;
    Moment to;
};

struct CoverageBackup {
    Span span;
    std::string id;
};

/// Between two restorable spans: nothing there can be had, and why.
struct CoverageGap {
    Span span;
    QString reason; ///< A sentence.
};

/// The recoverable ranges of all backups, merged.
class Coverage {
public:
    Coverage() = default;
    explicit Coverage(const console::ClusterSummary& cluster);

    [[nodiscard]] bool isEmpty() const { return m_restorable.empty(); }
    [[nodiscard]] const std::vector<Span>& restorable() const { return m_restorable; }
    [[nodiscard]] const std::vector<Span>& wal() const { return m_wal; }
    [[nodiscard]] const std::vector<CoverageGap>& gaps() const { return m_gaps; }
    [[nodiscard]] const std::vector<CoverageBackup>& backups() const { return m_backups; }
    /// First and last restorable moment. Not for an empty one.
    [[nodiscard]] Span window() const;

    [[nodiscard]] bool contains(Moment moment) const;
    /// The restorable moment nearest to one. Not for an empty coverage.
    [[nodiscard]] Moment nearest(Moment moment) const;
    struct Move {
        Moment to;
        QString refused; ///< Why it did not go all the way; empty when it did.
    };
    /// From a restorable moment towards another. A move into a gap stops at its edge and says why;
    /// a move from that edge further into the gap goes to its other side.
    [[nodiscard]] Move move(Moment from, Moment to) const;
    /// The end of the next or previous backup that lies in a restorable span.
    [[nodiscard]] std::optional<Moment> nextBackup(Moment from) const;
    [[nodiscard]] std::optional<Moment> previousBackup(Moment from) const;
    /// The edge before the next gap.
    [[nodiscard]] std::optional<Moment> nextGap(Moment from) const;

private:
    std::vector<Span> m_restorable;
    std::vector<Span> m_wal;
    std::vector<CoverageGap> m_gaps;
    std::vector<CoverageBackup> m_backups;
    QString m_endReason; ///< Why not later than the end.
};

} // namespace salvor::gui
