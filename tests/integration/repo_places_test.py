"""A repository that is lost, hangs, or is none of the cluster's: repo_places_test.py MAJOR"""

import os
import socket
import sys
import threading
import unittest

import harness
from harness import SiteTest, open_copy, run, wait_for

MAJOR = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 15


class SilentStore:
    """Takes connections and never says a word."""

    def __init__(self):
        self.connections = []
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        while True:
            try:
                self.connections.append(self.socket.accept()[0])
            except OSError:
                return

    def close(self):
        self.socket.close()
        for connection in self.connections:
            connection.close()


class RepoPlaces(SiteTest):

    def setUp(self):
        super().setUp()
        self.server = harness.Server(self.site, "source", MAJOR).initdb()
        self.site.add_repository()
        self.second = self.site.repository + "-second"
        self.site.add_repository("second", init=False, url=f"file://{self.second}",
                                 **{"key-file": self.site.key + "-second"})
        self.site.add_cluster(self.server)
        self.server.start()
        self.server.sql("CREATE TABLE marks (n int PRIMARY KEY)")
        self.marks = 0
        self.instances = 0

    def use(self, names, **keys):
        self.site.section("cluster", "demo", {
            **self.site.sections[("cluster", "demo")], "repository": names, **keys})

    def use_both(self, **keys):
        self.site.ctl("repo", "init", "--repo", "second", "--copy-of", "main")
        self.use("main second", **keys)

    def mark(self, server=None):
        server = server or self.server
        self.marks += 1
        server.sql(f"INSERT INTO marks VALUES ({self.marks})")
        return self.archived(server)

    def now(self):
        return self.server.sql("SELECT to_char(now() AT TIME ZONE 'UTC', "
                               "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")

    def take_away(self, place):
        os.rename(place, place + ".away")

    def bring_back(self, place):
        os.rename(place + ".away", place)

    def started(self, *target):
        self.instances += 1
        place = os.path.join(self.site.folder, f"copy-{self.instances}")
        return self.site.result("restore", "demo", "--to", place, *target,
                                "--start")["instance"], place

    def never_promoted(self, place):
        wal = os.path.join(place, "pg_wal")
        self.assertFalse([name for name in os.listdir(wal) if name.startswith("00000002")])

    def marks_of(self, instance):
        return open_copy(self.site, instance)(
            self.server, "SELECT string_agg(n::text, ',' ORDER BY n) FROM marks")

    def plan(self, *target):
        return self.site.result("plan", "restore", "demo", "--to",
                                os.path.join(self.site.folder, "planned"), "--out",
                                os.path.join(self.site.folder, "plan.json"), *target)["plan"]

    def found(self, checks, name, level="warning"):
        """What the checks of this name and level say, as one text."""
        return "\n".join(" ".join((each["found"], each["cause"], each["fix"])) for each in checks
                         if each["name"] == name and each["level"] == level)

    def check(self):
        answer = self.site.ctl("--json", "cluster", "check", "demo", check=False).stdout
        return harness.json.loads(answer)["result"]["checks"]

    def archiver_log(self):
        path = os.path.join(self.server.socket, "log")
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def test_one_out_of_reach_keeps_copies_from_promotion_until_it_is_taken_out(self):
        self.use_both(**{"wal-required": "any"})
        self.site.ctl("backup", "demo")
        self.mark()
        moment = self.now()
        for _ in range(4):
            self.mark()
        self.site.ctl("repo", "copy", "main", "second")
        self.assertEqual(self.found(self.plan("--latest")["checks"], "repository"), "")
        for away, left in ((self.second, "main"), (self.site.repository, "second")):
            with self.subTest(left):
                self.use("main second")
                self.take_away(away)
                told = self.found(self.plan("--time", moment)["checks"], "repository")
                self.assertIn("126", told)
                self.assertIn("name only the others as 'repository'", told)
                instance, place = self.started("--time", moment)
                self.assertEqual(self.marks_of(instance), "1")
                latest, _ = self.started("--latest")
                self.assertEqual(self.marks_of(latest), "1,2,3,4,5")
                self.site.ctl("instance", "stop", latest)
                failed = self.site.ctl("instance", "promote", instance, check=False)
                self.assertNotEqual(failed.returncode, 0)
                self.never_promoted(place)
                self.site.ctl("instance", "stop", instance, check=False)
                place += "-latest"
                failed = self.site.ctl("restore", "demo", "--to", place, "--latest", "--action",
                                       "promote", "--start", check=False)
                self.assertNotEqual(failed.returncode, 0)
                self.assertIn("archive-get ends with 126", failed.stderr)
                self.assertIn("from archive: command not executable", failed.stderr)
                self.never_promoted(place)

                instance, _ = self.started("--time", moment)
                self.use(left)
                self.site.ctl("instance", "promote", instance)
                self.assertEqual(self.marks_of(instance), "1")
                self.site.ctl("instance", "stop", instance)
                instance, _ = self.started("--latest", "--action", "promote")
                self.assertEqual(self.marks_of(instance), "1,2,3,4,5")
                self.site.ctl("instance", "stop", instance)
                self.assertEqual(self.found(self.plan("--latest")["checks"], "repository"), "")
                self.bring_back(away)

    def test_the_newest_timeline_of_any_of_them_is_the_latest(self):
        self.use_both()
        self.site.ctl("backup", "demo")
        self.mark()
        moment = self.now()
        self.mark()
        self.site.ctl("repo", "copy", "main", "second")
        standby = self.server.standby("standby")
        standby.configure({"archive_command": self.site.archive_command("demo")})
        self.server.sql("INSERT INTO marks SELECT n FROM generate_series(100, 120) n")
        self.archived(self.server)
        self.use("main")
        for _ in range(3):  # The old server goes on for a while, where only the first can see it.
            self.mark()
        self.server.stop()
        self.use("second")
        run([standby.program("pg_ctl"), "-D", standby.data, "-w", "promote"])
        wait_for("the promotion", lambda: standby.sql("SELECT pg_is_in_recovery()") == "f")
        self.mark(standby)
        self.use("main second")

        latest = self.plan("--latest")
        before = self.plan("--time", moment)

        self.assertEqual((latest["repository"], latest["target"]["timeline"]), ("second", 2))
        self.assertEqual(self.found(latest["checks"], "timeline"), "")
        self.assertEqual((before["repository"], before["target"]["timeline"]), ("main", 1))
        self.assertIn("Repository 'second' knows timeline 2", self.found(before["checks"],
                                                                         "timeline"))
        self.assertEqual(self.found(self.plan("--time", moment, "--timeline", "1")["checks"],
                                    "timeline"), "")

    def test_one_that_hangs_costs_the_server_a_few_attempts_and_not_every_segment(self):
        store = SilentStore()
        self.addCleanup(store.close)
        credentials = os.path.join(self.site.folder, "credentials")
        self.site.write(credentials, "[default]\naws_access_key_id = a\n"
                                     "aws_secret_access_key = b\n")
        self.site.section("repository", "far", {
            "url": "s3://bucket/dr", "endpoint": f"http://127.0.0.1:{store.port}",
            "region": "us-east-1", "path-style": "yes", "credentials": f"file:{credentials}",
            "key-file": self.site.key + "-second"})
        self.use("far main", **{"wal-required": "any"})
        for mode in ({}, {"archive-async": "yes", "archive-timeout": "60s"}):
            with self.subTest(mode):
                self.use("far main", **mode)
                for _ in range(8):
                    self.mark()
                self.assertIn("far", self.archiver_log())
        self.assertLessEqual(len(store.connections), 4)
        self.assertEqual(self.server.sql("SELECT failed_count FROM pg_stat_archiver"), "0")
        # As PostgreSQL calls it: in the data directory.
        self.use("far main", prefetch="0")
        name = self.mark()
        before = len(store.connections)
        for number in range(3):
            target = os.path.join(self.site.folder, f"fetched-{number}")
            run([self.site.salvorctl, "--config", self.site.config, "archive-get", "demo", name,
                 target], cwd=self.server.data, env={"XDG_STATE_HOME": self.site.state})
            self.assertTrue(os.path.exists(target))
        self.assertLessEqual(len(store.connections) - before, 2)

    def refused(self, sentence):
        self.use("main second", **{"wal-required": "any"})
        self.server.sql("INSERT INTO marks VALUES (-1)", "SELECT pg_switch_wal()")
        wait_for("a failure", lambda: self.server.sql(
            "SELECT failed_count > 0 FROM pg_stat_archiver") == "t")
        self.assertIn(sentence, self.archiver_log())
        self.assertIn(sentence, self.found(self.check(), "copies", "blocker"))
        self.use("main")
        self.mark()

    def test_one_place_under_two_names_does_not_count(self):
        self.site.section("repository", "second", {"url": f"file://{self.site.repository}",
                                                   "key-file": self.site.key})
        self.refused("are one and the same")

    def test_one_with_other_keys_does_not_count(self):
        self.site.ctl("repo", "init", "--repo", "second")
        self.refused("is not a copy of 'main'")

    def test_without_a_section_the_archive_ends_only_where_all_were_asked(self):
        self.use_both()
        name = self.mark()
        del self.site.sections[("cluster", "demo")]
        self.site.section("repository", "second", self.site.sections[("repository", "second")])
        target = os.path.join(self.site.folder, "fetched")

        def get(segment):
            return self.site.ctl("archive-get", "demo", segment, target, check=False).returncode

        missing = "00000001000000FF00000001"
        self.assertEqual((get(name), get(missing)), (0, 1))
        for place in (self.site.repository, self.second):
            self.take_away(place)
            self.assertEqual((get(name), get(missing)), (0, 126))
            self.bring_back(place)

    def test_a_damaged_one_that_is_not_needed_is_told_and_does_not_stop_archiving(self):
        self.use_both(**{"wal-required": "any"})
        self.site.write(os.path.join(self.second, "salvor.json"), "{\"format\": 99}\n")
        for mode in ({}, {"archive-async": "yes", "archive-timeout": "20s"}):
            with self.subTest(mode):
                self.use("main second", **mode)
                before = len(self.archiver_log())
                self.mark()
                self.assertIn("repository 'second'", self.archiver_log()[before:])
        self.assertIn("'second' cannot be asked", self.found(self.check(), "copies"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
