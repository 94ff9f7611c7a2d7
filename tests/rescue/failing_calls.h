// Runs something in a process of its own in which some system calls fail.
#pragma once

#include <functional>

namespace salvor::test {

/// A call as its caller made it.
struct Call {
    long number = 0;
    unsigned long long third = 0; ///< Of openat, the flags.
};

/// What `work` says, run where the calls of its first thread that `fails` picks out fail with
/// `errorNumber`.
[[nodiscard]] bool saysWithFailingCalls(int errorNumber, const std::function<bool(Call)>& fails,
                                        const std::function<bool()>& work);

} // namespace salvor::test
