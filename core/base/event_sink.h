// What a run reports while it works.
#pragma once

#include "core/base/bytes.h"

#include <string_view>

namespace salvor {

/// Hears what a run has to say. Implementations are thread-safe and return at once.
class EventSink {
public:
    virtual ~EventSink() = default;
    /// A phase began: "copy files", with its size in bytes, or 0 when that is not known.
    virtual void phase(std::string_view name, ByteCount total) = 0;
    /// Something worth keeping in the run's record. A whole sentence.
    virtual void note(std::string_view sentence) = 0;
    /// Something a person should look at. A whole sentence. The run goes on.
    virtual void warning(std::string_view sentence) = 0;
};

/// A sink that forgets. Lives as long as the program.
[[nodiscard]] EventSink& discardEvents();

} // namespace salvor
