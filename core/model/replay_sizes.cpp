#include "core/model/replay_sizes.h"

#include <algorithm>

namespace salvor::model {

void ReplaySizes::raiseTo(const ReplaySizes& other) noexcept
{
    for (const auto size : {&ReplaySizes::maxConnections, &ReplaySizes::maxWorkerProcesses,
                            &ReplaySizes::maxWalSenders, &ReplaySizes::maxPreparedTransactions,
                            &ReplaySizes::maxLocksPerTransaction})
        this->*size = std::max(this->*size, other.*size);
}

} // namespace salvor::model
