// WAL made byte by byte, with whatever is wrong in it that a test wants.
#pragma once

#include "core/crypto/crc32c.h"
#include "core/model/lsn.h"

#include <algorithm>
#include <map>

namespace salvor::test {

/// Writes records one after the other into 1 MiB segments of PostgreSQL 15.
class WalBuilder {
public:
    static constexpr std::size_t segmentSize = std::size_t{1} << 20U;
    static constexpr std::size_t pageSize = 8192;
    static constexpr std::uint16_t magic15 = 0xd110;

    explicit WalBuilder(std::uint64_t firstSegment = 5)
        : m_at(firstSegment * segmentSize)
    {
        writePageHeader(0);
    }

    /// A record without blocks; says where it starts.
    model::Lsn add(std::uint8_t manager, std::uint8_t info, std::uint32_t xid, ByteView data,
                   ByteView before = {})
    {
        const Bytes bytes = record(manager, info, xid, data, before);
        return write(bytes);
    }
    /// Filler of that many bytes in all.
    model::Lsn addFiller(std::size_t size) { return add(10, 0, 7, Bytes(size - 29, std::byte{9})); }

    /// The bytes of a record that would come next.
    Bytes record(std::uint8_t manager, std::uint8_t info, std::uint32_t xid, ByteView data,
                 ByteView before = {}) const
    {
        Bytes bytes;
        const std::size_t headers = data.empty() ? 0 : 5;
        appendLittle(bytes, static_cast<std::uint32_t>(24 + before.size() + headers + data.size()));
        appendLittle(bytes, xid);
        appendLittle(bytes, m_previous);
        appendLittle(bytes, info);
        appendLittle(bytes, manager);
        bytes.resize(24);
        append(bytes, before);
        if (!data.empty()) {
            appendLittle(bytes, std::uint8_t{254});
            appendLittle(bytes, static_cast<std::uint32_t>(data.size()));
        }
        append(bytes, data);
        seal(bytes);
        return bytes;
    }
    static void seal(Bytes& record)
    {
        crypto::Crc32c crc;
        crc.add(ByteView(record).subspan(24));
        crc.add(ByteView(record).first(20));
        Bytes sum;
        appendLittle(sum, crc.value());
        std::copy(sum.begin(), sum.end(), record.begin() + 20);
    }

    /// As it is, whatever it is.
    model::Lsn write(ByteView bytes)
    {
        if (m_at % pageSize == 0)
            writePageHeader(0);
        const std::uint64_t start = m_at;
        while (!bytes.empty()) {
            const std::size_t here =
                std::min<std::size_t>(bytes.size(), pageSize - m_at % pageSize);
            put(bytes.first(here));
            bytes = bytes.subspan(here);
            if (!bytes.empty())
                writePageHeader(static_cast<std::uint32_t>(bytes.size()));
        }
        m_at = (m_at + 7) / 8 * 8;
        m_previous = start;
        return model::Lsn{start};
    }

    /// Ends the segment early, as pg_switch_wal() does.
    model::Lsn switchSegment()
    {
        const model::Lsn at = add(0, 0x40, 0, {});
        m_at = (m_at + segmentSize - 1) / segmentSize * segmentSize;
        return at;
    }
    /// Goes to the start of the next page, with these flags in its header.
    void jumpToNextPage(std::uint16_t flags)
    {
        m_at = (m_at + pageSize - 1) / pageSize * pageSize;
        writePageHeader(0, flags);
    }
    void setPrevious(model::Lsn lsn) { m_previous = value(lsn); }

    [[nodiscard]] model::Lsn position() const { return model::Lsn{m_at}; }
    [[nodiscard]] std::size_t roomInPage() const { return pageSize - m_at % pageSize; }
    Bytes& segment(std::uint64_t number)
    {
        Bytes& bytes = m_segments[number];
        bytes.resize(segmentSize);
        return bytes;
    }

    std::uint32_t timeline = 1;

private:
    void put(ByteView bytes)
    {
        Bytes& into = segment(m_at / segmentSize);
        std::copy(bytes.begin(), bytes.end(),
                  into.begin() + static_cast<std::ptrdiff_t>(m_at % segmentSize));
        m_at += bytes.size();
    }
    void writePageHeader(std::uint32_t rest, std::uint16_t flags = 0)
    {
        const bool isLong = m_at % segmentSize == 0;
        Bytes header;
        appendLittle(header, magic15);
        appendLittle(header,
                     static_cast<std::uint16_t>(flags | (rest > 0 ? 1U : 0U) | (isLong ? 2U : 0U)));
        appendLittle(header, timeline);
        appendLittle(header, m_at);
        appendLittle(header, rest);
        appendLittle(header, std::uint32_t{0});
        if (isLong) {
            appendLittle(header, std::uint64_t{0x1122334455667788});
            appendLittle(header, static_cast<std::uint32_t>(segmentSize));
            appendLittle(header, static_cast<std::uint32_t>(pageSize));
        }
        put(header);
    }

    std::uint64_t m_at;
    std::uint64_t m_previous = 0;
    std::map<std::uint64_t, Bytes> m_segments;
};

} // namespace salvor::test
