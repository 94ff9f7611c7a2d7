// Assertions on Result, that print the error.
#pragma once

#include "core/base/result.h"

#include <gtest/gtest.h>

namespace salvor {

template <typename T>
::testing::AssertionResult isOk(const Result<T>& result)
{
    if (result.ok())
        return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << errorCodeName(result.error().code) << ": " << result.error().message << " ("
           << result.error().hint << ")";
}

template <typename T>
::testing::AssertionResult failsWith(const Result<T>& result, ErrorCode code)
{
    if (!result.ok() && result.error().code == code)
        return ::testing::AssertionSuccess();
    if (result.ok())
        return ::testing::AssertionFailure() << "it succeeded";
    return ::testing::AssertionFailure()
           << errorCodeName(result.error().code) << ": " << result.error().message;
}

} // namespace salvor

#define ASSERT_OK(result) ASSERT_TRUE(salvor::isOk(result))
#define EXPECT_OK(result) EXPECT_TRUE(salvor::isOk(result))
#define EXPECT_FAILS(result, code) EXPECT_TRUE(salvor::failsWith(result, salvor::ErrorCode::code))
#define ASSERT_FAILS(result, code) ASSERT_TRUE(salvor::failsWith(result, salvor::ErrorCode::code))
