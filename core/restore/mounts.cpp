#include "core/restore/mounts.h"

#include "core/restore/places.h"

#include <sys/stat.h>
#include <unistd.h>

namespace salvor::restore {

namespace {

using model::Check;

constexpr const char* wayOut =
    "Restore into a new directory on that file system (--to, without --in-place) and let the "
    "server use it.";

bool isOctal(char c) noexcept
{
    return c >= '0' && c <= '7';
}

/// Blanks, tabs, line ends and backslashes are three octal digits after a backslash.
std::string unescaped(std::string_view field)
{
    std::string text;
    for (std::size_t i = 0; i < field.size(); ++i) {
        if (field[i] != '\\' || i + 3 >= field.size() || !isOctal(field[i + 1])
            || !isOctal(field[i + 2]) || !isOctal(field[i + 3])) {
            text += field[i];
            continue;
        }
        text += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8
                                  + (field[i + 3] - '0'));
        i += 3;
    }
    return text;
}

std::string_view fieldOf(std::string_view line, int number)
{
    for (; number > 0; --number) {
        const std::size_t blank = line.find(' ');
        line = blank == std::string_view::npos ? std::string_view() : line.substr(blank + 1);
    }
    return line.substr(0, line.find(' '));
}

Check blocker(std::string found, std::string cause, std::string fix)
{
    return {Check::Level::Blocker, "in place", std::move(found), std::move(cause), std::move(fix)};
}

std::optional<Check> checkMounts(const Path& place, const Path& mountinfo)
{
    const auto text = readTextFile(mountinfo);
    if (!text.ok())
        return blocker("It is not known what is mounted here: " + text.error().message + ".",
                       "A mount point cannot be renamed.", wayOut);
    const std::string below = place.native() + "/";
    for (const Path& mount : mountPoints(*text)) {
        if (mount == place)
            return blocker(quoted(place) + " is a mount point.",
                           "It cannot be renamed aside, and a restore in place deletes nothing.",
                           wayOut);
        if (mount.native().starts_with(below))
            return blocker(quoted(mount) + ", below " + quoted(place) + ", is a mount point.",
                           "It would be renamed aside with the directory, and the restored one "
                           "would not have it.",
                           wayOut);
    }
    return std::nullopt;
}

} // namespace

std::vector<Path> mountPoints(std::string_view mountinfo)
{
    constexpr int mountPointField = 4;
    std::vector<Path> points;
    while (!mountinfo.empty()) {
        const std::size_t end = mountinfo.find('\n');
        const std::string_view field = fieldOf(mountinfo.substr(0, end), mountPointField);
        if (!field.empty())
            points.emplace_back(unescaped(field));
        mountinfo.remove_prefix(end == std::string_view::npos ? mountinfo.size() : end + 1);
    }
    return points;
}

std::optional<Check> checkRenamable(const Path& place, const Path& mountinfo)
{
    const Path parent = place.parent_path();
    struct stat about {};
    if (::stat(parent.c_str(), &about) != 0)
        return blocker(quoted(parent) + " cannot be looked at: "
                           + std::error_code(errno, std::generic_category()).message() + ".",
                       "Perhaps its disk is not mounted.",
                       "Mount it. If it is gone for good, restore into a new directory (--to, "
                       "without --in-place).");
    if (::access(parent.c_str(), W_OK | X_OK) != 0)
        return blocker(quoted(parent) + " cannot be written by this user, so " + quoted(place)
                           + " cannot be renamed aside.",
                       "A restore in place deletes nothing.",
                       std::string("Give the user who restores the right to write there. Or: ")
                           + wayOut);
    return checkMounts(place, mountinfo);
}

} // namespace salvor::restore
