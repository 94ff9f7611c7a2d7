// SALVOR_DECODER=NAME salvor_fuzz [LIBFUZZER-ARGUMENT...]: feeds one decoder until it breaks.
// Without a name it lists them. Not an argument: libFuzzer starts itself again with those it knows.
#include "tests/fuzz/decoders.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace {

const salvor::test::Decoder* chosen = nullptr;

} // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/)
{
    const char* name =
        std::getenv("SALVOR_DECODER"); // NOLINT(concurrency-mt-unsafe): no thread yet.
    const auto all = salvor::test::decoders();
    if (name != nullptr) {
        const auto found = std::find_if(all.begin(), all.end(),
                                        [&](const auto& decoder) { return decoder.name == name; });
        chosen = found == all.end() ? nullptr : &*found;
    } else {
        for (const auto& decoder : all)
            std::printf("%.*s\n", static_cast<int>(decoder.name.size()), decoder.name.data());
    }
    if (chosen == nullptr)
        std::exit(name == nullptr ? 0 : 2); // NOLINT(concurrency-mt-unsafe): no thread yet.
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    (void)chosen->take(std::as_bytes(std::span(data, size)));
    return 0;
}
