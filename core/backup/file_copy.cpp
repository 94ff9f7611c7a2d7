#include "core/backup/file_copy.h"

#include "core/postgres/page.h"

#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <map>
#include <optional>
#include <sys/stat.h>
#include <thread>

namespace salvor::backup {
namespace {

using postgres::DataEntry;
using postgres::PageVerdict;

constexpr std::size_t blockSize = std::size_t{1} << 20U;

/// One worker's part of the work.
class Copier {
public:
    Copier(repository::BackupBuilder& builder, const CopyOptions& options, Progress& progress)
        : m_writer(builder)
        , m_options(options)
        , m_progress(progress)
        , m_buffer(blockSize)
    {}

    [[nodiscard]] Result<> copy(const DataEntry& entry, const std::stop_token& stop);
    [[nodiscard]] Result<> flush() { return m_writer.flush(); }
    [[nodiscard]] CopyResult take() { return std::move(m_result); }

private:
    [[nodiscard]] Result<> checkPages(const DataEntry& entry, const FileDescriptor& file,
                                      MutableByteView bytes, ByteCount offset);
    [[nodiscard]] bool rests(const FileDescriptor& file) const;
    [[nodiscard]] static Result<bool> isGoodPage(const FileDescriptor& file, MutableByteView page,
                                                 std::uint32_t block, ByteCount offset);

    FileWriter m_writer;
    const CopyOptions& m_options;
    Progress& m_progress;
    Bytes m_buffer;
    CopyResult m_result;
};

Result<> Copier::copy(const DataEntry& entry, const std::stop_token& stop)
{
    auto file = openFile(entry.source, O_RDONLY);
    if (!file.ok() && file.error().code == ErrorCode::NotFound)
        return {};
    if (!file.ok())
        return std::move(file).error();
    struct stat status {};
    if (::fstat(file->get(), &status) != 0)
        return failErrno(errno, "cannot look at " + quoted(entry.source));
    const auto size = static_cast<ByteCount>(status.st_size);
    (void)::posix_fadvise(file->get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    m_writer.begin(treeEntryOf(entry));
    for (ByteCount offset = 0; offset < size;) {
        if (stop.stop_requested())
            return fail(ErrorCode::Cancelled, "stopped on request");
        const MutableByteView wanted =
            MutableByteView(m_buffer).first(std::min<ByteCount>(blockSize, size - offset));
        SALVOR_TRY(const std::size_t got, readFullAt(*file, wanted, offset));
        if (got == 0)
            break;
        if (m_options.checkPages && entry.hasPages)
            SALVOR_CHECK(checkPages(entry, *file, wanted.first(got), offset));
        SALVOR_CHECK(m_writer.write(wanted.first(got)));
        offset += got;
        m_progress.add(got);
    }
    SALVOR_TRY(auto listed, m_writer.finish());
    m_result.files.push_back(std::move(listed));
    return {};
}

Result<> Copier::checkPages(const DataEntry& entry, const FileDescriptor& file,
                            MutableByteView bytes, ByteCount offset)
{
    for (std::size_t at = 0; at + postgres::pageSize <= bytes.size(); at += postgres::pageSize) {
        const MutableByteView page = bytes.subspan(at, postgres::pageSize);
        const auto block =
            static_cast<std::uint32_t>(entry.firstBlock + (offset + at) / postgres::pageSize);
        SALVOR_TRY(const bool good, isGoodPage(file, page, block, offset + at));
        if (good)
            continue;
        if (postgres::pageLsn(page) > m_options.startLsn && !rests(file)) {
            m_result.doubtful.push_back({entry.path, block, postgres::pageLsn(page)});
            continue;
        }
        auto& damaged = m_result.damaged;
        if (damaged.empty() || damaged.back().path != entry.path)
            damaged.push_back({entry.path, {}});
        damaged.back().blocks.push_back(block);
    }
    return {};
}

/// The next backup may take the file over unread, and its WAL begins later: only a page that was
/// being written may be left to WAL.
bool Copier::rests(const FileDescriptor& file) const
{
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return false;
    return std::max(momentFrom(status.st_mtim), momentFrom(status.st_ctim)) <= m_options.restsSince;
}

/// A page can be read while the server writes it: a wrong one is read once more a little later.
Result<bool> Copier::isGoodPage(const FileDescriptor& file, MutableByteView page,
                                std::uint32_t block, ByteCount offset)
{
    const auto isGood = [&] {
        const PageVerdict verdict = postgres::checkPage(page, block);
        return verdict == PageVerdict::Good || verdict == PageVerdict::New;
    };
    if (isGood())
        return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    Bytes again(page.size());
    SALVOR_TRY(const std::size_t got, readFullAt(file, again, offset));
    if (got < again.size())
        return true; // Truncated meanwhile: what is left is rebuilt from WAL.
    std::copy(again.begin(), again.end(), page.begin());
    return isGood();
}

/// The first error of several threads; it stops the others.
class FirstError {
public:
    void set(Error error)
    {
        const std::lock_guard lock(m_mutex);
        if (!m_error)
            m_error = std::move(error);
        m_stop.request_stop();
    }
    [[nodiscard]] std::stop_source& stop() { return m_stop; }
    [[nodiscard]] Result<> outcome()
    {
        const std::lock_guard lock(m_mutex);
        return m_error ? Result<>(*m_error) : Result<>();
    }

private:
    std::mutex m_mutex;
    std::optional<Error> m_error; // Guarded by m_mutex.
    std::stop_source m_stop;
};

void join(CopyResult& all, CopyResult part)
{
    all.files.insert(all.files.end(), std::make_move_iterator(part.files.begin()),
                     std::make_move_iterator(part.files.end()));
    all.damaged.insert(all.damaged.end(), std::make_move_iterator(part.damaged.begin()),
                       std::make_move_iterator(part.damaged.end()));
    all.doubtful.insert(all.doubtful.end(), part.doubtful.begin(), part.doubtful.end());
}

} // namespace

Result<CopyResult> copyFiles(const std::vector<DataEntry>& entries, const CopyOptions& options,
                             repository::BackupBuilder& builder, JobContext& job)
{
    std::vector<const DataEntry*> files;
    for (const DataEntry& entry : entries) {
        if (entry.kind == postgres::EntryKind::File)
            files.push_back(&entry);
        else
            SALVOR_CHECK(builder.addEntry(treeEntryOf(entry)));
    }
    std::stable_sort(files.begin(), files.end(),
                     [](const auto* a, const auto* b) { return a->size > b->size; });
    std::atomic<std::size_t> next{0};
    FirstError failed;
    const std::stop_callback forward(job.stop, [&] { failed.stop().request_stop(); });
    std::mutex mutex;
    CopyResult all;
    const auto work = [&] {
        Copier copier(builder, options, job.progress);
        const std::stop_token stop = failed.stop().get_token();
        for (std::size_t i = next++; i < files.size() && !stop.stop_requested(); i = next++) {
            auto copied = copier.copy(*files[i], stop).in("back up " + quoted(files[i]->source));
            if (!copied.ok())
                return failed.set(std::move(copied).error());
        }
        if (auto flushed = copier.flush(); !flushed.ok())
            return failed.set(std::move(flushed).error());
        const std::lock_guard lock(mutex);
        join(all, copier.take());
    };
    {
        std::vector<std::jthread> workers;
        for (unsigned i = 0; i < std::max(1U, options.workers); ++i)
            workers.emplace_back(work);
    }
    // A stop shows in a worker as an error about one file: what counts is that it was asked for.
    SALVOR_CHECK(job.proceed());
    SALVOR_CHECK(failed.outcome());
    std::sort(all.damaged.begin(), all.damaged.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return all;
}

Result<postgres::ManifestFile> copyWhole(const DataEntry& entry, FileWriter& writer)
{
    SALVOR_TRY(const Bytes bytes, readFile(entry.source));
    return writer.add(treeEntryOf(entry), bytes);
}

} // namespace salvor::backup
