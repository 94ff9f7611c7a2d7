// Proves a backup: restores it, starts PostgreSQL on it, and has it checked.
#include "core/console/console.h"
#include "core/postgres/instance_checks.h"

#include <algorithm>

namespace salvor::console {

namespace {

using postgres::CheckFindings;

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
    return readTextFile(configured->validation).in("the cluster's validation queries");
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
            addStep(proof, "validation queries", postgres::runValidation(instance, script, job)));
    SALVOR_CHECK(postgres::stopInstance(instance, job));
    if (proof.backup.pageChecksums)
        SALVOR_CHECK(addStep(proof, "page checksums", postgres::checkPageChecksums(instance, job)));
    return {};
}

Result<RestoreProof> Console::proveBackup(const std::string& id, const Path& destination, bool keep,
                                          JobContext& job)
{
    RestoreProof proof;
    SALVOR_TRY(proof.backup, findBackup(id));
    SALVOR_TRY(const std::string script,
               validationScript(m_config, proof.backup.incarnation.cluster));
    RestoreChoice choice;
    choice.cluster = proof.backup.incarnation.cluster;
    choice.backupId = proof.backup.id;
    choice.destination = destination;
    choice.action = model::AtTarget::Promote;
    choice.startOptions.start = true;
    for (const model::Tablespace& tablespace : proof.backup.tablespaces)
        choice.tablespaces[tablespace.oid] =
            destination.native() + ".tablespace-" + std::to_string(tablespace.oid);
    SALVOR_TRY(const auto plan, planRestore(choice, job));
    SALVOR_TRY(proof.outcome, applyRestore(plan, job));
    const std::string& copy = proof.outcome.instance;
    auto examined = examine(proof, script, job);
    // Whatever the checks say, no server is left running. After a stop the rest is left to a
    // person.
    std::stop_source nobody;
    JobContext ending{nobody.get_token(), job.progress, job.events};
    const auto stopped = stopInstance(copy, ending);
    if (!examined.ok()) {
        Error error = std::move(examined).error();
        error.hint += (error.hint.empty() ? "" : " ")
                      + ("The copy is kept in " + quoted(destination)
                         + "; 'salvorctl instance remove " + copy + "' removes it.");
        return error;
    }
    SALVOR_CHECK(stopped);
    proof.kept = keep || !proof.isGood();
    if (!proof.kept)
        SALVOR_CHECK(removeInstance(copy, ending));
    return proof;
}

} // namespace salvor::console
