// The single steps of setting aside and putting back. Each is one rename made durable, and does
// nothing where it was done before.
#pragma once

#include "core/rescue/in_place_journal.h"

namespace salvor::rescue {

/// The folder of the data directory wherever it is now, claimed until the descriptor is closed.
/// Errors: NotReady when a restore or a rollback that lives has it.
[[nodiscard]] Result<FileDescriptor> claim(const Journal& journal);

/// Renames and makes it durable. Errors: AlreadyExists when something is at `to`; as failErrno().
[[nodiscard]] Result<> renameDurably(const Path& from, const Path& to);

/// Hides the control file of a data directory that is set aside, and shows it again.
[[nodiscard]] Result<> hideControlFile(const Path& dataDirectory);
[[nodiscard]] Result<> showControlFile(const Path& dataDirectory);

/// Errors: NotReady when a server runs there, or that cannot be found out. Nothing there: fine.
[[nodiscard]] Result<> refuseRunning(const Path& dataDirectory);

/// A server that was started just before a directory was renamed works in it still: the rename is
/// taken back. Errors: NotReady then.
[[nodiscard]] Result<> putBackIfRunning(const model::InPlace::Rename& rename);

} // namespace salvor::rescue
