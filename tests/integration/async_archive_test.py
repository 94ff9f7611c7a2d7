"""Asynchronous archive-push and prefetching archive-get, on a real server."""

import os
import signal
import sys
import unittest

import harness
from harness import SiteTest, run, wait_for

MAJOR = int(sys.argv.pop()) if len(sys.argv) > 1 and sys.argv[-1].isdigit() else 15


def workers(site, kind):
    """Process ids of the background workers of this site."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if words[0] == site.salvorctl and "archive-worker" in words and kind in words:
            found.append(int(entry))
    return found


class AsyncArchive(SiteTest):

    def setUp(self):
        super().setUp()
        self.server = harness.Server(self.site, "source", MAJOR).initdb()
        self.site.add_repository()
        self.site.add_cluster(self.server, **{"archive-async": "yes", "archive-timeout": "20s"})
        self.server.start()
        self.server.sql("CREATE TABLE t (n int)")
        self.site.ctl("backup", "demo")

    def log(self, path=None):
        with open(path or os.path.join(self.server.socket, "log"), encoding="utf-8") as file:
            return file.read()

    def fill(self, segments):
        """Each has a row with its number, so that a missing one is seen."""
        for _ in range(segments):
            self.rows = getattr(self, "rows", 0) + 1
            self.server.sql(f"INSERT INTO t VALUES ({self.rows}); SELECT pg_switch_wal()")

    def stored(self):
        """Segment names in the repository."""
        return {name[:24] for _, _, names in os.walk(os.path.join(self.site.repository, "wal"))
                for name in names if len(name) > 24 and name[24] == "-"}

    def acknowledged(self):
        return int(self.server.sql("SELECT archived_count FROM pg_stat_archiver"))

    def kill_worker(self, kind):
        for process in wait_for("a worker", lambda: workers(self.site, kind), 20):
            os.kill(process, signal.SIGKILL)

    def expect_all_archived(self):
        """Every segment the server calls archived is there, none is missing, all are sound."""
        last = self.archived(self.server)
        names = self.stored()
        self.assertLessEqual({last}, names)
        ranges = self.site.result("wal", "ranges", "demo")
        self.assertEqual(ranges["gaps"], [])
        self.assertEqual(self.site.result("verify")["findings"], [])

    def rows_of_copy(self, name="restored"):
        target = os.path.join(self.site.folder, name)
        answer = self.site.result("restore", "demo", "--to", target, "--latest", "--start")
        ask = harness.open_copy(self.site, answer["instance"])
        rows = ask(self.server, "SELECT count(DISTINCT n) || ' ' || coalesce(max(n), 0) FROM t")
        self.site.ctl("instance", "stop", answer["instance"])
        return rows

    def test_load_is_archived_whole_and_restored_with_prefetch(self):
        self.server.pgbench_init(2)
        load = self.server.pgbench(5)
        self.fill(12)
        load.wait()

        self.expect_all_archived()

        self.assertTrue(os.listdir(os.path.join(self.site.state, "salvor", "spool")))
        self.assertEqual(self.rows_of_copy(), f"{self.rows} {self.rows}")
        spools = os.listdir(os.path.join(self.site.state, "salvor", "spool"))
        self.assertTrue(any(name.startswith("get-demo-") for name in spools), spools)

    def test_killed_push_worker_blocks_nothing_and_loses_nothing(self):
        self.fill(6)
        self.kill_worker("push")
        self.fill(6)
        self.kill_worker("push")
        self.fill(3)

        self.expect_all_archived()

        self.assertEqual(self.rows_of_copy(), f"{self.rows} {self.rows}")

    def test_unwritable_repository_is_told_in_the_servers_log_and_caught_up_after(self):
        self.fill(2)
        self.archived(self.server)
        os.rename(self.site.repository, self.site.repository + ".away")
        before = self.acknowledged()
        self.fill(4)
        # The server says so after the command did.
        wait_for("the error in the log",
                 lambda: "archive command failed with exit code 3" in self.log(), 60)
        self.assertRegex(self.log(), "no repository at|is not there any more")
        self.assertEqual(self.acknowledged(), before)
        os.rename(self.site.repository + ".away", self.site.repository)

        self.expect_all_archived()

        self.assertEqual(self.rows_of_copy(), f"{self.rows} {self.rows}")

    def test_conflict_is_never_acknowledged_and_does_not_stop_the_others(self):
        self.fill(1)
        last = self.archived(self.server)
        # Another server's bytes stand where the next segment goes.
        name = f"{int(last, 16) + 1:024X}"
        for folder, _, files in os.walk(os.path.join(self.site.repository, "wal")):
            for file in files:
                if file.startswith(last):
                    other = os.path.join(folder, name + "-" + "0" * 16)
                    run(["cp", os.path.join(folder, file), other])
        self.fill(3)

        wait_for("the conflict", lambda: "with other bytes" in self.log(), 60)

        # Those behind it are in the repository already.
        wait_for("the others", lambda: len([each for each in self.stored() if each > name]) >= 2)
        self.assertEqual(self.server.sql("SELECT last_archived_wal FROM pg_stat_archiver"), last)
        os.remove(other)
        self.expect_all_archived()

    def test_killed_prefetch_worker_does_not_stop_the_replay(self):
        self.fill(40)
        self.archived(self.server)
        target = os.path.join(self.site.folder, "restored")
        restore = self.site.ctl_popen("--json", "restore", "demo", "--to", target, "--latest",
                                      "--start")
        self.kill_worker("get")
        output, errors = restore.communicate(timeout=120)
        self.assertEqual(restore.returncode, 0, output + errors)
        found = harness.json.loads(output)["result"]["instance"]
        ask = harness.open_copy(self.site, found)
        self.assertEqual(ask(self.server, "SELECT count(DISTINCT n) FROM t"), str(self.rows))
        self.site.ctl("instance", "stop", found)

    def test_repository_cut_during_replay_is_fatal_and_never_promotes(self):
        self.fill(30)
        self.archived(self.server)
        target = os.path.join(self.site.folder, "restored")
        self.site.ctl("restore", "demo", "--to", target, "--latest", "--action", "promote")
        log = os.path.join(self.site.folder, "replay.log")
        self.site.write(log, "")
        # The archive goes after some segments were fetched, with others ahead in the spool.
        wal = os.path.join(self.site.repository, "wal")
        server = harness.subprocess.Popen(
            harness.as_user([self.server.program("pg_ctl"), "-D", target, "-w", "-t", "30", "-l",
                             log, "-o", f"-c unix_socket_directories={self.server.socket} "
                             f"-c port={harness.free_port()} -c listen_addresses=''", "start"]),
            cwd="/", env={**os.environ, "XDG_STATE_HOME": self.site.state})
        wait_for("the prefetch", lambda: workers(self.site, "get"))
        os.rename(self.site.repository, self.site.repository + ".away")
        server.wait()

        wait_for("the end", lambda: "database system is shut down" in self.log(log), 30)

        text = self.log(log)
        self.assertIn("FATAL", text)
        self.assertNotIn("selected new timeline", text)
        self.assertFalse(os.path.exists(wal))


if __name__ == "__main__":
    unittest.main(verbosity=2)
