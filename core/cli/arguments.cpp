#include "core/cli/arguments.h"

#include "core/base/text.h"

#include <algorithm>

namespace salvor::cli {

namespace {

using Options = std::map<std::string, std::vector<std::string>, std::less<>>;

std::vector<std::string> splitWords(std::string_view text)
{
    std::vector<std::string> words;
    while (!(text = trim(text)).empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return words;
}

const OptionSpec* findIn(std::span<const OptionSpec> options, std::string_view name)
{
    const auto found = std::find_if(options.begin(), options.end(),
                                    [&](const OptionSpec& each) { return each.name == name; });
    return found == options.end() ? nullptr : &*found;
}

/// Whether an option takes a value, before it is known whose option it is: the same name has the
/// same kind in every command.
const OptionSpec* findAnywhere(std::string_view name)
{
    if (const OptionSpec* global = findIn(globalOptions(), name))
        return global;
    for (const CommandSpec& command : commandTable())
        if (const OptionSpec* option = findIn(command.options, name))
            return option;
    return nullptr;
}

/// A command line taken apart: words that are no options, and options with their values.
struct Split {
    std::vector<std::string> words;
    std::vector<std::pair<std::string, std::optional<std::string>>> options;
};

bool isOption(const std::string& word)
{
    return word.size() > 1 && word.front() == '-';
}

/// "--name=value" in its two parts.
std::pair<std::string, std::optional<std::string>> nameAndValue(const std::string& word)
{
    if (word == "-h")
        return {"--help", std::nullopt};
    const std::size_t equals = word.find('=');
    if (!word.starts_with("--") || equals == std::string::npos)
        return {word, std::nullopt};
    return {word.substr(0, equals), word.substr(equals + 1)};
}

Split split(const std::vector<std::string>& given)
{
    Split out;
    for (std::size_t i = 0; i < given.size(); ++i) {
        if (given[i] == "--") {
            out.words.insert(out.words.end(), given.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                             given.end());
            break;
        }
        if (!isOption(given[i])) {
            out.words.push_back(given[i]);
            continue;
        }
        auto [name, value] = nameAndValue(given[i]);
        const OptionSpec* option = findAnywhere(name);
        const bool takesValue = option != nullptr && option->kind != ValueKind::Flag;
        if (takesValue && !value && i + 1 < given.size())
            value = given[++i];
        out.options.emplace_back(std::move(name), std::move(value));
    }
    return out;
}

/// The command whose words the line begins with; the longest one wins.
const CommandSpec* findCommand(const std::vector<std::string>& words)
{
    const CommandSpec* best = nullptr;
    std::size_t bestLength = 0;
    for (const CommandSpec& command : commandTable()) {
        const std::vector<std::string> own = splitWords(command.words);
        if (own.size() > bestLength && own.size() <= words.size()
            && std::equal(own.begin(), own.end(), words.begin())) {
            best = &command;
            bestLength = own.size();
        }
    }
    return best;
}

Error usage(std::string message, std::string hint)
{
    return fail(ErrorCode::InvalidInput, std::move(message), std::move(hint));
}

std::string seeHelp(const CommandSpec& command)
{
    return "See 'salvorctl help " + std::string(command.words) + "'.";
}

Error unknownCommand(const std::vector<std::string>& words)
{
    // As much of the line as the command that is nearest to it has words.
    std::vector<std::string> names;
    std::string typed = words.front();
    for (const CommandSpec& command : commandTable()) {
        const std::vector<std::string> own = splitWords(command.words);
        names.emplace_back(command.words);
        if (own.front() == words.front() && own.size() > 1)
            for (std::size_t i = 1; i < std::min<std::size_t>(words.size(), 2); ++i)
                typed = words[0] + " " + words[i];
    }
    const auto near = nearest(typed, names);
    return usage("there is no command '" + typed + "'",
                 near ? "Did you mean '" + *near + "'?" : "See 'salvorctl help'.");
}

Result<> addOption(const CommandSpec& command, Options& options, const std::string& name,
                   const std::optional<std::string>& value)
{
    const OptionSpec* option = findIn(command.options, name);
    if (option == nullptr)
        option = findIn(globalOptions(), name);
    if (option == nullptr) {
        std::vector<std::string> names;
        for (const std::span<const OptionSpec> list : {command.options, globalOptions()})
            for (const OptionSpec& each : list)
                names.emplace_back(each.name);
        const auto near = nearest(name, names);
        return usage("'" + std::string(command.words) + "' has no option '" + name + "'",
                     near ? "Did you mean '" + *near + "'?" : seeHelp(command));
    }
    if (option->kind == ValueKind::Flag && value)
        return usage("option '" + name + "' takes no value", seeHelp(command));
    if (option->kind != ValueKind::Flag && (!value || value->empty()))
        return usage("option '" + name + "' needs a value: " + std::string(option->placeholder),
                     seeHelp(command));
    std::vector<std::string>& values = options[name];
    if (option->kind != ValueKind::List && !values.empty())
        return usage("option '" + name + "' stands twice", "Give it once.");
    values.push_back(value.value_or(""));
    return {};
}

Result<> checkPositionals(const CommandSpec& command, const std::vector<std::string>& positionals)
{
    if (command.id == CommandId::Help)
        return {};
    const std::vector<std::string> names = splitWords(command.positionals);
    for (std::size_t i = positionals.size(); i < names.size(); ++i) {
        if (names[i].front() != '[')
            return usage("'" + std::string(command.words) + "' needs " + names[i],
                         "Usage: " + synopsis(command));
    }
    if (positionals.size() > names.size())
        return usage("'" + positionals[names.size()] + "' is more than '"
                         + std::string(command.words) + "' takes",
                     "Usage: " + synopsis(command));
    for (const std::string& each : positionals)
        if (each.empty())
            return usage("'" + std::string(command.words) + "' was given an empty argument",
                         "Usage: " + synopsis(command));
    return {};
}

std::string padded(std::string text, std::size_t width)
{
    text.resize(std::max(width, text.size() + 1), ' ');
    return text;
}

std::string optionLines(std::span<const OptionSpec> options)
{
    std::string text;
    for (const OptionSpec& option : options) {
        std::string name(option.name);
        if (option.kind != ValueKind::Flag)
            name += " " + std::string(option.placeholder);
        text += "  " + padded(name, 24) + std::string(option.help) + "\n";
    }
    return text;
}

} // namespace

std::string Arguments::positional(std::size_t index) const
{
    return index < m_positionals.size() ? m_positionals[index] : std::string();
}

bool Arguments::has(std::string_view option) const
{
    return m_options.find(option) != m_options.end();
}

std::optional<std::string> Arguments::value(std::string_view option) const
{
    const auto found = m_options.find(option);
    if (found == m_options.end())
        return std::nullopt;
    return found->second.front();
}

std::vector<std::string> Arguments::values(std::string_view option) const
{
    const auto found = m_options.find(option);
    return found == m_options.end() ? std::vector<std::string>() : found->second;
}

Result<Arguments> parseArguments(const std::vector<std::string>& words)
{
    Split parts = split(words);
    const auto asked = [&](std::string_view name) {
        return std::any_of(parts.options.begin(), parts.options.end(),
                           [&](const auto& each) { return each.first == name; });
    };
    if (asked("--version"))
        parts.words = {"version"};
    else if (asked("--help"))
        parts.words.insert(parts.words.begin(), "help");
    if (parts.words.empty())
        return usage("no command was given", "See 'salvorctl help'.");
    const CommandSpec* command = findCommand(parts.words);
    if (command == nullptr)
        return unknownCommand(parts.words);
    const auto own = static_cast<std::ptrdiff_t>(splitWords(command->words).size());
    std::vector<std::string> positionals(parts.words.begin() + own, parts.words.end());
    Options options;
    for (const auto& [name, value] : parts.options) {
        // Help is given whatever else stands there.
        if (command->id == CommandId::Help && findIn(globalOptions(), name) == nullptr)
            continue;
        SALVOR_CHECK(addOption(*command, options, name, value));
    }
    SALVOR_CHECK(checkPositionals(*command, positionals));
    return Arguments(*command, std::move(positionals), std::move(options));
}

std::optional<CommandId> commandNamed(const std::vector<std::string>& words)
{
    const CommandSpec* command = findCommand(split(words).words);
    if (command == nullptr)
        return std::nullopt;
    return command->id;
}

std::string synopsis(const CommandSpec& command)
{
    std::string text = "salvorctl " + std::string(command.words);
    if (!command.positionals.empty())
        text += " " + std::string(command.positionals);
    return command.options.empty() ? text : text + " [OPTION]...";
}

std::string usageText()
{
    std::string text = "Usage: salvorctl [OPTION]... COMMAND ...\n\n"
                       "Backs up PostgreSQL clusters and restores them to any moment.\n\n";
    for (const CommandSpec& command : commandTable()) {
        std::string name(command.words);
        if (!command.positionals.empty())
            name += " " + std::string(command.positionals);
        text += "  " + padded(name, 30) + std::string(command.help) + "\n";
    }
    return text + "\nOptions of every command:\n" + optionLines(globalOptions())
           + "\nsalvorctl(1) and salvor.conf(5) say the rest.\n";
}

Result<std::string> helpText(const std::vector<std::string>& words)
{
    if (words.empty())
        return usageText();
    if (const CommandSpec* command = findCommand(words)) {
        std::string text =
            "Usage: " + synopsis(*command) + "\n\n" + std::string(command->help) + "\n";
        if (!command->options.empty())
            text += "\nOptions:\n" + optionLines(command->options);
        return text + "\nOptions of every command:\n" + optionLines(globalOptions());
    }
    // "help repo" is about all commands that begin so.
    std::string text;
    for (const CommandSpec& command : commandTable())
        if (splitWords(command.words).front() == words.front())
            text += "  " + padded(synopsis(command), 46) + std::string(command.help) + "\n";
    if (text.empty())
        return unknownCommand(words);
    return "Usage:\n" + text;
}

} // namespace salvor::cli
