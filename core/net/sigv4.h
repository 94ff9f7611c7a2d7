// Signatures of Amazon's version 4, as S3 and its likes want them. Pure; safe on any thread.
#pragma once

#include "core/base/secret.h"
#include "core/net/http_client.h"

namespace salvor::net {

/// Who signs. Movable, not copyable: it holds secrets.
struct AwsCredentials {
    std::string accessKey;
    Secret secretKey;
    Secret sessionToken;             ///< Empty for credentials that last.
    std::optional<Moment> expiresAt; ///< Unset: never.
};

/// Stands in for the hash of a body that is not hashed. Over TLS only.
inline constexpr std::string_view unsignedPayload = "UNSIGNED-PAYLOAD";

/// SHA-256 of the bytes in lower-case hexadecimal: the payload hash of a request.
[[nodiscard]] std::string sha256Hex(ByteView bytes);
[[nodiscard]] Bytes sha256(ByteView bytes);
[[nodiscard]] Bytes md5(ByteView bytes); ///< What stores use for ETag and Content-MD5.

/// Percent-encodes all but the unreserved characters of RFC 3986, in capitals.
[[nodiscard]] std::string uriEncoded(std::string_view text);
/// The same, leaving '/' alone: the path of a key.
[[nodiscard]] std::string uriEncodedPath(std::string_view path);
/// Errors: InvalidInput when a '%' is not followed by two hexadecimal digits.
[[nodiscard]] Result<std::string> uriDecoded(std::string_view text);

/// What a signature is good for.
struct SigningScope {
    std::string region = "us-east-1";
    std::string service = "s3";
    Moment at; ///< Must be within 15 minutes of the server's clock.
};

/// The headers to add to `request`: x-amz-date, x-amz-content-sha256, x-amz-security-token where
/// there is a token, and Authorization. All headers that the request has already are signed but
/// for User-Agent and Expect, so nothing may change on the way.
///
/// Note:   the path is taken as it stands, neither normalised nor encoded again: the rule of S3,
///         other services have another.
/// Source: "Signature Version 4 signing process" of Amazon S3; compared with botocore in tests.
[[nodiscard]] std::vector<Header> signatureHeaders(const HttpRequest& request,
                                                   std::string_view payloadHash,
                                                   const AwsCredentials& credentials,
                                                   const SigningScope& scope);

} // namespace salvor::net
