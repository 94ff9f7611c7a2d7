// Runs something in a process of its own, and kills it or lets its system calls fail.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace salvor::test {

/// True when `work` ended by itself, having made fewer than `nth` changes. A change is a system
/// call of its first thread that creates, renames, removes or makes durable; the n-th is not made.
/// The numbers of the calls are added to `made`.
[[nodiscard]] bool endsBeforeChange(std::uint64_t nth, const std::function<void()>& work,
                                    std::vector<long>* made = nullptr);

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
