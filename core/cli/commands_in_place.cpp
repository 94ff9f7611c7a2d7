#include "core/base/text.h"
#include "core/cli/commands.h"
#include "core/cli/render.h"
#include "core/cli/text.h"
#include "core/model/json_fields.h"
#include "core/restore/words.h"

namespace salvor::cli {

namespace {

std::string pathsText(const std::vector<Path>& paths)
{
    std::string text;
    for (const Path& path : paths)
        text += (text.empty() ? "" : ", ") + quoted(path);
    return text;
}

/// Only the server itself can be told to archive again.
std::string archiveAgain(const rescue::Committed& committed)
{
    std::string text = "The server archives nothing yet and keeps its WAL. ";
    if (committed.statements.empty()) {
        text += "It is not known how this cluster archived: what postgresql.auto.conf of the old "
                "one said cannot be read, or is another cluster's. Set archiving by hand, and take "
                "a backup then. The restore wrote into postgresql.auto.conf:\n";
        for (const std::string& setting : committed.switchedOff)
            text += "    " + printable(setting) + "\n";
    } else {
        text += "Run in psql, each line by itself, and take a backup then:\n";
    }
    for (const std::string& statement : committed.statements)
        text += "    " + printable(statement) + ";\n";
    return text
           + "Standbys have to be made anew. Once the subscriptions were looked at: ALTER SYSTEM "
             "RESET max_logical_replication_workers, and a restart.\n";
}

std::string whatIsOld(const rescue::Committed& committed)
{
    std::string text = "What was set aside is not removed. ";
    if (!committed.walOnlyThere)
        text += "It could not be found out whether the archive has all of its WAL. ";
    else if (!committed.walOnlyThere->empty())
        text += "Of its WAL the archive lacks " + std::to_string(committed.walOnlyThere->size())
                + " segments, '" + printable(committed.walOnlyThere->front()) + "' to '"
                + printable(committed.walOnlyThere->back()) + "': it is nowhere else. ";
    else
        text += "All of its WAL is in the archive. ";
    text += "When nobody needs it:\n";
    for (const Path& path : committed.old)
        text += "    rm -r " + printable(restore::shellWord(path.native())) + "\n";
    return text;
}

} // namespace

Result<Answer> inPlaceList(const Run& run)
{
    Answer answer;
    std::vector<rescue::Waiting> waiting;
    for (auto& one : run.console.waitingInPlace())
        if (one.ok())
            waiting.push_back(*std::move(one));
        else if (!answer.problem)
            answer.problem = std::move(one).error();
    answer.result = Json::Object{{"waiting", model::listJson(waiting, waitingJson)}};
    answer.text = waitingText(waiting);
    return answer;
}

Result<Answer> inPlaceCommit(const Run& run)
{
    const std::string place = run.arguments.positional(0);
    SALVOR_TRY(const auto committed, namedByCaller(run.console.commitInPlace(place, run.job)));
    Answer answer;
    answer.text = archiveAgain(committed) + whatIsOld(committed);
    answer.result = committedJson(place, committed);
    answer.message = "the restored cluster in '" + place + "' stays; nothing was removed";
    return answer;
}

Result<Answer> inPlaceRollback(const Run& run)
{
    const std::string place = run.arguments.positional(0);
    SALVOR_TRY(const auto done, namedByCaller(run.console.rollBackInPlace(place, run.job)));
    Answer answer;
    answer.result = Json::Object{{"place", place}, {"restored", pathsJson(done.restored)}};
    answer.message = "the old cluster is back in '" + place + "' as it was";
    if (!done.restored.empty())
        answer.message += "; what had been restored is in " + pathsText(done.restored)
                          + " and can be removed with 'rm -r' when nobody needs it";
    return answer;
}

} // namespace salvor::cli
