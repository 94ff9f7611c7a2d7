#include "core/restore/file_writer.h"

#include "core/crypto/crc32c.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace salvor::restore {

namespace {

using repository::ChunkId;
using repository::chunkSize;
using Place = repository::ChunkReader::Place;

/// Longer files are cut, so that several workers share one.
constexpr std::size_t chunksInPart = 2048;
/// What a worker takes at once: enough for long ranged reads, little enough to share evenly.
constexpr std::size_t chunksInBatch = 1024;
constexpr std::size_t partsInBatch = 1024;
/// So much is written before the disk is told to begin with it.
constexpr ByteCount writeBackStep = ByteCount{8} << 20U;

/// A file that several workers write.
struct SharedFile {
    FileDescriptor file;
    std::vector<std::uint32_t> crcs; ///< Of its parts. Each is written by one worker.
    std::atomic<std::size_t> left{0};
};

struct Part {
    std::size_t file = 0;
    std::size_t number = 0;
    std::size_t firstChunk = 0;
    std::size_t chunkCount = 0;
    Place place;
    SharedFile* shared = nullptr; ///< Of a file in one part: none.
};

/// Which chunks of a part the old content of its file holds, by their number within the part;
/// empty: none.
using Held = std::vector<bool>;

bool holds(const Held& held, std::size_t chunk)
{
    return chunk < held.size() && held[chunk];
}

/// Compares by the chunks' ids. What cannot be read is fetched. A batch has many parts: no file
/// stays open.
Held heldByOld(const FileToWrite& file, const Part& part, repository::ChunkReader& reader)
{
    if (file.old.empty())
        return {};
    const auto opened = openFile(file.old, O_RDONLY | O_NOFOLLOW);
    if (!opened.ok())
        return {};
    Held held(part.chunkCount);
    Bytes block(chunkSize);
    for (std::size_t i = 0; i < part.chunkCount; ++i) {
        const ByteCount offset = (part.firstChunk + i) * ByteCount{chunkSize};
        const auto size =
            static_cast<std::size_t>(std::min<ByteCount>(chunkSize, file.size - offset));
        const auto got = readFullAt(*opened, MutableByteView(block).first(size), offset);
        held[i] = got.ok() && *got == size
                  && reader.idOf(ByteView(block).first(size)) == file.chunks[part.firstChunk + i];
    }
    return held;
}

/// Not open when nothing of it is wanted or it is not there any more.
FileDescriptor openOld(const FileToWrite& file, const Held& held)
{
    if (std::find(held.begin(), held.end(), true) == held.end())
        return {};
    auto opened = openFile(file.old, O_RDONLY | O_NOFOLLOW);
    return opened.ok() ? *std::move(opened) : FileDescriptor();
}

struct Batch {
    std::size_t begin = 0;
    std::size_t end = 0;
};

std::string cannot(std::string_view what, const FileToWrite& file)
{
    return "cannot " + std::string(what) + " " + quoted(file.path);
}

/// The disk works while the next bytes are made; what makes them durable comes at the end.
void beginWriteBack(const FileDescriptor& file, ByteCount offset, ByteCount size)
{
    // Only a hint: where it fails, syncfs() has more to do.
    (void)::sync_file_range(file.get(), static_cast<off_t>(offset), static_cast<off_t>(size),
                            SYNC_FILE_RANGE_WRITE);
}

/// What all workers share; each takes batches until none is left or one of them failed.
class Run {
public:
    Run(const std::vector<FileToWrite>& files, const WriteOptions& options, JobContext& job)
        : m_files(files)
        , m_options(options)
        , m_job(job)
    {}

    /// Cuts, sorts and groups the work. Errors: those of making the files that are shared.
    Result<> prepare(const repository::ChunkReader& reader)
    {
        for (std::size_t i = 0; i < m_files.size(); ++i)
            SALVOR_CHECK(cut(i, reader));
        std::sort(m_parts.begin(), m_parts.end(), [](const Part& a, const Part& b) {
            return std::tie(a.place, a.file, a.number) < std::tie(b.place, b.file, b.number);
        });
        for (std::size_t begin = 0; begin < m_parts.size();) {
            std::size_t end = begin;
            for (std::size_t chunks = 0;
                 end < m_parts.size() && end - begin < partsInBatch && chunks < chunksInBatch;
                 ++end)
                chunks += m_parts[end].chunkCount;
            m_batches.push_back({begin, end});
            begin = end;
        }
        return {};
    }

    [[nodiscard]] std::size_t batchCount() const noexcept { return m_batches.size(); }

    void work(repository::ChunkReader& reader)
    {
        while (!m_failed.load(std::memory_order_relaxed)) {
            const std::size_t next = m_next.fetch_add(1);
            if (next >= m_batches.size())
                return;
            if (auto done = writeBatch(m_batches[next], reader); !done.ok())
                report(std::move(done).error());
        }
    }

    void report(Error error)
    {
        const std::lock_guard lock(m_mutex);
        m_failed = true;
        if (!m_error)
            m_error = std::move(error);
    }

    Result<> outcome()
    {
        const std::lock_guard lock(m_mutex);
        if (m_error)
            return *m_error;
        return {};
    }

private:
    Result<> cut(std::size_t number, const repository::ChunkReader& reader)
    {
        const FileToWrite& file = m_files[number];
        const std::size_t chunks = file.chunks.size();
        SharedFile* shared = nullptr;
        if (chunks > 2 * chunksInPart) {
            shared = m_shared.emplace_back(std::make_unique<SharedFile>()).get();
            SALVOR_TRY(shared->file, createFile(file, m_options));
            shared->left = (chunks + chunksInPart - 1) / chunksInPart;
            shared->crcs.resize(shared->left);
        }
        const std::size_t step =
            shared != nullptr ? chunksInPart : std::max<std::size_t>(chunks, 1);
        std::size_t first = 0;
        for (std::size_t part = 0; part == 0 || first < chunks; ++part, first += step) {
            Part one{number, part, first, std::min(step, chunks - first), {}, shared};
            const auto begin = file.chunks.begin() + static_cast<std::ptrdiff_t>(first);
            const auto end = begin + static_cast<std::ptrdiff_t>(one.chunkCount);
            const auto stored =
                std::find_if(begin, end, [](const ChunkId& id) { return id != ChunkId{}; });
            if (stored != end)
                one.place = reader.find(*stored).value_or(Place{});
            m_parts.push_back(one);
        }
        return {};
    }

    Result<> writeBatch(const Batch& batch, repository::ChunkReader& reader)
    {
        std::vector<ChunkId> ids;
        std::vector<Held> held;
        for (std::size_t i = batch.begin; i < batch.end; ++i) {
            SALVOR_CHECK(m_job.proceed());
            const Part& part = m_parts[i];
            const FileToWrite& file = m_files[part.file];
            const Held& here = held.emplace_back(heldByOld(file, part, reader));
            for (std::size_t chunk = 0; chunk < part.chunkCount; ++chunk)
                if (const ChunkId& id = file.chunks[part.firstChunk + chunk];
                    id != ChunkId{} && !holds(here, chunk))
                    ids.push_back(id);
        }
        reader.willRead(std::move(ids));
        for (std::size_t i = batch.begin; i < batch.end; ++i) {
            const Part& part = m_parts[i];
            SALVOR_CHECK(writePart(part, held[i - batch.begin], reader)
                             .in("restore '" + m_files[part.file].name + "'"));
        }
        return {};
    }

    Result<> writePart(const Part& part, const Held& held, repository::ChunkReader& reader)
    {
        const FileToWrite& file = m_files[part.file];
        if (part.shared == nullptr) {
            SALVOR_TRY(const FileDescriptor opened, createFile(file, m_options));
            SALVOR_TRY(const std::uint32_t crc, writeChunks(part, opened, held, reader));
            return finishFile(opened, file, crc);
        }
        SharedFile& shared = *part.shared;
        SALVOR_TRY(shared.crcs[part.number], writeChunks(part, shared.file, held, reader));
        if (shared.left.fetch_sub(1) != 1)
            return {};
        std::uint32_t crc = shared.crcs.front();
        for (std::size_t i = 1; i < shared.crcs.size(); ++i) {
            const ByteCount begin = i * chunksInPart * chunkSize;
            crc = combineCrc32c(crc, shared.crcs[i],
                                std::min<ByteCount>(chunksInPart * chunkSize, file.size - begin));
        }
        SALVOR_CHECK(finishFile(shared.file, file, crc));
        shared.file.reset();
        return {};
    }

    Result<std::uint32_t> writeChunks(const Part& part, const FileDescriptor& opened,
                                      const Held& held, repository::ChunkReader& reader)
    {
        static const Bytes zeros(chunkSize);
        const FileToWrite& file = m_files[part.file];
        crypto::Crc32c crc;
        const FileDescriptor old = openOld(file, held);
        Bytes block(old.isOpen() ? chunkSize : 0);
        ByteCount begun = part.firstChunk * ByteCount{chunkSize};
        for (std::size_t i = part.firstChunk; i < part.firstChunk + part.chunkCount; ++i) {
            SALVOR_CHECK(m_job.proceed());
            const ByteCount offset = i * chunkSize;
            if (offset - begun >= writeBackStep) {
                beginWriteBack(opened, begun, offset - begun);
                begun = offset;
            }
            const auto size =
                static_cast<std::size_t>(std::min<ByteCount>(chunkSize, file.size - offset));
            if (file.chunks[i] == ChunkId{}) {
                crc.add(ByteView(zeros).first(size));
            } else {
                SALVOR_TRY(const ByteView bytes,
                           old.isOpen() && holds(held, i - part.firstChunk)
                                   && readsOld(old, MutableByteView(block).first(size), offset)
                               ? Result<ByteView>(ByteView(block).first(size))
                               : reader.read(file.chunks[i], size));
                crc.add(bytes);
                SALVOR_CHECK(writeAllAt(opened, bytes, offset));
            }
            m_job.progress.add(size);
        }
        // Small files are better left to be written together.
        if (file.size >= writeBackStep)
            beginWriteBack(opened, begun, 0); // To the end.
        return crc.value();
    }

    /// What cannot be read a second time is fetched.
    static bool readsOld(const FileDescriptor& old, MutableByteView block, ByteCount offset)
    {
        const auto got = readFullAt(old, block, offset);
        return got.ok() && *got == block.size();
    }

    const std::vector<FileToWrite>& m_files;
    const WriteOptions& m_options;
    JobContext& m_job;
    std::vector<std::unique_ptr<SharedFile>> m_shared;
    std::vector<Part> m_parts;
    std::vector<Batch> m_batches;
    std::atomic<std::size_t> m_next{0};
    std::atomic<bool> m_failed{false};
    std::mutex m_mutex;
    std::optional<Error> m_error; // Guarded by m_mutex.
};

// A CRC is linear over GF(2): appending n zero bits is a 32 × 32 matrix, squared for twice as many.
using Matrix = std::array<std::uint32_t, 32>;

std::uint32_t times(const Matrix& matrix, std::uint32_t vector) noexcept
{
    std::uint32_t sum = 0;
    for (std::size_t bit = 0; vector != 0; vector >>= 1U, ++bit)
        sum ^= (vector & 1U) != 0 ? matrix.at(bit) : 0U;
    return sum;
}

Matrix squared(const Matrix& matrix) noexcept
{
    Matrix square{};
    for (std::size_t bit = 0; bit < square.size(); ++bit)
        square.at(bit) = times(matrix, matrix.at(bit));
    return square;
}

} // namespace

Result<FileDescriptor> createFile(const FileToWrite& file, const WriteOptions& options)
{
    SALVOR_TRY(FileDescriptor opened,
               openFile(file.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    if (options.owner && ::fchown(opened.get(), options.owner->uid, options.owner->gid) != 0)
        return failErrno(errno, cannot("give away", file));
    if (std::find(file.chunks.begin(), file.chunks.end(), ChunkId{}) != file.chunks.end()
        && ::ftruncate(opened.get(), static_cast<off_t>(file.size)) != 0)
        return failErrno(errno, cannot("make room for", file));
    return opened;
}

Result<> finishFile(const FileDescriptor& opened, const FileToWrite& file, std::uint32_t crc)
{
    if (crc != file.crc32c)
        return fail(ErrorCode::Corrupt,
                    "'" + file.name + "' is not what was backed up: its checksum is another one",
                    "Run a verification of the repository, and restore another backup.");
    const auto second = std::chrono::floor<std::chrono::seconds>(file.modifiedAt);
    const auto rest = std::chrono::nanoseconds(file.modifiedAt - second);
    timespec at{};
    at.tv_sec = second.time_since_epoch().count();
    at.tv_nsec = rest.count();
    const std::array<timespec, 2> times{at, at};
    if (::fchmod(opened.get(), file.mode) != 0 || ::futimens(opened.get(), times.data()) != 0)
        return failErrno(errno, cannot("set mode and time of", file));
    return {};
}

std::size_t workerCount(const WriteOptions& options)
{
    constexpr unsigned most = 8;
    return options.workers != 0 ? options.workers
                                : std::clamp(std::thread::hardware_concurrency(), 1U, most);
}

std::uint32_t combineCrc32c(std::uint32_t first, std::uint32_t second,
                            ByteCount secondSize) noexcept
{
    constexpr std::uint32_t polynomial = 0x82f63b78U;
    Matrix shift{polynomial}; // By one zero bit.
    for (std::size_t bit = 1; bit < shift.size(); ++bit)
        shift.at(bit) = 1U << (bit - 1);
    shift = squared(squared(squared(shift))); // By one zero byte.
    for (; secondSize != 0; secondSize >>= 1U) {
        if ((secondSize & 1U) != 0)
            first = times(shift, first);
        shift = squared(shift);
    }
    return first ^ second;
}

Result<> writeFiles(const std::vector<FileToWrite>& files, repository::ChunkPlaces& places,
                    const WriteOptions& options, JobContext& job)
{
    ByteCount total = 0;
    for (const FileToWrite& file : files)
        total += file.size;
    job.phase("write files", total);
    Run run(files, options, job);
    std::vector<std::unique_ptr<repository::ChunkReader>> readers;
    SALVOR_TRY(auto first, places.reader());
    SALVOR_CHECK(run.prepare(*first));
    readers.push_back(std::move(first));
    while (readers.size() < std::min(workerCount(options), run.batchCount())) {
        SALVOR_TRY(auto reader, places.reader());
        readers.push_back(std::move(reader));
    }
    {
        std::vector<std::jthread> threads;
        threads.reserve(readers.size());
        for (auto& reader : readers)
            threads.emplace_back([&run, &reader] { run.work(*reader); });
    }
    return run.outcome();
}

} // namespace salvor::restore
