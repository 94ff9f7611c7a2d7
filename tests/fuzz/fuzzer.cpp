// salvor_fuzz DECODER [LIBFUZZER-ARGUMENT...]: feeds one decoder until it breaks.
#include "tests/fuzz/decoders.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace {

const salvor::test::Decoder* chosen = nullptr;

} // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv)
{
    const auto all = salvor::test::decoders();
    const std::string_view name = *argc > 1 ? (*argv)[1] : "";
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const auto& decoder) { return decoder.name == name; });
    if (found == all.end()) {
        for (const auto& decoder : all)
            std::puts(decoder.name.data()); // NOLINT(bugprone-suspicious-stringview-data-usage)
        std::exit(*argc > 1 ? 2 : 0);       // NOLINT(concurrency-mt-unsafe): no thread runs yet.
    }
    chosen = &*found;
    std::copy(*argv + 2, *argv + *argc, *argv + 1);
    --*argc;
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    (void)chosen->take(std::as_bytes(std::span(data, size)));
    return 0;
}
