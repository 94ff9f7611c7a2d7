// Results as JSON for scripts and as text for people. No I/O.
#pragma once

#include "core/base/json.h"
#include "core/console/console.h"

#include <string>
#include <vector>

namespace salvor::cli {

// JSON. LSNs are text, times RFC 3339 in UTC with microseconds, sizes integers of bytes; system
// identifiers are text, because they are larger than what JSON numbers hold exactly.
[[nodiscard]] Json repositoryJson(const settings::RepositoryConfig& config,
                                  const repository::RepositoryInfo& info);
[[nodiscard]] Json copyJson(const repository::CopyReport& report);
[[nodiscard]] Json keySlotJson(const repository::KeySlot& slot);
[[nodiscard]] Json incarnationJson(const model::Incarnation& incarnation);
[[nodiscard]] Json checkJson(const model::Check& check);
[[nodiscard]] Json reportJson(const console::ClusterReport& report);
[[nodiscard]] Json::Object backupMembers(const model::Backup& backup,
                                         const model::Assurance& assurance);
[[nodiscard]] Json fileJson(const console::BackupFile& file);
[[nodiscard]] Json walStateJson(const model::WalArchiveState& state);
[[nodiscard]] Json rangeJson(const model::RecoverableRange& range);
[[nodiscard]] Json outcomeJson(const model::RestoreOutcome& outcome);
[[nodiscard]] Json instanceJson(const postgres::Instance& instance,
                                const postgres::InstanceStatus& status);
[[nodiscard]] Json proofJson(const console::RestoreProof& proof);
[[nodiscard]] Json findingJson(const std::string& repository, const verify::Finding& finding);
[[nodiscard]] Json sweepJson(const repository::SweepReport& report);
[[nodiscard]] Json::Object prunePlanMembers(const policy::PrunePlan& plan);
[[nodiscard]] Json retiredJson(const model::RetiredBackup& retired);
[[nodiscard]] Json waitingJson(const rescue::Waiting& waiting);
[[nodiscard]] Json pathsJson(const std::vector<Path>& paths);
[[nodiscard]] Json committedJson(const std::string& place, const rescue::Committed& committed);
/// The error's "nearest": what can be reached before and after what was asked.
[[nodiscard]] Json nearestJson(const finder::Nearest& nearest);

// Text, with its line ends.
[[nodiscard]] std::string repositoryText(const settings::RepositoryConfig& config,
                                         const repository::RepositoryInfo& info);
[[nodiscard]] std::string copyText(const repository::CopyReport& report);
/// What the copy has now, and what it has not: a sentence.
[[nodiscard]] std::string copyMessage(const repository::CopyReport& report,
                                      const repository::CopyRequest& request,
                                      const std::string& from, const std::string& to);
/// Unset when the report is complete.
[[nodiscard]] std::optional<Error> copyProblem(const repository::CopyReport& report,
                                               const repository::CopyRequest& request,
                                               const std::string& from, const std::string& to);
[[nodiscard]] std::string keySlotsText(const std::vector<repository::KeySlot>& slots);
[[nodiscard]] Json lifecycleJson(const policy::LifecyclePlan& plan);
[[nodiscard]] std::string lifecycleText(const policy::LifecyclePlan& plan);
[[nodiscard]] std::string checksText(const std::vector<model::Check>& checks);
[[nodiscard]] std::string backupsText(const std::vector<model::Backup>& backups,
                                      const model::Assurances& assurances);
[[nodiscard]] std::string backupText(const model::Backup& backup,
                                     const model::Assurance& assurance);
[[nodiscard]] std::string filesText(const std::vector<console::BackupFile>& files);
[[nodiscard]] std::string walText(const model::WalArchiveState& state,
                                  const std::vector<model::RecoverableRange>& recoverable);
[[nodiscard]] std::string planText(const model::RestorePlan& plan, const std::string& hash);
[[nodiscard]] std::string outcomeText(const model::RestoreOutcome& outcome);
/// An instance and how it is.
using InstanceRow = std::pair<postgres::Instance, postgres::InstanceStatus>;
[[nodiscard]] std::string instancesText(const std::vector<InstanceRow>& instances);
[[nodiscard]] std::string waitingText(const std::vector<rescue::Waiting>& waiting);
[[nodiscard]] std::string proofText(const console::RestoreProof& proof);
[[nodiscard]] std::string findingText(const std::string& repository,
                                      const verify::Finding& finding);
[[nodiscard]] std::string prunePlanText(const policy::PrunePlan& plan, std::chrono::seconds grace);
[[nodiscard]] std::string retiredText(const std::vector<model::RetiredBackup>& retired);
/// "the nearest that can be: 2026-… (0/3018098)": a sentence for the hint, or "".
[[nodiscard]] std::string nearestText(const finder::Nearest& nearest);

[[nodiscard]] std::string_view checkLevelName(model::Check::Level level) noexcept;
[[nodiscard]] std::string_view treeKindName(repository::TreeKind kind) noexcept;
/// "15.18", from 150018.
[[nodiscard]] std::string versionText(int serverVersion);

} // namespace salvor::cli
