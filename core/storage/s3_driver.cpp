#include "core/storage/s3_driver.h"

#include "core/base/text.h"

#include <openssl/rand.h>

#include <algorithm>

namespace salvor::storage {

namespace {

Result<> checkKey(const ObjectKey& key)
{
    if (!isValidKey(key))
        return fail(ErrorCode::InvalidInput, "'" + key + "' is no object key");
    return {};
}

std::string randomName()
{
    Bytes bytes(16);
    RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    return toHex(bytes);
}

} // namespace

Result<std::unique_ptr<S3Driver>>
S3Driver::create(S3Options options, std::shared_ptr<net::HttpClient> http,
                 std::unique_ptr<net::CredentialSource> credentials, const Clock& clock)
{
    SALVOR_TRY(auto client, S3Client::create(std::move(options), std::move(http),
                                             std::move(credentials), clock));
    return std::make_unique<S3Driver>(std::move(client));
}

std::string S3Driver::location() const
{
    const S3Options& options = m_client->options();
    return "s3://" + options.bucket + (options.prefix.empty() ? "" : "/" + options.prefix);
}

Capabilities S3Driver::capabilities() const noexcept
{
    const std::lock_guard lock(m_probeMutex);
    if (!m_exclusive)
        m_exclusive = probeExclusiveCreate();
    return {.exclusiveCreate = m_exclusive.value_or(false),
            .retention = m_client->options().lockDays > 0};
}

std::optional<bool> S3Driver::probeExclusiveCreate() const
{
    S3Call put;
    put.method = net::Method::Put;
    put.key = "probe/" + randomName();
    put.headers = {{"If-None-Match", "*"}};
    const auto first = m_client->call(put);
    if (!first.ok())
        return std::nullopt;
    if (!isSuccess(*first))
        return first->status < 500 || first->status == 501 ? std::optional(false) : std::nullopt;
    const auto second = m_client->call(put);
    S3Call remove;
    remove.method = net::Method::Delete;
    remove.key = put.key;
    remove.evenIfStopped = true;
    if (const auto removed = m_client->call(remove); !removed.ok() || !second.ok())
        return std::nullopt;
    return second->status == 412 || second->status == 409;
}

Result<ObjectInfo> s3ObjectInfo(const ObjectKey& key, const net::HttpResponse& response)
{
    const auto size = parseUnsigned(response.header("Content-Length"));
    const auto time = net::parseHttpDate(response.header("Last-Modified"));
    if (!size || !time)
        return fail(ErrorCode::Corrupt, "the store does not say how large '" + key + "' is");
    return ObjectInfo{key, *size, *time};
}

Result<net::HttpResponse> headS3Object(S3Client& client, const ObjectKey& key)
{
    S3Call head;
    head.method = net::Method::Head;
    head.key = key;
    SALVOR_TRY(net::HttpResponse response, client.call(head));
    // The answer to HEAD has no body that would tell a missing object from a missing bucket.
    if (response.status == 404)
        SALVOR_CHECK(client.requireBucket());
    if (!isSuccess(response))
        return S3Client::errorOf(response, "cannot find " + client.nameOf(key));
    return response;
}

Result<ObjectInfo> S3Driver::stat(const ObjectKey& key)
{
    SALVOR_CHECK(checkKey(key));
    SALVOR_TRY(const net::HttpResponse response, headS3Object(*m_client, key));
    return s3ObjectInfo(key, response);
}

Result<> S3Driver::visitPage(const S3Listing& page, const ObjectVisitor& visit,
                             ObjectKey& last) const
{
    const std::size_t cut = m_client->storedKey("").size();
    for (const ObjectInfo& object : page.objects) {
        // Callers merge listings, and the retrying decorator goes on behind the last key.
        if (!last.empty() && object.key <= last)
            return fail(ErrorCode::Incompatible,
                        location() + " does not list its objects in the order of their keys");
        last = object.key;
        ObjectKey key = object.key.substr(std::min(cut, object.key.size()));
        if (isValidKey(key)) // Others may keep things in the same bucket.
            SALVOR_CHECK(visit({std::move(key), object.size, object.modifiedAt}));
    }
    return {};
}

Result<> S3Driver::list(const ObjectKey& prefix, const ObjectVisitor& visit)
{
    if (!isValidPrefix(prefix))
        return fail(ErrorCode::InvalidInput, "'" + prefix + "' is no prefix of object keys");
    std::string token;
    ObjectKey last;
    while (true) {
        S3Call ask;
        ask.query = {{"encoding-type", "url"}, {"list-type", "2"}};
        if (!m_client->storedKey(prefix).empty())
            ask.query.emplace_back("prefix", m_client->storedKey(prefix));
        if (!token.empty())
            ask.query.emplace_back("continuation-token", token);
        SALVOR_TRY(const net::HttpResponse response, m_client->call(ask));
        const std::string doing = "cannot list '" + location() + "/" + prefix + "'";
        if (response.status == 404)
            return fail(ErrorCode::NotReady,
                        doing + ": there is no bucket '" + m_client->options().bucket + "'",
                        "Create the bucket, or correct its name.");
        if (!isSuccess(response))
            return S3Client::errorOf(response, doing);
        SALVOR_TRY(S3Listing page, parseS3Listing(response.body).in(doing));
        SALVOR_CHECK(visitPage(page, visit, last));
        if (page.nextToken.empty())
            return {};
        if (page.nextToken == token)
            return fail(ErrorCode::Incompatible, doing + ": the listing goes round in a circle");
        token = std::move(page.nextToken);
    }
}

Result<std::unique_ptr<ReadStream>> S3Driver::openRead(const ObjectKey& key, ByteRange range)
{
    SALVOR_CHECK(checkKey(key));
    return openS3Read(*m_client, key, range);
}

Result<std::unique_ptr<WriteStream>> S3Driver::openWrite(const ObjectKey& key,
                                                         const WriteOptions& how)
{
    SALVOR_CHECK(checkKey(key));
    return openS3Write(*m_client, key, how);
}

Result<> S3Driver::remove(const ObjectKey& key)
{
    SALVOR_CHECK(checkKey(key));
    S3Call call;
    call.method = net::Method::Delete;
    call.key = key;
    SALVOR_TRY(const net::HttpResponse response, m_client->call(call));
    if (isSuccess(response))
        return {};
    Error error = S3Client::errorOf(response, "cannot remove " + m_client->nameOf(key));
    if (error.code == ErrorCode::NotFound)
        return {};
    return error;
}

} // namespace salvor::storage
