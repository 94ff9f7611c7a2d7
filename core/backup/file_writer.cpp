#include "core/backup/file_writer.h"

#include <algorithm>

namespace salvor::backup {

using repository::chunkSize;
using repository::TreeEntry;

TreeEntry treeEntryOf(const postgres::DataEntry& entry)
{
    TreeEntry tree;
    tree.path = entry.path;
    switch (entry.kind) {
    case postgres::EntryKind::File:
        tree.kind = repository::TreeKind::File;
        break;
    case postgres::EntryKind::Directory:
        tree.kind = repository::TreeKind::Directory;
        break;
    case postgres::EntryKind::Link:
        tree.kind = repository::TreeKind::Link;
        break;
    }
    tree.mode = entry.mode;
    tree.owner = entry.owner;
    tree.group = entry.group;
    tree.modifiedAt = entry.modifiedAt;
    tree.linkTarget = entry.linkTarget;
    return tree;
}

void FileWriter::begin(TreeEntry entry)
{
    m_entry = std::move(entry);
    m_entry.size = 0;
    m_entry.chunks.clear();
    m_crc = {};
    m_begun.clear();
}

Result<> FileWriter::write(ByteView bytes)
{
    m_crc.add(bytes);
    m_entry.size += bytes.size();
    if (!m_begun.empty()) {
        const std::size_t more = std::min(bytes.size(), chunkSize - m_begun.size());
        append(m_begun, bytes.first(more));
        bytes = bytes.subspan(more);
        if (m_begun.size() < chunkSize)
            return {};
        SALVOR_TRY(const auto id, m_worker->add(m_begun));
        m_entry.chunks.push_back(id);
        m_begun.clear();
    }
    for (; bytes.size() >= chunkSize; bytes = bytes.subspan(chunkSize)) {
        SALVOR_TRY(const auto id, m_worker->add(bytes.first(chunkSize)));
        m_entry.chunks.push_back(id);
    }
    append(m_begun, bytes);
    return {};
}

Result<postgres::ManifestFile> FileWriter::finish()
{
    if (!m_begun.empty()) {
        SALVOR_TRY(const auto id, m_worker->add(m_begun));
        m_entry.chunks.push_back(id);
        m_begun.clear();
    }
    m_entry.crc32c = m_crc.value();
    postgres::ManifestFile listed{m_entry.path, m_entry.size, m_entry.modifiedAt, m_entry.crc32c};
    SALVOR_CHECK(m_builder.addEntry(std::move(m_entry)));
    m_entry = {};
    return listed;
}

Result<postgres::ManifestFile> FileWriter::add(TreeEntry entry, ByteView bytes)
{
    begin(std::move(entry));
    SALVOR_CHECK(write(bytes));
    return finish();
}

} // namespace salvor::backup
