// Takes what BASE_BACKUP sends and puts it into a backup on a thread of its own.
#pragma once

#include "core/backup/file_writer.h"
#include "core/base/bounded_queue.h"
#include "core/postgres/base_backup.h"

#include <mutex>
#include <optional>
#include <thread>

namespace salvor::backup {

/// The network on the caller's thread, hashing and compression on another. finish() or the
/// destructor ends it.
class StreamReceiver final : public postgres::BaseBackupReceiver {
public:
    explicit StreamReceiver(repository::BackupBuilder& builder);
    ~StreamReceiver() override;
    StreamReceiver(const StreamReceiver&) = delete;
    StreamReceiver& operator=(const StreamReceiver&) = delete;

    Result<> begin(const postgres::DataEntry& entry) override;
    Result<> data(ByteView bytes) override;
    Result<> end() override;
    Result<> manifest(std::string_view text) override;

    /// Waits until all is in the backup.
    [[nodiscard]] Result<> finish();
    /// The control file as it was received; empty before that.
    [[nodiscard]] const Bytes& control() const noexcept { return m_control; }
    /// User and group of the data directory's files; after finish().
    [[nodiscard]] const std::string& owner() const noexcept { return m_owner; }
    [[nodiscard]] const std::string& group() const noexcept { return m_group; }

private:
    struct Item {
        enum class What { Begin, Data, End } what = What::Data;
        postgres::DataEntry entry;
        Bytes bytes;
    };
    [[nodiscard]] Result<> hand(Item item);
    [[nodiscard]] Result<> handBlock();
    [[nodiscard]] Result<> take(FileWriter& writer, const Item& item);
    [[nodiscard]] Result<> takeAll();

    repository::BackupBuilder& m_builder;
    BoundedQueue<Item> m_queue;
    Bytes m_block;                 ///< Not handed over yet.
    repository::TreeKind m_kind{}; ///< Of the entry that is being taken.
    bool m_skips = false;          ///< It does not belong into a backup.
    Bytes m_control;
    bool m_isControl = false;
    std::string m_owner;
    std::string m_group;
    std::mutex m_mutex;
    std::optional<Error> m_error; // Guarded by m_mutex.
    std::jthread m_thread;        // Last: joined first.
};

} // namespace salvor::backup
