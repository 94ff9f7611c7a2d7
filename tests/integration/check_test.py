"""Is this cluster protected now? Each thing that is wrong is found: check_test.py MAJOR"""

import glob
import os
import sys
import unittest

import harness
from harness import SiteTest

MAJOR = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 15


class Check(SiteTest):

    def setUp(self):
        super().setUp()
        self.server = harness.Server(self.site, "source", MAJOR).initdb()
        self.site.add_repository()
        self.site.add_cluster(self.server, **{"keep-window": "14d", "keep-last": 2})
        self.server.start()

    def checks(self, status=None):
        done = self.site.ctl("--json", "cluster", "check", "demo", check=False)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return harness.json.loads(done.stdout)["result"]["checks"]

    def said(self, name, level, status=None):
        """What the checks of this name and level found, as one text."""
        found = [each["found"] for each in self.checks(status)
                 if (each["name"], each["level"]) == (name, level)]
        return " ".join(found)

    def backup(self):
        return self.site.result("backup", "demo")["backup"]

    def test_cluster_in_order_is_protected(self):
        backup = self.backup()
        self.site.result("verify", backup)

        checks = self.checks(status=0)

        passed = {each["name"] for each in checks if each["level"] == "passed"}
        self.assertLessEqual({"archive command", "archiver", "backlog", "backup", "connection",
                              "identity", "key", "privileges", "repository", "segment", "verified",
                              "WAL"}, passed)
        self.assertEqual([each for each in checks if each["level"] in ("warning", "blocker")], [])
        self.assertIn("One key only", self.said("key", "note"))
        # Two weeks are promised, and the first backup is of today.
        self.assertIn("oldest backup", self.said("retention", "note"))

    def test_without_a_backup_it_is_not(self):
        self.assertIn("no backup", self.said("backup", "blocker", status=3))

    def granted(self):
        """The statements of docs/operations.md, those for this major."""
        path = os.path.join(os.path.dirname(__file__), "../../docs/operations.md")
        with open(path, encoding="utf-8") as file:
            block = file.read().split("```sql\n")[1].split("```")[0]
        for part in block.split(";"):
            if ("15 and later" in part and MAJOR < 15) or ("13 and 14" in part and MAJOR > 14):
                continue
            if part.strip():
                yield part

    def test_role_with_the_rights_of_the_manual_is_enough(self):
        for statement in self.granted():
            self.server.sql(statement)
        cluster = self.site.sections[("cluster", "demo")]
        self.site.section("cluster", "demo", {
            **cluster, "connection": cluster["connection"].replace("user=postgres", "user=salvor")})

        backup = self.backup()
        self.site.result("backup", "demo", "--mode", "stream")
        self.site.result("verify", backup)

        checks = self.checks(status=0)
        self.assertIn("Role 'salvor'", self.said("privileges", "passed"))
        self.assertEqual([each for each in checks if each["level"] in ("warning", "blocker")], [])
        self.assertIn("Waiting to be archived", self.said("backlog", "passed"))
        self.server.sql("REVOKE pg_monitor FROM salvor")
        self.assertIn("may not see which segments wait", self.said("backlog", "note", status=0))

    def test_missing_segment_is_said(self):
        self.backup()
        for _ in range(3):
            self.server.sql("CREATE TABLE IF NOT EXISTS t AS SELECT 1")
            self.server.sql("INSERT INTO t VALUES (2)")
            name = self.archived(self.server)
        middle = f"{name[:16]}{int(name[16:], 16) - 1:08X}"
        for path in glob.glob(f"{self.site.repository}/wal/**/{middle}-*", recursive=True):
            os.remove(path)

        self.assertIn("WAL is missing: 1 segment in 1 place.", self.said("WAL", "warning"))

    def test_segments_that_wait_and_do_not_become_fewer_are_said(self):
        self.backup()
        self.server.configure({"archive_command": "false"})
        self.server.sql("SELECT pg_reload_conf()")
        self.server.sql("CREATE TABLE t (n int)")
        for _ in range(12):
            self.server.sql("INSERT INTO t VALUES (1)")
            self.server.sql("SELECT pg_switch_wal()")

        self.assertIn("do not become fewer", self.said("backlog", "blocker", status=3))

    def test_damage_that_a_verification_found_is_said(self):
        backup = self.backup()
        pack = max(glob.glob(f"{self.site.repository}/packs/**", recursive=True),
                   key=lambda path: os.path.getsize(path) if os.path.isfile(path) else 0)
        os.truncate(pack, os.path.getsize(pack) - 1)
        self.site.ctl("verify", backup, check=False)

        self.assertIn("was found damaged", self.said("verified", "blocker", status=3))

    def test_what_was_retired_against_the_rules_is_said(self):
        first = self.backup()
        self.backup()
        self.site.ctl("retire", first, "--reason", "by mistake")

        said = self.said("retention", "warning")

        self.assertIn(f"Backup '{first}' was retired", said)
        self.assertIn("by mistake", said)
        self.assertIn("promise any moment of the last 2w", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
