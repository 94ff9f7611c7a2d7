// One restore on its way, as its parts share it.
#pragma once

#include "core/postgres/control_file.h"
#include "core/restore/checks.h"
#include "core/restore/places.h"
#include "core/restore/restore.h"

#include <optional>

namespace salvor::restore {

/// What the steps of a restore share.
struct Run {
    const model::RestorePlan& plan;
    const repository::Repository& repository;
    const ApplyOptions& options;
    JobContext& job;
    Places places;
    std::optional<SystemUser> owner; ///< Set when root gives the files away.
    Look seen;
    std::vector<SetAside> aside; ///< What an unfinished restore left.
    FileDescriptor claim;        ///< On the data directory, to the end.
    postgres::ControlFile control;
    model::ReplaySizes sizesAtBackup; ///< `control` has what replay needs up to the target.
    postgres::Settings fence;         ///< Of a started copy.
    postgres::Instance instance;      ///< Of a started copy.
    model::RestoreOutcome outcome;
};

/// Tells what was restored how it recovers, and what it must not do: the last thing before
/// pg_control is put in place. Fills in control file, fence and instance. Errors: Corrupt when the
/// control file is another cluster's; those of writing.
[[nodiscard]] Result<> configure(Run& run);

} // namespace salvor::restore
