#include "core/repository/blob_reader.h"

#include "core/repository/sealed_object.h"

#include <algorithm>

namespace salvor::repository {

namespace {

constexpr std::size_t keptPacks = 16;
constexpr std::size_t keptFrames = 8;
constexpr std::size_t planLookahead = 4096;
constexpr ByteCount maximalRun = ByteCount{8} << 20U;
constexpr ByteCount tolerableGap = ByteCount{128} << 10U; // Cheaper to read than to ask again.

Error wrongFrame(std::uint32_t frame, const Error& error)
{
    if (error.code != ErrorCode::Corrupt)
        return error;
    return fail(ErrorCode::Corrupt, "frame " + std::to_string(frame) + " " + error.message);
}

} // namespace

BlobReader::BlobReader(const Repository& repository, std::shared_ptr<Repository::Index> index,
                       ByteView idKey)
    : m_repository(repository)
    , m_index(std::move(index))
    , m_hash(idKey)
{}

void BlobReader::willRead(std::vector<ChunkId> ids)
{
    m_plan = std::move(ids);
    m_planPosition = 0;
}

void BlobReader::advancePlan(const ChunkId& id)
{
    const std::size_t end = std::min(m_plan.size(), m_planPosition + planLookahead);
    for (std::size_t i = m_planPosition; i < end; ++i) {
        if (m_plan[i] == id) {
            m_planPosition = i;
            return;
        }
    }
}

Result<ByteView> BlobReader::read(const ChunkId& id)
{
    advancePlan(id);
    const auto candidates = m_index->candidates(id);
    std::optional<Error> first;
    for (const Repository::Index::Record& record : candidates) {
        Result<ByteView> plain = readFrom(record);
        if (plain.ok())
            return plain;
        // Another copy may be good; anything but damage concerns the store, not the copy.
        if (plain.error().code != ErrorCode::Corrupt)
            return plain;
        if (!first)
            first = std::move(plain).error().in("pack '" + m_index->packKey(record.pack) + "'");
    }
    if (first)
        return std::move(*first);
    return fail(ErrorCode::Corrupt, "chunk " + format::idText(id) + " is in no pack",
                "A pack or an index object is missing; salvorctl verify says what is hit.");
}

Result<ByteView> BlobReader::readFrom(const Repository::Index::Record& record)
{
    using State = Repository::Index::PackState;
    if (m_index->packs()[record.pack].state == State::Missing)
        return fail(ErrorCode::Corrupt, "is missing");
    SALVOR_TRY(const OpenPack* pack, openPack(record.pack));
    SALVOR_TRY(const Decoded* frame, decoded(record.pack, record.frame));
    Result<ByteView> chunk = chunkOf(*pack, *frame, record.slot);
    if (!chunk.ok())
        return wrongFrame(record.frame, chunk.error());
    return chunk;
}

Result<const BlobReader::OpenPack*> BlobReader::openPack(std::uint32_t pack)
{
    for (const OpenPack& open : m_open)
        if (open.number == pack)
            return &open;
    const Repository::Index::Pack& known = m_index->packs().at(pack);
    OpenPack opened;
    opened.number = pack;
    SALVOR_TRY(const format::BlobHeader header, format::parseHeader(m_index->header(known)));
    SALVOR_TRY(opened.key, blobKey(m_repository.keys(), header));
    SALVOR_TRY(opened.frames, format::parseDirectory(m_index->directory(known)));
    opened.kind = header.kind;
    ByteCount offset = header.size();
    for (const format::Frame& frame : opened.frames) {
        opened.offsets.push_back(offset);
        offset += frame.storedSize;
    }
    if (m_open.size() == keptPacks)
        m_open.pop_back();
    m_open.push_front(std::move(opened));
    return &m_open.front();
}

Result<const BlobReader::Decoded*> BlobReader::decoded(std::uint32_t pack, std::uint32_t frame)
{
    for (const Decoded& kept : m_decoded)
        if (kept.pack == pack && kept.frame == frame)
            return &kept;
    SALVOR_TRY(const OpenPack* open, openPack(pack));
    SALVOR_TRY(const ByteView bytes, stored(*open, frame));
    Decoded made;
    if (m_decoded.size() == keptFrames) {
        made = std::move(m_decoded.back()); // Its memory serves again.
        m_decoded.pop_back();
    }
    const format::Frame& entry = open->frames[frame];
    made.pack = pack;
    made.frame = frame;
    made.plain.resize(entry.plainSize);
    m_decoder.setKey(open->key);
    const Result<> opened = m_decoder.decode(format::frameAad(open->kind, frame, entry), frame,
                                             entry.codec, bytes, made.plain);
    if (!opened.ok())
        return wrongFrame(frame, opened.error());
    m_decoded.push_front(std::move(made));
    return &m_decoded.front();
}

Result<ByteView> BlobReader::stored(const OpenPack& pack, std::uint32_t frame)
{
    const ByteCount begin = pack.offsets[frame];
    const ByteCount size = pack.frames[frame].storedSize;
    const bool isHere = m_run.pack == pack.number && !m_run.bytes.empty() && begin >= m_run.begin
                        && begin + size <= m_run.begin + m_run.bytes.size();
    if (!isHere) {
        m_run.bytes.clear();
        Result<Bytes> bytes =
            storage::readObject(m_repository.driver(), m_index->packKey(pack.number),
                                {begin, runEnd(pack, frame) - begin});
        if (!bytes.ok()) {
            const ErrorCode code = bytes.error().code;
            if (code == ErrorCode::NotFound)
                return fail(ErrorCode::Corrupt, "is missing");
            if (code == ErrorCode::InvalidInput)
                return fail(ErrorCode::Corrupt, "is cut short");
            return std::move(bytes).error();
        }
        m_run = {pack.number, begin, std::move(*bytes)};
    }
    if (begin + size > m_run.begin + m_run.bytes.size())
        return fail(ErrorCode::Corrupt, "is cut short");
    return ByteView(m_run.bytes).subspan(begin - m_run.begin, size);
}

ByteCount BlobReader::runEnd(const OpenPack& pack, std::uint32_t frame) const
{
    const ByteCount begin = pack.offsets[frame];
    ByteCount end = begin + pack.frames[frame].storedSize;
    for (std::size_t i = m_planPosition; i < m_plan.size(); ++i) {
        const auto candidates = m_index->candidates(m_plan[i]);
        if (candidates.empty())
            continue; // Zeros, or a chunk that will be an error when its turn comes.
        const Repository::Index::Record& next = candidates.front();
        if (next.pack != pack.number || pack.offsets[next.frame] < begin
            || pack.offsets[next.frame] > end + tolerableGap)
            break;
        const ByteCount nextEnd = pack.offsets[next.frame] + pack.frames[next.frame].storedSize;
        if (nextEnd - begin > maximalRun)
            break;
        end = std::max(end, nextEnd);
    }
    // A damaged pack may be shorter than that: the frames that are there shall still be readable.
    const Repository::Index::Pack& known = m_index->packs()[pack.number];
    if (known.state == Repository::Index::PackState::WrongSize && known.foundSize > begin)
        end = std::min(end, known.foundSize);
    return end;
}

Result<ByteView> BlobReader::chunkOf(const OpenPack& pack, const Decoded& frame, std::uint32_t slot)
{
    const std::vector<format::FrameChunk>& chunks = pack.frames[frame.frame].chunks;
    std::size_t offset = 0;
    for (std::uint32_t i = 0; i < slot; ++i)
        offset += chunks[i].plainSize;
    const ByteView plain = ByteView(frame.plain).subspan(offset, chunks[slot].plainSize);
    const crypto::Digest digest = m_hash.of(plain);
    if (format::idOf(digest) != chunks[slot].id)
        return fail(ErrorCode::Corrupt,
                    "holds other bytes than chunk " + format::idText(chunks[slot].id));
    return plain;
}

Result<> BlobReader::checkFrame(std::uint32_t pack, std::uint32_t frame)
{
    SALVOR_TRY(const OpenPack* open, openPack(pack));
    SALVOR_TRY(const Decoded* plain, decoded(pack, frame));
    const std::size_t count = open->frames[frame].chunks.size();
    for (std::uint32_t slot = 0; slot < count; ++slot) {
        const Result<ByteView> chunk = chunkOf(*open, *plain, slot);
        if (!chunk.ok())
            return wrongFrame(frame, chunk.error());
    }
    return {};
}

void BlobReader::usePackBytes(std::uint32_t pack, Bytes bytes)
{
    m_run = {pack, 0, std::move(bytes)};
}

Result<std::vector<format::Frame>> BlobReader::frames(std::uint32_t pack)
{
    SALVOR_TRY(const OpenPack* open, openPack(pack));
    return open->frames;
}

BlobReader metadataReader(const Repository& repository, std::shared_ptr<Repository::Index> index)
{
    const model::Incarnation& incarnation = index->incarnation();
    const ScopeKeys keys = scopeKeys(repository.keys(), incarnation.cluster, incarnation.number);
    return {repository, std::move(index), keys.tree.reveal()};
}

} // namespace salvor::repository
