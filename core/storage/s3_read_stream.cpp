#include "core/base/text.h"
#include "core/storage/s3_driver.h"

#include <algorithm>

namespace salvor::storage {

namespace {

/// Reads by requests of limited size, each for what comes next. A failed one can simply be asked
/// again, and nothing is held open between them.
class S3ReadStream final : public ReadStream {
public:
    S3ReadStream(S3Client& client, ObjectKey key, ByteRange range)
        : m_client(client)
        , m_key(std::move(key))
        , m_range(range)
        , m_next(range.offset)
    {}

    Result<> open();
    Result<std::size_t> read(MutableByteView buffer) override;

private:
    Result<> openEmpty();
    Result<> fetch();
    Result<> accept(net::HttpResponse response, ByteCount asked);
    [[nodiscard]] std::string doing() const { return "cannot read " + m_client.nameOf(m_key); }

    S3Client& m_client;
    const ObjectKey m_key;
    const ByteRange m_range;
    std::string m_etag;
    std::optional<ByteCount> m_end; // Where the range ends; known after the first answer.
    ByteCount m_next;               // Where the next request begins.
    Bytes m_part;
    std::size_t m_taken = 0; // Of m_part.
};

/// "bytes 0-99/1000": the first byte and the whole size.
std::optional<std::pair<ByteCount, ByteCount>> parseContentRange(std::string_view text)
{
    const std::size_t dash = text.find('-');
    const std::size_t slash = text.find('/');
    if (!text.starts_with("bytes ") || dash == std::string_view::npos
        || slash == std::string_view::npos || slash < dash)
        return std::nullopt;
    const auto first = parseUnsigned(text.substr(6, dash - 6));
    const auto size = parseUnsigned(text.substr(slash + 1));
    if (!first || !size)
        return std::nullopt;
    return std::pair(*first, *size);
}

Result<> S3ReadStream::openEmpty()
{
    // No Range header can ask for nothing.
    SALVOR_TRY(const net::HttpResponse response, headS3Object(m_client, m_key));
    SALVOR_TRY(const ObjectInfo info, s3ObjectInfo(m_key, response));
    SALVOR_TRY(const ByteCount length, rangeLength(m_range, info.size).in(doing()));
    m_end = m_range.offset + length;
    return {};
}

Result<> S3ReadStream::open()
{
    return m_range.length == ByteCount{0} ? openEmpty() : fetch();
}

Result<> S3ReadStream::fetch()
{
    const ByteCount most = m_client.options().readSize;
    ByteCount asked = std::min(most, m_range.length.value_or(most));
    if (m_end)
        asked = std::min(most, *m_end - m_next);
    S3Call get;
    get.key = m_key;
    get.headers = {
        {"Range", "bytes=" + std::to_string(m_next) + "-" + std::to_string(m_next + asked - 1)}};
    if (!m_etag.empty())
        get.headers.push_back({"If-Match", m_etag});
    SALVOR_TRY(net::HttpResponse response, m_client.call(get).in(doing()));
    // The range begins at the end, or behind it: an empty object is the usual reason.
    if (response.status == 416 && !m_end)
        return openEmpty();
    if (response.status == 412)
        return fail(ErrorCode::Corrupt, doing() + ": it was replaced meanwhile");
    if (!isSuccess(response))
        return S3Client::errorOf(response, doing());
    return accept(std::move(response), asked);
}

Result<> S3ReadStream::accept(net::HttpResponse response, ByteCount asked)
{
    auto range = parseContentRange(response.header("Content-Range"));
    if (!range && response.status == 200 && m_next == 0)
        range = {0, response.body.size()}; // The whole object, which is what was asked for.
    if (!range || range->first != m_next)
        return fail(ErrorCode::Incompatible, doing() + ": the store gives other parts than asked");
    SALVOR_TRY(const ByteCount length, rangeLength(m_range, range->second).in(doing()));
    m_end = m_range.offset + length;
    const ByteCount expected = std::min(asked, *m_end - m_next);
    if (response.body.size() < expected)
        return fail(ErrorCode::Corrupt, doing() + ": it is shorter than its size says");
    if (m_etag.empty())
        m_etag = response.header("ETag");
    m_part = std::move(response.body);
    m_part.resize(static_cast<std::size_t>(expected));
    m_taken = 0;
    m_next += expected;
    return {};
}

Result<std::size_t> S3ReadStream::read(MutableByteView buffer)
{
    if (m_taken == m_part.size() && m_next < *m_end)
        SALVOR_CHECK(fetch());
    const std::size_t count = std::min(buffer.size(), m_part.size() - m_taken);
    std::copy_n(m_part.begin() + static_cast<std::ptrdiff_t>(m_taken), count, buffer.begin());
    m_taken += count;
    return count;
}

} // namespace

Result<std::unique_ptr<ReadStream>> openS3Read(S3Client& client, const ObjectKey& key,
                                               ByteRange range)
{
    auto stream = std::make_unique<S3ReadStream>(client, key, range);
    SALVOR_CHECK(stream->open());
    return std::unique_ptr<ReadStream>(std::move(stream));
}

} // namespace salvor::storage
