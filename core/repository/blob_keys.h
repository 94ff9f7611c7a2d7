// Keys of packs and WAL objects, and opening what they seal. See docs/repository-format.md,
// sections 6 and 9.
#pragma once

#include "core/compress/zstd.h"
#include "core/crypto/aead.h"
#include "core/format/pack_format.h"
#include "core/repository/keys.h"

namespace salvor::repository {

/// A header for a new pack or WAL object, and its key; no key in a plain repository.
struct NewBlob {
    Bytes header;
    Secret key;
};
[[nodiscard]] Result<NewBlob> newBlob(const Keys& keys, format::BlobKind kind);

/// The key from a stored header; empty in a plain repository.
///
/// Errors: Denied when it takes a private key that is not there; Corrupt.
[[nodiscard]] Result<Secret> blobKey(const Keys& keys, const format::BlobHeader& header);

/// A directory as it is stored, and back. Errors of opening: Corrupt.
[[nodiscard]] Bytes sealDirectory(const Keys& keys, ByteView header, ByteView directory);
[[nodiscard]] Result<Bytes> openDirectory(const Keys& keys, ByteView header, ByteView stored);

/// Opens and decompresses frames. One thread at a time.
class FrameDecoder {
public:
    /// For frames of a pack with this key; empty: frames are not sealed.
    void setKey(const Secret& key);
    /// Fills `plain` with the frame's plain bytes. Errors: Corrupt.
    [[nodiscard]] Result<> decode(ByteView aad, std::uint32_t number, format::Codec codec,
                                  ByteView stored, MutableByteView plain);

private:
    crypto::AesGcm m_cipher;
    compress::Decompressor m_decompressor;
    Bytes m_opened;
    bool m_isSealed = false;
};

} // namespace salvor::repository
