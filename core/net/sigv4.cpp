#include "core/net/sigv4.h"

#include "core/base/text.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <map>

namespace salvor::net {

namespace {

Bytes digest(const EVP_MD* algorithm, ByteView bytes)
{
    Bytes out(static_cast<std::size_t>(EVP_MD_get_size(algorithm)));
    unsigned int length = 0;
    EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), &length,
               algorithm, nullptr);
    return out;
}

/// One step of the key's chain. What is returned is a secret as well.
Secret hmac(ByteView key, std::string_view text)
{
    std::array<std::byte, 32> out{};
    unsigned int length = 0;
    const ByteView bytes = asBytes(text);
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(out.data()), &length);
    Secret secret{ByteView(out)};
    wipeMemory(out);
    return secret;
}

bool isUnreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'
           || c == '_' || c == '.' || c == '~';
}

std::string encoded(std::string_view text, char alsoKept)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (isUnreserved(c) || (alsoKept != '\0' && c == alsoKept)) {
            out.push_back(c);
            continue;
        }
        const auto value = static_cast<unsigned char>(c);
        out.push_back('%');
        out.push_back(digits[value >> 4U]);
        out.push_back(digits[value & 0xfU]);
    }
    return out;
}

std::string lowerCase(std::string_view text)
{
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

/// Trimmed, with one space where there were more.
std::string squeezed(std::string_view value)
{
    std::string out;
    for (const char c : trim(value))
        if (c != ' ' || out.empty() || out.back() != ' ')
            out.push_back(c);
    return out;
}

std::string canonicalQuery(std::string_view query)
{
    std::vector<std::pair<std::string, std::string>> pairs;
    while (!query.empty()) {
        const std::size_t end = query.find('&');
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
        const std::size_t equal = pair.find('=');
        pairs.emplace_back(pair.substr(0, equal),
                           equal == std::string_view::npos ? "" : pair.substr(equal + 1));
    }
    std::sort(pairs.begin(), pairs.end());
    std::string out;
    for (const auto& [name, value] : pairs)
        out.append(out.empty() ? "" : "&").append(name).append("=").append(value);
    return out;
}

struct CanonicalHeaders {
    std::string lines;
    std::string names;
};

CanonicalHeaders canonicalHeaders(const HttpRequest& request, const std::vector<Header>& added)
{
    std::map<std::string, std::string> sorted{{"host", request.endpoint.authority()}};
    const auto add = [&sorted](const Header& header) {
        const std::string name = lowerCase(header.name);
        if (name == "user-agent" || name == "expect" || name == "authorization")
            return;
        const auto [at, isNew] = sorted.try_emplace(name, squeezed(header.value));
        if (!isNew && name != "host")
            at->second.append(",").append(squeezed(header.value));
    };
    std::for_each(request.headers.begin(), request.headers.end(), add);
    std::for_each(added.begin(), added.end(), add);
    CanonicalHeaders out;
    for (const auto& [name, value] : sorted) {
        out.lines.append(name).append(":").append(value).append("\n");
        out.names.append(out.names.empty() ? "" : ";").append(name);
    }
    return out;
}

/// "20261120T205651Z"
std::string stamp(Moment at)
{
    std::string text = formatMoment(at).substr(0, 19);
    text.erase(
        std::remove_if(text.begin(), text.end(), [](char c) { return c == '-' || c == ':'; }),
        text.end());
    return text + "Z";
}

std::string signature(const AwsCredentials& credentials, const SigningScope& scope,
                      const std::string& day, const std::string& textToSign)
{
    const Secret start(std::string("AWS4") + std::string(credentials.secretKey.revealText()));
    const Secret ofDay = hmac(start.reveal(), day);
    const Secret ofRegion = hmac(ofDay.reveal(), scope.region);
    const Secret ofService = hmac(ofRegion.reveal(), scope.service);
    const Secret key = hmac(ofService.reveal(), "aws4_request");
    return toHex(hmac(key.reveal(), textToSign).reveal());
}

} // namespace

Bytes sha256(ByteView bytes)
{
    return digest(EVP_sha256(), bytes);
}

std::string sha256Hex(ByteView bytes)
{
    return toHex(sha256(bytes));
}

Bytes md5(ByteView bytes)
{
    return digest(EVP_md5(), bytes);
}

std::string uriEncoded(std::string_view text)
{
    return encoded(text, '\0');
}

std::string uriEncodedPath(std::string_view path)
{
    return encoded(path, '/');
}

Result<std::string> uriDecoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        const auto value =
            text.size() - i > 2 ? parseHexNumber(text.substr(i + 1, 2)) : std::nullopt;
        if (!value)
            return fail(ErrorCode::InvalidInput,
                        "'" + std::string(text) + "' is not percent-encoded text");
        out.push_back(static_cast<char>(*value));
        i += 2;
    }
    return out;
}

std::vector<Header> signatureHeaders(const HttpRequest& request, std::string_view payloadHash,
                                     const AwsCredentials& credentials, const SigningScope& scope)
{
    const std::string time = stamp(scope.at);
    const std::string day = time.substr(0, 8);
    std::vector<Header> added{{"x-amz-date", time},
                              {"x-amz-content-sha256", std::string(payloadHash)}};
    if (!credentials.sessionToken.empty())
        added.push_back(
            {"x-amz-security-token", std::string(credentials.sessionToken.revealText())});

    const CanonicalHeaders headers = canonicalHeaders(request, added);
    const std::size_t mark = request.target.find('?');
    const std::string query = mark == std::string::npos ? "" : request.target.substr(mark + 1);
    const std::string canonical = std::string(methodName(request.method)) + "\n"
                                  + request.target.substr(0, mark) + "\n" + canonicalQuery(query)
                                  + "\n" + headers.lines + "\n" + headers.names + "\n"
                                  + std::string(payloadHash);
    const std::string path = day + "/" + scope.region + "/" + scope.service + "/aws4_request";
    const std::string textToSign =
        "AWS4-HMAC-SHA256\n" + time + "\n" + path + "\n" + sha256Hex(asBytes(canonical));
    added.push_back(
        {"Authorization", "AWS4-HMAC-SHA256 Credential=" + credentials.accessKey + "/" + path
                              + ", SignedHeaders=" + headers.names
                              + ", Signature=" + signature(credentials, scope, day, textToSign)});
    return added;
}

} // namespace salvor::net
