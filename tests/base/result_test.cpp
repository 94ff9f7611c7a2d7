#include "core/base/result.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace salvor {
namespace {

Result<int> half(int value)
{
    if (value % 2 != 0)
        return fail(ErrorCode::InvalidInput, "odd");
    return value / 2;
}

Result<int> quarter(int value)
{
    SALVOR_TRY(const int once, half(value).in("first"));
    SALVOR_TRY(const int twice, half(once).in("second"));
    return twice;
}

TEST(Result, TryPassesTheErrorOnWithItsContext)
{
    EXPECT_EQ(*quarter(8), 2);
    EXPECT_EQ(quarter(6).error().message, "second: odd");
    EXPECT_EQ(quarter(5).error().message, "first: odd");
}

TEST(FailErrno, SystemErrorsGetTheCodeThatSaysWhatToDo)
{
    const std::vector<std::pair<int, ErrorCode>> rows = {
        {ENOENT, ErrorCode::NotFound}, {EEXIST, ErrorCode::AlreadyExists},
        {EACCES, ErrorCode::Denied},   {EROFS, ErrorCode::Denied},
        {ENOSPC, ErrorCode::NoSpace},  {EDQUOT, ErrorCode::NoSpace},
        {EIO, ErrorCode::Unavailable}, {ETIMEDOUT, ErrorCode::Timeout},
        {EMFILE, ErrorCode::NotReady},
    };

    for (const auto& [number, code] : rows)
        EXPECT_EQ(failErrno(number, "cannot open 'x'").code, code) << number;
    EXPECT_EQ(failErrno(ENOENT, "cannot open 'x'").message,
              "cannot open 'x': No such file or directory (ENOENT)");
    EXPECT_FALSE(failErrno(ENOSPC, "cannot write 'x'").hint.empty());
}

TEST(Error, OnlyUnavailableAndTimeoutAreWorthRepeating)
{
    EXPECT_TRUE(fail(ErrorCode::Unavailable, "x").isRetryable());
    EXPECT_TRUE(fail(ErrorCode::Timeout, "x").isRetryable());
    EXPECT_FALSE(fail(ErrorCode::Locked, "x").isRetryable());
    EXPECT_FALSE(fail(ErrorCode::Corrupt, "x").isRetryable());
}

} // namespace
} // namespace salvor
