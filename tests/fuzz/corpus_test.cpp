// The kept corpus in every run: what a fuzzer once reached, and some random damage to it.
#include "core/base/file.h"
#include "tests/fuzz/decoders.h"
#include "tests/support/must.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace salvor::test {

namespace {

constexpr ByteCount largest = ByteCount{1} << 20U;

std::vector<Path> samplesOf(std::string_view decoder)
{
    std::vector<Path> files;
    for (const auto& each : std::filesystem::directory_iterator(Path(SALVOR_CORPUS) / decoder))
        files.push_back(each.path());
    std::sort(files.begin(), files.end());
    return files;
}

class Corpus : public testing::TestWithParam<Decoder> {};

TEST_P(Corpus, IsTakenOrRefusedAndSomeOfItTaken)
{
    bool anyTaken = false;
    for (const Path& file : samplesOf(GetParam().name)) {
        SCOPED_TRACE(file);
        anyTaken = GetParam().take(must(readFile(file, largest))) || anyTaken;
    }

    EXPECT_TRUE(anyTaken) << "a corpus without anything valid tests the refusals only";
}

TEST_P(Corpus, IsTakenOrRefusedWithSomethingChanged)
{
    std::mt19937 random(7); // NOLINT(cert-msc51-cpp): the same in every run.
    for (const Path& file : samplesOf(GetParam().name)) {
        const Bytes sample = must(readFile(file, largest));
        for (int turn = 0; turn < 20 && !sample.empty(); ++turn) {
            Bytes changed = sample;
            changed.resize(1 + random() % sample.size());
            for (int i = 0; i < 3; ++i)
                changed[random() % changed.size()] = static_cast<std::byte>(random());
            (void)GetParam().take(changed);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus, testing::ValuesIn(decoders().begin(), decoders().end()),
                         [](const auto& each) {
                             std::string name(each.param.name);
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

TEST(CorpusFolders, AreThoseOfTheDecoders)
{
    std::set<std::string> folders;
    for (const auto& each : std::filesystem::directory_iterator(SALVOR_CORPUS))
        folders.insert(each.path().filename());
    std::set<std::string> names;
    for (const Decoder& each : decoders())
        names.emplace(each.name);

    EXPECT_EQ(folders, names);
}

} // namespace

} // namespace salvor::test
