// One pass over all WAL that backups can replay, looking for what a target means.
#pragma once

#include "core/finder/ground.h"

namespace salvor::finder {

/// WAL without a gap, from the start of a backup on.
struct Region {
    model::Lsn from{};
    model::Lsn end{};
    std::string because; ///< Why it ends: a sentence.
    std::optional<model::WalEvent> lastCommit;
};

/// An event that was looked for, and what stands around it.
struct Match {
    model::WalEvent event;
    std::size_t region = 0;
    std::optional<model::WalEvent> lastEnd;    ///< The last commit or abort before it.
    std::optional<model::WalEvent> lastCommit; ///< The last commit before it.
    std::optional<model::WalEvent> nextCommit; ///< The first commit after it.
    std::uint64_t commitsBefore = 0;           ///< In the whole survey.
};

struct Survey {
    std::vector<Region> regions;
    std::vector<Match> matches; ///< In WAL order.
    std::optional<model::WalEvent> lastCommit;
    std::uint64_t commits = 0;

    /// The newest of the backups that leads to the match: consistent before `at`, and without a
    /// gap between.
    [[nodiscard]] const model::Backup* backupFor(const Ground& ground, const Match& match,
                                                 model::Lsn at) const;
};

/// Reads everything from the start of `ground.backups[first]` to the end of the archive.
/// `isMatch` is asked for each event, in WAL order.
using IsMatch = std::function<bool(const model::WalEvent&, std::size_t region)>;
[[nodiscard]] Result<Survey> makeSurvey(const Ground& ground, std::size_t first,
                                        const IsMatch& isMatch, JobContext& job);

} // namespace salvor::finder
