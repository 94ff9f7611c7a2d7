// How far a backup was shown to be good, and when. Plain values.
#pragma once

#include "core/base/clock.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace salvor::model {

/// Each level includes those before it.
enum class AssuranceLevel {
    Listed,    ///< V0: its object is there.
    Structure, ///< V1: every list could be read, every chunk is known, every pack has its size.
    Contents,  ///< V2: everything was read, opened and held against its hash.
    Restored,  ///< V3: restored, started, and PostgreSQL's own checks found nothing.
    Validated, ///< V4: and the cluster's validation queries found what they should.
};

/// "listed", "structure", "contents", "restored", "validated".
[[nodiscard]] std::string_view assuranceName(AssuranceLevel level) noexcept;
[[nodiscard]] std::optional<AssuranceLevel> parseAssurance(std::string_view name) noexcept;

/// The outcome of the last verification of a backup at one level.
struct Verification {
    std::string backupId;
    AssuranceLevel level = AssuranceLevel::Structure;
    bool good = false;
    std::string finding; ///< The first of it, a sentence; empty when good.
    std::string by;      ///< "user@host".
    Moment at;           ///< By the store's clock.

    friend bool operator==(const Verification&, const Verification&) = default;
};

/// What the verifications of a backup come to.
struct Assurance {
    AssuranceLevel level = AssuranceLevel::Listed;
    bool damaged = false;              ///< Then `level` is that of the verification that says so.
    std::optional<Verification> shown; ///< The verification that this rests on.

    /// Everything was read, at least, and was good.
    [[nodiscard]] bool isVerified() const noexcept
    {
        return !damaged && level >= AssuranceLevel::Contents;
    }
    friend bool operator==(const Assurance&, const Assurance&) = default;
};

/// By the id of the backup. Who has no entry is listed only.
using Assurances = std::map<std::string, Assurance>;

/// A finding counts until a later verification of the same level, or of a higher one, is good.
/// Otherwise the highest level counts, however old.
[[nodiscard]] Assurances assurancesOf(const std::vector<Verification>& verifications);

/// That of one backup.
[[nodiscard]] Assurance assuranceOf(const Assurances& all, const std::string& backupId);

} // namespace salvor::model
