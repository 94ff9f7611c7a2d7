#include "gui/models/passphrase_desk.h"

#include <utility>

namespace salvor::gui {

Result<Secret> PassphraseDesk::ask(const std::string& repository)
{
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [this] { return m_closed || !m_busy; });
    if (!m_closed) {
        m_busy = true;
        m_question = repository;
        m_changed.wait(lock, [this] { return m_closed || m_answer.has_value(); });
        m_busy = false;
        m_question.reset();
        m_changed.notify_all();
    }
    auto answer = std::exchange(m_answer, std::nullopt);
    if (answer)
        return *std::move(answer);
    return fail(ErrorCode::Cancelled,
                "no passphrase was given for repository '" + repository + "'");
}

std::optional<std::string> PassphraseDesk::takeQuestion()
{
    const std::lock_guard lock(m_mutex);
    return std::exchange(m_question, std::nullopt);
}

void PassphraseDesk::answer(std::optional<Secret> passphrase)
{
    const std::lock_guard lock(m_mutex);
    if (!m_busy)
        return;
    if (passphrase)
        m_answer.emplace(*std::move(passphrase));
    else
        m_answer.emplace(fail(ErrorCode::Cancelled, "no passphrase was given"));
    m_changed.notify_all();
}

void PassphraseDesk::close()
{
    const std::lock_guard lock(m_mutex);
    m_closed = true;
    m_changed.notify_all();
}

} // namespace salvor::gui
