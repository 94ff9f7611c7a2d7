#include "core/crypto/random.h"

#include <openssl/rand.h>

namespace salvor::crypto {

Result<> fillRandom(MutableByteView out)
{
    auto* first = reinterpret_cast<unsigned char*>(out.data());
    if (RAND_bytes(first, static_cast<int>(out.size())) != 1)
        return fail(ErrorCode::Unavailable, "the random generator has nothing to give");
    return {};
}

Result<Bytes> randomBytes(std::size_t size)
{
    Bytes bytes(size);
    SALVOR_CHECK(fillRandom(bytes));
    return bytes;
}

} // namespace salvor::crypto
