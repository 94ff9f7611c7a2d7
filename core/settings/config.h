// salvor.conf: repositories and clusters, strictly read.
#pragma once

#include "core/base/file.h"
#include "core/model/retention.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace salvor::settings {

struct RepositoryConfig {
    std::string name;
    std::string url;      ///< "file:///srv/backup" or "s3://bucket/prefix".
    std::string endpoint; ///< "https://s3.example.net:9000"; empty: AWS.
    std::string region;
    bool pathStyle = false;
    Path caFile;
    std::string credentials = "env"; ///< env, profile:NAME, process:CMD, instance, file:PATH.
    std::string sse = "none";        ///< none, s3, kms:ID.
    std::string storageClass;
    int lockDays = 0;
    int moveAfterDays = 0; ///< See policy::LifecycleWishes; with `moveTo` or 0.
    std::string moveTo;
    int oldVersionDays = 30;
    ByteCount uploadLimit = 0;   ///< Bytes a second; 0 is no limit.
    ByteCount downloadLimit = 0; ///< Bytes a second; 0 is no limit.
    Path keyFile;
    std::string keyCommand; ///< A program and its arguments, split at white space; no shell.
    bool encrypted = true;  ///< `encryption = none` makes it false.
    /// With any, they stand for those of each cluster, all of them: other rules in another place.
    model::RetentionRules retention;
};

struct ClusterConfig {
    std::string name;
    std::string repository;          ///< The first one: where backups go.
    std::vector<std::string> copies; ///< The others, copies of the first.
    unsigned walRequired = 0;        ///< As it was asked for; 0: all. See walNeededIn().
    std::string connection;
    Path dataDirectory;
    std::string primaryConnection;
    Path pgBin;
    Path validation; ///< A psql script that tells whether a restored copy is sound.
    model::RetentionRules retention;
    bool archiveAsync = false;
    int archiveJobs = 2; ///< Files that the worker of asynchronous pushes has under way at once.
    std::chrono::seconds archiveTimeout{60}; ///< For its acknowledgement of one file.
    int prefetch = 4; ///< Segments that archive-get keeps ahead of a replay; 0: none.
    Path spoolPath;   ///< Where those meet their workers; empty: the folder for state.
    std::chrono::seconds receiveInterval{5}; ///< Between pieces of a begun segment.
    std::string receiveSlot; ///< Replication slot of receive-wal; empty: the usual name.

    /// Every repository that it has, the first one first.
    [[nodiscard]] std::vector<std::string> repositories() const;
    /// How many of them must have a file of pg_wal before it counts as archived.
    [[nodiscard]] std::size_t walNeededIn() const;
};

struct Config {
    Path file; ///< Absolute.
    std::vector<RepositoryConfig> repositories;
    std::vector<ClusterConfig> clusters;

    /// Errors: InvalidInput naming the nearest one there is.
    [[nodiscard]] Result<RepositoryConfig> repository(const std::string& name) const;
    [[nodiscard]] Result<ClusterConfig> cluster(const std::string& name) const;
    /// The rules for what is kept of a cluster in a repository. Errors: as above.
    [[nodiscard]] Result<model::RetentionRules> rulesFor(const std::string& cluster,
                                                         const std::string& repository) const;
};

/// `given`, $SALVOR_CONFIG, $XDG_CONFIG_HOME/salvor/salvor.conf (or ~/.config), then
/// /etc/salvor/salvor.conf; the first found. Errors: NotReady naming the places looked at.
[[nodiscard]] Result<Path> findConfigFile(const std::optional<Path>& given);

/// Errors: InvalidInput naming file, line and the nearest key for anything not understood: unknown
///         section or key, a key twice, a bad value, a cluster whose repository is not there, an
///         encrypted repository without a key is allowed (a passphrase is asked for).
[[nodiscard]] Result<Config> loadConfig(const Path& file);
[[nodiscard]] Result<Config> parseConfig(std::string_view text, const Path& file);

/// The text with a section added or replaced, everything else (comments too) as it was.
[[nodiscard]] Result<std::string> withRepository(std::string_view text,
                                                 const RepositoryConfig& repository);
[[nodiscard]] Result<std::string> withCluster(std::string_view text, const ClusterConfig& cluster);

} // namespace salvor::settings
