"""What a copy does at its target, and that it is given what it needs: copies_test.py MAJOR"""

import hashlib
import os
import sys
import unittest

import harness
from harness import SiteTest, open_copy, run

MAJOR = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 15


class Copies(SiteTest):

    def setUp(self):
        super().setUp()
        self.server = harness.Server(self.site, "source", MAJOR).initdb()
        self.site.add_repository()
        self.site.add_cluster(self.server)
        self.server.start()
        self.server.sql("CREATE TABLE marks (n int PRIMARY KEY)")

    def mark(self, n):
        """One row; returns the clock and the end of the WAL between it and whatever follows."""
        self.server.sql(f"INSERT INTO marks VALUES ({n})")
        return self.server.sql(
            "SELECT pg_sleep(0.05)", "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', "
            "'YYYY-MM-DD HH24:MI:SS.US') || '+00:00'", "SELECT pg_current_wal_insert_lsn()",
            "SELECT pg_sleep(0.05)").split()

    def marked(self):
        """A backup, then marks 1 to 3; the time and the LSN after the second."""
        self.site.ctl("backup", "demo")
        return self.marks_made()

    def marks_made(self):
        self.mark(1)
        day, time, lsn = self.mark(2)
        self.mark(3)
        self.archived(self.server)
        return f"{day} {time}", lsn

    def restarted(self, settings):
        self.server.stop()
        self.server.configure(settings)
        self.server.start()

    def restore(self, name, *arguments):
        target = os.path.join(self.site.folder, "r-" + name)
        answer = self.site.result("restore", "demo", "--to", target, *arguments, "--start")
        return answer, target

    def marks(self, ask):
        return ask(self.server, "SELECT string_agg(n::text, ',' ORDER BY n) FROM marks")

    def test_promoted_copy_holds_what_was_there_at_a_time_or_an_lsn(self):
        time, lsn = self.marked()
        for name, arguments in (("time", ["--time", time]),
                                ("lsn", ["--lsn", lsn, "--exclusive"])):
            with self.subTest(target=name):
                answer, target = self.restore(name, *arguments, "--action", "promote")

                self.assertEqual((answer["state"], answer["timeline"]), ("answered", 2))
                ask = open_copy(self.site, answer["instance"])
                self.assertEqual(self.marks(ask), "1,2")
                self.assertEqual(ask(self.server, "INSERT INTO marks VALUES (9) RETURNING n"), "9")
                self.site.ctl("instance", "stop", answer["instance"])

    def test_list_of_copies_says_the_last_commit_that_a_copy_holds(self):
        self.server.configure({"track_commit_timestamp": "on"})
        self.restarted({})
        time, lsn = self.marked()
        committed = self.server.sql(
            "SELECT to_char(pg_xact_commit_timestamp(xmin) AT TIME ZONE 'UTC', "
            "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM marks WHERE n = 2")
        for action in ("pause", "promote"):
            with self.subTest(action=action):
                answer, target = self.restore(action, "--time", time, "--action", action)

                listed = self.site.result("instance", "list")["instances"]
                entry = next(one for one in listed if one["name"] == answer["instance"])
                self.assertEqual(entry["lastCommitAt"], committed)
                self.assertEqual(answer["lastCommitAt"], committed)
                self.site.ctl("instance", "stop", answer["instance"])

    def test_copy_that_shuts_down_stands_at_the_target(self):
        self.site.ctl("backup", "demo")
        # Long enough for somebody to be connected when it shuts down.
        for _ in range(5):
            self.server.sql("CREATE TABLE more AS SELECT 1", "DROP TABLE more")
            self.archived(self.server)
        time, lsn = self.marks_made()

        answer, target = self.restore("down", "--time", time, "--action", "shutdown")

        self.assertEqual(answer["state"], "reached")
        listed = self.site.result("instance", "list")["instances"]
        self.assertEqual([entry["state"] for entry in listed], ["stopped"])
        control = run([self.server.program("pg_controldata"), target], env={"LC_ALL": "C"}).stdout
        self.assertIn("shut down in recovery", control)
        # Started once more to look around, it comes to the same rows and no further.
        config = os.path.join(target + ".config", "fence", "postgresql.conf")
        run([self.server.program("pg_ctl"), "-D", target, "-w", "-l",
             os.path.join(self.site.folder, "again.log"), "-o",
             f"-c config_file={config} -c recovery_target_action=pause", "start"])
        try:
            self.assertEqual(self.marks(open_copy(self.site, answer["instance"])), "1,2")
        finally:
            run([self.server.program("pg_ctl"), "-D", target, "-m", "immediate", "-w", "stop"])

    def test_setting_that_was_raised_after_the_backup_does_not_stop_the_replay(self):
        self.site.ctl("backup", "demo")
        self.restarted({"max_connections": 250, "max_prepared_transactions": 7})
        self.mark(1)
        self.restarted({"max_connections": 120, "max_locks_per_transaction": 100})
        self.mark(2)
        self.archived(self.server)
        for action in ("pause", "promote"):
            with self.subTest(action=action):
                answer, target = self.restore(action, "--latest", "--action", action)

                self.assertEqual(answer["state"], "answered")
                ask = open_copy(self.site, answer["instance"])
                self.assertEqual(self.marks(ask), "1,2")
                self.assertEqual([ask(self.server, "SHOW " + name) for name in (
                    "max_connections", "max_prepared_transactions", "max_locks_per_transaction")],
                    ["250", "7", "100"])
                self.site.ctl("instance", "stop", answer["instance"])

    def test_copy_that_a_person_starts_has_what_was_raised_too(self):
        self.site.ctl("backup", "demo")
        self.restarted({"max_connections": 250})
        self.mark(1)
        self.archived(self.server)
        target = os.path.join(self.site.folder, "files")

        answer = self.site.result("restore", "demo", "--to", target, "--latest", "--action",
                                  "pause")

        self.assertIn("max_connections", " ".join(answer["warnings"]))
        copy = harness.Server(self.site, "files", MAJOR)
        self.server.stop()
        copy.configure({"unix_socket_directories": copy.socket, "port": copy.port})
        copy.start()
        harness.wait_for("the target", lambda: copy.sql(
            "SELECT pg_is_wal_replay_paused()") == "t")
        self.assertEqual(copy.sql("SELECT n FROM marks"), "1")

    def contents(self, folder):
        """Every file below a folder with a digest of what is in it."""
        found = {}
        for place, _, files in os.walk(folder):
            for name in files:
                path = os.path.join(place, name)
                with open(path, "rb") as file:
                    found[path] = hashlib.sha256(file.read()).hexdigest()
        return found

    def test_tablespace_is_restored_elsewhere_and_the_originals_is_left_alone(self):
        original = os.path.join(self.site.folder, "space")
        self.site.make_folder(original)
        self.server.sql(f"CREATE TABLESPACE far LOCATION '{original}'")
        self.server.sql("CREATE TABLE distant (n int) TABLESPACE far")
        self.server.sql("INSERT INTO distant SELECT generate_series(1, 1000)")
        self.site.ctl("backup", "demo")
        self.server.sql("INSERT INTO distant SELECT generate_series(1001, 1500)")
        self.archived(self.server)
        oid = self.server.sql("SELECT oid FROM pg_tablespace WHERE spcname = 'far'")
        self.server.stop()
        before = self.contents(original)
        self.assertTrue(before)
        place = os.path.join(self.site.folder, "r-space-far")
        status, error = self.site.failure("restore", "demo", "--to", place + "-not", "--latest")
        self.assertIn(oid, error["message"] + error["hint"])

        answer, target = self.restore("space", "--latest", "--action", "promote", "--tablespace",
                                      f"{oid}={place}")

        ask = open_copy(self.site, answer["instance"])
        self.assertEqual(ask(self.server, "SELECT count(*) FROM distant"), "1500")
        self.assertEqual(ask(self.server, f"SELECT pg_tablespace_location({oid})"), place)
        ask(self.server, "INSERT INTO distant SELECT generate_series(1501, 9000)")
        ask(self.server, "CHECKPOINT")
        self.assertTrue(self.contents(place))
        self.assertEqual(self.contents(original), before)
        self.site.ctl("instance", "stop", answer["instance"])
        self.site.ctl("instance", "remove", answer["instance"])
        self.assertFalse(os.path.exists(place))
        self.assertEqual(self.contents(original), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
