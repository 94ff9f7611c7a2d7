#include "core/repository/keys.h"

#include "core/base/text.h"
#include "core/crypto/random.h"

#include <array>
#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

namespace salvor::repository {

namespace {

constexpr std::size_t keyFileBytes = 32;

Result<> checkOwnership(const FileDescriptor& file, const Path& path)
{
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return failErrno(errno, "cannot examine " + quoted(path));
    if (!S_ISREG(status.st_mode))
        return fail(ErrorCode::InvalidInput, "key file " + quoted(path) + " is no regular file");
    const uid_t runner = ::geteuid();
    if (runner != 0 && status.st_uid != runner)
        return fail(ErrorCode::Denied, "key file " + quoted(path) + " belongs to another user",
                    "Give the file to the user who runs this program (chown).");
    if ((status.st_mode & 077U) != 0)
        return fail(ErrorCode::Denied, "key file " + quoted(path) + " can be read by others",
                    "Run chmod 600 on the file; if others may have read it, make a new key.");
    return {};
}

} // namespace

Result<Secret> readKeyFile(const Path& path)
{
    auto opened = openFile(path, O_RDONLY);
    if (!opened.ok()) {
        Error error = std::move(opened).error().in("key file");
        if (error.code == ErrorCode::NotFound)
            error.hint = "Without this key, or that of another slot, the backups cannot be read: "
                         "bring back a copy of it. To open with a passphrase instead, take "
                         "key-file out of the configuration.";
        return error;
    }
    const FileDescriptor file = *std::move(opened);
    SALVOR_CHECK(checkOwnership(file, path));
    std::array<std::byte, 256> text{};
    SALVOR_TRY(const std::size_t size, readFull(file, text));
    Result<Bytes> key = fromBase64(asText(ByteView(text).first(size)));
    wipeMemory(text);
    if (!key.ok() || key->size() != keyFileBytes) {
        if (key.ok())
            wipeMemory(*key);
        return fail(ErrorCode::InvalidInput,
                    "key file " + quoted(path) + " does not hold 32 bytes in base64",
                    "Name a file that this program made as a key file.");
    }
    Secret secret{ByteView(*key)};
    wipeMemory(*key);
    return secret;
}

Result<> writeKeyFile(const Path& path, const Secret& key)
{
    std::string text = toBase64(key.reveal()) + "\n";
    Result<> written = writeFileDurably(path, asBytes(text), IfExists::Fail, 0600);
    wipeMemory(std::as_writable_bytes(std::span(text)));
    return std::move(written).in("key file " + quoted(path));
}

Result<Secret> createKeyFile(const Path& path)
{
    std::array<std::byte, keyFileBytes> key{};
    SALVOR_CHECK(crypto::fillRandom(key));
    Secret secret{ByteView(key)};
    wipeMemory(key);
    SALVOR_CHECK(writeKeyFile(path, secret));
    return secret;
}

std::string_view slotAccessName(SlotAccess access) noexcept
{
    return access == SlotAccess::Reader ? "reader" : "writer";
}

} // namespace salvor::repository
