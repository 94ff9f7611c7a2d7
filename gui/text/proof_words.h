// How sure one can be of a backup, in a person's words.
#pragma once

#include "core/model/backup.h"
#include "core/model/verification.h"
#include "gui/text/moments.h"

#include <QString>

namespace salvor::text {

/// Two or three words for a cell: "Read completely", "Damaged".
[[nodiscard]] QString proofWord(const model::Backup& backup, const model::Assurance& assurance);
/// What was shown when and by whom, and what was not.
[[nodiscard]] QString proofSentence(const model::Backup& backup, const model::Assurance& assurance,
                                    const Zones& zones);

} // namespace salvor::text
