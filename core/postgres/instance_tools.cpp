#include "core/postgres/instance_tools.h"

#include "core/base/text.h"
#include "core/postgres/instance_files.h"

namespace salvor::postgres {

namespace {

/// Large clusters are read for hours.
constexpr std::chrono::hours longest{24 * 7};

} // namespace

Result<CommandResult> runTool(const Instance& instance, Tool tool, const JobContext& job)
{
    SALVOR_TRY(const SystemUser owner, ownerOf(instance));
    Command command;
    // What a person's shell says of another server would come before PGHOST, or beside it.
    for (const char* word : {"env", "-u", "PGSERVICE", "-u", "PGSERVICEFILE", "-u", "PGSYSCONFDIR",
                             "-u", "PGHOSTADDR", "-u", "PGTARGETSESSIONATTRS", "-u", "PGDATABASE"})
        command.argv.emplace_back(word);
    command.argv.push_back((instance.programs / tool.name).native());
    command.argv.insert(command.argv.end(), std::make_move_iterator(tool.arguments.begin()),
                        std::make_move_iterator(tool.arguments.end()));
    command.environment = {{"LC_ALL", "C"},
                           {"PGHOST", instance.socketDirectory.native()},
                           {"PGPORT", std::to_string(instance.port)},
                           {"PGUSER", instance.role},
                           {"PGCONNECT_TIMEOUT", "10"},
                           // Event triggers of the original do not see what is done here.
                           {"PGOPTIONS", "-c session_replication_role=replica"}};
    command.input = std::move(tool.input);
    command.output = tool.output;
    command.directory = instance.configDirectory;
    command.user = owner;
    command.timeout = longest;
    return runCommand(command, job.stop);
}

std::vector<std::string> toolLines(std::string_view text)
{
    std::vector<std::string> lines;
    while (!text.empty() && lines.size() < mostToolLines) {
        const std::size_t end = text.find('\n');
        const std::string_view line = trim(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        if (!line.empty())
            lines.emplace_back(line);
    }
    return lines;
}

std::string toolErrors(const CommandResult& ended)
{
    std::string text;
    for (const std::string& line : toolLines(ended.errors))
        text += (text.empty() ? "" : "; ") + line;
    return text;
}

Error failTool(const std::string& name, const CommandResult& ended)
{
    return fail(ErrorCode::NotReady, "'" + name + "' ended with " + std::to_string(ended.status)
                                         + ": " + toolErrors(ended));
}

} // namespace salvor::postgres
