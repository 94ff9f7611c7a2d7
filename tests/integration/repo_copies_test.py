"""Several repositories for one cluster: repo_copies_test.py MAJOR

With SALVOR_S3_ENV set, the second one is a bucket of the gateway that it describes.
"""

import os
import random
import shutil
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


def contents(folder, *without):
    found = {}
    for path in files_below(folder):
        name = os.path.relpath(path, folder)
        if not name.startswith(without):
            with open(path, "rb") as file:
                found[name] = file.read()
    return found


class RepoCopies(SiteTest):

    def setUp(self):
        super().setUp()
        self.server = harness.Server(self.site, "source", MAJOR).initdb()
        self.site.add_repository()
        self.second = self.site.repository + "-second"
        self.bucket = None if IN_FOLDER else harness.Bucket(self.site)
        place = self.bucket.keys() if self.bucket else {"url": f"file://{self.second}"}
        self.site.add_repository("second", init=False,
                                 **{**place, "key-file": self.site.key + "-second"})
        self.site.add_cluster(self.server)
        self.server.start()
        self.server.sql("CREATE TABLE marks (n int PRIMARY KEY)",
                        "CREATE TABLE filler AS SELECT n, random()::text AS t "
                        "FROM generate_series(1, 200000) n")
        self.marks = 0

    def make_second(self):
        self.site.ctl("repo", "init", "--repo", "second", "--copy-of", "main")

    def backup(self):
        return self.site.result("backup", "demo")["backup"]

    def mark(self):
        self.marks += 1
        self.server.sql(f"INSERT INTO marks VALUES ({self.marks})",
                        "UPDATE filler SET t = random()::text WHERE n % 3 = 0")
        self.archived(self.server)

    def copy(self, *options):
        return self.site.result("repo", "copy", "main", "second", *options)

    def restored_marks(self, *target, env=None):
        name = f"r{len(os.listdir(self.site.folder))}"
        answer = self.site.result("restore", "demo", "--to",
                                  os.path.join(self.site.folder, name), *target, "--start",
                                  env=env)
        ask = open_copy(self.site, answer["instance"])
        marks = ask(self.server, "SELECT string_agg(n::text, ',' ORDER BY n) FROM marks")
        self.site.ctl("instance", "stop", answer["instance"])
        return marks

    def verify_all(self):
        return self.site.result("verify")["findings"]

    def test_a_copy_is_enough_to_restore_after_the_first_is_lost(self):
        ids = [self.backup()]
        self.mark()
        ids.append(self.backup())
        self.mark()
        self.make_second()
        before = contents(self.site.repository, "leases/")

        told = self.copy("--dry-run")
        done = self.copy()

        self.assertEqual(contents(self.site.repository, "leases/"), before)
        self.assertEqual(done["backups"], ids[::-1])
        self.assertEqual((told["objects"], told["bytes"] > 0), (done["objects"], True))
        self.assertEqual(self.copy()["objects"], 0)
        self.assertEqual(self.verify_all(), [])
        self.mark()
        again = self.copy()
        self.assertEqual(again["backups"], [])
        self.assertGreater(again["walObjects"], 0)

        self.server.stop()
        os.rename(self.site.repository, self.site.repository + ".lost")
        keys = dict(self.site.sections[("cluster", "demo")], repository="second")
        self.site.section("cluster", "demo", keys)
        self.assertEqual(self.restored_marks(), "1,2,3")

    @unittest.skipUnless(IN_FOLDER, "the times of objects are the store's")
    def test_killed_copies_leave_whole_backups_only_and_the_next_one_finishes(self):
        random.seed(20261121)
        self.make_second()
        for _ in range(3):
            self.backup()
            self.mark()
        kills = 0
        while True:
            enough = len(files_below(self.second)) + random.randint(2, 9)
            process = self.site.ctl_popen("repo", "copy", "main", "second")
            while process.poll() is None and len(files_below(self.second)) < enough:
                time.sleep(0.001)
            if process.poll() == 0:
                break
            kill_group(process)
            process.communicate()
            kills += 1
            self.assertEqual(self.verify_all(), [])
        process.communicate()
        self.assertGreater(kills, 3)
        done = self.copy()
        self.assertEqual(done["findings"], [])
        self.assertEqual(self.verify_all(), [])
        self.assertEqual(len(os.listdir(os.path.join(self.second, "backups", "demo"))), 3)
        self.assertEqual(self.copy()["objects"], 0)

    @unittest.skipUnless(IN_FOLDER, "damages files")
    def test_what_is_damaged_is_reported_and_the_rest_is_copied(self):
        first = self.backup()
        packs = set(files_below(os.path.join(self.site.repository, "packs")))
        self.mark()
        second = self.backup()
        new = sorted(set(files_below(os.path.join(self.site.repository, "packs"))) - packs)
        with open(new[0], "r+b") as file:
            file.seek(os.path.getsize(new[0]) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        self.make_second()

        done = self.site.ctl("--json", "repo", "copy", "main", "second", check=False)

        self.assertEqual(done.returncode, 5, done.stdout)
        answer = harness.json.loads(done.stdout)
        result = answer["result"]
        self.assertEqual(result["backups"], [first])
        self.assertEqual(result["incomplete"], [second])
        self.assertIn(os.path.basename(new[0]), str(result["findings"]))
        keys = dict(self.site.sections[("cluster", "demo")], repository="second")
        self.site.section("cluster", "demo", keys)
        self.assertEqual(self.site.result("backups", "demo")["backups"][0]["id"], first)
        self.assertEqual(self.restored_marks("--immediate"), "")

    def test_only_a_copy_is_copied_into(self):
        self.backup()
        self.site.ctl("repo", "init", "--repo", "second")

        status, error = self.site.failure("repo", "copy", "main", "second")

        self.assertEqual(status, 2)
        self.assertIn("is not a copy", error["message"])
        self.assertEqual(self.site.failure("repo", "copy", "main", "main")[0], 2)
        self.assertEqual(self.site.failure("repo", "init", "--repo", "second",
                                           "--copy-of", "main")[0], 3)
        self.assertEqual(self.site.failure("repo", "init", "--repo", "second",
                                           "--copy-of", "nobody")[0], 2)

    def test_copies_beside_backups_and_prunes_of_either_lose_nothing(self):
        keys = dict(self.site.sections[("cluster", "demo")], **{"keep-last": "2"})
        self.site.section("cluster", "demo", keys)
        self.make_second()
        self.backup()
        for _ in range(4):
            running = [self.site.ctl_popen("repo", "copy", "main", "second") for _ in range(2)]
            running.append(self.site.ctl_popen("backup", "demo"))
            running.append(self.site.ctl_popen("prune", "demo", "--grace", "0s"))
            for process in running:
                output = process.communicate(timeout=300)
                self.assertEqual(process.returncode, 0, output)
            self.mark()
        self.copy()
        self.assertEqual(self.verify_all(), [])
        self.assertEqual(self.restored_marks(), "1,2,3,4")

    def use_both(self, **keys):
        self.make_second()
        self.site.section("cluster", "demo", {
            **self.site.sections[("cluster", "demo")], "repository": "main second", **keys})

    def use(self, names):
        self.site.section("cluster", "demo", {
            **self.site.sections[("cluster", "demo")], "repository": names})

    def archived_names(self, repository):
        return sorted(os.path.basename(path) for path in
                      files_below(os.path.join(repository, "wal")))

    def damage(self, path):
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))

    @unittest.skipUnless(IN_FOLDER, "looks into the folder")
    def test_wal_goes_to_all_and_counts_when_as_many_have_it_as_are_required(self):
        for mode in ({}, {"archive-async": "yes"}):
            with self.subTest(mode):
                if not mode:
                    self.use_both()
                    self.copy()
                else:
                    self.site.section("cluster", "demo", {
                        **self.site.sections[("cluster", "demo")], **mode, "wal-required": "all"})
                self.mark()
                self.assertEqual(self.archived_names(self.second),
                                 self.archived_names(self.site.repository))
                os.rename(self.second, self.second + ".away")
                failed = self.server.sql("SELECT failed_count FROM pg_stat_archiver")
                self.server.sql("INSERT INTO marks VALUES (-1)", "SELECT pg_switch_wal()")
                harness.wait_for("a failure", lambda: self.server.sql(
                    "SELECT failed_count FROM pg_stat_archiver") != failed)
                self.site.section("cluster", "demo", {
                    **self.site.sections[("cluster", "demo")], **mode, "wal-required": "any"})
                self.mark()
                self.assertFalse(os.path.exists(os.path.join(self.second, "wal")))
                self.assertIn("is not in repository 'second' yet", self.archiver_log())
                self.server.sql("DELETE FROM marks WHERE n < 0")
                shutil.rmtree(self.second, ignore_errors=True)
                os.rename(self.second + ".away", self.second)
                self.assertGreater(self.copy()["walObjects"], 0)
                self.assertEqual(self.archived_names(self.second),
                                 self.archived_names(self.site.repository))

    def archiver_log(self):
        logs = [os.path.join(self.server.socket, "log")]
        logs += [path for path in files_below(self.site.state) if path.endswith(".log")]
        text = ""
        for path in logs:
            with open(path, encoding="utf-8", errors="replace") as file:
                text += file.read()
        return text

    @unittest.skipUnless(IN_FOLDER, "takes folders away")
    def test_archive_get_says_no_only_when_every_repository_did(self):
        self.use_both()
        self.mark()
        name = self.server.sql("SELECT last_archived_wal FROM pg_stat_archiver")
        target = os.path.join(self.site.folder, "fetched")

        def get(segment):
            return self.site.ctl("archive-get", "demo", segment, target, check=False)

        first, second = ([path for path in files_below(os.path.join(place, "wal"))
                          if os.path.basename(path).startswith(name)][0]
                         for place in (self.site.repository, self.second))
        missing = "00000001000000FF00000001"
        self.assertEqual((get(name).returncode, get(missing).returncode), (0, 1))
        self.damage(first)
        answer = get(name)
        self.assertEqual(answer.returncode, 0)
        self.assertIn("comes from repository 'second'", answer.stderr)
        os.unlink(first)
        self.assertEqual(get(name).returncode, 0)
        os.rename(self.second, self.second + ".away")
        self.assertEqual((get(name).returncode, get(missing).returncode), (126, 126))
        os.rename(self.second + ".away", self.second)
        os.rename(self.site.repository, self.site.repository + ".away")
        self.assertEqual((get(name).returncode, get(missing).returncode), (0, 126))
        os.rename(self.site.repository + ".away", self.site.repository)
        self.damage(second)
        self.assertEqual(get(name).returncode, 126)
        os.unlink(second)
        self.assertEqual(get(name).returncode, 1)

    @unittest.skipUnless(IN_FOLDER, "takes folders away")
    def test_a_restore_goes_on_from_the_next_when_the_first_goes_away(self):
        self.use_both()
        self.server.sql("CREATE TABLE large AS SELECT n, md5(n::text) || md5((n + 1)::text) AS t "
                        "FROM generate_series(1, 2000000) n")
        backup = self.backup()
        self.mark()
        self.copy()
        for number in range(10):
            target = os.path.join(self.site.folder, f"away-{number}")
            process = self.site.ctl_popen("--json", "restore", "demo", "--to", target)
            base = os.path.join(target, "base")
            while process.poll() is None and len(files_below(base)) < 20:
                time.sleep(0.001)
            os.rename(self.site.repository, self.site.repository + ".away")
            output, errors = process.communicate(timeout=300)
            self.assertEqual(process.returncode, 0, output + errors)
            result = harness.json.loads(output)["result"]
            harness.run([self.server.program("pg_verifybackup"), "-n", target])
            os.rename(self.site.repository + ".away", self.site.repository)
            if result["repositories"] == ["main", "second"]:
                break
        self.assertEqual(result["repositories"], ["main", "second"])
        self.assertIn("went away", errors)

        os.rename(self.site.repository, self.site.repository + ".away")
        target = os.path.join(self.site.folder, "from-second")
        self.assertEqual(self.site.result("restore", "demo", "--to", target)["repositories"],
                         ["second"])
        self.use("second")
        self.assertEqual(self.restored_marks(), "1")
        self.use("main second")
        os.rename(self.site.repository + ".away", self.site.repository)
        for pack in files_below(os.path.join(self.site.repository, "packs"))[::2]:
            self.damage(pack)
        target = os.path.join(self.site.folder, "damaged")
        answer = self.site.result("restore", "demo", "--to", target, "--backup", backup, "--start")
        self.assertIn("second", answer["repositories"])
        sql = open_copy(self.site, answer["instance"])
        self.assertEqual(sql(self.server, "SELECT count(*), max(n) FROM large"),
                         "2000000|2000000")

    @unittest.skipUnless(IN_FOLDER, "takes files and folders away")
    def test_what_the_copy_lost_comes_back_and_a_source_that_is_away_is_no_empty_one(self):
        backup = self.backup()
        self.mark()
        self.make_second()
        self.copy()
        lost = files_below(os.path.join(self.second, "packs"))[0]
        os.unlink(lost)

        told = self.copy("--dry-run")
        done = self.copy()

        self.assertEqual((told["mended"], told["packs"]), ([backup], 1))
        self.assertEqual((done["mended"], done["packs"]), ([backup], 1))
        self.assertEqual(self.verify_all(), [])
        name = os.path.relpath(lost, self.second)
        os.unlink(lost)
        os.unlink(os.path.join(self.site.repository, name))
        status, error = self.site.failure("repo", "copy", "main", "second")
        self.assertEqual(status, 5)
        self.assertIn(f"listed there and not whole: backup '{backup}'", error["message"])
        os.rename(self.site.repository, self.site.repository + ".away")
        self.site.make_folder(self.site.repository)
        self.assertEqual(self.site.failure("repo", "copy", "main", "second")[0], 3)

    def said_of_copies(self, *arguments):
        """By a check of the cluster, whatever its status, while no segment is on its way."""
        self.mark()
        done = self.site.ctl("--json", "cluster", "check", "demo", *arguments, check=False)
        checks = harness.json.loads(done.stdout)["result"]["checks"]
        return "\n".join(f"{each['level']}: {each['found']} {each['fix']}" for each in checks
                         if each["name"] == "copy")

    def test_the_check_of_the_cluster_says_how_far_a_copy_lags(self):
        self.use_both()
        backup = self.backup()
        said = self.said_of_copies()
        self.assertIn("'second' lacks 1 backup", said)
        self.assertIn("salvorctl repo copy main second", said)
        self.copy()
        self.assertIn(f"passed: 'second' is a copy; its newest backup is '{backup}'",
                      self.said_of_copies())
        self.assertIn("passed: 'second' is a copy", self.said_of_copies("--repository", "second"))

    def test_commands_act_on_the_repository_that_is_named_and_by_its_rules(self):
        self.use_both(**{"keep-last": "5"})
        ids = []
        for _ in range(3):
            ids.append(self.backup())
            self.mark()
        self.copy()
        self.site.section("repository", "second", {
            **self.site.sections[("repository", "second")], "keep-last": "1"})

        def listed(name):
            return [each["id"] for each in
                    self.site.result("backups", "demo", "--repository", name)["backups"]]

        held = self.site.result("hold", ids[0], "--reason", "a test")
        self.assertEqual(held["repositories"], ["main", "second"])
        self.assertEqual(self.site.result("unhold", ids[0])["repositories"], ["main", "second"])
        status, error = self.site.failure("retire", ids[0], "--reason", "a test")
        self.assertEqual(status, 2)
        self.assertIn("--repository main", error["hint"])

        self.site.result("verify", ids[2], "--repository", "second")
        levels = [self.site.result("show", ids[2], "--repository", name)["assurance"]["name"]
                  for name in ("main", "second")]
        self.assertNotEqual(levels[0], levels[1])
        shown = {each["id"]: each for each in self.site.result("backups")["backups"]}
        self.assertEqual(shown[ids[2]]["repository"], "main")
        self.assertEqual(shown[ids[2]]["assurance"]["name"], levels[0])

        pruned = self.site.result("prune", "demo", "--grace", "0s")
        self.assertEqual((pruned["repository"], pruned["rulesOf"]), ("main", "cluster"))
        self.assertEqual(pruned["retiredNow"], [])
        pruned = self.site.result("prune", "demo", "--grace", "0s", "--repository", "second")
        self.assertEqual((pruned["repository"], pruned["rulesOf"]), ("second", "repository"))
        self.assertEqual(pruned["retiredNow"], ids[:2])
        self.assertEqual((listed("main"), listed("second")), (ids, ids[2:]))
        time.sleep(1.1)
        self.site.result("prune", "demo", "--grace", "0s", "--repository", "second")
        left = self.copy()
        self.assertEqual(left["backups"], [])
        self.assertEqual([each["backup"] for each in left["leftOut"]], ids[:2])
        self.assertGreater(left["walLeftOut"][0]["files"], 0)

        own = self.site.result("backup", "demo", "--repository", "second")
        self.assertEqual(own["repository"], "second")
        self.assertEqual((listed("main"), listed("second")), (ids, [ids[2], own["backup"]]))
        self.mark()
        back = self.site.result("repo", "copy", "second", "main")
        self.assertEqual(back["backups"], [own["backup"]])
        self.assertEqual(self.verify_all(), [])
        self.use("second")
        self.assertEqual(self.restored_marks(), "1,2,3,4")
        self.assertEqual(self.site.failure("backup", "demo", "--repository", "main")[0], 2)

    def test_a_proof_is_noted_in_the_repository_that_it_read(self):
        self.use_both()
        backup = self.backup()
        self.copy()
        self.use("second main")
        self.site.result("verify", backup, "--restore",
                         os.path.join(self.site.folder, "proof"))
        levels = [self.site.result("show", backup, "--repository", name)["assurance"]["level"]
                  for name in ("main", "second")]
        self.assertEqual(levels[0], "V0")
        self.assertNotEqual(levels[1], "V0")

    @unittest.skipUnless(IN_FOLDER, "damages files")
    def test_a_proof_that_needed_two_repositories_is_noted_in_neither(self):
        self.use_both()
        backup = self.backup()
        self.copy()
        self.damage(max(files_below(os.path.join(self.site.repository, "packs")),
                        key=os.path.getsize))
        done = self.site.ctl("verify", backup, "--restore",
                             os.path.join(self.site.folder, "proof"))
        self.assertIn("nothing is noted there", done.stderr)
        levels = {self.site.result("show", backup, "--repository", name)["assurance"]["level"]
                  for name in ("main", "second")}
        self.assertEqual(levels, {"V0"})
        self.assertEqual(self.site.failure("verify", backup, "--restore", "/nowhere",
                                           "--repository", "second")[0], 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
