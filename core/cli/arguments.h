// The commands and options of salvorctl as tables, and what a command line says by them. No I/O.
#pragma once

#include "core/base/result.h"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace salvor::cli {

/// What kind of value an option takes; Flag takes none.
enum class ValueKind { Flag, Text, List };

struct OptionSpec {
    std::string_view name; ///< With its dashes: "--to".
    ValueKind kind = ValueKind::Flag;
    std::string_view placeholder; ///< "DIR"; empty for a flag.
    std::string_view help;        ///< For `salvorctl help COMMAND`.
};

enum class CommandId {
    RepoInit,
    RepoCopy,
    RepoLifecycle,
    RepoInfo,
    RepoKeyAdd,
    RepoKeyRemove,
    RepoKeyList,
    RepoKeySheet,
    RepoKeyType,
    ClusterCheck,
    ClusterAdopt,
    Backup,
    Backups,
    Show,
    WalRanges,
    PlanRestore,
    Restore,
    Extract,
    Merge,
    InPlaceList,
    InPlaceCommit,
    InPlaceRollback,
    InstanceList,
    InstancePromote,
    InstanceResume,
    InstanceStop,
    InstanceRemove,
    ArchivePush,
    ArchiveGet,
    ArchiveWorker,
    ReceiveWal,
    Verify,
    Prune,
    Retire,
    Hold,
    Unhold,
    Help,
    Version,
};

struct CommandSpec {
    CommandId id;
    std::string_view words;       ///< "repo key add".
    std::string_view positionals; ///< "CLUSTER NAME PATH"; optional ones in brackets.
    std::string_view help;        ///< One line.
    std::span<const OptionSpec> options;
};

/// In the order of the help text.
[[nodiscard]] std::span<const CommandSpec> commandTable() noexcept;
/// Those that go with every command.
[[nodiscard]] std::span<const OptionSpec> globalOptions() noexcept;

/// What was typed: a command, its positionals and its options, each checked against the table.
class Arguments {
public:
    Arguments(const CommandSpec& command, std::vector<std::string> positionals,
              std::map<std::string, std::vector<std::string>, std::less<>> options)
        : m_command(&command)
        , m_positionals(std::move(positionals))
        , m_options(std::move(options))
    {}

    [[nodiscard]] const CommandSpec& command() const noexcept { return *m_command; }
    /// The n-th positional, or "" when it was left out.
    [[nodiscard]] std::string positional(std::size_t index) const;
    [[nodiscard]] const std::vector<std::string>& positionals() const noexcept
    {
        return m_positionals;
    }
    [[nodiscard]] bool has(std::string_view option) const;
    [[nodiscard]] std::optional<std::string> value(std::string_view option) const;
    [[nodiscard]] std::vector<std::string> values(std::string_view option) const;

private:
    const CommandSpec* m_command;
    std::vector<std::string> m_positionals;
    std::map<std::string, std::vector<std::string>, std::less<>> m_options;
};

/// Options may stand before and after the command; "--" ends them; "--name=value" and
/// "--name value" say the same. `help WORDS…` takes any words.
///
/// Errors: InvalidInput: no command, an unknown command or option (with the nearest), a value
///         missing or too much, an option twice, a positional missing or too many.
[[nodiscard]] Result<Arguments> parseArguments(const std::vector<std::string>& words);

/// The command that a command line names, even when the rest of it is wrong.
[[nodiscard]] std::optional<CommandId> commandNamed(const std::vector<std::string>& words);

[[nodiscard]] std::string usageText();
/// Errors: InvalidInput for an unknown command.
[[nodiscard]] Result<std::string> helpText(const std::vector<std::string>& words);
/// The beginning of a command's help: "salvorctl backup CLUSTER [OPTION]...".
[[nodiscard]] std::string synopsis(const CommandSpec& command);

} // namespace salvor::cli
