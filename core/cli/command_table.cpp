#include "core/cli/arguments.h"

#include <algorithm>
#include <array>

namespace salvor::cli {

namespace {

using enum ValueKind;

constexpr std::array globals = {
    OptionSpec{"--config", Text, "FILE", "Configuration to use instead of the usual places."},
    OptionSpec{"--json", Flag, "", "One JSON object on standard output, and nothing else there."},
    OptionSpec{"--quiet", Flag, "", "No progress on standard error."},
    OptionSpec{"--log-level", Text, "LEVEL", "debug, info, warning (default), error or off."},
    OptionSpec{"--help", Flag, "", "What a command does."},
    OptionSpec{"--version", Flag, "", "Which version this is."},
};

constexpr OptionSpec repoOption{"--repo", Text, "NAME", "Repository of the configuration."};

/// Of a cluster that has several.
constexpr OptionSpec placeOption{"--repository", Text, "NAME",
                                 "Which of several repositories; else the first of the cluster."};
constexpr OptionSpec holderOption{"--repository", Text, "NAME",
                                  "Only in this one of several repositories."};

constexpr std::array placeOptions = {placeOption};
constexpr std::array holderOptions = {holderOption};
constexpr std::array repoOptions = {repoOption};
constexpr std::array initOptions = {
    repoOption,
    OptionSpec{"--copy-of", Text, "OTHER",
               "Make it a copy of this repository: with the same content keys, and still empty."},
};
constexpr std::array copyOptions = {
    OptionSpec{"--cluster", List, "CLUSTER", "Only this cluster; may stand several times."},
    OptionSpec{"--dry-run", Flag, "", "Only show what would be copied."},
};

constexpr OptionSpec sheetOption{"--out", Text, "FILE", "Where to; made, mode 0600."};
constexpr std::array keySheetOptions = {repoOption, sheetOption};
constexpr std::array keyTypeOptions = {sheetOption};

constexpr std::array keyAddOptions = {
    repoOption,
    OptionSpec{"--label", Text, "LABEL", "What the key is for; stands in the list."},
    OptionSpec{"--passphrase", Flag, "", "Ask for a passphrase."},
    OptionSpec{"--key-file", Text, "PATH", "Key file; made when it is not there."},
    OptionSpec{"--recipient", Text, "PUBLIC", "X25519 public key in base64."},
    OptionSpec{"--writer", Flag, "", "May add backups, but not read what they hold."},
};

constexpr std::array backupOptions = {
    OptionSpec{"--mode", Text, "MODE",
               "host or stream; host where the data directory can be read."},
    OptionSpec{"--checkpoint", Text, "KIND", "fast (default) or spread."},
    OptionSpec{"--read", Text, "WHAT",
               "changed (default) or all: host mode leaves out files that rested since the last "
               "backup."},
    OptionSpec{"--annotate", List, "KEY=VALUE", "Kept with the backup; may stand several times."},
    placeOption,
};

constexpr std::array lifecycleOptions = {
    OptionSpec{"--apply", Flag, "", "Set the rules of the repository; others stay as they are."},
    repoOption,
};

constexpr std::array showOptions = {
    OptionSpec{"--files", Flag, "", "List its files too."},
    holderOption,
};

constexpr OptionSpec toOption{"--to", Text, "DIR", "New data directory, absolute."};
constexpr OptionSpec inPlaceOption{
    "--in-place", Flag, "", "Where the cluster is: what is there is renamed aside, not deleted."};
constexpr OptionSpec replacesOption{"--replaces", Text, "SYSTEM-ID",
                                    "In place: another cluster may be set aside; its identifier "
                                    "or unknown."};
constexpr OptionSpec latestOption{"--latest", Flag, "",
                                  "Target: the last archived commit (default)."};
constexpr OptionSpec immediateOption{"--immediate", Flag, "", "Target: the end of the backup."};
constexpr OptionSpec timeOption{"--time", Text, "TIME",
                                "Target: a moment, always with its offset."};
constexpr OptionSpec lsnOption{"--lsn", Text, "LSN", "Target: a WAL position."};
constexpr OptionSpec xidOption{"--xid", Text, "XID", "Target: a transaction."};
constexpr OptionSpec pointOption{"--restore-point", Text, "NAME", "Target: a named restore point."};
constexpr OptionSpec exclusiveOption{"--exclusive", Flag, "",
                                     "Stop just before the time, LSN or transaction."};
constexpr OptionSpec timelineOption{"--timeline", Text, "N", "A number, latest or current."};
constexpr OptionSpec actionOption{"--action", Text, "ACTION",
                                  "At the target: pause, promote or shutdown."};
constexpr OptionSpec backupOption{"--backup", Text, "ID", "Start from this backup."};
constexpr OptionSpec tablespaceOption{"--tablespace", List, "OID=DIR",
                                      "New place of a tablespace; may stand several times."};
constexpr OptionSpec ownerOption{"--owner", Text, "USER", "Who will own and run the copy."};
constexpr OptionSpec startOption{"--start", Flag, "", "Start the copy, fenced, and wait."};
constexpr OptionSpec portOption{"--port", Text, "PORT", "Port of the started copy."};

/// Options that several commands share, and those of one of them.
template <std::size_t n, std::size_t m>
constexpr std::array<OptionSpec, n + m> with(const std::array<OptionSpec, n>& shared,
                                             const std::array<OptionSpec, m>& own)
{
    std::array<OptionSpec, n + m> all;
    std::copy(own.begin(), own.end(), std::copy(shared.begin(), shared.end(), all.begin()));
    return all;
}

constexpr std::array targetOptions = {
    latestOption,    immediateOption, timeOption,   lsnOption,        xidOption,  pointOption,
    exclusiveOption, timelineOption,  backupOption, tablespaceOption, ownerOption};
constexpr auto destinationOptions =
    with(std::array{toOption, inPlaceOption, replacesOption, actionOption, startOption, portOption},
         targetOptions);

constexpr auto planOptions =
    with(destinationOptions,
         std::array{OptionSpec{"--out", Text, "FILE", "Where the plan is written."}});

constexpr auto restoreOptions = with(
    destinationOptions, std::array{OptionSpec{"--plan", Text, "FILE",
                                              "Carry out a plan made before, and nothing else."}});

constexpr auto extractOptions = with(
    std::array{
        OptionSpec{"--database", Text, "NAME", "Database that the tables are in."},
        OptionSpec{"--table", List, "TABLE", "As in SQL: sales.orders; may stand several times."},
        OptionSpec{"--csv", Text, "DIR", "Write each as DIR/schema.table.csv."},
        OptionSpec{"--dump", Text, "FILE", "Write all into FILE, for pg_restore."},
        OptionSpec{"--into", Text, "CONNINFO", "Make them anew in this database, in --schema."},
        OptionSpec{"--schema", Text, "NAME", "With --into; made when it is not there."},
        OptionSpec{"--copy", Text, "NAME", "From this started copy, instead of a new one in --to."},
        OptionSpec{"--keep", Flag, "", "Let the copy in --to run on, for more."},
        OptionSpec{"--to", Text, "DIR", "Where the copy is made for it; removed afterwards."},
    },
    targetOptions);

constexpr std::array mergeOptions = {
    OptionSpec{"--into", Text, "CONNINFO", "Database that both tables are in."},
    OptionSpec{"--column", Text, "NAME", "Only rows whose value in it lies ..."},
    OptionSpec{"--since", Text, "VALUE", "... at or after this, ..."},
    OptionSpec{"--until", Text, "VALUE", "... and before this."},
    OptionSpec{"--dry-run", Flag, "", "Only count what is missing."},
};

constexpr std::array verifyOptions = {
    OptionSpec{"--all", Flag, "", "Everything in every repository (default)."},
    holderOption,
    OptionSpec{"--sample", Text, "PERCENT", "Read a share of the contents only, 1 to 100."},
    OptionSpec{"--stale", Text, "DURATION",
               "Only backups of which not everything was read for so long, such as 30d."},
    OptionSpec{"--restore", Text, "DIR",
               "Restore BACKUP into a new DIR, start it, have PostgreSQL check it, and remove it."},
    OptionSpec{"--latest", Flag, "", "With --restore: replay all WAL that follows, too."},
    OptionSpec{"--keep", Flag, "", "With --restore: leave the copy there, stopped."},
};

constexpr std::array getOptions = {
    OptionSpec{"--begun", Flag, "", "Also the begun segment that receive-wal stored in pieces."},
};

constexpr std::array backupsOptions = {
    OptionSpec{"--retired", Flag, "", "Those that were taken out of the list and can come back."},
    holderOption,
};

constexpr std::array pruneOptions = {
    OptionSpec{"--dry-run", Flag, "", "Only show what would go, and why the rest stays."},
    OptionSpec{"--grace", Text, "DURATION",
               "How long what is not needed any more still stays: 1d (default), 12h, 0s."},
    placeOption,
};

constexpr OptionSpec reasonOption{"--reason", Text, "TEXT", "Why; is kept with it. Required."};
constexpr std::array retireOptions = {reasonOption, holderOption};
constexpr std::array holdOptions = {
    reasonOption,
    OptionSpec{"--until", Text, "TIME", "When the hold ends; else 'unhold' ends it."},
    holderOption,
};

constexpr std::array receiveOptions = {
    OptionSpec{"--create-slot", Flag, "", "Make the replication slot, and end."},
    OptionSpec{"--drop-slot", Flag, "", "Drop the replication slot, and end."},
    OptionSpec{
        "--synchronous", Flag, "",
        "Store WAL at once instead of after receive-interval: for commits that wait for it."},
};

constexpr std::span<const OptionSpec> none;

constexpr std::array commands = {
    CommandSpec{CommandId::RepoInit, "repo init", "", "Make an empty repository.", initOptions},
    CommandSpec{CommandId::RepoCopy, "repo copy", "FROM TO",
                "Copy into a copy of a repository what it lacks.", copyOptions},
    CommandSpec{CommandId::RepoInfo, "repo info", "", "What a repository is.", repoOptions},
    CommandSpec{CommandId::RepoLifecycle, "repo lifecycle", "",
                "What the store does by itself with the objects of its bucket.", lifecycleOptions},
    CommandSpec{CommandId::RepoKeyAdd, "repo key add", "", "Add a way to open it.", keyAddOptions},
    CommandSpec{CommandId::RepoKeyRemove, "repo key remove", "SLOT", "Remove one.", repoOptions},
    CommandSpec{CommandId::RepoKeyList, "repo key list", "", "Which ones there are.", repoOptions},
    CommandSpec{CommandId::RepoKeySheet, "repo key sheet", "", "The key as a sheet to print.",
                keySheetOptions},
    CommandSpec{CommandId::RepoKeyType, "repo key type", "",
                "A key file again, from a sheet that is typed in.", keyTypeOptions},
    CommandSpec{CommandId::ClusterCheck, "cluster check", "CLUSTER", "Is it protected now?",
                placeOptions},
    CommandSpec{CommandId::ClusterAdopt, "cluster adopt", "CLUSTER",
                "Take another cluster under this name.", none},
    CommandSpec{CommandId::Backup, "backup", "CLUSTER", "Take a backup.", backupOptions},
    CommandSpec{CommandId::Backups, "backups", "[CLUSTER]", "Which backups there are.",
                backupsOptions},
    CommandSpec{CommandId::Show, "show", "BACKUP", "Everything about a backup.", showOptions},
    CommandSpec{CommandId::WalRanges, "wal ranges", "CLUSTER",
                "What can be restored, and where WAL is missing.", placeOptions},
    CommandSpec{CommandId::PlanRestore, "plan restore", "CLUSTER",
                "What a restore would do, as a file.", planOptions},
    CommandSpec{CommandId::Restore, "restore", "[CLUSTER]",
                "Restore into a new directory or in place, to any moment.", restoreOptions},
    CommandSpec{CommandId::Extract, "extract", "[CLUSTER]",
                "Single tables, as they were at any moment.", extractOptions},
    CommandSpec{CommandId::Merge, "merge", "RECOVERED TABLE",
                "Put rows back that a table lost, out of an extracted one.", mergeOptions},
    CommandSpec{CommandId::InPlaceList, "in-place list", "",
                "Restores in place that wait for commit or rollback.", none},
    CommandSpec{CommandId::InPlaceCommit, "in-place commit", "PLACE",
                "The restored cluster stays; PLACE is its directory or name.", none},
    CommandSpec{CommandId::InPlaceRollback, "in-place rollback", "PLACE",
                "Put the old cluster back, and set the restored one aside.", none},
    CommandSpec{CommandId::InstanceList, "instance list", "", "Copies started here.", none},
    CommandSpec{CommandId::InstancePromote, "instance promote", "NAME",
                "End its recovery and open it for writing.", none},
    CommandSpec{CommandId::InstanceResume, "instance resume", "NAME",
                "End its pause at the target.", none},
    CommandSpec{CommandId::InstanceStop, "instance stop", "NAME", "Stop it.", none},
    CommandSpec{CommandId::InstanceRemove, "instance remove", "NAME",
                "Remove a stopped copy with its files.", none},
    CommandSpec{CommandId::ArchivePush, "archive-push", "CLUSTER PATH",
                "For archive_command: store a WAL file.", none},
    CommandSpec{CommandId::ArchiveGet, "archive-get", "CLUSTER NAME PATH",
                "For restore_command: fetch a WAL file.", getOptions},
    CommandSpec{CommandId::ArchiveWorker, "archive-worker", "KIND CLUSTER FOLDER",
                "Started by the two above, never by a person.", none},
    CommandSpec{CommandId::ReceiveWal, "receive-wal", "CLUSTER",
                "Stream WAL into the repository, as it is written.", receiveOptions},
    CommandSpec{CommandId::Verify, "verify", "[BACKUP]", "Read back what is stored.",
                verifyOptions},
    CommandSpec{CommandId::Prune, "prune", "CLUSTER",
                "Retire what no rule wants, and remove it after a grace.", pruneOptions},
    CommandSpec{CommandId::Retire, "retire", "BACKUP", "Take a backup out of the list.",
                retireOptions},
    CommandSpec{CommandId::Hold, "hold", "BACKUP",
                "Keep a backup whatever the rules say; brings a retired one back.", holdOptions},
    CommandSpec{CommandId::Unhold, "unhold", "BACKUP", "End that.", holderOptions},
    CommandSpec{CommandId::Help, "help", "[COMMAND]", "What a command does.", none},
    CommandSpec{CommandId::Version, "version", "", "Which version this is.", none},
};

} // namespace

std::span<const CommandSpec> commandTable() noexcept
{
    return commands;
}

std::span<const OptionSpec> globalOptions() noexcept
{
    return globals;
}

} // namespace salvor::cli
