#include "core/cli/passphrase.h"

#include "core/base/file.h"

#include <cerrno>
#include <termios.h>
#include <unistd.h>

namespace salvor::cli {

namespace {

constexpr std::size_t maxLength = 1024;

/// Typed characters are not shown while this lives.
class EchoOff {
public:
    explicit EchoOff(int terminal)
        : m_terminal(terminal)
        , m_changed(::tcgetattr(terminal, &m_before) == 0)
    {
        termios quiet = m_before;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        if (m_changed)
            ::tcsetattr(terminal, TCSAFLUSH, &quiet);
    }
    EchoOff(const EchoOff&) = delete;
    EchoOff& operator=(const EchoOff&) = delete;
    ~EchoOff()
    {
        if (m_changed)
            ::tcsetattr(m_terminal, TCSAFLUSH, &m_before);
    }

private:
    int m_terminal;
    termios m_before{}; // Before m_changed, which fills it.
    bool m_changed;
};

/// Without its line end. Byte by byte, so that nothing stays in a buffer of the library.
Result<Secret> readLine(int descriptor)
{
    Bytes line(maxLength + 1);
    std::size_t length = 0;
    Error error{ErrorCode::InvalidInput, "", ""};
    while (true) {
        std::byte next{};
        const ssize_t got = ::read(descriptor, &next, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            error = failErrno(errno, "cannot read the passphrase");
        else if (got > 0 && next != std::byte{'\n'} && length < maxLength) {
            line[length++] = next;
            continue;
        } else if (got > 0 && next != std::byte{'\n'})
            error = fail(ErrorCode::InvalidInput, "the passphrase is too long",
                         "Use at most 1024 bytes.");
        else if (length == 0)
            error = fail(ErrorCode::InvalidInput, "the passphrase is empty",
                         "Type one, or give a key file.");
        break;
    }
    Secret secret(ByteView(line).first(length));
    wipeMemory(line);
    if (!error.message.empty())
        return error;
    return secret;
}

Result<Secret> promptFor(const FileDescriptor& terminal, const std::string& prompt)
{
    SALVOR_CHECK(writeAll(terminal, asBytes(prompt)));
    const EchoOff quiet(terminal.get());
    auto secret = readLine(terminal.get());
    SALVOR_CHECK(writeAll(terminal, asBytes("\n")));
    return secret;
}

} // namespace

Result<Secret> askPassphrase(const std::string& what, Ask how)
{
    const auto terminal = openFile("/dev/tty", O_RDWR | O_NOCTTY);
    if (!terminal.ok())
        return fail(ErrorCode::NotReady,
                    "a passphrase is needed for " + what + ", and there is no terminal to ask at",
                    "Name a key-file or a key-command in the configuration, or set "
                    "SALVOR_PASSPHRASE.");
    SALVOR_TRY(Secret first, promptFor(*terminal, "Passphrase for " + what + ": "));
    if (how == Ask::Once)
        return first;
    SALVOR_TRY(const Secret second, promptFor(*terminal, "The same again: "));
    if (first.revealText() != second.revealText())
        return fail(ErrorCode::InvalidInput, "the two passphrases differ", "Type the same twice.");
    return first;
}

Result<Secret> newPassphrase(const std::string& what)
{
    if (::isatty(STDIN_FILENO) != 0)
        return askPassphrase(what, Ask::Twice);
    return readLine(STDIN_FILENO);
}

} // namespace salvor::cli
