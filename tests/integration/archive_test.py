"""archive-get speaks PostgreSQL's language: an archive out of reach never promotes a copy."""

import filecmp
import os
import unittest

import harness
from harness import SiteTest, run, wait_for


class Archive(SiteTest):

    def setUp(self):
        super().setUp()
        self.server = harness.Server(self.site, "source", 15).initdb()
        self.site.add_repository()
        self.site.add_cluster(self.server)
        self.server.start()
        self.server.sql("CREATE TABLE t (n int)")
        self.site.ctl("backup", "demo")

    def get(self, name):
        path = os.path.join(self.site.folder, "fetched")
        return self.site.ctl("archive-get", "demo", name, path, check=False).returncode, path

    def test_statuses_are_those_that_postgresql_understands(self):
        name = self.archived(self.server)

        status, path = self.get(name)
        self.assertEqual(status, 0)
        original = os.path.join(self.server.data, "pg_wal", name)
        self.assertEqual(open(path, "rb").read(), open(original, "rb").read())
        self.assertEqual(self.get("0000000100000FFF000000FF")[0], 1)
        self.assertEqual(self.get("00000009.history")[0], 1)
        os.rename(self.site.repository, self.site.repository + ".away")
        self.assertEqual(self.get(name)[0], 126)
        os.rename(self.site.repository + ".away", self.site.repository)
        key = open(self.site.key, encoding="utf-8").read()
        self.site.write(self.site.key, "A" * 43 + "=\n")
        self.assertEqual(self.get(name)[0], 126)
        self.site.write(self.site.key, key)
        self.assertEqual(self.get(name)[0], 0)

    def test_damaged_segment_is_126_and_leaves_no_file(self):
        name = self.archived(self.server)
        for folder, _, files in os.walk(os.path.join(self.site.repository, "wal")):
            for file in files:
                if file.startswith(name):
                    with open(os.path.join(folder, file), "r+b") as stored:
                        stored.seek(-40, os.SEEK_END)
                        stored.write(b"damage")

        status, path = self.get(name)

        self.assertEqual(status, 126)
        self.assertFalse(os.path.exists(path))

    def test_repository_cut_during_replay_stops_the_copy_and_never_promotes_it(self):
        for n in range(6):
            self.server.sql(f"INSERT INTO t SELECT {n} FROM generate_series(1, 20000)")
            self.archived(self.server)
        target = os.path.join(self.site.folder, "restored")
        answer = self.site.result("restore", "demo", "--to", target, "--latest", "--action",
                                  "promote")
        self.assertEqual(answer["state"], "files")
        # The archive goes before the first segment of the replay can be fetched.
        os.rename(self.site.repository, self.site.repository + ".away")
        log = os.path.join(self.site.folder, "replay.log")
        self.site.write(log, "")

        run([self.server.program("pg_ctl"), "-D", target, "-w", "-t", "20", "-l", log, "-o",
             f"-c unix_socket_directories={self.server.socket} -c port={harness.free_port()} "
             "-c listen_addresses=''", "start"], check=False)

        status = run([self.server.program("pg_ctl"), "-D", target, "status"], check=False)
        self.assertNotEqual(status.returncode, 0, status.stdout)
        self.assertFalse(any(name.startswith("00000002")
                             for name in os.listdir(os.path.join(target, "pg_wal"))))
        self.assertIn("FATAL", open(log, encoding="utf-8").read())
        run([self.server.program("pg_ctl"), "-D", target, "-m", "immediate", "stop"], check=False)

    def test_history_files_and_timelines_are_followed_after_a_promotion(self):
        self.server.sql("INSERT INTO t VALUES (1)")
        self.archived(self.server)
        standby = self.server.standby("standby")
        self.server.stop()
        run([standby.program("pg_ctl"), "-D", standby.data, "-w", "promote"])
        wait_for("the promotion", lambda: standby.sql("SELECT pg_is_in_recovery()") == "f")
        standby.sql("INSERT INTO t VALUES (2)")
        self.archived(standby)
        target = os.path.join(self.site.folder, "restored")

        answer = self.site.result("restore", "demo", "--to", target, "--latest", "--start")

        ask = harness.open_copy(self.site, answer["instance"])
        self.assertEqual(ask(standby, "SELECT string_agg(n::text, ',' ORDER BY n) FROM t"), "1,2")
        self.site.ctl("instance", "stop", answer["instance"])
        older = self.site.result("restore", "demo", "--to", target + "-1", "--latest",
                                 "--timeline", "1", "--start")
        ask = harness.open_copy(self.site, older["instance"])
        self.assertEqual(ask(standby, "SELECT string_agg(n::text, ',' ORDER BY n) FROM t"), "1")


    def test_partial_segment_of_a_promoted_server_is_kept_but_not_given_out_as_the_whole(self):
        standby = self.server.standby("standby")
        self.server.sql("INSERT INTO t VALUES (1)")
        begun = self.server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
        wait_for("the standby", lambda: standby.sql("SELECT count(*) FROM t") == "1")
        self.server.stop("immediate")
        run([standby.program("pg_ctl"), "-D", standby.data, "-w", "promote"])
        partial = begun + ".partial"
        mark = os.path.join(standby.data, "pg_wal", "archive_status", partial + ".done")

        wait_for("the partial segment", lambda: os.path.exists(mark))

        self.assertTrue([name for _, _, names in os.walk(self.site.repository)
                         for name in names if name.startswith(partial)])
        self.assertEqual(self.get(begun)[0], 1)
        kept = os.path.join(standby.data, "pg_wal", partial)
        status, path = self.get(partial)
        self.assertEqual(status, 0)
        self.assertTrue(filecmp.cmp(path, kept, shallow=False))
        self.site.ctl("archive-push", "demo", kept)
        foreign = harness.Server(self.site, "foreign", 15).initdb()
        path = os.path.join(foreign.data, "pg_wal", partial)
        run(["cp", kept, path])
        status, error = self.site.failure("archive-push", "demo", path)
        self.assertIn("is of the cluster", error["message"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
