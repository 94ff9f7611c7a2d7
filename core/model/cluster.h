// Which PostgreSQL cluster something belongs to. Plain values.
#pragma once

#include "core/model/lsn.h"

#include <string>

namespace salvor::model {

/// What makes a cluster itself: fixed by initdb and the major version.
struct ClusterIdentity {
    std::uint64_t systemIdentifier = 0;
    int majorVersion = 0;      ///< 13 to 18.
    ByteCount segmentSize = 0; ///< Of WAL files, in bytes.

    friend bool operator==(const ClusterIdentity&, const ClusterIdentity&) = default;
};

/// One life of a cluster name in a repository: another initdb or another major under the same name
/// is another incarnation. Chunks and WAL live under it.
struct Incarnation {
    std::string cluster;
    std::uint32_t number = 1;
    ClusterIdentity identity;

    friend bool operator==(const Incarnation&, const Incarnation&) = default;
};

/// Letters, digits, '_', '-' and '.', not starting with '.', at most 63 characters.
[[nodiscard]] bool isValidName(std::string_view name) noexcept;

} // namespace salvor::model
