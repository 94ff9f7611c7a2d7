"""A backup taken from a standby: it restores, and what is restored streams to nobody."""

import os
import unittest

import harness
from harness import SiteTest, open_copy, run


class Standby(SiteTest):

    def test_backup_of_a_standby_restores_and_does_not_follow_the_primary(self):
        primary = harness.Server(self.site, "primary", 15).initdb()
        self.site.add_repository()
        self.site.add_cluster(primary)
        primary.configure({"wal_log_hints": "on"})
        primary.start()
        primary.pgbench_init()
        standby = primary.standby("standby")
        self.site.add_cluster(standby, archive=False,
                              **{"primary-connection": primary.conninfo()})
        load = primary.pgbench(5)

        backup = self.site.result("backup", "demo", "--mode", "host")["backup"]
        load.wait()
        primary.sql("CREATE TABLE after_backup AS SELECT 1 AS n")
        self.archived(primary)
        target = os.path.join(self.site.folder, "restored")
        answer = self.site.result("restore", "demo", "--to", target, "--latest", "--start")

        self.assertEqual(answer["state"], "answered")
        self.assertTrue(self.site.result("show", backup)["fromStandby"])
        ask = open_copy(self.site, answer["instance"])
        self.assertEqual(ask(primary, "SELECT n FROM after_backup"), "1")
        self.assertEqual(ask(primary, "SHOW primary_conninfo"), "")
        self.assertEqual(ask(primary, "SELECT count(*) FROM pg_stat_wal_receiver"), "0")
        self.assertEqual(primary.sql("SELECT count(*) FROM pg_stat_replication"), "1")
        self.assertFalse(os.path.exists(os.path.join(target, "standby.signal")))
        self.site.ctl("instance", "stop", answer["instance"])
        run([primary.program("pg_checksums"), "--check", "-D", target])


if __name__ == "__main__":
    unittest.main(verbosity=2)
