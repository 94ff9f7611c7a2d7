"""A cluster of some gigabytes, relations of more than one file, two backups, and the way back."""

import os
import time
import unittest

import harness
from harness import SiteTest, open_copy, run
from restore_targets_test import INVARIANT

COLD_DIGEST = "SELECT count(*) || ' ' || sum(hashtext(body)) FROM cold"


class LargeCluster(SiteTest):
    def test_a_second_backup_reads_only_what_changed_and_both_come_back_whole(self):
        server = harness.Server(self.site, "source", 15).initdb()
        self.site.add_repository()
        self.site.add_cluster(server)
        server.configure({"max_wal_size": "4GB"})
        server.start()
        server.pgbench_init(100)
        server.sql("CREATE TABLE cold AS SELECT g, repeat(md5(g::text), 20) AS body "
                   "FROM generate_series(1, 1700000) g")
        server.sql("VACUUM FREEZE")
        server.sql("CHECKPOINT")
        digest = server.sql(COLD_DIGEST)
        # What was written just before a backup counts as changed in the next one.
        time.sleep(62)
        first = self.site.result("backup", "demo", "--mode", "host")
        load = server.pgbench(10)
        second = self.site.result("backup", "demo", "--mode", "host")
        load.wait()
        self.archived(server, seconds=900)

        self.assertEqual(second["basis"], first["backup"])
        self.assertGreater(first["readSize"], 2 << 30)
        self.assertLess(second["readSize"], first["readSize"] * 3 // 4)
        self.assertLess(second["newSize"], first["newSize"])
        for backup in (first["backup"], second["backup"]):
            with self.subTest(backup=backup):
                target = os.path.join(self.site.folder, "r-" + backup)
                answer = self.site.result("restore", "demo", "--to", target, "--backup", backup,
                                          "--latest", "--action", "promote", "--start")
                ask = open_copy(self.site, answer["instance"])
                self.assertEqual(ask(server, INVARIANT), "t")
                self.assertEqual(ask(server, COLD_DIGEST), digest)
                self.site.ctl("instance", "stop", answer["instance"])
                run([server.program("pg_checksums"), "--check", "-D", target])
                self.site.ctl("instance", "remove", answer["instance"])
        target = os.path.join(self.site.folder, "files")
        self.site.ctl("restore", "demo", "--to", target, "--latest")
        run([server.program("pg_verifybackup"), "-n", target])


if __name__ == "__main__":
    unittest.main(verbosity=2)
