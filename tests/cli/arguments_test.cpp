#include "core/cli/arguments.h"

#include <gtest/gtest.h>

#include <set>

namespace salvor::cli {
namespace {

using Words = std::vector<std::string>;

/// What is wrong with a command line: message and hint, or "fine".
std::string complaint(const Words& words)
{
    const auto arguments = parseArguments(words);
    if (arguments.ok())
        return "fine";
    EXPECT_EQ(arguments.error().code, ErrorCode::InvalidInput);
    return arguments.error().message + " | " + arguments.error().hint;
}

void expectContains(const std::string& text, const std::string& part)
{
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(Arguments, ACommandOfSeveralWordsTakesItsOptionsAndPositionals)
{
    const auto arguments = parseArguments({"repo", "key", "remove", "a1b2", "--repo", "main"});
    ASSERT_TRUE(arguments.ok()) << arguments.error().message;
    EXPECT_EQ(arguments->command().id, CommandId::RepoKeyRemove);
    EXPECT_EQ(arguments->positional(0), "a1b2");
    EXPECT_EQ(arguments->value("--repo"), "main");
    EXPECT_EQ(arguments->positional(1), "");
}

TEST(Arguments, OptionsMayStandBeforeTheCommandAndWithAnEqualsSign)
{
    const auto arguments =
        parseArguments({"--json", "--config=/a=b", "backup", "--mode=host", "orders"});
    ASSERT_TRUE(arguments.ok()) << arguments.error().message;
    EXPECT_TRUE(arguments->has("--json"));
    EXPECT_EQ(arguments->value("--config"), "/a=b");
    EXPECT_EQ(arguments->value("--mode"), "host");
    EXPECT_EQ(arguments->positional(0), "orders");
    EXPECT_FALSE(arguments->has("--quiet"));
}

TEST(Arguments, TwoDashesEndTheOptions)
{
    const auto arguments = parseArguments({"archive-push", "--", "orders", "--odd"});
    ASSERT_TRUE(arguments.ok()) << arguments.error().message;
    EXPECT_EQ(arguments->positional(1), "--odd");
}

TEST(Arguments, AListOptionMayStandSeveralTimes)
{
    const auto arguments =
        parseArguments({"backup", "c", "--annotate", "a=1", "--annotate", "b=2"});
    ASSERT_TRUE(arguments.ok());
    EXPECT_EQ(arguments->values("--annotate"), (Words{"a=1", "b=2"}));
    EXPECT_TRUE(arguments->values("--mode").empty());
}

TEST(Arguments, AnUnknownOptionNamesTheNearest)
{
    expectContains(complaint({"restore", "c", "--too", "x"}),
                   "'restore' has no option '--too' | Did you mean '--to'?");
    expectContains(complaint({"backup", "c", "--jsno"}), "Did you mean '--json'?");
    expectContains(complaint({"backup", "c", "-x"}), "'backup' has no option '-x'");
}

TEST(Arguments, AnOptionOfAnotherCommandIsUnknownHere)
{
    expectContains(complaint({"backups", "--mode", "host"}), "'backups' has no option '--mode'");
}

TEST(Arguments, AnUnknownCommandNamesTheNearest)
{
    expectContains(complaint({"bakcup", "c"}), "there is no command 'bakcup' | Did you mean");
    expectContains(complaint({"repo", "kye", "add"}), "there is no command 'repo kye'");
    expectContains(complaint({"repo"}), "there is no command 'repo'");
    expectContains(complaint({"zzzzzzzzzz"}), "See 'salvorctl help'.");
    expectContains(complaint({}), "no command was given");
    expectContains(complaint({"--json"}), "no command was given");
}

TEST(Arguments, ValuesMissingOrTooMuchAreSaid)
{
    expectContains(complaint({"restore", "c", "--to"}), "option '--to' needs a value: DIR");
    expectContains(complaint({"restore", "c", "--to="}), "option '--to' needs a value: DIR");
    expectContains(complaint({"restore", "c", "--start=yes"}), "'--start' takes no value");
    expectContains(complaint({"restore", "c", "--to", "/a", "--to", "/b"}),
                   "option '--to' stands twice");
    expectContains(complaint({"--json", "backups", "--json"}), "option '--json' stands twice");
}

TEST(Arguments, PositionalsMissingOrTooManyShowTheUsage)
{
    expectContains(complaint({"archive-get", "c", "name"}),
                   "'archive-get' needs PATH | Usage: salvorctl archive-get CLUSTER NAME PATH");
    expectContains(complaint({"backups", "a", "b"}), "'b' is more than 'backups' takes");
    expectContains(complaint({"show", ""}), "'show' was given an empty argument");
    EXPECT_EQ(complaint({"backups"}), "fine");
    EXPECT_EQ(complaint({"verify"}), "fine");
}

TEST(Arguments, ValuesMayBeginWithADash)
{
    const auto arguments = parseArguments({"restore", "c", "--restore-point", "--odd"});
    ASSERT_TRUE(arguments.ok());
    EXPECT_EQ(arguments->value("--restore-point"), "--odd");
}

TEST(Arguments, HelpAndVersionWinOverEverything)
{
    auto arguments = parseArguments({"restore", "--help", "--too"});
    ASSERT_TRUE(arguments.ok());
    EXPECT_EQ(arguments->command().id, CommandId::Help);
    EXPECT_EQ(arguments->positionals(), Words{"restore"});
    arguments = parseArguments({"--version"});
    ASSERT_TRUE(arguments.ok());
    EXPECT_EQ(arguments->command().id, CommandId::Version);
    arguments = parseArguments({"-h"});
    ASSERT_TRUE(arguments.ok());
    EXPECT_EQ(arguments->command().id, CommandId::Help);
}

TEST(Arguments, TheCommandIsKnownEvenWhenTheRestIsWrong)
{
    EXPECT_EQ(commandNamed({"--config", "x", "archive-get", "--bad"}), CommandId::ArchiveGet);
    EXPECT_EQ(commandNamed({"--bad", "archive-get"}), CommandId::ArchiveGet);
    EXPECT_EQ(commandNamed({"--config"}), std::nullopt);
    EXPECT_EQ(commandNamed({"unknown"}), std::nullopt);
}

TEST(Arguments, HelpNamesEveryCommandAndOption)
{
    const std::string usage = usageText();
    for (const CommandSpec& command : commandTable()) {
        expectContains(usage, std::string(command.words));
        const auto help = helpText({std::string(command.words.substr(0, command.words.find(' ')))});
        ASSERT_TRUE(help.ok());
        Words words;
        for (std::size_t at = 0; at < command.words.size();) {
            const std::size_t end = std::min(command.words.find(' ', at), command.words.size());
            words.emplace_back(command.words.substr(at, end - at));
            at = end + 1;
        }
        const auto own = helpText(words);
        ASSERT_TRUE(own.ok());
        expectContains(*own, synopsis(command));
        for (const OptionSpec& option : command.options)
            expectContains(*own, "  " + std::string(option.name) + " ");
    }
    EXPECT_FALSE(helpText({"zzzzzz"}).ok());
}

TEST(Arguments, AnOptionHasOneKindInEveryCommand)
{
    std::map<std::string_view, ValueKind> kinds;
    for (const CommandSpec& command : commandTable())
        for (const OptionSpec& option : command.options)
            EXPECT_EQ(kinds.try_emplace(option.name, option.kind).first->second, option.kind)
                << option.name;
    for (const OptionSpec& option : globalOptions())
        EXPECT_EQ(kinds.count(option.name), 0U) << option.name;
}

} // namespace
} // namespace salvor::cli
