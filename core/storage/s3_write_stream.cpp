#include "core/base/text.h"
#include "core/storage/s3_driver.h"

#include <algorithm>

namespace salvor::storage {

namespace {

constexpr std::size_t mostParts = 10'000;
constexpr auto sseHeader = "x-amz-server-side-encryption";
constexpr auto sseKeyHeader = "x-amz-server-side-encryption-aws-kms-key-id";
constexpr auto checksumHeader = "x-amz-checksum-sha256";

/// Without the quotes, and empty where it is no MD5 (with KMS it is something else).
std::string md5OfEtag(std::string_view etag)
{
    if (etag.size() == 34 && etag.front() == '"' && etag.back() == '"')
        etag = etag.substr(1, 32);
    const bool isMd5 =
        etag.size() == 32 && etag.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    return isMd5 ? std::string(etag) : std::string();
}

class S3WriteStream final : public WriteStream {
public:
    S3WriteStream(S3Client& client, ObjectKey key, const WriteOptions& how)
        : m_client(client)
        , m_key(std::move(key))
        , m_how(how)
        , m_partSize(std::max(client.options().partSize,
                              (how.size.value_or(0) + mostParts - 1) / mostParts))
    {
        m_buffer.reserve(
            static_cast<std::size_t>(std::min(m_partSize, how.size.value_or(m_partSize / 32))));
    }
    S3WriteStream(const S3WriteStream&) = delete;
    S3WriteStream& operator=(const S3WriteStream&) = delete;
    ~S3WriteStream() override { abort(); }

    Result<> write(ByteView bytes) override;
    Result<> commit() override;

private:
    struct Sent {
        net::HttpResponse response;
        Bytes sha256;
    };

    Result<Sent> sendBytes(S3Call call, std::vector<net::Header> more);
    Result<> checkKept(const Sent& sent) const;
    Result<> putWhole();
    Result<> beginUpload();
    Result<> uploadPart();
    Result<> completeUpload();
    Result<> confirmUpload();
    Result<> refuseIfThere();
    Result<bool> isOurs();
    Result<> afterConflict(const net::HttpResponse& response);
    Result<> assertEncryption(const net::HttpResponse& response);
    [[nodiscard]] bool hasEncryption(const net::HttpResponse& response) const;
    [[nodiscard]] std::vector<net::Header> objectHeaders() const;
    [[nodiscard]] std::string uploadEtag() const;
    Result<> assertRetention();
    [[nodiscard]] std::string retainUntil() const;
    void removeObject();
    void abort();
    [[nodiscard]] std::string doing() const { return "cannot write " + m_client.nameOf(m_key); }

    S3Client& m_client;
    const ObjectKey m_key;
    const WriteOptions m_how;
    const ByteCount m_partSize;
    Bytes m_buffer;
    ByteCount m_size = 0; // All that was taken.
    std::string m_uploadId;
    std::vector<S3Part> m_parts;
    bool m_mayBeWritten = false; // An answer was lost: the object there may be ours.
    bool m_written = false;
    bool m_committed = false;
};

std::vector<net::Header> S3WriteStream::objectHeaders() const
{
    const S3Options& options = m_client.options();
    std::vector<net::Header> headers;
    if (options.sse == "s3")
        headers.push_back({sseHeader, "AES256"});
    if (options.sse.starts_with("kms"))
        headers.push_back({sseHeader, "aws:kms"});
    if (options.sse.starts_with("kms:"))
        headers.push_back({sseKeyHeader, options.sse.substr(4)});
    if (!options.storageClass.empty())
        headers.push_back({"x-amz-storage-class", options.storageClass});
    if (options.lockDays > 0) {
        headers.push_back({"x-amz-object-lock-mode", "COMPLIANCE"});
        headers.push_back({"x-amz-object-lock-retain-until-date", retainUntil()});
    }
    return headers;
}

/// Sends the buffer with its checksums.
Result<S3WriteStream::Sent> S3WriteStream::sendBytes(S3Call call, std::vector<net::Header> more)
{
    call.method = net::Method::Put;
    call.key = m_key;
    call.body = m_buffer;
    call.bodyHash = net::sha256(m_buffer);
    call.headers = std::move(more);
    call.headers.push_back({checksumHeader, toBase64(call.bodyHash)});
    if (m_client.options().lockDays > 0) // Asked for with Object Lock, also by stores that know
        call.headers.push_back({"Content-MD5", toBase64(net::md5(m_buffer))}); // no other sum.
    auto response = m_client.call(call);
    if (!response.ok())
        return std::move(response).error().in(doing());
    return Sent{*std::move(response), std::move(call.bodyHash)};
}

/// Holds what the store says it kept against what was sent.
Result<> S3WriteStream::checkKept(const Sent& sent) const
{
    const std::string_view checksum = sent.response.header(checksumHeader);
    const std::string etag = md5OfEtag(sent.response.header("ETag"));
    const bool etagIsMd5 = !etag.empty() && !m_client.options().sse.starts_with("kms");
    const bool differs = checksum.empty() ? etagIsMd5 && etag != toHex(net::md5(m_buffer))
                                          : checksum != toBase64(sent.sha256);
    if (differs)
        return fail(ErrorCode::Unavailable,
                    doing() + ": the store kept other bytes than were sent");
    return {};
}

Result<> S3WriteStream::write(ByteView bytes)
{
    std::size_t takenHere = 0; // Bytes of this call that are in the buffer.
    while (!bytes.empty()) {
        // A full buffer is sent once more is known to come: a single request is enough for the
        // rest.
        if (m_buffer.size() >= m_partSize) {
            if (Result<> outcome = uploadPart(); !outcome.ok()) {
                m_buffer.resize(m_buffer.size() - takenHere);
                m_size -= takenHere;
                return outcome;
            }
            takenHere = 0;
        }
        const std::size_t room = static_cast<std::size_t>(m_partSize) - m_buffer.size();
        const ByteView part = bytes.first(std::min(bytes.size(), room));
        append(m_buffer, part);
        takenHere += part.size();
        m_size += part.size();
        bytes = bytes.subspan(part.size());
    }
    return {};
}

Result<> S3WriteStream::commit()
{
    if (m_how.size && *m_how.size != m_size)
        return fail(ErrorCode::InvalidInput, doing() + ": it was announced with "
                                                 + std::to_string(*m_how.size) + " bytes and has "
                                                 + std::to_string(m_size));
    if (m_committed)
        return {};
    if (!m_uploadId.empty() && !m_buffer.empty())
        SALVOR_CHECK(uploadPart());
    if (!m_written)
        SALVOR_CHECK(m_uploadId.empty() ? putWhole() : completeUpload());
    m_written = true;
    SALVOR_CHECK(assertRetention());
    m_uploadId.clear();
    m_committed = true;
    return {};
}

/// Where the store does not enforce it, this is what is left of onlyIfAbsent; where it does, it
/// costs a round trip and spares sending the bytes.
Result<> S3WriteStream::refuseIfThere()
{
    const auto there = headS3Object(m_client, m_key);
    if (!there.ok() && there.error().code == ErrorCode::NotFound)
        return {};
    if (!there.ok())
        return there.error();
    if (m_mayBeWritten) {
        SALVOR_TRY(const bool ours, isOurs());
        if (ours)
            return {};
    }
    return fail(ErrorCode::AlreadyExists, doing() + ": there is one already");
}

/// After a lost answer: is the object that is there the one this stream wrote?
Result<bool> S3WriteStream::isOurs()
{
    SALVOR_TRY(const net::HttpResponse head, headS3Object(m_client, m_key));
    SALVOR_TRY(const ObjectInfo info, s3ObjectInfo(m_key, head));
    if (info.size != m_size)
        return false;
    if (!m_uploadId.empty())
        return head.header("ETag") == "\"" + uploadEtag() + "\"";
    return md5OfEtag(head.header("ETag")) == toHex(net::md5(m_buffer));
}

Result<> S3WriteStream::afterConflict(const net::HttpResponse& response)
{
    Error error = S3Client::errorOf(response, doing());
    if (error.code != ErrorCode::AlreadyExists || !m_mayBeWritten)
        return error;
    SALVOR_TRY(const bool ours, isOurs());
    return ours ? Result<>() : Result<>(std::move(error));
}

Result<> S3WriteStream::putWhole()
{
    std::vector<net::Header> headers = objectHeaders();
    if (m_how.onlyIfAbsent) {
        SALVOR_CHECK(refuseIfThere());
        headers.push_back({"If-None-Match", "*"});
    }
    const bool answered = !std::exchange(m_mayBeWritten, true);
    SALVOR_TRY(Sent sent, sendBytes({}, headers));
    if (sent.response.status == 501 && m_how.onlyIfAbsent) {
        headers.pop_back(); // Not known here; what could be looked at was looked at.
        SALVOR_TRY(sent, sendBytes({}, headers));
    }
    // An answer below 500 is certain, but says nothing of an earlier one that was lost.
    if (sent.response.status < 500 && answered)
        m_mayBeWritten = false;
    if (sent.response.status == 412 || sent.response.status == 409)
        return afterConflict(sent.response);
    if (!isSuccess(sent.response))
        return S3Client::errorOf(sent.response, doing());
    SALVOR_CHECK(checkKept(sent));
    return assertEncryption(sent.response);
}

Result<> S3WriteStream::beginUpload()
{
    S3Call call;
    call.method = net::Method::Post;
    call.key = m_key;
    call.query = {{"uploads", ""}};
    call.headers = objectHeaders();
    call.headers.push_back({"x-amz-checksum-algorithm", "SHA256"});
    SALVOR_TRY(const net::HttpResponse response, m_client.call(call).in(doing()));
    if (!isSuccess(response))
        return S3Client::errorOf(response, doing());
    SALVOR_TRY(m_uploadId, parseS3UploadId(response.body).in(doing()));
    return {};
}

Result<> S3WriteStream::uploadPart()
{
    if (m_parts.size() >= mostParts)
        return fail(ErrorCode::InvalidInput, doing() + ": it is too large for one object",
                    "Split it, or say its size before it is written.");
    if (m_uploadId.empty())
        SALVOR_CHECK(beginUpload());
    S3Call call;
    call.query = {{"partNumber", std::to_string(m_parts.size() + 1)}, {"uploadId", m_uploadId}};
    SALVOR_TRY(const Sent sent, sendBytes(std::move(call), {}));
    if (!isSuccess(sent.response))
        return S3Client::errorOf(sent.response, doing());
    SALVOR_CHECK(checkKept(sent));
    // A store that gives no checksum back did not keep it and would refuse it at the end.
    const bool knows = !sent.response.header(checksumHeader).empty();
    m_parts.push_back(
        {std::string(sent.response.header("ETag")), knows ? toBase64(sent.sha256) : std::string()});
    m_buffer.clear();
    return {};
}

/// What stores make of the parts' MD5s, where each part's ETag is one; else empty.
std::string S3WriteStream::uploadEtag() const
{
    Bytes all;
    for (const S3Part& part : m_parts) {
        const auto md5 = fromHex(md5OfEtag(part.etag));
        if (!md5.ok() || md5->empty())
            return {};
        append(all, *md5);
    }
    return toHex(net::md5(all)) + "-" + std::to_string(m_parts.size());
}

Result<> S3WriteStream::completeUpload()
{
    S3Call call;
    call.method = net::Method::Post;
    call.key = m_key;
    call.query = {{"uploadId", m_uploadId}};
    if (m_how.onlyIfAbsent) {
        SALVOR_CHECK(refuseIfThere());
        call.headers = {{"If-None-Match", "*"}};
    }
    const std::string xml = s3CompletionXml(m_parts);
    call.body = asBytes(xml);
    const bool wasWritten = std::exchange(m_mayBeWritten, true);
    auto response = m_client.call(call);
    if (!response.ok())
        return std::move(response).error().in(doing());
    // Stores answer 200 before they are done, and put the error into the body.
    const auto fault = parseS3Fault(response->body);
    if (isSuccess(*response) && !fault)
        return confirmUpload();
    if (isSuccess(*response))
        response->status = fault->code == "PreconditionFailed" ? 412 : 500;
    if (response->status == 412 || response->status == 409)
        return afterConflict(*response);
    if (response->status == 404 && wasWritten)
        return confirmUpload(); // The upload ended with the answer that was lost.
    return S3Client::errorOf(*response, doing());
}

Result<> S3WriteStream::confirmUpload()
{
    SALVOR_TRY(const net::HttpResponse head, headS3Object(m_client, m_key).in(doing()));
    SALVOR_TRY(const ObjectInfo info, s3ObjectInfo(m_key, head));
    const std::string etag(head.header("ETag"));
    const std::string expected = uploadEtag();
    const bool comparable = !expected.empty() && !m_client.options().sse.starts_with("kms")
                            && etag.size() == expected.size() + 2;
    // Not removed: it may be another writer's by now.
    if (info.size != m_size || (comparable && etag != "\"" + expected + "\""))
        return fail(ErrorCode::Corrupt, doing() + ": the store kept other bytes than were sent");
    return assertEncryption(head);
}

bool S3WriteStream::hasEncryption(const net::HttpResponse& response) const
{
    const std::string& sse = m_client.options().sse;
    if (sse == "none")
        return true;
    if (sse == "s3")
        return response.header(sseHeader) == "AES256";
    // The key may come back as a whole ARN.
    const std::string_view key = response.header(sseKeyHeader);
    return response.header(sseHeader) == "aws:kms"
           && (sse == "kms" || key.empty() || key.ends_with(sse.substr(4)));
}

Result<> S3WriteStream::assertEncryption(const net::HttpResponse& response)
{
    if (hasEncryption(response))
        return {};
    SALVOR_TRY(const net::HttpResponse head, headS3Object(m_client, m_key).in(doing()));
    if (hasEncryption(head))
        return {};
    removeObject();
    return fail(ErrorCode::Incompatible,
                doing() + ": the store left out the encryption 'sse = " + m_client.options().sse
                    + "'",
                "Set sse = none (Salvor encrypts by itself), or use a store that encrypts.");
}

/// Ceph 16 locks what came in one request and silently leaves out what came in parts.
Result<> S3WriteStream::assertRetention()
{
    if (m_client.options().lockDays <= 0)
        return {};
    SALVOR_TRY(const net::HttpResponse head, headS3Object(m_client, m_key).in(doing()));
    if (!head.header("x-amz-object-lock-mode").empty())
        return {};
    const std::string xml = "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                            "<Mode>COMPLIANCE</Mode><RetainUntilDate>"
                            + retainUntil() + "</RetainUntilDate></Retention>";
    S3Call call;
    call.method = net::Method::Put;
    call.key = m_key;
    call.query = {{"retention", ""}};
    call.headers = {{"Content-MD5", toBase64(net::md5(asBytes(xml)))}};
    call.body = asBytes(xml);
    SALVOR_TRY(const net::HttpResponse response, m_client.call(call).in(doing()));
    if (isSuccess(response))
        return {};
    Error error = S3Client::errorOf(response, doing() + ": it is there, and cannot be locked");
    if (!error.isRetryable())
        error.hint = "Create the bucket with Object Lock, or set lock-days = 0.";
    return error;
}

std::string S3WriteStream::retainUntil() const
{
    const Moment until = m_client.now() + std::chrono::days(m_client.options().lockDays);
    return formatMoment(until).substr(0, 19) + "Z";
}

void S3WriteStream::removeObject()
{
    S3Call call;
    call.method = net::Method::Delete;
    call.key = m_key;
    call.evenIfStopped = true;
    static_cast<void>(m_client.call(call)); // The caller fails already, with the better reason.
}

void S3WriteStream::abort()
{
    if (m_uploadId.empty())
        return;
    S3Call call;
    call.method = net::Method::Delete;
    call.key = m_key;
    call.query = {{"uploadId", m_uploadId}};
    call.evenIfStopped = true;
    static_cast<void>(m_client.call(call)); // Nobody is left to hear of it; a lifecycle rule mends.
}

} // namespace

std::unique_ptr<WriteStream> openS3Write(S3Client& client, const ObjectKey& key,
                                         const WriteOptions& how)
{
    return std::make_unique<S3WriteStream>(client, key, how);
}

} // namespace salvor::storage
