#include "core/model/verification.h"

#include <algorithm>
#include <array>

namespace salvor::model {

namespace {

constexpr std::array<std::string_view, 5> names{"listed", "structure", "contents", "restored",
                                                "validated"};

bool refutes(const Verification& later, const Verification& finding)
{
    return later.good && later.level >= finding.level && later.at > finding.at;
}

Assurance judge(const std::vector<const Verification*>& all)
{
    const auto isOpen = [&](const Verification* each) {
        return !each->good && std::none_of(all.begin(), all.end(), [&](const auto* other) {
            return refutes(*other, *each);
        });
    };
    const Verification* shown = nullptr;
    bool damaged = false;
    for (const Verification* each : all) {
        const bool open = isOpen(each);
        if (!each->good && !open)
            continue;
        if (shown == nullptr || (open && !damaged)
            || (open == damaged && each->level > shown->level)) {
            shown = each;
            damaged = open;
        }
    }
    return shown == nullptr ? Assurance() : Assurance{shown->level, damaged, *shown};
}

} // namespace

std::string_view assuranceName(AssuranceLevel level) noexcept
{
    return names.at(static_cast<std::size_t>(level));
}

std::optional<AssuranceLevel> parseAssurance(std::string_view name) noexcept
{
    const auto* const found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        return std::nullopt;
    return static_cast<AssuranceLevel>(found - names.begin());
}

Assurances assurancesOf(const std::vector<Verification>& verifications)
{
    std::map<std::string, std::vector<const Verification*>> byBackup;
    for (const Verification& each : verifications)
        byBackup[each.backupId].push_back(&each);
    Assurances all;
    for (const auto& [id, some] : byBackup)
        all.emplace(id, judge(some));
    return all;
}

Assurance assuranceOf(const Assurances& all, const std::string& backupId)
{
    const auto found = all.find(backupId);
    return found == all.end() ? Assurance() : found->second;
}

} // namespace salvor::model
