"""A cluster that becomes another one under the same name, or changes sides in the middle.

    incarnation_test.py MAJOR
"""

import os
import sys
import unittest

import harness
from harness import SiteTest, open_copy, run, wait_for

MAJOR = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 17


class Incarnations(SiteTest):

    def protected(self, major=MAJOR, name="source", rows=1000):
        server = harness.Server(self.site, name, major).initdb()
        self.site.add_cluster(server)
        server.start()
        server.sql(f"CREATE TABLE t AS SELECT generate_series(1, {rows}) AS n")
        return server

    def backed_up(self, server, *options):
        backup = self.site.result("backup", "demo", *options)["backup"]
        server.sql("INSERT INTO t VALUES (0)")
        self.archived(server)
        return backup

    def restored(self, server, name, *options):
        """How many rows a copy has."""
        answer = self.site.result("restore", "demo", "--to", os.path.join(self.site.folder, name),
                                  "--start", *options)
        count = open_copy(self.site, answer["instance"])(server, "SELECT count(*) FROM t")
        self.site.ctl("instance", "stop", answer["instance"])
        self.site.ctl("instance", "remove", answer["instance"])
        return int(count)

    def test_cluster_that_was_made_anew_is_adopted_and_the_old_one_stays_restorable(self):
        self.site.add_repository()
        old = self.protected()
        first = self.backed_up(old)
        old.stop()
        new = self.protected(name="again", rows=5)

        status, error = self.site.failure("backup", "demo")
        self.assertEqual(status, 3)
        self.assertIn("adopt", error["hint"])
        self.site.ctl("cluster", "adopt", "demo")
        second = self.backed_up(new)

        self.assertEqual(self.restored(new, "r-new", "--latest"), 6)
        self.assertEqual(self.restored(new, "r-second", "--latest", "--backup", second), 6)
        self.assertEqual(self.restored(new, "r-old", "--latest", "--backup", first), 1001)
        self.site.ctl("verify", "--all")

    @unittest.skipIf(MAJOR == 13, "it is upgraded from 13")
    def test_cluster_that_was_upgraded_is_adopted_and_the_old_one_stays_restorable(self):
        self.site.add_repository()
        old = self.protected(13)
        first = self.backed_up(old)
        old.stop()
        new = harness.Server(self.site, "upgraded", MAJOR).initdb()
        run([new.program("pg_upgrade"), "-b", old.bin, "-B", new.bin, "-d", old.data, "-D",
             new.data, "-U", "postgres", "-s", self.site.folder], cwd=new.socket)
        self.site.add_cluster(new)
        new.start()

        status, error = self.site.failure("backup", "demo")
        self.assertEqual(status, 3)
        self.assertIn("adopt", error["hint"])
        self.site.ctl("cluster", "adopt", "demo")
        self.backed_up(new)

        self.assertEqual(self.restored(new, "r-new", "--latest"), 1002)
        target = os.path.join(self.site.folder, "r-old")
        status, error = self.site.failure("restore", "demo", "--to", target, "--latest", "--backup",
                                          first, "--start")
        self.assertEqual(status, 3, error)
        self.assertIn("13", error["message"])
        self.site.add_cluster(new, archive=False, **{"pg-bin": old.bin})
        self.assertEqual(self.restored(old, "r-old", "--latest", "--backup", first), 1001)

    def test_backups_before_and_after_a_promotion_restore_on_either_timeline(self):
        self.site.add_repository()
        primary = self.protected()
        standby = primary.standby("standby")
        self.backed_up(primary)
        before = primary.sql("SELECT now()::timestamptz(3) AT TIME ZONE 'UTC' || '+00'")
        primary.sql("SELECT pg_sleep(0.1)", "INSERT INTO t VALUES (-1)")
        self.archived(primary)
        wait_for("the standby", lambda: standby.sql("SELECT count(*) FROM t") == "1002")
        primary.stop()
        run([standby.program("pg_ctl"), "-D", standby.data, "-w", "promote"])
        self.site.add_cluster(standby, archive=False)
        standby.sql("INSERT INTO t VALUES (-2)")
        second = self.backed_up(standby)

        self.assertEqual(self.site.result("show", second)["timeline"], 2)
        self.assertEqual(self.restored(standby, "r-latest", "--latest"), 1004)
        self.assertEqual(self.restored(standby, "r-before", "--time", before), 1001)
        self.assertEqual(self.restored(standby, "r-one", "--latest", "--timeline", "1"), 1002)

    def test_standby_that_is_promoted_during_its_host_backup_fails_it_and_not_the_next(self):
        self.promoted_during("host")

    def test_standby_that_is_promoted_during_its_stream_backup_fails_it_and_not_the_next(self):
        self.promoted_during("stream")

    def promoted_during(self, mode):
        self.site.add_repository()
        primary = self.protected()
        primary.sql("CREATE TABLE bulk AS SELECT g, md5(g::text) || md5((-g)::text) AS m "
                    "FROM generate_series(1, 2000000) g")
        standby = primary.standby("standby")
        self.site.add_cluster(standby, archive=False,
                              **{"primary-connection": primary.conninfo()})
        running = self.site.ctl_popen("backup", "demo", "--mode", mode)
        packs = os.path.join(self.site.repository, "packs")
        wait_for("the first pack", lambda: any(files for _, _, files in os.walk(packs)))
        run([standby.program("pg_ctl"), "-D", standby.data, "-w", "promote"])
        _, said = running.communicate(timeout=300)

        self.assertNotEqual(running.returncode, 0, said)
        self.assertIn("promoted", said)
        self.assertEqual(self.site.result("backups", "demo")["backups"], [])
        primary.stop()
        self.site.add_cluster(standby, archive=False)
        standby.sql("CHECKPOINT")
        self.backed_up(standby, "--mode", mode)
        self.assertEqual(self.restored(standby, "restored", "--latest"), 1001)


if __name__ == "__main__":
    unittest.main(verbosity=2)
