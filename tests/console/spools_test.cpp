#include "core/console/console.h"
#include "core/console/spools.h"
#include "tests/support/must.h"

#include <gtest/gtest.h>

namespace salvor::console {
namespace {

TEST(Spools, AWorkerThatNeedsFewerCopiesIsAnotherOne)
{
    const TemporaryDirectory folder = test::must(TemporaryDirectory::create());
    settings::Config config;
    config.clusters.resize(1);
    settings::ClusterConfig& cluster = config.clusters.front();
    cluster.name = "orders";
    cluster.repository = "main";
    cluster.copies = {"offsite"};
    const Surroundings surroundings{
        .program = {}, .stateFolder = folder.path() / "state", .spoolFolder = {}};
    const Spools spools(config, surroundings);
    const auto folderNow = [&] {
        return test::must(spools.open(pushKind, "orders", folder.path())).logFile().parent_path();
    };
    const Path all = folderNow();

    cluster.walRequired = 1;
    const Path any = folderNow();
    cluster.walRequired = 2;

    EXPECT_NE(any, all);
    EXPECT_EQ(folderNow(), all);
}

} // namespace
} // namespace salvor::console
