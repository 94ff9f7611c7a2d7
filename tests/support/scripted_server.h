// A TCP server on loopback that answers HTTP requests by a script: for what no real server does on
// demand.
#pragma once

#include "core/base/bytes.h"
#include "core/base/file.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <atomic>
#include <functional>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace salvor {

/// What the server does with one request.
struct ScriptedAnswer {
    std::string text;       ///< Sent as it stands, headers and all.
    bool thenStall = false; ///< Keeps the connection open and says nothing more.
    bool thenClose = false; ///< Closes the connection; else it takes the next request.
    bool readBody = true;   ///< False: closes without having read the body.
};

/// "HTTP/1.1 STATUS" with a Content-Length and `headers`, each ended by "\r\n".
inline ScriptedAnswer httpAnswer(int status, const std::string& body,
                                 const std::string& headers = {})
{
    return {.text = "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: "
                    + std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body};
}

struct SeenRequest {
    std::string head; ///< Request line and headers.
    std::string body;

    [[nodiscard]] std::string line() const { return head.substr(0, head.find("\r\n")); }
};

/// Answers each request with what `answer` says. One thread for each connection.
class ScriptedServer {
public:
    using Answer = std::function<ScriptedAnswer(const SeenRequest&)>;

    explicit ScriptedServer(Answer answer)
        : m_answer(std::move(answer))
        , m_listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(m_listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(m_listener.get(), 64), 0);
        ::getsockname(m_listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
        m_port = ntohs(address.sin_port);
        m_acceptor = std::jthread([this](const std::stop_token& stop) { accept(stop); });
    }

    [[nodiscard]] std::uint16_t port() const { return m_port; }
    [[nodiscard]] std::vector<SeenRequest> seen() const
    {
        const std::lock_guard lock(m_mutex);
        return m_seen;
    }
    [[nodiscard]] int connections() const { return m_connections; }

private:
    static bool waitFor(int descriptor, const std::stop_token& stop)
    {
        while (!stop.stop_requested()) {
            pollfd entry{descriptor, POLLIN, 0};
            if (::poll(&entry, 1, 20) > 0)
                return true;
        }
        return false;
    }

    void accept(const std::stop_token& stop)
    {
        std::vector<std::jthread> connections;
        while (waitFor(m_listener.get(), stop)) {
            const int client = ::accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0)
                continue;
            ++m_connections;
            connections.emplace_back(
                [this, client](const std::stop_token& end) { serve(FileDescriptor(client), end); });
        }
    }

    static bool receive(const FileDescriptor& client, std::string& text,
                        const std::stop_token& stop)
    {
        char buffer[65536];
        if (!waitFor(client.get(), stop))
            return false;
        const ssize_t got = ::recv(client.get(), buffer, sizeof buffer, 0);
        if (got <= 0)
            return false;
        text.append(buffer, static_cast<std::size_t>(got));
        return true;
    }

    static std::size_t bodyLength(const std::string& head)
    {
        std::string lower = head;
        for (char& c : lower)
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        const std::size_t at = lower.find("\r\ncontent-length:");
        return at == std::string::npos
                   ? 0
                   : static_cast<std::size_t>(std::strtoull(lower.c_str() + at + 17, nullptr, 10));
    }

    void serve(const FileDescriptor& client, const std::stop_token& stop)
    {
        std::string text;
        while (true) {
            std::size_t end = text.find("\r\n\r\n");
            while (end == std::string::npos) {
                if (!receive(client, text, stop))
                    return;
                end = text.find("\r\n\r\n");
            }
            SeenRequest request{text.substr(0, end + 2), {}};
            text.erase(0, end + 4);
            const ScriptedAnswer answer = m_answer(request);
            const std::size_t length = answer.readBody ? bodyLength(request.head) : 0;
            while (text.size() < length)
                if (!receive(client, text, stop))
                    return;
            request.body = text.substr(0, length);
            text.erase(0, length);
            {
                const std::lock_guard lock(m_mutex);
                m_seen.push_back(request);
            }
            sendAll(client, answer.text);
            if (answer.thenStall)
                while (!stop.stop_requested())
                    std::this_thread::sleep_for(std::chrono::milliseconds(20));
            if (answer.thenClose || answer.thenStall)
                return;
        }
    }

    static void sendAll(const FileDescriptor& client, const std::string& text)
    {
        for (std::size_t done = 0; done < text.size();) {
            const ssize_t more =
                ::send(client.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
            if (more <= 0)
                return;
            done += static_cast<std::size_t>(more);
        }
    }

    const Answer m_answer;
    const FileDescriptor m_listener;
    std::uint16_t m_port = 0;
    std::atomic<int> m_connections{0};
    mutable std::mutex m_mutex;
    std::vector<SeenRequest> m_seen; // Guarded by m_mutex.
    std::jthread m_acceptor;
};

} // namespace salvor
