#include "core/postgres/instance_checks.h"

#include "core/postgres/connection.h"
#include "core/postgres/instance_tools.h"

namespace salvor::postgres {

namespace {

constexpr std::size_t mostOutput = std::size_t{64} << 20U; ///< What runCommand() keeps.

constexpr const char* checkIndexes = R"(
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS amcheck;
CREATE TEMPORARY TABLE salvor_findings (what text);
DO $check$
DECLARE
    index oid;
BEGIN
    FOR index IN
        SELECT c.oid FROM pg_class c JOIN pg_am a ON a.oid = c.relam
            JOIN pg_index i ON i.indexrelid = c.oid
        WHERE a.amname = 'btree' AND c.relpersistence = 'p' AND i.indisready AND i.indisvalid
    LOOP
        BEGIN
            PERFORM bt_index_check(index::regclass, true);
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO salvor_findings VALUES (index::regclass || ': ' || SQLERRM);
        END;
    END LOOP;
END
$check$;
SELECT what FROM salvor_findings;
)";

Result<CommandResult> runScript(const Instance& instance, const std::string& database,
                                const std::string& script, const JobContext& job)
{
    return runTool(
        instance,
        {"psql",
         {"-X", "-q", "-A", "-t", "-P", "null=f", "-v", "ON_ERROR_STOP=1", "-d", database},
         script},
        job);
}

Result<std::vector<std::string>> databasesOf(const Instance& instance, const JobContext& job)
{
    SALVOR_TRY(auto connection,
               Connection::open(connectionString(instance), Connection::Kind::Normal, job.stop));
    SALVOR_TRY(const auto rows,
               connection.query("SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1", {},
                                job.stop));
    std::vector<std::string> names;
    names.reserve(rows.size());
    for (const Row& row : rows)
        names.push_back(row.at(0).value_or(""));
    return names;
}

Result<CheckFindings> checkIndexesOfEach(const Instance& instance, const JobContext& job)
{
    CheckFindings findings;
    SALVOR_TRY(const auto databases, databasesOf(instance, job));
    for (const std::string& database : databases) {
        SALVOR_TRY(const auto ended, runScript(instance, database, checkIndexes, job));
        if (ended.status != 0)
            return failTool("psql", ended).in("database '" + database + "'");
        for (const std::string& line : toolLines(ended.output)) {
            std::string& finding = findings.emplace_back("database '");
            finding += database;
            finding += "': ";
            finding += line;
        }
    }
    return findings;
}

} // namespace

Result<CheckFindings> checkStructure(const Instance& instance, JobContext& job)
{
    job.phase("check tables and indexes", 0);
    if (instance.majorVersion < 14)
        return checkIndexesOfEach(instance, job);
    constexpr int foundCorruption = 2;
    SALVOR_TRY(
        const auto ended,
        runTool(instance, {"pg_amcheck", {"--all", "--install-missing", "--heapallindexed"}}, job));
    if (ended.status == foundCorruption) {
        auto found = toolLines(ended.output);
        if (found.empty())
            found.push_back("pg_amcheck found corruption: " + toolErrors(ended));
        return found;
    }
    if (ended.status != 0)
        return failTool("pg_amcheck", ended);
    return CheckFindings();
}

Result<CheckFindings> checkPageChecksums(const Instance& instance, JobContext& job)
{
    job.phase("check page checksums", 0);
    SALVOR_TRY(const auto ended,
               runTool(instance,
                       {"pg_checksums", {"--check", "-D", instance.dataDirectory.native()}}, job));
    if (ended.status == 0)
        return CheckFindings();
    CheckFindings findings;
    for (const std::string& line : toolLines(ended.errors))
        if (line.find("checksum verification failed") != std::string::npos)
            findings.push_back(line);
    if (findings.empty())
        return failTool("pg_checksums", ended);
    return findings;
}

Result<CheckFindings> runValidation(const Instance& instance, const std::string& script,
                                    JobContext& job)
{
    job.phase("run the validation queries", 0);
    constexpr int scriptFailed = 3;
    SALVOR_TRY(const auto ended, runScript(instance, "postgres", script, job));
    if (ended.output.size() >= mostOutput)
        return fail(ErrorCode::NotReady, "the validation queries wrote more than 64 MiB",
                    "Let them answer t or f.");
    CheckFindings findings;
    const std::string output = "\n" + ended.output;
    for (std::size_t at = output.find("\nf\n");
         at != std::string::npos && findings.size() < mostToolLines;
         at = output.find("\nf\n", at + 2))
        findings.emplace_back("a validation query answered f (false) or NULL");
    if (ended.status == scriptFailed)
        findings.push_back("a validation query failed: " + toolErrors(ended));
    else if (ended.status != 0)
        return failTool("psql", ended);
    return findings;
}

} // namespace salvor::postgres
