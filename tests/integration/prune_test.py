"""What retention removes, and what it must never: prune_test.py MAJOR

With SALVOR_S3_ENV set, in a bucket of the gateway that it describes.
"""

import os
import random
import subprocess
import sys
import time
import unittest

import harness
from harness import SiteTest, kill_group, open_copy

MAJOR = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 15


IN_FOLDER = "SALVOR_S3_ENV" not in os.environ


def files_below(folder):
    return sorted(os.path.join(where, name) for where, _, names in os.walk(folder)
                  for name in names)


class Prune(SiteTest):

    def setUp(self):
        super().setUp()
        self.server = harness.Server(self.site, "source", MAJOR).initdb()
        self.bucket = None if IN_FOLDER else harness.Bucket(self.site)
        self.site.add_repository(**(self.bucket.keys() if self.bucket else {}))
        self.site.add_cluster(self.server, **{"keep-last": 2})
        self.server.start()
        self.server.sql("CREATE TABLE marks (n int PRIMARY KEY)",
                        "CREATE TABLE filler AS SELECT n, random()::text AS t "
                        "FROM generate_series(1, 50000) n")
        self.marks = 0

    def backup(self):
        return self.site.result("backup", "demo")["backup"]

    def mark(self):
        """One row more, other contents in the table of filler, and the time between."""
        self.marks += 1
        at = self.server.sql(f"INSERT INTO marks VALUES ({self.marks})", "SELECT pg_sleep(0.05)",
                             "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', "
                             "'YYYY-MM-DD HH24:MI:SS.US') || '+00:00'", "SELECT pg_sleep(0.05)",
                             "UPDATE filler SET t = random()::text WHERE n % 3 = 0")
        self.archived(self.server)
        return at

    def backups(self):
        return [each["id"] for each in self.site.result("backups", "demo")["backups"]]

    def objects(self):
        if self.bucket:
            return self.bucket.aws("s3", "ls", "--recursive", f"s3://{self.bucket.name}/")
        return files_below(self.site.repository)

    def restored_marks(self, *target):
        name = f"r{len(os.listdir(self.site.folder))}"
        answer = self.site.result("restore", "demo", "--to",
                                  os.path.join(self.site.folder, name), *target, "--start")
        ask = open_copy(self.site, answer["instance"])
        marks = ask(self.server, "SELECT string_agg(n::text, ',' ORDER BY n) FROM marks")
        self.site.ctl("instance", "stop", answer["instance"])
        return marks

    def test_what_the_rules_promise_can_be_restored_and_the_rest_comes_back_until_the_grace(self):
        ids, times = [], []
        for _ in range(4):
            ids.append(self.backup())
            times.append(self.mark())
        before = self.objects()

        plan = self.site.result("prune", "demo", "--dry-run")

        self.assertEqual([each["stays"] for each in plan["backups"]], [False, False, True, True])
        self.assertGreater(plan["frees"]["packBytes"], 0)
        self.assertGreater(plan["frees"]["segments"], 0)
        self.assertEqual(self.objects(), before)

        done = self.site.result("prune", "demo")

        self.assertEqual(done["retiredNow"], ids[:2])
        self.assertEqual((done["removed"]["packs"], done["removed"]["segments"]), (0, 0))
        self.assertEqual(self.backups(), ids[2:])
        retired = self.site.result("backups", "demo", "--retired")["retired"]
        self.assertEqual([each["id"] for each in retired], ids[:2])

        self.site.ctl("hold", ids[0], "--reason", "somebody needs the first mark")
        self.assertEqual(self.backups(), [ids[0], *ids[2:]])
        self.assertEqual(self.restored_marks("--time", times[0]), "1")
        self.assertIn("for longer", self.site.failure(
            "hold", ids[0], "--reason", "x", "--until", "2100-01-01 00:00:00Z")[1]["message"])
        self.assertIn("is held", self.site.failure("retire", ids[0], "--reason", "x")[1]["message"])
        self.site.ctl("unhold", ids[0])

        done = self.site.result("prune", "demo", "--grace", "0s")

        self.assertEqual(done["removed"]["backups"], ids[:2])
        self.assertEqual(done["removed"]["segments"], plan["frees"]["segments"])
        self.assertGreaterEqual(done["removed"]["packBytes"], plan["frees"]["packBytes"])
        self.assertEqual(self.site.result("wal", "ranges", "demo")["gaps"], [])
        self.assertEqual(self.site.result("verify")["findings"], [])
        self.assertEqual(self.restored_marks("--time", times[2]), "1,2,3")
        self.assertEqual(self.restored_marks("--latest"), "1,2,3,4")
        self.assertEqual(self.restored_marks("--immediate", "--backup", ids[2]), "1,2")
        status, error = self.site.failure("restore", "demo", "--to",
                                          os.path.join(self.site.folder, "gone"), "--time",
                                          times[0])
        self.assertNotEqual(status, 0)
        self.assertIn("backup", error["message"])
        self.assertEqual(self.site.failure("hold", ids[0], "--reason", "x")[0], 2)

    def test_an_old_backup_that_is_held_can_be_restored_after_all_wal_around_it_is_gone(self):
        ids = [self.backup()]
        self.mark()
        self.site.ctl("hold", ids[0], "--reason", "the year's end", "--until", "2100-01-01 00:00:00Z")
        for _ in range(2):
            ids.append(self.backup())
            self.mark()
        ids.append(self.backup())

        self.site.ctl("prune", "demo", "--grace", "0s")

        self.assertEqual(self.backups(), [ids[0], *ids[2:]])
        self.assertEqual(self.site.result("wal", "ranges", "demo")["gaps"], [])
        self.assertEqual(self.site.result("verify")["findings"], [])
        self.assertEqual(self.restored_marks("--immediate", "--backup", ids[0]), "")
        self.assertEqual(self.restored_marks("--latest"), "1,2,3")

    def test_the_newest_that_was_verified_stays_and_cannot_be_retired(self):
        ids = []
        for _ in range(4):
            ids.append(self.backup())
            self.mark()
        self.site.result("verify", ids[0])

        plan = self.site.result("prune", "demo", "--dry-run")

        self.assertEqual([each["stays"] for each in plan["backups"]], [True, False, True, True])
        self.assertIn("it is the newest that was verified", str(plan["backups"][0]))
        status, error = self.site.failure("retire", ids[0], "--reason", "x")
        self.assertIn("newest that was verified", error["message"])
        self.site.result("verify", ids[3])
        done = self.site.result("prune", "demo", "--grace", "0s")
        self.assertEqual(done["removed"]["backups"], ids[:2])

    def test_backups_and_prunes_at_the_same_time_lose_nothing(self):
        self.backup()
        load = self.server.pgbench_init() or self.server.pgbench(30)
        try:
            for _ in range(4):
                running = [self.site.ctl_popen("backup", "demo") for _ in range(2)]
                running += [self.site.ctl_popen("prune", "demo", "--grace", "0s")
                            for _ in range(2)]
                for process in running:
                    output = process.communicate(timeout=300)
                    self.assertEqual(process.returncode, 0, output)
        finally:
            load.terminate()
            load.wait()
        self.mark()
        done = self.site.result("prune", "demo", "--grace", "0s")

        self.assertEqual(done["postponedBecause"], "")
        self.assertEqual(len(self.backups()), 2)
        self.assertEqual(self.site.result("verify")["findings"], [])
        self.assertEqual(self.restored_marks("--latest"), "1")

    @unittest.skipUnless(IN_FOLDER, "the times of objects are the store's")
    def test_killed_prunes_leave_every_backup_whole_and_the_next_one_finishes(self):
        random.seed(20261121)
        for _ in range(3):
            self.backup()
            self.mark()
        for _ in range(8):
            self.backup()
            prune = self.site.ctl_popen("prune", "demo", "--grace", "0s")
            time.sleep(random.uniform(0.0, 0.25))
            kill_group(prune)
            prune.communicate()
            # As if its minute were over.
            for lease in files_below(os.path.join(self.site.repository, "leases")):
                past = time.time() - 3600
                os.utime(lease, (past, past))

            self.assertEqual(self.site.result("verify")["findings"], [])
            self.mark()

        self.site.ctl("prune", "demo", "--grace", "0s")
        self.assertEqual(len(self.backups()), 2)
        self.assertEqual(self.site.result("verify")["findings"], [])
        self.assertEqual(self.restored_marks("--latest"),
                         ",".join(str(n) for n in range(1, self.marks + 1)))

    @unittest.skipUnless(IN_FOLDER and harness.ROOT, "only root can lock others out")
    def test_what_root_does_does_not_lock_the_owner_out(self):
        backup = self.backup()
        self.mark()
        root = {**os.environ, "XDG_STATE_HOME": self.site.state + "-root"}
        for command in (["verify"], ["retire", backup, "--reason", "x"], ["prune", "demo"]):
            subprocess.run([self.site.salvorctl, "--config", self.site.config, *command], env=root,
                           check=command[0] != "retire", capture_output=True, timeout=300)

        owners = {os.stat(path).st_uid for path in files_below(self.site.repository)}
        self.assertEqual(owners, {os.stat(self.site.repository).st_uid})
        self.backup()
        self.site.ctl("prune", "demo", "--grace", "0s")


if __name__ == "__main__":
    unittest.main(verbosity=2)
