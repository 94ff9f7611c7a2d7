// The XML that S3 stores answer with. Pure; safe on any thread.
#pragma once

#include "core/storage/driver.h"

namespace salvor::storage {

struct S3Listing {
    std::vector<ObjectInfo> objects; ///< Keys as the store has them: with the driver's prefix.
    std::string nextToken;           ///< Empty on the last page.
};

/// What an <Error> says.
struct S3Fault {
    std::string code;    ///< "NoSuchKey", "SlowDown", ...
    std::string message; ///< Often empty.
    std::string region;  ///< Of an answer that the request went to the wrong one.
};

/// One page of ListObjectsV2 with encoding-type=url.
/// Errors: Corrupt for another root element, a broken document, a number or time that is none, or
///         a page that is cut short and has no token for the next.
[[nodiscard]] Result<S3Listing> parseS3Listing(ByteView xml);
/// Nothing when the document is no <Error>.
[[nodiscard]] std::optional<S3Fault> parseS3Fault(ByteView xml);
/// The UploadId of an InitiateMultipartUploadResult. Errors: Corrupt.
[[nodiscard]] Result<std::string> parseS3UploadId(ByteView xml);

/// One part of a finished upload.
struct S3Part {
    std::string etag;
    std::string sha256; ///< In base64.
};
/// The body of a CompleteMultipartUpload; a checksum is left out where there is none.
[[nodiscard]] std::string s3CompletionXml(const std::vector<S3Part>& parts);

} // namespace salvor::storage
