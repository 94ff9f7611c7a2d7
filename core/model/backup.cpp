#include "core/model/backup.h"

#include <array>
#include <cstdio>

namespace salvor::model {

std::string_view backupModeName(BackupMode mode) noexcept
{
    return mode == BackupMode::Host ? "host" : "stream";
}

std::string newBackupId(Moment startedAt, std::uint16_t random)
{
    using namespace std::chrono;
    const auto midnight = floor<days>(startedAt);
    const year_month_day date(midnight);
    const hh_mm_ss time(floor<seconds>(startedAt - midnight));
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%04d%02u%02uT%02d%02d%02dZ-%04x",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                  static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()), static_cast<unsigned>(random));
    return text.data();
}

} // namespace salvor::model
