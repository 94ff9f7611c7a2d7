#include "core/backup/file_copy.h"
#include "tests/repository/repository_test.h"
#include "tests/support/result_assertions.h"

#include <filesystem>

using namespace salvor;
using namespace salvor::backup;
using namespace salvor::repository;

namespace {

/// A relation of one page whose checksum is wrong and whose LSN is newer than the backup's start.
class TornPage : public RepositoryTest {
protected:
    TornPage()
    {
        open(false);
        Bytes page = textData(8192, 7);
        page[0] = std::byte{0};
        EXPECT_OK(writeFileDurably(m_path, page));
        m_builder = newBuilder();
    }
    ~TornPage() override { std::filesystem::remove(m_path); }
    TornPage(const TornPage&) = delete;
    TornPage& operator=(const TornPage&) = delete;

    CopyResult copy(Moment restsSince)
    {
        postgres::DataEntry entry;
        entry.path = "base/5/1259";
        entry.source = m_path;
        entry.size = 8192;
        entry.hasPages = true;
        auto copied = copyFiles(
            {entry},
            {.workers = 1, .checkPages = true, .startLsn = model::Lsn{1}, .restsSince = restsSince},
            *m_builder, m_job.context);
        EXPECT_OK(copied);
        return copied.ok() ? *std::move(copied) : CopyResult{};
    }

private:
    Path m_path =
        std::filesystem::temp_directory_path() / ("salvor-torn-" + std::to_string(::getpid()));
    std::unique_ptr<BackupBuilder> m_builder;
    TestJob m_job;
};

} // namespace

TEST_F(TornPage, IsLeftToWalWhileTheFileMayBeWritten)
{
    const CopyResult copied = copy(Moment());

    EXPECT_EQ(copied.doubtful.size(), 1U);
    EXPECT_TRUE(copied.damaged.empty());
}

TEST_F(TornPage, IsDamageInAFileThatRests)
{
    const CopyResult copied = copy(systemClock().now() + std::chrono::hours(1));

    EXPECT_TRUE(copied.doubtful.empty());
    EXPECT_EQ(copied.damaged, (std::vector<model::DamagedPages>{{"base/5/1259", {0}}}));
}
