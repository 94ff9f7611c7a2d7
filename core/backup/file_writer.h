// Puts files into a backup, one after the other: cuts them into chunks and takes their checksum.
#pragma once

#include "core/crypto/crc32c.h"
#include "core/postgres/backup_manifest.h"
#include "core/postgres/data_directory.h"
#include "core/repository/repository.h"

#include <memory>

namespace salvor::backup {

/// What the tree says of a thing, but for size, checksum and chunks.
[[nodiscard]] repository::TreeEntry treeEntryOf(const postgres::DataEntry& entry);

/// One thread at a time; workers have one each.
class FileWriter {
public:
    explicit FileWriter(repository::BackupBuilder& builder)
        : m_builder(builder)
        , m_worker(builder.worker())
    {}
    void begin(repository::TreeEntry entry);
    [[nodiscard]] Result<> write(ByteView bytes);
    /// Ends the file; what backup_manifest says of it.
    [[nodiscard]] Result<postgres::ManifestFile> finish();
    /// A whole file at once.
    [[nodiscard]] Result<postgres::ManifestFile> add(repository::TreeEntry entry, ByteView bytes);
    /// Hands over what is left. Once, after the last file.
    [[nodiscard]] Result<> flush() { return m_worker->flush(); }

private:
    repository::BackupBuilder& m_builder;
    std::unique_ptr<repository::BackupBuilder::Worker> m_worker;
    repository::TreeEntry m_entry;
    crypto::Crc32c m_crc;
    Bytes m_begun; ///< Less than a chunk.
};

} // namespace salvor::backup
