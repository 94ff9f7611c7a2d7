// Which repositories did not answer, so that not every file waits for them again.
#pragma once

#include "core/base/clock.h"
#include "core/wal/spool.h"

#include <map>
#include <mutex>

namespace salvor::console {

/// For how long something that did not answer is left alone: ten times as long as it was waited
/// for, from one minute to ten.
[[nodiscard]] std::chrono::microseconds pauseAfter(std::chrono::microseconds waited);

/// What calls that follow one another know of repositories that failed. Each call of archive-push
/// is a process of its own: a folder keeps it for the next. Thread-safe.
class Outages {
public:
    /// Without a folder it is known to this object only. `clock` outlives it.
    explicit Outages(const Clock& clock, std::optional<wal::Spool> folder = std::nullopt);

    enum class Standing {
        Good,     ///< Nothing is known against it.
        Doubtful, ///< Failed some time ago. Others see it as away for a minute from now on.
        Away,     ///< Failed a moment ago.
    };
    [[nodiscard]] Standing standing(const std::string& repository);
    [[nodiscard]] Moment now() const { return m_clock.now(); }
    /// It failed, having been asked at that moment. It is away for pauseAfter() that time.
    void failed(const std::string& repository, Moment askedAt, const std::string& why);
    void answered(const std::string& repository);
    /// Why it was left out last; nothing when it answered since.
    [[nodiscard]] std::optional<std::string> why(const std::string& repository) const;

private:
    struct Note {
        Moment until{};
        std::string why;
    };
    [[nodiscard]] std::optional<Note> read(const std::string& repository) const;
    void write(const std::string& repository, const Note& note);

    const Clock& m_clock;
    const std::optional<wal::Spool> m_folder;
    mutable std::mutex m_mutex;
    std::map<std::string, Note> m_notes; // Guarded by m_mutex; without a folder.
};

} // namespace salvor::console
