#include "core/base/file.h"
#include "core/cli/arguments.h"
#include "core/settings/config_values.h"

#include <gtest/gtest.h>

#include <regex>

namespace salvor::cli {
namespace {

std::string document(const std::string& name)
{
    const auto text = readTextFile(Path(SALVOR_SOURCE) / name);
    EXPECT_TRUE(text.ok()) << name;
    return text.ok() ? *text : std::string();
}

/// The manual without roff's escapes, one space between words.
std::string manual(const std::string& name)
{
    std::string text = std::regex_replace(document(name), std::regex(R"(\\-)"), "-");
    text = std::regex_replace(text, std::regex(R"(\\f[BIRP]|\\&)"), "");
    return std::regex_replace(text, std::regex(R"(\s+)"), " ");
}

void expectContains(const std::string& text, const std::string& part, const std::string& where)
{
    EXPECT_NE(text.find(part), std::string::npos) << where << " says nothing of " << part;
}

TEST(Documents, TheManualHasEveryCommandWithItsOptions)
{
    const std::string text = manual("docs/man/salvorctl.1");
    for (const CommandSpec& command : commandTable()) {
        std::string heading(command.words);
        if (!command.positionals.empty())
            heading += " " + std::string(command.positionals);
        const std::size_t at = text.find(".SS \"" + heading + "\"");
        ASSERT_NE(at, std::string::npos) << heading;
        const std::string section = text.substr(at, text.find(".S", at + 3) - at);
        for (const OptionSpec& option : command.options)
            EXPECT_TRUE(section.find(std::string(option.name) + " ") != std::string::npos
                        || section.find("of plan restore") != std::string::npos)
                << heading << " " << option.name;
    }
    for (const OptionSpec& option : globalOptions())
        expectContains(text, std::string(option.name), "salvorctl.1");
}

TEST(Documents, TheManualHasEveryErrorCodeWithItsStatus)
{
    const std::string text = manual("docs/man/salvorctl.1");
    for (int code = 0; code <= static_cast<int>(ErrorCode::Bug); ++code)
        expectContains(text, std::string(errorCodeName(static_cast<ErrorCode>(code))),
                       "salvorctl.1");
}

TEST(Documents, TheCompletionHasEveryCommandAndOption)
{
    const std::string text = document("packaging/completion/salvorctl");
    for (const CommandSpec& command : commandTable()) {
        expectContains(text, std::string(command.words), "the completion");
        for (const OptionSpec& option : command.options)
            expectContains(text, std::string(option.name), "the completion");
    }
    for (const OptionSpec& option : globalOptions())
        expectContains(text, std::string(option.name), "the completion");
}

TEST(Documents, TheManualOfTheConfigurationHasEveryKey)
{
    const std::string text = manual("docs/man/salvor.conf.5");
    for (const auto& keys : {settings::repositoryKeys(), settings::clusterKeys()})
        for (const std::string& key : keys)
            expectContains(text, ".B " + key + " ", "salvor.conf.5");
}

} // namespace
} // namespace salvor::cli
