// What the tests of storage share.
#pragma once

#include "core/storage/conformance.h"
#include "core/storage/driver.h"

#include <gtest/gtest.h>

namespace salvor::storage {

/// The text of the error, or an empty text.
template <typename T>
std::string errorOf(const Result<T>& result)
{
    return result.ok()
               ? std::string()
               : std::string(errorCodeName(result.error().code)) + ": " + result.error().message;
}

template <typename T>
std::string codeOf(const Result<T>& result)
{
    return result.ok() ? std::string("ok") : std::string(errorCodeName(result.error().code));
}

/// The findings that are not ok, one a line.
inline std::string brokenPromises(const std::vector<ConformanceFinding>& findings)
{
    std::string text;
    for (const ConformanceFinding& finding : findings)
        if (!finding.ok)
            text += finding.name + ": " + finding.sentence + "\n";
    return text;
}

inline std::vector<ObjectKey> keysBelow(Driver& driver, const ObjectKey& prefix)
{
    std::vector<ObjectKey> keys;
    const auto objects = listObjects(driver, prefix);
    EXPECT_EQ(errorOf(objects), "");
    if (objects.ok())
        for (const ObjectInfo& object : *objects)
            keys.push_back(object.key);
    return keys;
}

inline std::string textOf(Driver& driver, const ObjectKey& key)
{
    const auto content = readObject(driver, key);
    return content.ok() ? std::string(asText(*content)) : errorOf(content);
}

} // namespace salvor::storage
