// Runs something in a process of its own and kills it at its n-th change of the file system.
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

} // namespace salvor::test
