// Objects in a bucket of Amazon S3 or of a store that speaks its language.
#pragma once

#include "core/storage/s3_client.h"

namespace salvor::storage {

/// Thread-safe. Every upload carries its SHA-256, and what the store says it kept is compared.
///
/// A stream holds at most one part in memory. Reads of more than one request are pinned to the
/// object they began with: Corrupt when it is replaced meanwhile.
/// Errors: NotReady for a bucket that is not there, a region or clock that cannot be mended;
///         Incompatible when the store leaves out the encryption that was asked for: the object is
///         removed again.
/// Note:   an upload that was cut off by a kill stays in the store, unseen; a lifecycle rule of the
///         bucket (AbortIncompleteMultipartUpload) clears such.
class S3Driver final : public Driver {
public:
    /// Errors: InvalidInput for options that no store takes.
    [[nodiscard]] static Result<std::unique_ptr<S3Driver>>
    create(S3Options options, std::shared_ptr<net::HttpClient> http,
           std::unique_ptr<net::CredentialSource> credentials, const Clock& clock);
    explicit S3Driver(std::unique_ptr<S3Client> client)
        : m_client(std::move(client))
    {}

    /// Writes a small object twice, the first time it is asked, to see whether the store enforces
    /// onlyIfAbsent; some ignore it silently. False when it could not be found out.
    [[nodiscard]] Capabilities capabilities() const noexcept override;
    [[nodiscard]] std::string location() const override;
    Result<ObjectInfo> stat(const ObjectKey& key) override;
    Result<> list(const ObjectKey& prefix, const ObjectVisitor& visit) override;
    Result<std::unique_ptr<ReadStream>> openRead(const ObjectKey& key, ByteRange range) override;
    Result<std::unique_ptr<WriteStream>> openWrite(const ObjectKey& key,
                                                   const WriteOptions& how) override;
    Result<> remove(const ObjectKey& key) override;
    [[nodiscard]] std::chrono::milliseconds advisedPause() const override
    {
        return m_client->advisedPause();
    }

private:
    [[nodiscard]] std::optional<bool> probeExclusiveCreate() const;
    Result<> visitPage(const S3Listing& page, const ObjectVisitor& visit, ObjectKey& last) const;

    const std::unique_ptr<S3Client> m_client;
    mutable std::mutex m_probeMutex;
    mutable std::optional<bool> m_exclusive; // Guarded by m_probeMutex.
};

/// The size and time that an answer to HEAD or GET gives. Errors: Corrupt when it gives none.
[[nodiscard]] Result<ObjectInfo> s3ObjectInfo(const ObjectKey& key,
                                              const net::HttpResponse& response);
/// HEAD of an object. Errors: NotFound; NotReady when it is the bucket that is not there.
[[nodiscard]] Result<net::HttpResponse> headS3Object(S3Client& client, const ObjectKey& key);

[[nodiscard]] Result<std::unique_ptr<ReadStream>> openS3Read(S3Client& client, const ObjectKey& key,
                                                             ByteRange range);
[[nodiscard]] std::unique_ptr<WriteStream> openS3Write(S3Client& client, const ObjectKey& key,
                                                       const WriteOptions& how);

} // namespace salvor::storage
