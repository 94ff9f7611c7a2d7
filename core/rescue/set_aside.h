// The single steps of setting aside and putting back. Each is one rename made durable, and does
// nothing where it was done before.
#pragma once

#include "core/rescue/in_place_journal.h"

namespace salvor::rescue {

/// Under which of its two names a directory is.
enum class Where { Place, Aside };
/// By its inode. Errors: NotReady when it is under neither, or the other name is taken so that it
/// could not be renamed: says what is where; as failErrno() when that cannot be seen.
[[nodiscard]] Result<Where> whereIs(const Rename& rename);

/// Nothing when nothing is there. Errors: as failErrno(), for anything but that.
[[nodiscard]] Result<std::optional<std::uint64_t>> inodeAt(const Path& path);

/// Renames and makes it durable. Errors: AlreadyExists when something is at `to`; as failErrno().
[[nodiscard]] Result<> renameDurably(const Path& from, const Path& to);

/// Hides the control file of a data directory that is set aside, and shows it again.
[[nodiscard]] Result<> hideControlFile(const Path& dataDirectory);
[[nodiscard]] Result<> showControlFile(const Path& dataDirectory);

/// Errors: NotReady when a server runs there, or that cannot be found out. Nothing there: fine.
[[nodiscard]] Result<> refuseRunning(const Path& dataDirectory);

/// What comes before anything is written, under the lock: the journal is durable, or the one that
/// goes on is looked at again, and then the old places are set aside. Errors: NotReady when the
/// plan no longer holds, also when the restore that it goes on with was finished meanwhile.
[[nodiscard]] Result<> vacate(const model::RestorePlan& plan);

/// A server that was started just before a directory was renamed works in it still: the rename is
/// taken back. Errors: NotReady then.
[[nodiscard]] Result<> putBackIfRunning(const Rename& rename);

} // namespace salvor::rescue
