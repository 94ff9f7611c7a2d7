#include "core/base/event_sink.h"

namespace salvor {

EventSink& discardEvents()
{
    class Discard final : public EventSink {
    public:
        void phase(std::string_view /*name*/, ByteCount /*total*/) override {}
        void note(std::string_view /*sentence*/) override {}
        void warning(std::string_view /*sentence*/) override {}
    };
    static Discard sink;
    return sink;
}

} // namespace salvor
