// A core that answers from generated data, with a clock that stands still.
#pragma once

#include "core/base/file.h"
#include "gui/models/backend.h"
#include "gui/models/catalog.h"

#include <QElapsedTimer>
#include <QTest>

#include <gtest/gtest.h>

#include <atomic>

namespace salvor::gui::test {

[[nodiscard]] Moment at(const char* text);

class FixedClock final : public Clock {
public:
    [[nodiscard]] Moment now() const override;
};

/// orders-prod (15 backups, one gap), billing-prod (fine), analytics-stage (nothing).
[[nodiscard]] std::vector<console::ClusterSummary> someClusters();
/// A plan as the core makes it for a choice over orders-prod.
[[nodiscard]] model::RestorePlan planFor(const console::RestoreChoice& choice);

class FakeBackend final : public Backend {
public:
    [[nodiscard]] Result<std::vector<console::ClusterSummary>> clusters(JobContext& job) override;
    [[nodiscard]] Result<model::RestorePlan> planRestore(const console::RestoreChoice& choice,
                                                         JobContext& job,
                                                         finder::Nearest* nearest) override;
    [[nodiscard]] Result<model::RestoreOutcome> applyRestore(const model::RestorePlan& plan,
                                                             JobContext& job) override;
    [[nodiscard]] std::string planHash(const model::RestorePlan& plan) const override;
    [[nodiscard]] Result<console::Console::ConnectionTest>
    testConnection(const settings::RepositoryConfig& place, JobContext& job) override;
    [[nodiscard]] Result<> addRepository(const settings::RepositoryConfig& repository, Place place,
                                         JobContext& job) override;
    [[nodiscard]] Path configFile() const override
    {
        return "/home/dba/.config/salvor/salvor.conf";
    }
    [[nodiscard]] std::vector<std::string> repositoryNames() const override { return {"nas-02"}; }

    // Set before a job starts.
    std::vector<console::ClusterSummary> answer = someClusters();
    std::optional<Error> clustersError;
    std::optional<Error> planError;
    bool offerNearest = false;
    std::vector<model::Check> checks; ///< Empty: one warning and six that passed.
    std::optional<Error> applyError;
    model::RestoreState applyState = model::RestoreState::Answered;
    std::atomic<bool> holdApply{false}; ///< The run waits, half way, until this is false.
    console::Console::ConnectionTest connection;
    std::optional<Error> addError;
    // Looked at afterwards.
    std::atomic<int> applied{0};
    std::atomic<int> added{0};
};

/// Waits, with the event loop running, until something holds.
template <typename Condition>
[[nodiscard]] bool eventually(Condition condition)
{
    return QTest::qWaitFor(condition, 10000);
}

/// Backend, catalogue (already read), clock and a folder.
struct World {
    World();
    std::shared_ptr<FakeBackend> backend = std::make_shared<FakeBackend>();
    FixedClock clock;
    Catalog catalog{backend, clock};
    TemporaryDirectory folder;

    void read();
};

} // namespace salvor::gui::test
