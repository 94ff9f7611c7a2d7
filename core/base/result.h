// A value or the reason there is none: what every call that can fail returns.
#pragma once

#include "core/base/error.h"

#include <cassert>
#include <type_traits>
#include <utility>
#include <variant>

namespace salvor {

/// A value, or the reason there is none. Ignoring one does not compile.
/// Taking the value of a failure is a bug: test ok() first, or use SALVOR_TRY.
template <typename T = void>
class [[nodiscard]] Result {
    static_assert(!std::is_same_v<T, Error>, "an error is not a value");

public:
    Result(T value)
        : m_state(std::in_place_index<0>, std::move(value))
    {}
    Result(Error error)
        : m_state(std::in_place_index<1>, std::move(error))
    {}

    [[nodiscard]] bool ok() const noexcept { return m_state.index() == 0; }
    [[nodiscard]] T& operator*() & noexcept
    {
        assert(ok());
        return *std::get_if<0>(&m_state);
    }
    [[nodiscard]] const T& operator*() const& noexcept
    {
        assert(ok());
        return *std::get_if<0>(&m_state);
    }
    [[nodiscard]] T&& operator*() && noexcept
    {
        assert(ok());
        return std::move(*std::get_if<0>(&m_state));
    }
    [[nodiscard]] T* operator->() noexcept { return &**this; }
    [[nodiscard]] const T* operator->() const noexcept { return &**this; }
    [[nodiscard]] const Error& error() const& noexcept
    {
        assert(!ok());
        return *std::get_if<1>(&m_state);
    }
    [[nodiscard]] Error&& error() && noexcept
    {
        assert(!ok());
        return std::move(*std::get_if<1>(&m_state));
    }

    /// The same result; a failure says what was being done: "verify 'base/1': cannot read ...".
    [[nodiscard]] Result in(std::string_view doing) &&
    {
        if (ok())
            return std::move(*this);
        return std::move(*this).error().in(doing);
    }

private:
    std::variant<T, Error> m_state;
};

template <>
class [[nodiscard]] Result<void> : public Result<std::monostate> {
public:
    Result()
        : Result<std::monostate>(std::monostate{})
    {}
    Result(Error error)
        : Result<std::monostate>(std::move(error))
    {}
    [[nodiscard]] Result in(std::string_view doing) &&
    {
        if (ok())
            return {};
        return std::move(*this).error().in(doing);
    }
};

} // namespace salvor

#define SALVOR_CONCAT_IMPL(a, b) a##b
#define SALVOR_CONCAT(a, b) SALVOR_CONCAT_IMPL(a, b)
#define SALVOR_TRY_IMPL(result, target, call)                                                      \
    auto result = (call);                                                                          \
    if (!result.ok())                                                                              \
        return std::move(result).error();                                                          \
    target = *std::move(result)

/// `SALVOR_TRY(auto size, driver.size(key));` binds the value, or returns the error from this
/// function.
#define SALVOR_TRY(target, call)                                                                   \
    SALVOR_TRY_IMPL(SALVOR_CONCAT(salvorResult_, __LINE__), target, call)

/// `SALVOR_CHECK(sink.write(bytes));` goes on, or returns the error from this function.
#define SALVOR_CHECK(call)                                                                         \
    do {                                                                                           \
        if (auto salvorCheck_ = (call); !salvorCheck_.ok())                                        \
            return std::move(salvorCheck_).error();                                                \
    } while (false)
