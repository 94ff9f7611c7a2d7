// Where a job's thread asks for a passphrase and the window answers.
#pragma once

#include "core/base/result.h"
#include "core/base/secret.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

namespace salvor::gui {

/// One question at a time; others wait. Thread-safe.
class PassphraseDesk {
public:
    /// Waits for an answer. Errors: Cancelled when the person declined or the desk was closed.
    [[nodiscard]] Result<Secret> ask(const std::string& repository);

    /// The repository whose passphrase is wanted now, once for each question.
    [[nodiscard]] std::optional<std::string> takeQuestion();
    /// Unset: declined.
    void answer(std::optional<Secret> passphrase);
    /// Declines everything from now on. For the end of the program.
    void close();

private:
    std::mutex m_mutex;
    std::condition_variable m_changed;
    bool m_closed = false; // These are guarded by m_mutex.
    bool m_busy = false;
    std::optional<std::string> m_question;
    std::optional<Result<Secret>> m_answer;
};

} // namespace salvor::gui
