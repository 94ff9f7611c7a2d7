// An error in a person's words.
#pragma once

#include "core/base/error.h"

#include <QString>

namespace salvor::text {

/// What a screen shows of a failure. `details` is for the fold below it and for copying.
struct ErrorText {
    QString title;    ///< What happened, in a few words: "No access".
    QString sentence; ///< What it means and what to do; ends in a full stop.
    QString button;   ///< A verb, "Try again"; empty where repeating cannot help.
    QString details;  ///< The error's own message and where it was made.
};

/// Title and button come from the code, the sentence from the hint where there is one.
[[nodiscard]] ErrorText explain(const Error& error);

/// The message alone as a sentence: first letter raised, full stop added.
[[nodiscard]] QString asSentence(std::string_view message);

} // namespace salvor::text
