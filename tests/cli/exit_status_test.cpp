#include "core/cli/exit_status.h"

#include <gtest/gtest.h>

namespace salvor::cli {
namespace {

constexpr ErrorCode allCodes[] = {
    ErrorCode::InvalidInput, ErrorCode::NotFound,    ErrorCode::AlreadyExists, ErrorCode::Denied,
    ErrorCode::NotReady,     ErrorCode::Unavailable, ErrorCode::Timeout,       ErrorCode::Locked,
    ErrorCode::NoSpace,      ErrorCode::Corrupt,     ErrorCode::Incompatible,  ErrorCode::Cancelled,
    ErrorCode::Bug};

TEST(ExitStatus, EveryCodeHasTheStatusOfTheManual)
{
    EXPECT_EQ(exitStatus(ErrorCode::InvalidInput), 2);
    for (const ErrorCode code : {ErrorCode::NotFound, ErrorCode::AlreadyExists, ErrorCode::Denied,
                                 ErrorCode::NotReady, ErrorCode::NoSpace, ErrorCode::Incompatible})
        EXPECT_EQ(exitStatus(code), 3) << errorCodeName(code);
    EXPECT_EQ(exitStatus(ErrorCode::Cancelled), 4);
    EXPECT_EQ(exitStatus(ErrorCode::Corrupt), 5);
    for (const ErrorCode code :
         {ErrorCode::Unavailable, ErrorCode::Timeout, ErrorCode::Locked, ErrorCode::Bug})
        EXPECT_EQ(exitStatus(code), 1) << errorCodeName(code);
}

TEST(ExitStatus, ArchiveGetSaysOneOnlyForWhatIsCertainlyNotThere)
{
    for (const ErrorCode code : allCodes)
        EXPECT_EQ(exitStatus(code, CommandId::ArchiveGet), code == ErrorCode::NotFound ? 1 : 126)
            << errorCodeName(code);
}

TEST(ExitStatus, ArchivePushNeverExceedsWhatPostgresqlTakesForAFailure)
{
    for (const ErrorCode code : allCodes) {
        EXPECT_GE(exitStatus(code, CommandId::ArchivePush), 1);
        EXPECT_LE(exitStatus(code, CommandId::ArchivePush), 125);
    }
}

TEST(ExitStatus, AWorkerNeverEndsAsAServerProcessThatCrashedDoes)
{
    for (const ErrorCode code : allCodes)
        EXPECT_EQ(exitStatus(code, CommandId::ArchiveWorker), 1) << errorCodeName(code);
}

} // namespace
} // namespace salvor::cli
