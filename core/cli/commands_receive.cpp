#include "core/cli/commands.h"

namespace salvor::cli {

namespace {

Result<Answer> createSlot(const Run& run, const wal::ReceiveRequest& request)
{
    SALVOR_TRY(const bool created, run.console.createReceiveSlot(request, run.job));
    Answer answer;
    answer.result = Json::Object{{"slot", request.slot}, {"created", created}};
    answer.message = "the replication slot '" + request.slot
                     + (created ? "' holds WAL back from now on: start 'salvorctl receive-wal "
                                      + request.cluster + "' soon"
                                : "' is there already");
    return answer;
}

Result<Answer> dropSlot(const Run& run, const wal::ReceiveRequest& request)
{
    SALVOR_CHECK(wal::dropReceiveSlot(request, run.job.stop));
    Answer answer;
    answer.result = Json::Object{{"slot", request.slot}, {"dropped", true}};
    answer.message = "the replication slot '" + request.slot
                     + "' is dropped: the server keeps no WAL for the repository any more";
    return answer;
}

} // namespace

Result<Answer> receiveWal(const Run& run)
{
    const std::string cluster = run.arguments.positional(0);
    const bool creates = run.arguments.has("--create-slot");
    const bool drops = run.arguments.has("--drop-slot");
    const bool synchronous = run.arguments.has("--synchronous");
    if (static_cast<int>(creates) + static_cast<int>(drops) + static_cast<int>(synchronous) > 1)
        return fail(ErrorCode::InvalidInput,
                    "--create-slot, --drop-slot and --synchronous exclude one another",
                    "Make the slot first; then start receive-wal without that option.");
    SALVOR_TRY(const auto request, run.console.receiveRequest(cluster, synchronous));
    if (creates)
        return createSlot(run, request);
    if (drops)
        return dropSlot(run, request);
    SALVOR_TRY(const model::Lsn stored, run.console.receiveWal(request, run.job));
    Answer answer;
    answer.result = Json::Object{{"stored", model::formatLsn(stored)}};
    answer.message = "stopped; the repository has the WAL up to " + model::formatLsn(stored);
    return answer;
}

} // namespace salvor::cli
