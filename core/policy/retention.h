// Decides which backups and how much WAL the rules of a cluster want. No I/O; safe on any thread.
#pragma once

#include "core/model/retention.h"
#include "core/model/verification.h"
#include "core/wal/archive.h"

#include <map>

namespace salvor::policy {

/// What is known of an incarnation's timelines.
struct IncarnationHistory {
    model::Incarnation incarnation;
    struct Branch {
        wal::TimelinePath path; ///< Back from its newest timeline.
        Moment lastActive;      ///< When its last segment or backup came, by any clock near enough.
    };
    std::vector<Branch> branches; ///< Oldest timeline first.
    /// The repository has backups of it, or had. A copy that has only its WAL waits for them.
    bool hadBackups = false;
};

struct RetentionInput {
    model::RetentionRules rules;
    std::vector<model::Backup> backups; ///< Of all incarnations of one cluster, oldest first.
    std::vector<IncarnationHistory> histories; ///< Oldest incarnation first.
    std::vector<model::Hold> holds;
    model::Assurances assurances;
    Moment now;
};

struct Verdict {
    model::Backup backup;
    std::vector<std::string> keptBecause; ///< "it is among the newest 7"; empty: it goes.
    /// WAL from its start on is kept; else only what it needs to be consistent.
    bool continuous = false;
    bool held = false;

    [[nodiscard]] bool isKept() const noexcept { return !keptBecause.empty(); }
};

struct Retention {
    std::vector<Verdict> verdicts; ///< In the order of the backups.
    /// By number of the incarnation: WAL before this is not wanted, but for what kept backups need
    /// to be consistent. Without an entry all is.
    std::map<std::uint32_t, model::Lsn> keepFrom;
};

/// A backup that stays whatever the rules say.
struct Essential {
    std::size_t number = 0; ///< In the list that was given.
    std::string because;    ///< "it is the newest".
    bool continuous = false;
};

/// The newest backup, the newest without known damage, and the newest that was verified; each once.
[[nodiscard]] std::vector<Essential> essentialBackups(const std::vector<model::Backup>& backups,
                                                      const model::Assurances& assurances);

/// Whatever the rules say, the essential backups stay. Without any rule everything does.
[[nodiscard]] Retention decideRetention(const RetentionInput& input);

} // namespace salvor::policy
