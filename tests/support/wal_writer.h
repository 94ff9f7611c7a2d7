// Writes WAL by hand, for tests that need a commit at a certain place and time.
#pragma once

#include "core/crypto/crc32c.h"
#include "core/model/cluster.h"
#include "core/model/replay_sizes.h"
#include "core/model/wal.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace salvor::test {

/// One timeline's WAL as PostgreSQL lays it out: pages, records with their checksum.
class WalWriter {
public:
    static constexpr std::size_t pageSize = 8192;

    struct Place {
        model::Lsn start{};
        model::Lsn end{};
    };

    explicit WalWriter(model::ClusterIdentity identity, std::uint64_t firstSegment = 1)
        : m_identity(identity)
        , m_position(firstSegment * identity.segmentSize)
    {}

    Place commit(std::uint32_t xid, Moment at, const std::vector<std::uint32_t>& subs = {})
    {
        return transactionEnd(0x00, xid, at, subs, 0);
    }
    Place abort(std::uint32_t xid, Moment at, const std::vector<std::uint32_t>& subs = {})
    {
        return transactionEnd(0x20, xid, at, subs, 0);
    }
    Place commitPrepared(std::uint32_t xid, Moment at)
    {
        return transactionEnd(0x30, 0, at, {}, xid);
    }
    Place restorePoint(const std::string& name, Moment at)
    {
        Bytes data;
        appendLittle(data, postgresTime(at));
        append(data, asBytes(name));
        data.resize(8 + 64);
        return insert(0, 0x70, 0, data);
    }
    Place checkpoint(std::uint64_t nextXid)
    {
        Bytes data;
        appendLittle(data, m_position);
        appendLittle(data, value(m_timeline));
        appendLittle(data, value(m_timeline));
        appendLittle(data, std::uint64_t{1});
        appendLittle(data, nextXid);
        data.resize(88);
        return insert(0, 0x10, 0, data);
    }
    /// As a server writes it that was started with other settings; `level` 0 is minimal.
    Place parameterChange(const model::ReplaySizes& sizes, std::uint32_t level = 1)
    {
        Bytes data;
        for (const int size : {sizes.maxConnections, sizes.maxWorkerProcesses, sizes.maxWalSenders,
                               sizes.maxPreparedTransactions, sizes.maxLocksPerTransaction})
            appendLittle(data, static_cast<std::uint32_t>(size));
        appendLittle(data, level);
        data.resize(28);
        return insert(0, 0x60, 0, data);
    }
    Place createTablespace(std::uint32_t oid, const std::string& path)
    {
        Bytes data;
        appendLittle(data, oid);
        append(data, asBytes(path));
        data.push_back(std::byte{0});
        return insert(5, 0x00, 7, data);
    }
    /// A record that says nothing, with that much data.
    Place filler(std::size_t size) { return insert(0, 0x20, 0, Bytes(size, std::byte{7})); }
    /// Ends the segment; what follows begins in the next one.
    Place switchSegment()
    {
        Place place = insert(0, 0x40, 0, {});
        m_position = (m_position + segmentSize() - 1) / segmentSize() * segmentSize();
        place.end = model::Lsn{m_position};
        return place;
    }

    /// Goes on as another timeline, as a promotion does: with the begun segment copied.
    [[nodiscard]] WalWriter fork(std::uint32_t timeline) const
    {
        WalWriter child(*this);
        child.m_history += std::to_string(value(m_timeline)) + "\t" + formatLsn(position())
                           + "\tno recovery target specified\n";
        child.m_timeline = model::TimelineId{timeline};
        const std::uint64_t begun = m_position / segmentSize();
        std::erase_if(child.m_segments, [&](const auto& one) { return one.first < begun; });
        return child;
    }
    [[nodiscard]] const std::string& history() const { return m_history; }
    [[nodiscard]] model::TimelineId timeline() const { return m_timeline; }
    [[nodiscard]] model::Lsn position() const { return model::Lsn{m_position}; }
    [[nodiscard]] ByteCount segmentSize() const { return m_identity.segmentSize; }
    /// Of this timeline, padded with zeros.
    [[nodiscard]] const std::map<std::uint64_t, Bytes>& segments() const { return m_segments; }

private:
    static std::uint64_t postgresTime(Moment at)
    {
        return static_cast<std::uint64_t>(at.time_since_epoch().count() - 946684800000000LL);
    }

    Place transactionEnd(std::uint8_t operation, std::uint32_t xid, Moment at,
                         const std::vector<std::uint32_t>& subs, std::uint32_t twoPhase)
    {
        Bytes data;
        appendLittle(data, postgresTime(at));
        const std::uint32_t parts = (subs.empty() ? 0U : 2U) | (twoPhase == 0 ? 0U : 16U);
        if (parts != 0) {
            appendLittle(data, parts);
            if (!subs.empty()) {
                appendLittle(data, static_cast<std::uint32_t>(subs.size()));
                for (const std::uint32_t sub : subs)
                    appendLittle(data, sub);
            }
            if (twoPhase != 0)
                appendLittle(data, twoPhase);
        }
        return insert(1, static_cast<std::uint8_t>(operation | (parts != 0 ? 0x80U : 0U)), xid,
                      data);
    }

    Place insert(std::uint8_t manager, std::uint8_t info, std::uint32_t xid, const Bytes& data)
    {
        Bytes body;
        if (data.size() > 255) {
            body.push_back(std::byte{254});
            appendLittle(body, static_cast<std::uint32_t>(data.size()));
        } else if (!data.empty()) {
            body.push_back(std::byte{255});
            body.push_back(static_cast<std::byte>(data.size()));
        }
        append(body, data);
        Bytes record;
        appendLittle(record, static_cast<std::uint32_t>(24 + body.size()));
        appendLittle(record, xid);
        appendLittle(record, m_last);
        record.push_back(std::byte{info});
        record.push_back(std::byte{manager});
        record.resize(20);
        crypto::Crc32c crc;
        crc.add(body);
        crc.add(record);
        appendLittle(record, crc.value());
        append(record, body);
        return place(record);
    }

    Place place(ByteView record)
    {
        if (m_position % pageSize == 0)
            beginPage(0, 0);
        const model::Lsn start{m_position};
        m_last = m_position;
        while (!record.empty()) {
            if (m_position % pageSize == 0)
                beginPage(1, static_cast<std::uint32_t>(record.size()));
            const std::size_t size =
                std::min<std::size_t>(record.size(), pageSize - m_position % pageSize);
            write(record.first(size));
            record = record.subspan(size);
        }
        m_position = (m_position + 7) / 8 * 8;
        return {start, position()};
    }

    void beginPage(std::uint16_t info, std::uint32_t rest)
    {
        const bool isFirst = m_position % segmentSize() == 0;
        Bytes header;
        appendLittle(header, magic());
        appendLittle(header, static_cast<std::uint16_t>(info | (isFirst ? 2U : 0U)));
        appendLittle(header, value(m_timeline));
        appendLittle(header, m_position);
        appendLittle(header, rest);
        appendLittle(header, std::uint32_t{0});
        if (isFirst) {
            appendLittle(header, m_identity.systemIdentifier);
            appendLittle(header, static_cast<std::uint32_t>(segmentSize()));
            appendLittle(header, static_cast<std::uint32_t>(pageSize));
        }
        write(header);
    }

    [[nodiscard]] std::uint16_t magic() const
    {
        static const std::map<int, std::uint16_t> magics{{13, 0xd106}, {14, 0xd10d}, {15, 0xd110},
                                                         {16, 0xd113}, {17, 0xd116}, {18, 0xd118}};
        return magics.at(m_identity.majorVersion);
    }

    /// Within one page.
    void write(ByteView bytes)
    {
        Bytes& segment = m_segments[m_position / segmentSize()];
        segment.resize(segmentSize());
        std::copy(bytes.begin(), bytes.end(),
                  segment.begin() + static_cast<std::ptrdiff_t>(m_position % segmentSize()));
        m_position += bytes.size();
    }

    model::ClusterIdentity m_identity;
    model::TimelineId m_timeline{1};
    std::string m_history; ///< Of this timeline: its history file.
    std::uint64_t m_position;
    std::uint64_t m_last = 0;
    std::map<std::uint64_t, Bytes> m_segments;
};

} // namespace salvor::test
