#include "core/postgres/wal_reader.h"
#include "tests/postgres/wal_builder.h"
#include "tests/support/result_assertions.h"

#include <gtest/gtest.h>

#include <random>

namespace salvor::postgres {
namespace {

using model::WalEvent;
using test::WalBuilder;

constexpr std::uint8_t hasInfo = 0x80;

/// 2026-11-20T21:05:06.123456Z in microseconds since 2000.
constexpr std::uint64_t storedTime = 848523906123456;

WalRecord recordOf(std::uint8_t manager, std::uint8_t info, const Bytes& bytes)
{
    WalRecord record;
    record.start = model::Lsn{0x3000028};
    record.end = model::Lsn{0x3000068};
    record.xid = 700;
    record.info = info;
    record.resourceManager = manager;
    record.data = bytes;
    return record;
}

/// A transaction's end with everything that can stand in one.
Bytes fullEnd(int major, bool isCommit)
{
    Bytes data;
    appendLittle(data, storedTime);
    const std::uint32_t parts =
        1U | 2U | 4U | (isCommit ? 8U : 0U) | 16U | 32U | 128U | (major >= 15 ? 256U : 0U);
    appendLittle(data, parts);
    data.resize(data.size() + 8); // Database.
    appendLittle(data, std::uint32_t{3});
    for (const std::uint32_t xid : {701U, 702U, 0xfffffff0U})
        appendLittle(data, xid);
    appendLittle(data, std::uint32_t{2}); // Dropped files.
    data.resize(data.size() + 2 * std::size_t{12});
    if (major >= 15) {
        appendLittle(data, std::uint32_t{2});
        data.resize(data.size() + 2 * (major >= 18 ? std::size_t{16} : std::size_t{12}));
    }
    if (isCommit) {
        appendLittle(data, std::uint32_t{1}); // Invalidations.
        data.resize(data.size() + 16);
    }
    appendLittle(data, std::uint32_t{0xabcdef01});
    append(data, asBytes(std::string_view("gid\0", 4)));
    data.resize(data.size() + 16); // Origin.
    return data;
}

Result<std::optional<WalEvent>> read(std::uint8_t manager, std::uint8_t info, ByteView data,
                                     int major = 15, ByteView before = {})
{
    const Bytes bytes = WalBuilder().record(manager, info, 700, data, before);
    return eventOf(recordOf(manager, info, bytes), model::TimelineId{4}, major);
}

Bytes timeOnly(std::uint64_t time = storedTime)
{
    Bytes data;
    appendLittle(data, time);
    return data;
}

TEST(WalEventOf, AShortCommitHasTimeAndXid)
{
    const auto event = read(1, 0x00, timeOnly());
    ASSERT_OK(event);
    ASSERT_TRUE(*event);
    EXPECT_EQ((*event)->kind, WalEvent::Kind::Commit);
    EXPECT_EQ(formatMoment((*event)->at), "2026-11-20T21:05:06.123456Z");
    EXPECT_EQ((*event)->xid, 700U);
    EXPECT_EQ((*event)->start, model::Lsn{0x3000028});
    EXPECT_EQ((*event)->end, model::Lsn{0x3000068});
    EXPECT_EQ((*event)->timeline, model::TimelineId{4});
    EXPECT_FALSE((*event)->prepared);
}

TEST(WalEventOf, EveryPartOfALongEndIsPassedInEveryMajor)
{
    for (const int major : {13, 14, 15, 16, 17, 18}) {
        for (const std::uint8_t what :
             std::initializer_list<std::uint8_t>{0x00, 0x20, 0x30, 0x40}) {
            const bool isCommit = what == 0x00 || what == 0x30;
            const auto event =
                read(1, static_cast<std::uint8_t>(what | hasInfo), fullEnd(major, isCommit), major);
            ASSERT_OK(event);
            ASSERT_TRUE(*event);
            EXPECT_EQ((*event)->kind, isCommit ? WalEvent::Kind::Commit : WalEvent::Kind::Abort);
            EXPECT_EQ((*event)->prepared, what >= 0x30);
            EXPECT_EQ((*event)->subtransactions,
                      (std::vector<std::uint32_t>{701, 702, 0xfffffff0}));
            EXPECT_EQ((*event)->xid, 0xabcdef01U) << major;
        }
    }
}

TEST(WalEventOf, OriginAndTopXidMayStandBeforeTheData)
{
    const Bytes before{std::byte{253}, std::byte{1}, std::byte{0}, std::byte{252},
                       std::byte{9},   std::byte{0}, std::byte{0}, std::byte{0}};
    const auto event = read(1, 0x00, timeOnly(), 15, before);
    ASSERT_OK(event);
    EXPECT_EQ((*event)->xid, 700U);
    // The short form of the data's length.
    Bytes bytes(24);
    appendLittle(bytes, std::uint8_t{255});
    appendLittle(bytes, std::uint8_t{8});
    append(bytes, timeOnly());
    EXPECT_TRUE(*eventOf(recordOf(1, 0x20, bytes), model::TimelineId{1}, 15));
}

TEST(WalEventOf, ARestorePointHasItsName)
{
    Bytes data = timeOnly();
    append(data, asBytes("before upgrade"));
    data.resize(72);
    const auto event = read(0, 0x70, data);
    ASSERT_OK(event);
    EXPECT_EQ((*event)->kind, WalEvent::Kind::RestorePoint);
    EXPECT_EQ((*event)->name, "before upgrade");
    EXPECT_EQ((*event)->xid, 0U);
    // A name that fills its place has no end mark.
    std::fill(data.begin() + 8, data.end(), std::byte{'n'});
    EXPECT_EQ((*read(0, 0x70, data))->name, std::string(64, 'n'));
}

TEST(WalEventOf, OtherRecordsAreNoEvents)
{
    for (const std::uint8_t info : std::initializer_list<std::uint8_t>{0x10, 0x50, 0x60, 0x70})
        EXPECT_FALSE(*read(1, info, timeOnly()));
    for (const std::uint8_t info : std::initializer_list<std::uint8_t>{0x00, 0x10, 0x40, 0x60})
        EXPECT_FALSE(*read(0, info, timeOnly()));
    EXPECT_FALSE(*read(10, 0x70, timeOnly()));
}

/// xl_parameter_change, with what is not read at its end.
Bytes changedParameters(std::uint32_t walLevel)
{
    Bytes data;
    for (const std::uint32_t value : {200U, 11U, 12U, 13U, 140U, walLevel})
        appendLittle(data, value);
    data.resize(data.size() + 4);
    return data;
}

Result<std::optional<ParameterChange>> readChange(std::uint8_t manager, std::uint8_t info,
                                                  ByteView data)
{
    const Bytes bytes = WalBuilder().record(manager, info, 0, data);
    return parameterChangeOf(recordOf(manager, info, bytes));
}

TEST(ParameterChangeOf, EverySettingIsRead)
{
    const auto change = readChange(0, 0x60, changedParameters(2));
    ASSERT_OK(change);
    ASSERT_TRUE(*change);
    EXPECT_EQ((*change)->sizes, (model::ReplaySizes{200, 11, 12, 13, 140}));
    EXPECT_TRUE((*change)->isReplayable);
    EXPECT_TRUE((*readChange(0, 0x60, changedParameters(1)))->isReplayable);
    EXPECT_FALSE((*readChange(0, 0x60, changedParameters(0)))->isReplayable);
}

TEST(ParameterChangeOf, OtherRecordsAreNone)
{
    for (const std::uint8_t info : std::initializer_list<std::uint8_t>{0x00, 0x10, 0x40, 0x70})
        EXPECT_FALSE(*readChange(0, info, changedParameters(1)));
    EXPECT_FALSE(*readChange(1, 0x60, changedParameters(1)));
}

TEST(ParameterChangeOf, ARecordCutAtAnyPlaceIsCorrupt)
{
    const Bytes data = changedParameters(1);
    for (std::size_t size = 0; size < 24; ++size)
        EXPECT_FAILS(readChange(0, 0x60, ByteView(data).first(size)), Corrupt) << size;
    EXPECT_OK(readChange(0, 0x60, ByteView(data).first(24)));
    const Bytes whole = WalBuilder().record(0, 0x60, 0, data);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FAILS(parameterChangeOf(recordOf(0, 0x60, part)), Corrupt) << size;
    }
}

TEST(WalEventOf, DataCutAtAnyPlaceIsCorrupt)
{
    const Bytes whole = fullEnd(15, true);
    // What stands behind the XID is not read.
    const std::size_t needed = whole.size() - 16 - 4;
    for (std::size_t size = 0; size < needed; ++size)
        EXPECT_FAILS(read(1, 0x30 | hasInfo, ByteView(whole).first(size)), Corrupt) << size;
    EXPECT_OK(read(1, 0x30 | hasInfo, ByteView(whole).first(needed)));
    for (std::size_t size = 0; size < 72; ++size)
        EXPECT_FAILS(read(0, 0x70, Bytes(size)), Corrupt);
}

TEST(WalEventOf, ARecordCutAtAnyPlaceIsCorrupt)
{
    const Bytes whole = WalBuilder().record(1, 0x00, 700, timeOnly());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FAILS(eventOf(recordOf(1, 0x00, part), model::TimelineId{1}, 15), Corrupt);
    }
    Bytes blocks = whole;
    blocks[24] = std::byte{0}; // A reference to a block, which these records never have.
    EXPECT_FAILS(eventOf(recordOf(1, 0x00, blocks), model::TimelineId{1}, 15), Corrupt);
}

TEST(WalEventOf, ATimeBeyondTheCalendarIsCorrupt)
{
    for (const std::uint64_t time :
         {0x7fffffffffffffffULL, 0x8000000000000000ULL, 252455616000000000ULL})
        EXPECT_FAILS(read(1, 0x00, timeOnly(time)), Corrupt);
    EXPECT_EQ(formatMoment((*read(1, 0x00, timeOnly(252455615999999999ULL)))->at),
              "9999-12-31T23:59:59.999999Z");
}

TEST(WalEventOf, RandomBytesNeverCrash)
{
    std::mt19937 random(5);
    for (int round = 0; round < 20000; ++round) {
        Bytes bytes(random() % 120);
        for (std::byte& byte : bytes)
            byte = static_cast<std::byte>(random());
        if (bytes.size() > 28 && round % 2 == 0)
            bytes[24] = std::byte{255};
        for (const std::uint8_t info : std::initializer_list<std::uint8_t>{0x80, 0xa0, 0xb0, 0xf0})
            static_cast<void>(eventOf(recordOf(info == 0xf0 ? 0 : 1, info, bytes),
                                      model::TimelineId{1}, 13 + round % 6));
        static_cast<void>(parameterChangeOf(recordOf(0, 0x60, bytes)));
    }
}

} // namespace
} // namespace salvor::postgres
