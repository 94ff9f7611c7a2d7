#include "core/postgres/instance_files.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

using namespace salvor;
using namespace salvor::postgres;

namespace {

/// What a copy is said to have ended with whose log holds this text.
std::string wordsOf(const std::string& log)
{
    const auto folder = TemporaryDirectory::create();
    Instance instance;
    instance.configDirectory = folder->path();
    EXPECT_OK(writeFileDurably(logFile(instance), asBytes(log)));
    return lastWords(instance, 0);
}

} // namespace

TEST(LastWordsOfAServer, AreWhatIsFatalWithWhatBelongsToIt)
{
    EXPECT_EQ(
        wordsOf("1 LOG:  starting\n2 FATAL:  no such thing\n2 HINT:  Make one.\n3 LOG:  end\n"),
        "2 FATAL:  no such thing; 2 HINT:  Make one.");
}

TEST(LastWordsOfAServer, AnswersToItsClientsAreNone)
{
    EXPECT_EQ(wordsOf("1 FATAL:  the database system is starting up\n"
                      "2 LOG:  shutdown at recovery target\n"
                      "3 FATAL:  terminating connection due to administrator command\n"
                      "4 LOG:  database system is shut down\n"),
              "2 LOG:  shutdown at recovery target; 4 LOG:  database system is shut down");
}
