#include "core/restore/places.h"
#include "tests/support/result_assertions.h"

namespace salvor::restore {
namespace {

Places places()
{
    return {"/r/copy", "/r/copy.config", {{16400, "/r/space"}}};
}

Result<std::optional<Path>> place(const std::string& path,
                                  repository::TreeKind kind = repository::TreeKind::File)
{
    repository::TreeEntry entry;
    entry.path = path;
    entry.kind = kind;
    return placeOf(entry, places());
}

TEST(RestorePlaces, FilesGoWhereTheyBelong)
{
    EXPECT_EQ(**place("base/5/1259"), "/r/copy/base/5/1259");
    EXPECT_EQ(**place("pg_tblspc/16400/PG_15/5/1"), "/r/space/PG_15/5/1");
    EXPECT_EQ(**place("/etc/postgresql/postgresql.conf"),
              "/r/copy.config/etc/postgresql/postgresql.conf");
}

TEST(RestorePlaces, ControlFileWaitsUnderAnotherName)
{
    EXPECT_EQ(**place("global/pg_control"), "/r/copy/global/.pg_control.salvor");
}

TEST(RestorePlaces, WhatLeadsBackToTheOriginalIsLeftOut)
{
    EXPECT_FALSE(place("tablespace_map")->has_value());
    EXPECT_FALSE(place("standby.signal")->has_value());
    EXPECT_FALSE(place("pg_tblspc/16400", repository::TreeKind::Link)->has_value());
    EXPECT_FALSE(place("pg_tblspc/99999", repository::TreeKind::Link)->has_value());
}

TEST(RestorePlaces, PathsThatLeaveTheirPlaceAreRefused)
{
    EXPECT_FAILS(place("../x"), Corrupt);
    EXPECT_FAILS(place("base/../../x"), Corrupt);
    EXPECT_FAILS(place("/../etc/passwd"), Corrupt);
    EXPECT_FAILS(place("pg_tblspc/16400/../x"), Corrupt);
    EXPECT_FAILS(place("base//x"), Corrupt);
    EXPECT_FAILS(place(std::string("a\0b", 3)), Corrupt);
}

TEST(RestorePlaces, APlaceThatHoldsSomethingIsNotMarked)
{
    const auto folder = TemporaryDirectory::create();
    ASSERT_OK(folder);
    const Path data = folder->path() / "copy";
    const Path space = folder->path() / "space";
    std::filesystem::create_directory(space);
    std::filesystem::permissions(space, std::filesystem::perms::all);
    ASSERT_OK(writeFileDurably(space / "theirs", asBytes("x")));

    EXPECT_FAILS(createPlaces({data, {}, {{16400, space}}}, "plan", std::nullopt), NotReady);

    EXPECT_EQ(std::filesystem::status(space).permissions(), std::filesystem::perms::all);
    EXPECT_FALSE(isThere(space / markerName));
    EXPECT_FALSE(isThere(data));
    std::filesystem::remove(space / "theirs");
    ASSERT_OK(createPlaces({data, {}, {{16400, space}}}, "plan", std::nullopt));
}

} // namespace
} // namespace salvor::restore
