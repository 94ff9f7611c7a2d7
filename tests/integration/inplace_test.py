"""Restores in place: a damaged cluster is set aside, restored, looked at, and kept or taken back."""

import fcntl
import hashlib
import os
import subprocess
import sys
import unittest

import harness
from harness import SiteTest, kill_group, run

MAJOR = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 17


def fingerprint(folder):
    """Every file with its bytes, every link with its target; what a server makes anew is left out."""
    found = {}
    for where, folders, files in os.walk(folder):
        for name in files + [f for f in folders if os.path.islink(os.path.join(where, f))]:
            path = os.path.join(where, name)
            if os.path.islink(path):
                found[os.path.relpath(path, folder)] = "-> " + os.readlink(path)
                continue
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


class InPlace(SiteTest):

    def setUp(self):
        super().setUp()
        self.before = {}
        self.server = harness.Server(self.site, "source", MAJOR).initdb()
        self.site.add_repository()
        self.site.add_cluster(self.server)
        self.server.start()
        self.server.pgbench_init(2)
        self.space = os.path.join(self.site.folder, "space")
        self.site.make_folder(self.space)
        self.server.sql(f"CREATE TABLESPACE far LOCATION '{self.space}'")
        self.server.sql("CREATE TABLE precious AS SELECT g AS n FROM generate_series(1, 5000) g",
                        "CREATE TABLE distant TABLESPACE far AS "
                        "SELECT g AS n FROM generate_series(1, 5000) g")
        self.backup = self.site.result("backup", "demo")["id"]
        self.server.sql("INSERT INTO precious VALUES (5001)")
        self.server.sql("SELECT pg_create_restore_point('good')")
        self.server.sql("DROP TABLE precious", "DELETE FROM distant")
        self.archived(self.server)

    def damage(self):
        """Stops the server, tears a file, and leaves some that are nobody's."""
        relation = self.server.sql("SELECT pg_relation_filepath('pgbench_accounts')")
        self.server.stop()
        with open(os.path.join(self.server.data, relation), "r+b") as file:
            file.seek(100000)
            file.write(b"torn" * 1000)
        self.site.write(os.path.join(self.server.data, "base", "notes.txt"), "mine")
        self.site.write(os.path.join(self.server.data, "pg_wal", "stray"), "x" * 5000)
        self.before = {folder: fingerprint(folder) for folder in (self.server.data, self.space)}

    def restore(self, *more, **how):
        return self.site.result("restore", "demo", "--in-place", "--restore-point", "good", *more,
                                **how)

    def check_restored(self):
        self.server.start()
        harness.wait_for("the promotion", lambda: self.server.sql(
            "SELECT NOT pg_is_in_recovery()") == "t")
        self.assertEqual(self.server.sql("SELECT count(*) FROM precious"), "5001")
        self.assertEqual(self.server.sql("SELECT count(*) FROM distant"), "5000")
        self.assertEqual(self.server.sql("SELECT count(*) FROM pgbench_accounts"), "200000")
        self.assertFalse(os.path.exists(os.path.join(self.server.data, "base", "notes.txt")))

    def check_old_is_back(self):
        for folder, files in self.before.items():
            self.assertEqual(fingerprint(folder), files)
        self.assertEqual(self.site.result("in-place", "list")["waiting"], [])

    def aside(self, mark):
        return sorted(name for name in os.listdir(self.site.folder) if mark in name)

    def test_damaged_cluster_is_restored_and_committed(self):
        self.damage()

        answer = self.restore()

        self.assertEqual(answer["state"], "files")
        run([self.server.program("pg_verifybackup"), "-n", self.server.data])
        waiting = self.site.result("in-place", "list")["waiting"]
        self.assertEqual([one["state"] for one in waiting], ["restored"])
        # What cannot be read of another hides nothing.
        other = os.path.join(self.site.folder, "other")
        self.site.make_folder(other)
        self.site.write(other + ".in-place", "{")
        self.site.section("cluster", "other", {"repository": "main", "data-directory": other})
        listed = self.site.ctl("in-place", "list", check=False)
        self.assertNotEqual(listed.returncode, 0)
        self.assertIn(self.server.data, listed.stdout)
        self.assertIn("cluster 'other'", listed.stderr)
        os.unlink(other + ".in-place")
        status, error = self.site.failure("in-place", "commit", "demo")
        self.assertEqual(status, 3)
        self.assertIn("did not end its recovery", error["message"])
        self.check_restored()
        self.assertEqual(self.server.sql("SHOW archive_command"), "")
        committed = self.site.result("in-place", "commit", "demo")
        self.assertIn("SELECT pg_reload_conf()", committed["statements"])
        self.assertIsInstance(committed["walOnlyThere"], list)
        old = committed["old"]
        self.assertEqual([os.path.basename(path) for path in old],
                         sorted(self.aside(".before-"), key=lambda name: "space" in name))
        self.assertTrue(os.path.exists(os.path.join(old[0], "base", "notes.txt")))
        self.assertEqual(self.site.result("in-place", "list")["waiting"], [])
        self.assertEqual(self.aside(".in-place"), [])
        # Nothing that was written meanwhile is lost to the archive.
        self.server.sql("INSERT INTO precious VALUES (5002)")
        self.server.sql("ALTER SYSTEM RESET archive_command")
        if MAJOR >= 15:
            self.server.sql("ALTER SYSTEM RESET archive_library")
        self.server.sql("SELECT pg_reload_conf()")
        self.archived(self.server)
        self.site.ctl("backup", "demo")
        self.assertEqual(self.site.result("wal", "ranges", "demo")["gaps"], [])

    def test_rollback_gives_the_old_one_back_byte_for_byte(self):
        self.damage()
        self.restore()
        self.check_restored()
        self.server.sql("UPDATE pgbench_accounts SET abalance = 7", "CHECKPOINT")
        self.server.stop()

        self.site.result("in-place", "rollback", "demo")

        self.check_old_is_back()
        self.assertEqual(len(self.aside(".rolled-back-")), 2)

    def test_old_cluster_starts_after_a_rollback_and_has_its_rows(self):
        self.server.sql("CREATE TABLE latest TABLESPACE far AS SELECT 42 AS n")
        self.server.stop()
        self.restore()
        self.check_restored()
        self.server.stop()

        self.site.result("in-place", "rollback", "demo")

        self.server.start()
        self.assertEqual(self.server.sql("SELECT n FROM latest"), "42")
        self.assertEqual(self.server.sql("SELECT count(*) FROM distant"), "0")
        self.assertEqual(self.server.sql("SELECT to_regclass('precious') IS NULL"), "t")
        self.archived(self.server)

    def test_what_must_not_be_set_aside_is_refused_and_stays(self):
        status, error = self.site.failure("restore", "demo", "--in-place", "--restore-point", "good")
        self.assertEqual(status, 3)
        self.assertIn("A server runs", error["message"])

        self.server.stop()
        run(["chmod", "555", self.site.folder])
        status, error = self.site.failure("restore", "demo", "--in-place", "--restore-point", "good")
        run(["chmod", "755", self.site.folder])
        self.assertEqual(status, 3)
        self.assertIn("cannot be renamed aside", error["message"])
        self.assertIn("Restore into a new directory", error["hint"])

        other = harness.Server(self.site, "other", MAJOR).initdb()
        status, error = self.site.failure("restore", "demo", "--in-place", "--to", other.data,
                                          "--tablespace", f"{self.oid()}={self.site.folder}/fresh",
                                          "--restore-point", "good")
        self.assertEqual(status, 3)
        self.assertIn("holds cluster", error["message"])
        self.assertTrue(os.path.exists(os.path.join(other.data, "global", "pg_control")))
        self.assertEqual(self.aside(".before-"), [])
        self.assertEqual(self.aside(".in-place"), [])

    def oid(self):
        return os.listdir(os.path.join(self.server.data, "pg_tblspc"))[0]

    def test_copy_of_the_directory_does_not_take_the_tablespaces_along(self):
        self.server.stop()
        copy = os.path.join(self.site.folder, "copied")
        run(["cp", "-a", self.server.data, copy])
        before = fingerprint(self.space)

        status, error = self.site.failure("restore", "demo", "--in-place", "--to", copy,
                                          "--restore-point", "good")

        self.assertEqual(status, 3)
        self.assertIn("is not the directory that was backed up", error["message"])
        self.assertEqual(fingerprint(self.space), before)
        fresh = os.path.join(self.site.folder, "fresh")
        self.site.result("restore", "demo", "--in-place", "--to", copy, "--restore-point", "good",
                         "--tablespace", f"{self.oid()}={fresh}")
        self.assertEqual(fingerprint(self.space), before)
        self.assertTrue(os.listdir(fresh))

    def test_server_without_its_pid_file_is_still_seen(self):
        pid_file = os.path.join(self.server.data, "postmaster.pid")
        os.rename(pid_file, pid_file + ".away")
        status, error = self.site.failure("restore", "demo", "--in-place", "--restore-point", "good")
        os.rename(pid_file + ".away", pid_file)
        self.assertEqual(status, 3)
        self.assertIn("A server runs", error["message"])
        self.assertIn("works in it", error["message"])
        self.assertEqual(self.aside(".before-"), [])
        self.assertEqual(self.server.sql("SELECT 1"), "1")

    def test_backend_of_a_killed_server_is_still_seen(self):
        pid_file = os.path.join(self.server.data, "postmaster.pid")
        with open(pid_file, encoding="ascii") as file:
            postmaster = int(file.readline())
        # It never waits, so that it does not notice that its postmaster died.
        psql = subprocess.Popen(
            harness.as_user([self.server.program("psql"), "-X", "-d", self.server.conninfo(), "-c",
                             "DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$"]),
            cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        backend = int(harness.wait_for("the backend", lambda: self.server.sql(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'")))
        try:
            run(["kill", "-9", str(postmaster)])
            harness.wait_for("its end", lambda: not os.path.exists(f"/proc/{postmaster}/cwd"))
            run(["rm", "-f", pid_file])
            status, error = self.site.failure("restore", "demo", "--in-place", "--restore-point",
                                              "good")
        finally:
            run(["kill", "-9", str(backend)])
            psql.wait()
        self.assertEqual(status, 3)
        self.assertIn("works in it", error["message"])
        self.assertEqual(self.aside(".before-"), [])
        harness.wait_for("the others' end", lambda: not self.working())
        # Nobody may have asked for the end of the killed one: its number is still taken then.
        run(["rm", "-f", os.path.join(self.server.socket, f".s.PGSQL.{self.server.port}.lock")])

        self.restore()
        self.check_restored()

    def working(self):
        """Processes of PostgreSQL that work in the data directory."""
        found = []
        for number in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.path.samefile(f"/proc/{number}/cwd", self.server.data):
                    found.append(number)
            except OSError:
                pass
        return found

    def test_rollback_under_a_running_server_is_refused(self):
        self.damage()
        self.restore()
        self.server.start()

        status, error = self.site.failure("in-place", "rollback", self.server.data)

        self.assertEqual(status, 3)
        self.assertIn("a server runs", error["message"])

    def test_rollback_that_misses_a_tablespace_touches_nothing(self):
        self.damage()
        self.restore()
        names = sorted(os.listdir(self.site.folder))
        hidden = os.path.join(self.site.folder, self.aside("space.before-")[0])
        os.rename(hidden, hidden + ".unmounted")

        status, error = self.site.failure("in-place", "rollback", "demo")

        os.rename(hidden + ".unmounted", hidden)
        self.assertEqual(status, 3)
        self.assertIn("is not where it was left", error["message"])
        self.assertEqual(sorted(os.listdir(self.site.folder)), names)
        self.site.result("in-place", "rollback", "demo")
        self.check_old_is_back()

    def is_unlocked(self):
        try:
            with open(self.server.data + ".in-place.lock", "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
        except FileNotFoundError:
            return True
        except BlockingIOError:
            return False

    def test_killed_restore_goes_on_or_is_taken_back(self):
        self.damage()
        for number in range(8):
            with self.subTest(number=number):
                process = self.site.ctl_popen("restore", "demo", "--in-place", "--restore-point",
                                              "good")
                try:
                    process.wait(timeout=0.05 + 0.06 * number)
                except Exception:  # noqa: BLE001 - still running, which is what we want.
                    pass
                kill_group(process)
                process.stdout.close()
                process.stderr.close()
                # It may still be at its last write to the disk.
                harness.wait_for("its end", self.is_unlocked)
                if number % 4 >= 2 and self.aside(".in-place") and \
                        self.site.result("in-place", "list")["waiting"][0]["state"] == "unfinished":
                    self.restore()
                    self.check_restored()
                    self.server.stop()
                if self.aside(".in-place"):
                    self.site.result("in-place", "rollback", "demo")
                self.check_old_is_back()


if __name__ == "__main__":
    unittest.main(verbosity=2)
