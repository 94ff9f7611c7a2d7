"""Every target type on one major: restore_targets_test.py MAJOR

The repository is a folder, or a bucket when SALVOR_S3_ENV is set.
"""

import os
import sys
import unittest

import harness
from harness import SiteTest, open_copy, run, wait_for

MAJOR = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 15

INVARIANT = ("SELECT (SELECT sum(abalance) FROM pgbench_accounts) = "
             "(SELECT sum(tbalance) FROM pgbench_tellers) AND "
             "(SELECT sum(tbalance) FROM pgbench_tellers) = "
             "(SELECT sum(bbalance) FROM pgbench_branches)")


class RestoreTargets(SiteTest):
    """One history, made under load, and every way to ask for a moment of it."""

    def setUp(self):
        super().setUp()
        self.server = harness.Server(self.site, "source", MAJOR).initdb()
        in_bucket = "SALVOR_S3_ENV" in os.environ
        self.site.add_repository(**(harness.Bucket(self.site).keys() if in_bucket else {}))
        self.site.add_cluster(self.server)
        self.server.start()
        self.server.pgbench_init()
        self.server.sql("CREATE TABLE marks (n int PRIMARY KEY, at timestamptz)")

    def mark(self, n):
        """A transaction of its own: returns its XID, and the clock after it."""
        xid = self.server.sql(
            f"INSERT INTO marks VALUES ({n}, clock_timestamp()) RETURNING txid_current()")
        self.server.sql("SELECT pg_sleep(0.05)")
        after = self.server.sql("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', "
                                "'YYYY-MM-DD HH24:MI:SS.US') || '+00:00'")
        self.server.sql("SELECT pg_sleep(0.05)")
        return xid, after

    def history(self):
        """Backup under load, then marks 1 to 5 with a restore point between 3 and 4."""
        load = self.server.pgbench(6)
        self.backup = self.site.result("backup", "demo", "--mode", "host")["backup"]
        self.marks = {n: self.mark(n) for n in (1, 2, 3)}
        self.server.sql("SELECT pg_create_restore_point('before_four')")
        self.lsn = self.server.sql("SELECT pg_current_wal_insert_lsn()")
        self.marks.update({n: self.mark(n) for n in (4, 5)})
        load.wait()
        self.total = self.server.sql("SELECT sum(abalance) FROM pgbench_accounts")
        self.archived(self.server)

    def restored(self, name, *arguments):
        """Restores and starts; returns the answer and a way to ask the copy."""
        target = os.path.join(self.site.folder, "r-" + name)
        answer = self.site.result("restore", "demo", "--to", target, *arguments, "--start")
        self.assertEqual(answer["state"], "answered", answer)
        ask = open_copy(self.site, answer["instance"])
        self.assertEqual(ask(self.server, INVARIANT), "t", name)
        self.assertEqual(ask(self.server, "SHOW archive_mode"), "off")
        marks = ask(self.server, "SELECT coalesce(max(n), 0) FROM marks")
        return answer, ask, int(marks), target

    def finish(self, answer):
        self.site.ctl("instance", "stop", answer["instance"])

    def check_structure(self, answer, ask):
        """PostgreSQL's own structural check of every relation, on a copy that can be written."""
        if MAJOR >= 14:
            run([self.server.program("pg_amcheck"), "--all", "--install-missing", "-U", "postgres",
                 "-h", answer["socketDirectory"], "-p", str(answer["port"])])
            return
        ask(self.server, "CREATE EXTENSION amcheck")
        ask(self.server, "SELECT bt_index_check(c.oid, true) FROM pg_class c JOIN pg_am a ON a.oid "
                         "= c.relam WHERE a.amname = 'btree' AND c.relpersistence = 'p'")

    def test_every_target_holds_what_it_should_and_nothing_more(self):
        self.history()
        rows = [
            ("latest", ["--latest"], 5),
            ("time", ["--time", self.marks[2][1]], 2),
            ("xid", ["--xid", self.marks[3][0]], 3),
            ("xid-exclusive", ["--xid", self.marks[3][0], "--exclusive"], 2),
            ("point", ["--restore-point", "before_four"], 3),
            ("lsn", ["--lsn", self.lsn], None),
            ("lsn-exclusive", ["--lsn", self.lsn, "--exclusive"], 3),
            ("immediate", ["--immediate"], 0),
        ]
        for name, arguments, expected in rows:
            with self.subTest(target=name):
                answer, ask, marks, target = self.restored(name, *arguments)
                if expected is None:
                    self.assertIn(marks, (3, 4))
                else:
                    self.assertEqual(marks, expected)
                self.assertEqual(ask(self.server, "SELECT pg_is_in_recovery()"), "t")
                if name == "latest":
                    self.assertEqual(
                        ask(self.server, "SELECT sum(abalance) FROM pgbench_accounts"), self.total)
                self.finish(answer)

    def test_dropped_table_can_be_read_in_a_copy_paused_before_the_drop(self):
        self.site.ctl("backup", "demo")
        self.mark(1)
        xid = self.server.sql("BEGIN", "DROP TABLE marks", "SELECT txid_current()", "COMMIT")
        self.server.sql("CREATE TABLE later()")
        self.archived(self.server)
        target = os.path.join(self.site.folder, "dropped")

        answer = self.site.result("restore", "demo", "--to", target, "--xid", xid, "--exclusive",
                                  "--start", "--action", "pause")

        ask = open_copy(self.site, answer["instance"])
        self.assertEqual(ask(self.server, "SELECT pg_is_in_recovery()"), "t")
        self.assertEqual(ask(self.server, "SET lock_timeout = '5s'; SELECT count(*) FROM marks"),
                         "1")
        self.finish(answer)

    def test_promoted_copy_is_writable_whole_and_on_a_new_timeline(self):
        self.history()

        answer, ask, marks, target = self.restored("promoted", "--latest", "--action", "promote")

        self.assertEqual(marks, 5)
        self.assertEqual(ask(self.server, "SELECT pg_is_in_recovery()"), "f")
        self.assertEqual(ask(self.server, "INSERT INTO marks VALUES (99) RETURNING n"), "99")
        self.assertGreaterEqual(answer["timeline"], 2)
        self.check_structure(answer, ask)
        self.finish(answer)
        run([self.server.program("pg_checksums"), "--check", "-D", target])

    def test_restored_files_pass_postgresqls_own_verification(self):
        self.history()
        target = os.path.join(self.site.folder, "files")

        answer = self.site.result("restore", "demo", "--to", target, "--latest")

        self.assertEqual(answer["state"], "files")
        run([self.server.program("pg_verifybackup"), "-n", target])
        self.assertEqual(os.stat(target).st_mode & 0o777, 0o700)

    def test_stream_backup_restores_too(self):
        self.site.section("cluster", "demo", {
            **self.site.sections[("cluster", "demo")]})
        load = self.server.pgbench(3)
        self.site.ctl("backup", "demo", "--mode", "stream")
        self.mark(1)
        load.wait()
        self.archived(self.server)

        answer, ask, marks, target = self.restored("stream", "--latest")

        self.assertEqual(marks, 1)
        self.finish(answer)


if __name__ == "__main__":
    unittest.main(verbosity=2)
