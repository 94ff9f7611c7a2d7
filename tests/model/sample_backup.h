// A backup with every field set, for tests of its forms.
#pragma once

#include "core/model/backup.h"

namespace salvor::model {

inline Backup sampleBackup()
{
    using namespace std::chrono;
    Backup backup;
    backup.id = "20261120T205651Z-3f9a";
    backup.incarnation = {"main", 2, {0xfedcba9876543210U, 15, ByteCount{16} << 20U}};
    backup.mode = BackupMode::Stream;
    backup.fromStandby = true;
    backup.serverVersion = 150018;
    backup.toolVersion = "0.1.0";
    backup.host = "db1";
    backup.startedAt = Moment(sys_days(2026y / 11 / 20) + 20h + 56min + 51s + 123456us);
    backup.finishedAt = backup.startedAt + 90s;
    backup.timeline = TimelineId{3};
    backup.startLsn = Lsn{0x1a2b3c4d00000028};
    backup.stopLsn = Lsn{0x1a2b3c4d00100028};
    backup.pageChecksums = true;
    backup.damaged = {{"base/5/1259", {0, 7, 0xffffffffU}}};
    backup.dataDirectory = "/srv/\xe4\xf6"; // No UTF-8: a name from another time.
    backup.tablespaces = {{16400, "/mnt/fast"}, {0xffffffffU, "/mnt/ä \"x\"\n"}};
    backup.owner = "postgres";
    backup.group = "dba";
    backup.fileCount = 973;
    backup.logicalSize = 3'000'000'000;
    backup.storedSize = 500'000'000;
    backup.newSize = 7'000'000;
    backup.readSize = 90'000'000;
    backup.basis = "20261119T205651Z-11aa";
    backup.filesystemTime = backup.startedAt + 1s;
    backup.annotations = {{"ticket", "OPS-1"}, {"why", "before \"the\" upgrade"}};
    return backup;
}

} // namespace salvor::model
