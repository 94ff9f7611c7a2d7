#include "core/postgres/programs.h"

#include "core/base/text.h"

#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::postgres {

namespace {

/// The folders that may hold the programs, the likeliest first.
std::vector<Path> candidates(int majorVersion, const Path& configured)
{
    if (!configured.empty())
        return {configured};
    std::vector<Path> folders{"/usr/lib/postgresql/" + std::to_string(majorVersion) + "/bin"};
    const char* search = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe): nobody sets it.
    std::string_view rest = search == nullptr ? "" : search;
    while (!rest.empty()) {
        const std::size_t colon = rest.find(':');
        const std::string_view folder = rest.substr(0, colon);
        // Relative entries would mean another program in another folder.
        if (folder.find('/') == 0)
            folders.emplace_back(folder);
        rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
    }
    return folders;
}

/// 15 of "postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)"; also of "18beta1".
std::optional<int> majorOf(std::string_view said)
{
    constexpr std::string_view before = "(PostgreSQL) ";
    const std::size_t at = said.find(before);
    if (at == std::string_view::npos)
        return std::nullopt;
    const std::string_view version = said.substr(at + before.size());
    const auto number = parseUnsigned(version.substr(0, version.find_first_not_of("0123456789")));
    if (!number || *number > 1000)
        return std::nullopt;
    return static_cast<int>(*number);
}

/// What is in a folder, in words, and the major version if there is one.
struct Found {
    std::optional<int> major;
    std::string words;
};

Found look(const Path& folder)
{
    const std::string postgres = (folder / "postgres").native();
    if (::access(postgres.c_str(), X_OK) != 0)
        return {std::nullopt, "no postgres"};
    Command command;
    command.argv = {postgres, "--version"};
    command.timeout = std::chrono::seconds(30);
    const auto said = runChecked(command);
    if (!said.ok())
        return {std::nullopt, said.error().message};
    const std::optional<int> major = majorOf(*said);
    return {major, std::string(trim(*said))};
}

} // namespace

Result<Programs> findPrograms(int majorVersion, const Path& configured)
{
    std::string looked;
    for (const Path& folder : candidates(majorVersion, configured)) {
        const Found found = look(folder);
        if (found.major == majorVersion)
            return Programs{folder, majorVersion};
        looked += (looked.empty() ? "" : ", ") + quoted(folder) + " (" + found.words + ")";
    }
    const std::string major = std::to_string(majorVersion);
    return fail(ErrorCode::NotReady,
                "there are no programs of PostgreSQL " + major + "; looked into " + looked,
                "Install the package postgresql-" + major
                    + ", or name the folder of its programs with pg-bin.");
}

} // namespace salvor::postgres
