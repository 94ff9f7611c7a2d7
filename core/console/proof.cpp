// Proves a backup: restores it, starts PostgreSQL on it, and has it checked.
#include "core/console/opened.h"
#include "core/postgres/instance_checks.h"

#include <algorithm>

namespace salvor::console {

namespace {

using postgres::CheckFindings;

constexpr const char* validationStep = "validation queries";

Result<> addStep(RestoreProof& proof, std::string name, Result<CheckFindings> found)
{
    if (!found.ok())
        return std::move(found).error().in(name);
    proof.steps.push_back({std::move(name), *std::move(found)});
    return {};
}

Result<std::string> validationScript(const settings::Config& config, const std::string& cluster)
{
    const auto configured = config.cluster(cluster);
    if (!configured.ok() || configured->validation.empty())
        return std::string();
    SALVOR_TRY(auto script,
               readTextFile(configured->validation).in("the cluster's validation queries"));
    if (script.empty())
        return fail(ErrorCode::InvalidInput,
                    "the cluster's validation queries, " + quoted(configured->validation)
                        + ", are an empty file",
                    "Write some, or take 'validation' out of the configuration.");
    return script;
}

} // namespace

bool RestoreProof::isGood() const noexcept
{
    return std::all_of(steps.begin(), steps.end(),
                       [](const Step& step) { return step.findings.empty(); });
}

Result<> Console::examine(RestoreProof& proof, const std::string& script, JobContext& job)
{
    SALVOR_TRY(const auto instance, registry().find(proof.outcome.instance));
    SALVOR_CHECK(addStep(proof, "tables and indexes", postgres::checkStructure(instance, job)));
    if (!script.empty())
        SALVOR_CHECK(
            addStep(proof, validationStep, postgres::runValidation(instance, script, job)));
    SALVOR_CHECK(postgres::stopInstance(instance, job));
    if (proof.backup.pageChecksums)
        SALVOR_CHECK(addStep(proof, "page checksums", postgres::checkPageChecksums(instance, job)));
    return {};
}

Result<> Console::stopCopyIn(const Path& destination, Moment since, const JobContext& job) const
{
    const std::stop_source nobody;
    JobContext ending{nobody.get_token(), job.progress, job.events};
    SALVOR_TRY(const auto copies, instances());
    for (const postgres::Instance& copy : copies)
        if (copy.dataDirectory == destination && copy.startedAt >= since)
            SALVOR_CHECK(postgres::stopInstance(copy, ending));
    return {};
}

void Console::noteProof(const RestoreProof& proof, const std::string& repository,
                        const Error* damage, JobContext& job)
{
    model::Verification outcome;
    outcome.backupId = proof.backup.id;
    outcome.level = model::AssuranceLevel::Restored;
    if (damage != nullptr)
        outcome.finding = damage->message;
    for (const RestoreProof::Step& step : proof.steps) {
        if (step.name == validationStep)
            outcome.level = model::AssuranceLevel::Validated;
        if (!step.findings.empty() && outcome.finding.empty())
            outcome.finding = step.name + ": " + step.findings.front();
    }
    outcome.good = outcome.finding.empty();
    // What several gave together proves none of them.
    const auto& sources = proof.outcome.repositories;
    if (outcome.good && sources != std::vector{repository}) {
        job.events.warning(
            "Not all of it came from repository '" + repository
            + "', so nothing is noted there: 'salvorctl verify' says what it lacks.");
        return;
    }
    const auto located = locateBackup(proof.backup.id, repository);
    const auto noted =
        located.ok() ? note(*located, std::move(outcome)) : Result<>(located.error());
    if (!noted.ok())
        job.events.warning("The outcome could not be noted in the repository, so the backup counts "
                           "as before: "
                           + noted.error().message + ".");
}

Result<RestoreProof> Console::proveBackup(const std::string& id, const ProofChoice& choice,
                                          JobContext& job)
{
    RestoreProof proof;
    SALVOR_TRY(const FoundBackup found, findBackup(id));
    proof.backup = found.backup;
    SALVOR_TRY(const std::string script,
               validationScript(m_config, proof.backup.incarnation.cluster));
    RestoreChoice restore;
    restore.cluster = proof.backup.incarnation.cluster;
    if (!choice.replaysAll)
        restore.target.point = model::ImmediateTarget{};
    restore.backupId = proof.backup.id;
    restore.destination = choice.destination;
    restore.action = model::AtTarget::Promote;
    restore.startOptions.start = true;
    for (const model::Tablespace& tablespace : proof.backup.tablespaces)
        restore.tablespaces[tablespace.oid] =
            choice.destination.native() + ".tablespace-" + std::to_string(tablespace.oid);
    SALVOR_TRY(const auto plan, planRestore(restore, job));
    const auto prove = [&]() -> Result<> {
        SALVOR_TRY(proof.outcome, applyRestore(plan, job));
        return examine(proof, script, job);
    };
    const Moment began = systemClock().now();
    auto proved = prove();
    const auto stopped = stopCopyIn(choice.destination, began, job);
    if (!proved.ok()) {
        Error error = std::move(proved).error();
        if (error.code == ErrorCode::Corrupt)
            noteProof(proof, plan.repository, &error, job);
        error.hint += error.hint.empty() ? "" : " ";
        error.hint += "What was restored is kept in " + quoted(choice.destination)
                      + "; 'salvorctl instance list' names it when it was started.";
        if (!stopped.ok())
            error.hint += " It may still run: " + stopped.error().message + ".";
        return error;
    }
    SALVOR_CHECK(stopped);
    noteProof(proof, plan.repository, nullptr, job);
    proof.kept = choice.keeps || !proof.isGood();
    if (!proof.kept)
        SALVOR_CHECK(removeInstance(proof.outcome.instance, job));
    return proof;
}

} // namespace salvor::console
