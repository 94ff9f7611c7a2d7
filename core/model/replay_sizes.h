// What a server must be given to replay another one's WAL. Plain values.
#pragma once

namespace salvor::model {

/// Settings that a copy must have at least as large as the original had when it wrote the WAL:
/// with less, PostgreSQL 13 ends and later ones stop replaying in the middle.
struct ReplaySizes {
    int maxConnections = 0;
    int maxWorkerProcesses = 0;
    int maxWalSenders = 0;
    int maxPreparedTransactions = 0;
    int maxLocksPerTransaction = 0;

    /// Afterwards each is at least that of `other`.
    void raiseTo(const ReplaySizes& other) noexcept;

    friend bool operator==(const ReplaySizes&, const ReplaySizes&) = default;
};

} // namespace salvor::model
