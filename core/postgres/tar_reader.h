// Reads the tar archives of BASE_BACKUP as they arrive, in pieces of any size.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

#include <cstdint>
#include <functional>
#include <string>

namespace salvor::postgres {

struct TarEntry {
    enum class Type { File, Directory, Link };
    std::string path; ///< Bytes, relative, without a slash at the end.
    Type type = Type::File;
    std::uint32_t mode = 0; ///< Permission bits.
    ByteCount size = 0;
    std::int64_t modifiedAt = 0; ///< Seconds since 1970.
    std::string owner;
    std::string group;
    std::string linkTarget;
};

/// Takes an archive apart. One thread at a time.
class TarReader {
public:
    /// What is told of every entry: begin, data as often as it takes, end.
    struct Visitor {
        std::function<Result<>(const TarEntry&)> begin;
        std::function<Result<>(ByteView)> data;
        std::function<Result<>()> end;
    };

    explicit TarReader(Visitor visitor)
        : m_visitor(std::move(visitor))
    {}

    /// Errors: Corrupt when a header has a wrong checksum or a path leads out of the archive;
    ///         Incompatible for an entry that is no file, folder or link; what a visitor returns.
    [[nodiscard]] Result<> feed(ByteView bytes);
    /// The archive is over; servers before 15 leave out the two empty blocks at its end.
    /// Errors: Corrupt when it is cut short.
    [[nodiscard]] Result<> finish();

private:
    [[nodiscard]] Result<> takeHeader();
    [[nodiscard]] Result<> takeData(ByteView& bytes);

    Visitor m_visitor;
    Bytes m_header;          ///< The part of a header that has come.
    ByteCount m_left = 0;    ///< Bytes of the entry to come.
    ByteCount m_padding = 0; ///< Bytes to skip after it.
    bool m_inEntry = false;  ///< end() has not been told yet.
};

} // namespace salvor::postgres
