#include "core/base/secret.h"

#include <openssl/crypto.h>

namespace salvor {

void wipeMemory(MutableByteView bytes) noexcept
{
    OPENSSL_cleanse(bytes.data(), bytes.size());
}

Secret& Secret::operator=(Secret&& other) noexcept
{
    if (this != &other) {
        wipe();
        m_bytes = std::move(other.m_bytes);
        other.m_bytes.clear();
    }
    return *this;
}

void Secret::wipe() noexcept
{
    wipeMemory(m_bytes);
}

} // namespace salvor
