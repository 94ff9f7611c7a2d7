// A server and a repository that are real, for tests of the window.
#pragma once

#include "core/console/console.h"
#include "tests/support/test_cluster.h"

#include <string>

namespace salvor::gui::test {

/// A running PostgreSQL 15 that holds `ordersBefore` orders up to `beforeTheDrop` and lost the
/// table afterwards; its backup, and all of its WAL, in an encrypted repository in a folder.
///
/// Everything lies in a folder that goes with the object. A window belongs to an ordinary user:
/// when the program runs as root, it is the servers' account from the construction on. The current
/// directory is then the folder that SALVOR_SCREENSHOTS names, or "/" without one.
///
/// Failures throw std::runtime_error.
class RealSite {
public:
    RealSite();
    RealSite(const RealSite&) = delete;
    RealSite& operator=(const RealSite&) = delete;
    ~RealSite();

    static constexpr int ordersBefore = 1250;
    [[nodiscard]] const std::string& beforeTheDrop() const { return m_beforeTheDrop; }

    [[nodiscard]] Path folder() const { return m_folder.path(); }
    [[nodiscard]] Path repository() const { return folder() / "repository"; }
    [[nodiscard]] Path keyFile() const { return folder() / "here.key"; }
    [[nodiscard]] Path config() const { return folder() / "salvor.conf"; }
    [[nodiscard]] Path restores() const { return folder() / "restores"; }
    [[nodiscard]] console::Surroundings surroundings() const;
    [[nodiscard]] console::Console console() const;

    /// While it is held, a server waits for the WAL it asks for.
    void holdFetching(bool hold) const;
    /// Runs a command line as a person without a role in any server types it. What it printed.
    std::string typed(const std::string& commandLine) const;
    /// Stops and removes the copies that a test left.
    void removeCopies() const;

private:
    void writePrograms() const;
    void writeConfiguration() const;
    void workAndDrop();

    salvor::test::ServerDirectory m_folder;
    std::unique_ptr<salvor::test::TestCluster> m_server;
    std::string m_beforeTheDrop;
};

} // namespace salvor::gui::test
