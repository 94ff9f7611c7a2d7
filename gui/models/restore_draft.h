// A restore on its way through the pages, as it is kept on disk.
#pragma once

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/console/console.h"

#include <optional>
#include <string>
#include <vector>

namespace salvor::gui {

enum class RestoreStep { Cluster, Moment, Where, Checks, Review, Run, Result };

/// Everything a person chose so far, and how far the flow came.
struct RestoreDraft {
    std::string id; ///< "R-20261117T021840Z".
    RestoreStep step = RestoreStep::Cluster;
    console::RestoreChoice choice;
    std::string typedTime;  ///< As it was typed, also when it cannot be read.
    std::string serverZone; ///< IANA name, or empty.
    std::string planHash;   ///< Of the plan that was started; empty before.
    Moment savedAt;

    [[nodiscard]] Json toJson() const;
    /// Errors: Corrupt, Incompatible when a newer program wrote it.
    [[nodiscard]] static Result<RestoreDraft> fromJson(const Json& json);
};

/// The drafts of one person on this machine: a JSON file each, written durably.
class DraftStore {
public:
    /// `folder` is $XDG_STATE_HOME/salvor/flows.
    explicit DraftStore(Path folder)
        : m_folder(std::move(folder))
    {}
    [[nodiscard]] Result<> save(const RestoreDraft& draft) const;
    [[nodiscard]] Result<> remove(const std::string& id) const;
    /// The unfinished one saved last. A file that cannot be read is passed over.
    [[nodiscard]] std::optional<RestoreDraft> newest() const;

private:
    Path m_folder;
};

/// "R-" and the moment in UTC, to the second.
[[nodiscard]] std::string newDraftId(Moment now);

} // namespace salvor::gui
