"""kill -9 at random points: of a backup, of a restore, of archive-push. Slow: the long tier.

The seed is printed and can be given in SALVOR_KILL_SEED, the number of rounds in
SALVOR_KILL_ROUNDS.
"""

import os
import random
import shutil
import time
import unittest

import harness
from harness import SiteTest, kill_group, open_copy

ROUNDS = int(os.environ.get("SALVOR_KILL_ROUNDS", "50"))
SEED = int(os.environ.get("SALVOR_KILL_SEED", str(random.randrange(1 << 30))))


class Kill(SiteTest):

    def setUp(self):
        super().setUp()
        print(f"seed {SEED}, {ROUNDS} rounds")
        self.random = random.Random(SEED)
        self.server = harness.Server(self.site, "source", 15).initdb()
        self.site.add_repository()
        self.site.add_cluster(self.server)
        self.server.start()
        self.server.pgbench_init(2)
        self.server.sql("CREATE TABLE acknowledged (n int PRIMARY KEY)")

    def duration(self, *arguments):
        began = time.monotonic()
        self.site.ctl(*arguments)
        return time.monotonic() - began

    def killed(self, longest, *arguments):
        """Starts a command and kills it, or lets it end by itself if it is quicker."""
        process = self.site.ctl_popen(*arguments)
        try:
            process.wait(timeout=self.random.uniform(0.02, longest))
        except Exception:  # noqa: BLE001 - still running, which is what we want.
            pass
        kill_group(process)
        process.stdout.close()
        process.stderr.close()

    def test_killed_backups_are_invisible_and_the_next_one_succeeds(self):
        longest = self.duration("backup", "demo")
        for number in range(ROUNDS):
            self.server.sql("UPDATE pgbench_accounts SET abalance = abalance + 1 "
                            f"WHERE aid % 10 = {number % 10}")
            self.killed(longest, "backup", "demo")
        self.site.ctl("backup", "demo")

        self.assertEqual(self.site.result("verify", "--all")["findings"], [])
        self.archived(self.server)
        target = os.path.join(self.site.folder, "restored")
        answer = self.site.result("restore", "demo", "--to", target, "--latest", "--start")
        ask = open_copy(self.site, answer["instance"])
        self.assertEqual(ask(self.server, "SELECT sum(abalance) FROM pgbench_accounts"),
                         self.server.sql("SELECT sum(abalance) FROM pgbench_accounts"))

    def test_killed_restores_never_look_like_a_cluster_and_the_next_one_succeeds(self):
        self.site.ctl("backup", "demo")
        self.archived(self.server)
        target = os.path.join(self.site.folder, "restored")
        longest = self.duration("restore", "demo", "--to", target + "-0", "--latest")
        for _ in range(ROUNDS):
            self.killed(longest, "restore", "demo", "--to", target, "--latest")
            if os.path.exists(os.path.join(target, "global", "pg_control")):
                shutil.rmtree(target)  # It was quicker than the kill.
        self.site.result("restore", "demo", "--to", target, "--latest")

        self.assertEqual(self.site.result("verify", "--all")["findings"], [])
        harness.run([self.server.program("pg_verifybackup"), "-n", target])

    def test_killed_pushes_lose_no_acknowledged_wal(self):
        self.site.ctl("backup", "demo")
        wal = os.path.join(self.server.data, "pg_wal")
        for number in range(ROUNDS):
            self.server.sql(f"INSERT INTO acknowledged VALUES ({number})")
            name = self.server.sql("SELECT pg_walfile_name(pg_switch_wal())")
            # Beside the server's own push, which is never killed.
            self.killed(0.3, "archive-push", "demo", os.path.join(wal, name))
        self.archived(self.server)

        self.assertEqual(self.site.result("verify", "--all")["findings"], [])
        self.assertEqual(self.site.result("wal", "ranges", "demo")["gaps"], [])
        target = os.path.join(self.site.folder, "restored")
        answer = self.site.result("restore", "demo", "--to", target, "--latest", "--start")
        ask = open_copy(self.site, answer["instance"])
        self.assertEqual(ask(self.server, "SELECT count(*) FROM acknowledged"), str(ROUNDS))


if __name__ == "__main__":
    unittest.main(verbosity=2)
