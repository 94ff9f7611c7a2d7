// What the window asks of the core: the part of console::Console that pages need.
#pragma once

#include "core/base/job_context.h"
#include "core/console/console.h"
#include "core/finder/reach.h"
#include "core/model/restore_plan.h"
#include "core/settings/config.h"

#include <memory>
#include <string>
#include <vector>

namespace salvor::gui {

/// The door to the core. Every call but planHash(), configFile() and repositoryNames() blocks and
/// is made from a job's thread. Thread-safe.
class Backend {
public:
    virtual ~Backend() = default;

    /// A repository that cannot be read and has no cluster in the configuration gives a summary
    /// without a name, with the reason as its warning.
    [[nodiscard]] virtual Result<std::vector<console::ClusterSummary>>
    clusters(JobContext& job) = 0;
    /// As console::Console::planRestore(): `nearest` is filled when the target is out of reach.
    [[nodiscard]] virtual Result<model::RestorePlan>
    planRestore(const console::RestoreChoice& choice, JobContext& job,
                finder::Nearest* nearest) = 0;
    [[nodiscard]] virtual Result<model::RestoreOutcome> applyRestore(const model::RestorePlan& plan,
                                                                     JobContext& job) = 0;
    [[nodiscard]] virtual std::string planHash(const model::RestorePlan& plan) const = 0;

    [[nodiscard]] virtual Result<console::Console::ConnectionTest>
    testConnection(const settings::RepositoryConfig& place, JobContext& job) = 0;
    enum class Place { New, Existing };
    /// Makes the repository in a new place, then writes its section into the configuration file,
    /// which is made when there is none. Errors: those of Console::initRepository(); the file is
    /// as it was then.
    [[nodiscard]] virtual Result<> addRepository(const settings::RepositoryConfig& repository,
                                                 Place place, JobContext& job) = 0;

    /// Where the configuration is, or will be written.
    [[nodiscard]] virtual Path configFile() const = 0;
    [[nodiscard]] virtual std::vector<std::string> repositoryNames() const = 0;
};

} // namespace salvor::gui
