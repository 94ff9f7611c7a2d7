#include "core/base/file.h"
#include "core/storage/memory_driver.h"
#include "core/storage/posix_driver.h"
#include "tests/storage/storage_test.h"

namespace salvor::storage {
namespace {

TEST(Conformance, MemoryKeepsEveryPromise)
{
    MemoryDriver driver;

    const auto findings = checkConformance(driver, "scratch/");

    EXPECT_EQ(brokenPromises(findings), "");
    EXPECT_EQ(findings.size(), 14U);
    EXPECT_EQ(keysBelow(driver, ""), std::vector<ObjectKey>{});
}

TEST(Conformance, AFolderKeepsEveryPromise)
{
    const auto folder = TemporaryDirectory::create();
    PosixDriver driver(folder->path() / "not" / "yet");

    const auto findings = checkConformance(driver, "scratch/");

    EXPECT_EQ(brokenPromises(findings), "");
    EXPECT_EQ(keysBelow(driver, ""), std::vector<ObjectKey>{});
}

TEST(Conformance, WhatWasThereBeforeStays)
{
    MemoryDriver driver;
    ASSERT_TRUE(writeObject(driver, "mine", asBytes("kept")).ok());

    const auto findings = checkConformance(driver, "scratch/");

    EXPECT_EQ(brokenPromises(findings), "");
    EXPECT_EQ(textOf(driver, "mine"), "kept");
}

TEST(Conformance, AStopEndsTheQuestions)
{
    MemoryDriver driver;
    std::stop_source source;
    source.request_stop();

    const auto findings = checkConformance(driver, "scratch/", source.get_token());

    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].sentence, "stopped on request.");
}

TEST(Conformance, APrefixThatIsNoFolderIsRefused)
{
    MemoryDriver driver;

    const auto findings = checkConformance(driver, "scratch");

    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].sentence, "'scratch' is no folder to work in.");
}

} // namespace
} // namespace salvor::storage
