#include "core/repository/copy_objects.h"

#include "core/crypto/hash.h"
#include "core/format/pack_format.h"
#include "core/repository/sealed_object.h"
#include "core/repository/stand_in.h"
#include "core/repository/wal_object.h"

namespace salvor::repository {

namespace {

constexpr std::size_t step = std::size_t{1} << 20U; // What a write may be repeated with.

/// History files and labels are sealed under the metadata key; everything else is contents.
bool isSealedFile(const std::string& name)
{
    const model::WalFileKind kind = model::walFileKind(name);
    return kind == model::WalFileKind::History || kind == model::WalFileKind::BackupLabel;
}

Result<> checkWal(const Repository& from, const model::Incarnation& incarnation,
                  const storage::ObjectKey& key, const std::string& name, ByteView object)
{
    if (!isSealedFile(name)) {
        const auto opened = openWalObject(from, incarnation, name, key, object);
        return opened.ok() ? Result<>() : Result<>(opened.error());
    }
    SALVOR_TRY(const Bytes bytes, openObject(from.keys(), "wal-file", key, object));
    return checkWalHash(from, incarnation, name, key, bytes);
}

} // namespace

Result<bool> isRetired(const Repository& repository, const storage::ObjectKey& backupKey)
{
    constexpr std::string_view listed = "backups/";
    if (!backupKey.starts_with(listed))
        return false;
    const auto there = repository.driver().stat("retired/" + backupKey.substr(listed.size()));
    if (!there.ok() && there.error().code != ErrorCode::NotFound)
        return there.error();
    return there.ok();
}

void ObjectCopier::find(const storage::ObjectKey& object, std::string what)
{
    const std::lock_guard lock(m_mutex);
    m_report.findings.push_back({object, std::move(what)});
}

Result<> ObjectCopier::findGone(const storage::ObjectKey& object)
{
    SALVOR_CHECK(checkIsThere(m_from));
    SALVOR_TRY(const bool retired, isRetired(m_from, object));
    if (!retired)
        find(object, "was listed, and is gone");
    return {};
}

void ObjectCopier::count(Kind kind, ByteCount bytes)
{
    const std::lock_guard lock(m_mutex);
    m_report.packs += kind == Kind::Pack ? 1 : 0;
    m_report.walObjects += kind == Kind::Wal ? 1 : 0;
    ++m_report.objects;
    m_report.bytes += bytes;
}

Result<bool> ObjectCopier::settle(const storage::ObjectKey& key, const Result<>& copied)
{
    if (copied.ok())
        return true;
    const Error& error = copied.error();
    if (error.code == ErrorCode::NotFound) {
        SALVOR_CHECK(findGone(key));
        return false;
    }
    if (error.code != ErrorCode::Corrupt && error.code != ErrorCode::Incompatible)
        return error;
    find(key, error.message);
    return false;
}

Result<> ObjectCopier::put(const storage::ObjectKey& key, ByteView bytes)
{
    Result<> written =
        storage::writeObject(m_to.driver(), key, bytes, {.size = {}, .onlyIfAbsent = true});
    // Its name carries its hash, or its writer copied the same: a moment ago, perhaps not durable.
    if (!written.ok() && written.error().code == ErrorCode::AlreadyExists)
        return keep(key);
    return written;
}

/// Durable, though somebody else stored it.
Result<> ObjectCopier::keep(const storage::ObjectKey& key)
{
    Result<> kept = m_to.driver().makeDurable(key);
    if (!kept.ok() && kept.error().code == ErrorCode::NotFound)
        return fail(ErrorCode::NotReady, "'" + key + "' was removed from the copy meanwhile",
                    "Run it again: it copies what is missing.");
    return kept;
}

Result<bool> ObjectCopier::copySealed(const storage::ObjectKey& key, std::string_view type)
{
    const auto copy = [&]() -> Result<> {
        SALVOR_TRY(const Bytes object, storage::readObject(m_from.driver(), key));
        SALVOR_TRY([[maybe_unused]] const Bytes content,
                   openObject(m_from.keys(), type, key, object));
        SALVOR_CHECK(put(key, object));
        count(Kind::Other, object.size());
        return {};
    };
    return settle(key, copy());
}

Result<bool> ObjectCopier::copyWal(const model::Incarnation& incarnation,
                                   const storage::ObjectKey& key, const std::string& name)
{
    const auto copy = [&]() -> Result<> {
        SALVOR_CHECK(m_job.proceed());
        SALVOR_TRY(const Bytes object, storage::readObject(m_from.driver(), key));
        SALVOR_CHECK(checkWal(m_from, incarnation, key, name, object));
        SALVOR_CHECK(put(key, object));
        m_job.progress.add(object.size());
        count(Kind::Wal, object.size());
        return {};
    };
    return settle(key, copy());
}

Result<bool> ObjectCopier::copyPack(const storage::ObjectInfo& pack)
{
    Result<> copied = stream(pack);
    if (!copied.ok() && copied.error().code == ErrorCode::AlreadyExists)
        copied = keep(pack.key);
    else if (copied.ok())
        count(Kind::Pack, pack.size);
    return settle(pack.key, copied);
}

/// The hash is known at the end: until commit() nothing can be seen.
Result<> ObjectCopier::stream(const storage::ObjectInfo& pack)
{
    SALVOR_TRY(const auto in, m_from.driver().openRead(pack.key, {}));
    SALVOR_TRY(const auto out,
               m_to.driver().openWrite(pack.key, {.size = pack.size, .onlyIfAbsent = true}));
    crypto::Sha256 hash;
    Bytes buffer(step);
    ByteCount done = 0;
    while (true) {
        SALVOR_CHECK(m_job.proceed());
        SALVOR_TRY(const std::size_t got, in->read(buffer));
        if (got == 0)
            break;
        done += got;
        if (done > pack.size)
            return fail(ErrorCode::Corrupt, "is longer than it was listed");
        const ByteView part = ByteView(buffer).first(got);
        hash.add(part);
        SALVOR_CHECK(out->write(part));
        m_job.progress.add(got);
    }
    const std::string name = pack.key.substr(pack.key.rfind('/') + 1);
    if (done != pack.size || format::idText(format::idOf(hash.finish())) != name)
        return fail(ErrorCode::Corrupt, "does not have the checksum in its name");
    return out->commit();
}

} // namespace salvor::repository
