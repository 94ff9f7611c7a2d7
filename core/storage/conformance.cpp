#include "core/storage/conformance.h"

#include <algorithm>
#include <array>
#include <thread>

namespace salvor::storage {

namespace {

constexpr std::size_t largeSize = (std::size_t{1} << 20U) + 4099;

/// Bytes that differ from place to place and from seed to seed.
Bytes pattern(std::size_t size, std::uint64_t seed)
{
    Bytes bytes(size);
    std::uint64_t state = seed * 2 + 1;
    for (std::byte& byte : bytes) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        byte = static_cast<std::byte>(state >> 56U);
    }
    return bytes;
}

/// A promise that was not kept, as an error so that the questions read as stories.
Error broken(std::string sentence)
{
    return fail(ErrorCode::Incompatible, std::move(sentence));
}

struct Place {
    Driver& driver;
    const ObjectKey& prefix;

    [[nodiscard]] ObjectKey key(std::string_view name) const { return prefix + std::string(name); }
};

Result<> put(const Place& place, std::string_view name, ByteView bytes, WriteOptions how = {})
{
    return writeObject(place.driver, place.key(name), bytes, how);
}

Result<> expectContent(const Place& place, std::string_view name, ByteView expected)
{
    SALVOR_TRY(const Bytes found,
               readObject(place.driver, place.key(name), {}, ByteCount{16} << 20U));
    if (!std::equal(found.begin(), found.end(), expected.begin(), expected.end()))
        return broken("an object of " + std::to_string(expected.size()) + " bytes came back as "
                      + std::to_string(found.size()) + " bytes with another content");
    SALVOR_TRY(const ObjectInfo info, place.driver.stat(place.key(name)));
    if (info.size != expected.size() || info.key != place.key(name))
        return broken("the place says that an object of " + std::to_string(expected.size())
                      + " bytes has " + std::to_string(info.size));
    return {};
}

template <typename T>
Result<> expectError(const Result<T>& result, ErrorCode code, const std::string& doing)
{
    if (result.ok())
        return broken(doing + " was accepted");
    if (result.error().code != code)
        return broken(doing + " ended with another error: " + result.error().message);
    return {};
}

Result<> expectKeys(const Place& place, std::string_view below, std::vector<ObjectKey> names)
{
    SALVOR_TRY(const auto objects, listObjects(place.driver, place.key(below)));
    std::vector<ObjectKey> found(objects.size());
    std::transform(objects.begin(), objects.end(), found.begin(),
                   [](const ObjectInfo& object) { return object.key; });
    for (ObjectKey& name : names)
        name.insert(0, place.prefix);
    if (found == names)
        return {};
    std::sort(found.begin(), found.end());
    if (found == names)
        return broken("a listing is not in the order of the keys");
    return broken("a listing has " + std::to_string(found.size()) + " objects instead of "
                  + std::to_string(names.size()));
}

Result<> writeAndRead(const Place& place)
{
    const Bytes content = pattern(1000, 1);
    SALVOR_CHECK(put(place, "small", content));
    return expectContent(place, "small", content);
}

Result<> emptyObject(const Place& place)
{
    SALVOR_CHECK(put(place, "empty", {}));
    SALVOR_CHECK(expectContent(place, "empty", {}));
    const auto read = place.driver.openRead(place.key("empty"), {.offset = 1, .length = {}});
    return expectError(read, ErrorCode::InvalidInput, "a read behind the end of an empty object");
}

Result<> largeObject(const Place& place)
{
    const Bytes content = pattern(largeSize, 2);
    SALVOR_TRY(const auto stream, place.driver.openWrite(place.key("large"), {}));
    // In uneven pieces: what a driver buffers must not show.
    for (std::size_t at = 0; at < content.size();) {
        const std::size_t step = std::min<std::size_t>(content.size() - at, 100'003);
        SALVOR_CHECK(stream->write(ByteView(content).subspan(at, step)));
        at += step;
    }
    SALVOR_CHECK(stream->commit());
    return expectContent(place, "large", content);
}

Result<> rangeRead(const Place& place)
{
    struct Part {
        ByteRange range;
        std::size_t expected = 0;
    };
    const Bytes content = pattern(5000, 3);
    SALVOR_CHECK(put(place, "range", content));
    const std::array<Part, 6> parts{{{{0, 1}, 1},
                                     {{4999, 1}, 1},
                                     {{1000, 3000}, 3000},
                                     {{4000, {}}, 1000},
                                     {{5000, {}}, 0},
                                     {{17, 0}, 0}}};
    for (const Part& part : parts) {
        SALVOR_TRY(const Bytes found,
                   readObject(place.driver, place.key("range"), part.range, 10'000));
        const ByteView expected = ByteView(content).subspan(part.range.offset, part.expected);
        if (!std::equal(found.begin(), found.end(), expected.begin(), expected.end()))
            return broken("a read of " + std::to_string(part.expected) + " bytes from byte "
                          + std::to_string(part.range.offset) + " gave other bytes");
    }
    SALVOR_CHECK(expectError(place.driver.openRead(place.key("range"), {4999, 2}),
                             ErrorCode::InvalidInput, "a read past the end of an object"));
    return expectError(place.driver.openRead(place.key("range"), {5001, {}}),
                       ErrorCode::InvalidInput, "a read behind the end of an object");
}

Result<> notFound(const Place& place)
{
    SALVOR_CHECK(expectError(place.driver.stat(place.key("absent")), ErrorCode::NotFound,
                             "asking for an object that is not there"));
    SALVOR_CHECK(expectError(place.driver.openRead(place.key("absent"), {}), ErrorCode::NotFound,
                             "reading an object that is not there"));
    SALVOR_CHECK(expectError(place.driver.stat(place.key("absent/below")), ErrorCode::NotFound,
                             "asking for an object below one that is not there"));
    return expectKeys(place, "absent", {});
}

Result<> overwrite(const Place& place)
{
    SALVOR_CHECK(put(place, "twice", pattern(4000, 4)));
    const Bytes content = pattern(100, 5);
    SALVOR_CHECK(put(place, "twice", content));
    return expectContent(place, "twice", content);
}

Result<> onlyIfAbsent(const Place& place)
{
    const Bytes content = pattern(50, 6);
    SALVOR_CHECK(put(place, "once", content, {.size = {}, .onlyIfAbsent = true}));
    SALVOR_CHECK(expectError(put(place, "once", pattern(50, 7), {.size = {}, .onlyIfAbsent = true}),
                             ErrorCode::AlreadyExists,
                             "a second write of an object that must be new"));
    return expectContent(place, "once", content);
}

Result<> keysOfAllCharacters(const Place& place)
{
    const std::vector<ObjectKey> names{"keys/-",
                                       "keys/.hidden",
                                       "keys/0123456789",
                                       "keys/ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                                       "keys/_",
                                       "keys/a..b/c",
                                       "keys/abcdefghijklmnopqrstuvwxyz"};
    for (const ObjectKey& name : names) {
        SALVOR_CHECK(put(place, name, asBytes(name)));
        SALVOR_CHECK(expectContent(place, name, asBytes(name)));
    }
    SALVOR_CHECK(expectKeys(place, "keys/", names));
    return expectError(place.driver.stat(place.key("keys/../x")), ErrorCode::InvalidInput,
                       "a key that leads out of its folder");
}

Result<> listing(const Place& place)
{
    // '-' and '.' stand before '/', and letters after it: folders and objects take turns.
    const std::vector<ObjectKey> names{"list/a-b", "list/a.b", "list/a/1",  "list/a/2",
                                       "list/a0",  "list/ab",  "list/b/c/d"};
    const std::vector<ObjectKey> backwards(names.rbegin(), names.rend());
    for (const ObjectKey& name : backwards)
        SALVOR_CHECK(put(place, name, asBytes(name)));
    SALVOR_CHECK(expectKeys(place, "list/", names));
    SALVOR_CHECK(expectKeys(place, "list/a/", {"list/a/1", "list/a/2"}));
    SALVOR_CHECK(expectKeys(place, "list/a/1", {"list/a/1"}));
    SALVOR_CHECK(expectKeys(place, "list/b", {"list/b/c/d"}));
    int visited = 0;
    const auto stopped = place.driver.list(place.key("list/"), [&](const ObjectInfo&) -> Result<> {
        ++visited;
        return fail(ErrorCode::Locked, "the visitor has seen enough");
    });
    SALVOR_CHECK(expectError(stopped, ErrorCode::Locked, "a listing that its visitor stopped"));
    return visited == 1 ? Result<>() : broken("a listing went on after its visitor stopped it");
}

Result<> removeTwice(const Place& place)
{
    SALVOR_CHECK(put(place, "gone", pattern(10, 8)));
    SALVOR_CHECK(place.driver.remove(place.key("gone")));
    SALVOR_CHECK(place.driver.remove(place.key("gone")));
    SALVOR_CHECK(place.driver.remove(place.key("never/was")));
    SALVOR_CHECK(expectError(place.driver.stat(place.key("gone")), ErrorCode::NotFound,
                             "asking for a removed object"));
    return expectKeys(place, "gone", {});
}

Result<> uncommittedWrite(const Place& place)
{
    {
        SALVOR_TRY(const auto stream, place.driver.openWrite(place.key("open"), {}));
        SALVOR_CHECK(stream->write(pattern(2000, 9)));
        SALVOR_CHECK(expectError(place.driver.stat(place.key("open")), ErrorCode::NotFound,
                                 "asking for an object that is still being written"));
        SALVOR_CHECK(expectKeys(place, "open", {}));
    }
    SALVOR_CHECK(expectError(place.driver.stat(place.key("open")), ErrorCode::NotFound,
                             "asking for an object whose writer gave up"));
    return expectKeys(place, "open", {});
}

Result<> concurrentWriters(const Place& place)
{
    const std::array<Bytes, 2> contents{pattern(300'000, 10), pattern(300'001, 11)};
    std::array<std::optional<Result<>>, 2> outcomes;
    {
        const auto write = [&](std::size_t i) { outcomes[i] = put(place, "both", contents[i]); };
        const std::jthread first(write, 0U);
        const std::jthread second(write, 1U);
    }
    for (std::optional<Result<>>& outcome : outcomes)
        SALVOR_CHECK(*std::move(outcome));
    SALVOR_TRY(const Bytes found, readObject(place.driver, place.key("both"), {}, 1'000'000));
    if (found != contents[0] && found != contents[1])
        return broken("two writers of one object left a mixture of both");
    return {};
}

Result<> exclusiveWriters(const Place& place)
{
    if (!place.driver.capabilities().exclusiveCreate)
        return {};
    constexpr std::size_t count = 4;
    std::vector<Result<>> outcomes(count);
    {
        std::vector<std::jthread> writers;
        for (std::size_t i = 0; i < count; ++i)
            writers.emplace_back([&, i] {
                outcomes[i] =
                    put(place, "first", pattern(100, i), {.size = {}, .onlyIfAbsent = true});
            });
    }
    std::size_t winners = 0;
    for (const Result<>& outcome : outcomes) {
        winners += outcome.ok() ? 1U : 0U;
        if (!outcome.ok() && outcome.error().code != ErrorCode::AlreadyExists)
            return outcome.error();
    }
    if (winners != 1)
        return broken("of four writers of an object that must be new, " + std::to_string(winners)
                      + " were told that they wrote it");
    return {};
}

struct Question {
    std::string_view name;
    std::string_view promise;
    Result<> (*ask)(const Place&);
};

constexpr std::array<Question, 13> questions{{
    {"write-read", "An object can be written and read back.", writeAndRead},
    {"empty-object", "An object may be empty.", emptyObject},
    {"large-object", "An object of more than 1 MiB comes back whole.", largeObject},
    {"range-read", "Parts of an object can be read.", rangeRead},
    {"not-found", "What is not there is not found.", notFound},
    {"overwrite", "A second write replaces the first.", overwrite},
    {"only-if-absent", "A write that must be new does not replace.", onlyIfAbsent},
    {"exclusive-writers", "Of several writers of a new object one is told that it wrote it.",
     exclusiveWriters},
    {"keys", "Every character of keys is kept.", keysOfAllCharacters},
    {"list", "Listings are complete and in order.", listing},
    {"remove", "Objects can be removed, and twice.", removeTwice},
    {"uncommitted-write", "An unfinished write is not seen.", uncommittedWrite},
    {"concurrent-writers", "Of two writers of one object one wins.", concurrentWriters},
}};

bool makesTheRestPointless(ErrorCode code)
{
    return code == ErrorCode::Denied || code == ErrorCode::Unavailable || code == ErrorCode::Timeout
           || code == ErrorCode::NoSpace || code == ErrorCode::NotReady
           || code == ErrorCode::Cancelled;
}

/// Locked objects stay, and their removal by the store's own rule is not ours to force.
Result<> tidy(const Place& place, bool mayStay)
{
    SALVOR_TRY(const auto objects, listObjects(place.driver, place.prefix));
    for (const ObjectInfo& object : objects) {
        const Result<> removed = place.driver.remove(object.key);
        if (!removed.ok() && !(mayStay && removed.error().code == ErrorCode::Denied))
            return removed.error();
    }
    return {};
}

ConformanceFinding finding(const Question& question, const Result<>& outcome)
{
    if (outcome.ok())
        return {std::string(question.name), true, std::string(question.promise)};
    std::string sentence = outcome.error().message + ".";
    if (!outcome.error().hint.empty())
        sentence += " " + outcome.error().hint;
    return {std::string(question.name), false, std::move(sentence)};
}

} // namespace

std::vector<ConformanceFinding> checkConformance(Driver& driver, const ObjectKey& scratchPrefix,
                                                 const std::stop_token& stop)
{
    std::vector<ConformanceFinding> findings;
    if (!scratchPrefix.ends_with('/') || !isValidPrefix(scratchPrefix)) {
        findings.push_back({"scratch", false, "'" + scratchPrefix + "' is no folder to work in."});
        return findings;
    }
    const Place place{driver, scratchPrefix};
    for (const Question& question : questions) {
        const Result<> outcome = stop.stop_requested()
                                     ? Result<>(fail(ErrorCode::Cancelled, "stopped on request"))
                                     : question.ask(place);
        findings.push_back(finding(question, outcome));
        if (!outcome.ok() && makesTheRestPointless(outcome.error().code))
            break;
    }
    const Result<> tidied = tidy(place, driver.capabilities().retention);
    findings.push_back(finding({"tidy", "Nothing of the test is left behind.", nullptr}, tidied));
    return findings;
}

} // namespace salvor::storage
