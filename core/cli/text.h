// Sizes, times and tables in a person's words. No I/O.
#pragma once

#include "core/base/bytes.h"
#include "core/base/clock.h"

#include <string>
#include <vector>

namespace salvor::cli {

/// "1.4 GiB", "312 B".
[[nodiscard]] std::string sizeText(ByteCount bytes);
/// "2026-11-20 21:05:06+00:00": what --time takes, too.
[[nodiscard]] std::string timeText(Moment moment);
/// The same with its six decimals, where the exact commit counts.
[[nodiscard]] std::string exactTimeText(Moment moment);
/// "4 s", "2 min 5 s", "1 h 20 min".
[[nodiscard]] std::string durationText(std::chrono::seconds duration);
/// "1 backup", "3 backups".
[[nodiscard]] std::string countText(std::uint64_t count, const std::string& one,
                                    const std::string& many);

/// Aligned columns with a heading; the last column is as long as it is.
class Table {
public:
    enum class Align { Left, Right };
    struct Column {
        std::string heading;
        Align align = Align::Left;
    };
    explicit Table(std::vector<Column> columns)
        : m_columns(std::move(columns))
    {}
    /// As many cells as columns.
    void add(std::vector<std::string> row);
    [[nodiscard]] bool empty() const noexcept { return m_rows.empty(); }
    [[nodiscard]] std::string text() const;

private:
    std::vector<Column> m_columns;
    std::vector<std::vector<std::string>> m_rows;
};

/// "Name:      value" lines, the values below one another. Lines without a value are left out.
[[nodiscard]] std::string factsText(const std::vector<std::pair<std::string, std::string>>& facts);

/// File names are bytes: control characters become \xNN, so that no name moves the cursor.
[[nodiscard]] std::string printable(std::string_view bytes);

} // namespace salvor::cli
