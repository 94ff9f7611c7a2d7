"""A backup is proved by restoring it and letting PostgreSQL check it: proof_test.py MAJOR"""

import os
import sys
import unittest

import harness
from harness import SiteTest

MAJOR = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 15


class Proof(SiteTest):

    def setUp(self):
        super().setUp()
        self.server = harness.Server(self.site, "source", MAJOR).initdb()
        self.site.add_repository()
        self.script = os.path.join(self.site.folder, "validation.sql")
        self.site.add_cluster(self.server, validation=self.script)
        self.write_script("SELECT count(*) = 5000 FROM parts;\n")
        self.server.start()
        far = os.path.join(self.site.folder, "far")
        self.site.make_folder(far)
        self.server.sql(f"CREATE TABLESPACE far LOCATION '{far}'")
        self.server.sql("CREATE TABLE parts TABLESPACE far AS "
                        "SELECT g AS n FROM generate_series(1, 5000) g")
        self.server.sql("CREATE FUNCTION key(int) RETURNS int IMMUTABLE LANGUAGE sql "
                        "AS 'SELECT $1'")
        self.server.sql("CREATE INDEX parts_key ON parts (key(n))")
        self.target = os.path.join(self.site.folder, "proof")

    def write_script(self, text):
        self.site.write(self.script, text)

    def backup(self):
        made = self.site.result("backup", "demo")["backup"]
        self.server.sql("CREATE TABLE later()")
        self.archived(self.server)
        return made

    def left(self):
        """The states of the copies that are left."""
        return [instance["state"] for instance in self.site.result("instance", "list")["instances"]]

    def proved_bad(self, backup):
        done = self.site.ctl("--json", "verify", backup, "--restore", self.target, check=False)
        self.assertEqual(done.returncode, 5, done.stdout + done.stderr)
        return done.stdout

    def test_sound_backup_leaves_nothing_behind(self):
        backup = self.backup()

        proof = self.site.result("verify", backup, "--restore", self.target)

        self.assertTrue(proof["sound"])
        self.assertFalse(proof["kept"])
        self.assertEqual([step["name"] for step in proof["steps"]],
                         ["tables and indexes", "validation queries", "page checksums"])
        self.assertEqual(self.left(), [])
        self.assertEqual([name for name in os.listdir(self.site.folder)
                          if name.startswith("proof")], [])

    def assurance(self, backup):
        return self.site.result("show", backup)["assurance"]

    def test_what_was_verified_is_remembered_until_something_is_found(self):
        backup = self.backup()
        self.assertEqual(self.assurance(backup)["level"], "V0")

        self.site.result("verify", "--sample", "10")
        self.assertEqual(self.assurance(backup)["level"], "V1")
        self.site.result("verify", backup)
        self.assertEqual(self.assurance(backup)["name"], "contents")
        self.site.result("verify", backup, "--restore", self.target)
        shown = self.assurance(backup)
        self.assertEqual((shown["level"], shown["damaged"]), ("V4", False))
        self.assertIn("@", shown["by"])
        self.assertIn("validated 20", self.site.ctl("backups", "demo").stdout)

        self.write_script("SELECT count(*) = 5001 FROM parts;\n")
        self.proved_bad(backup)
        shown = self.assurance(backup)
        self.assertEqual((shown["level"], shown["damaged"]), ("V4", True))
        self.assertIn("validation queries", shown["finding"])
        # Reading everything again says nothing of what the queries ask.
        self.site.result("verify", backup)
        self.assertTrue(self.assurance(backup)["damaged"])
        self.assertIn("DAMAGED", self.site.ctl("backups", "demo").stdout)

    def test_only_what_was_not_read_for_long_is_read_again(self):
        first = self.backup()
        self.site.result("verify", "--stale", "7d")
        self.assertEqual(self.site.result("verify", "--stale", "7d")["backupsChecked"], 0)
        second = self.site.result("backup", "demo")["backup"]

        report = self.site.result("verify", "--stale", "7d")

        self.assertEqual(report["backupsChecked"], 1)
        self.assertEqual(self.assurance(second)["level"], "V2")
        self.assertEqual(self.site.result("verify", "--stale", "0s")["backupsChecked"], 2)
        for wrong in ([first, "--stale", "7d"], ["--stale", "soon"],
                      ["--stale", "7d", "--sample", "5"]):
            status, error = self.site.failure("verify", *wrong)
            self.assertEqual(status, 2, error)

    def test_damage_that_keeps_a_proof_from_being_made_is_remembered(self):
        backup = self.backup()
        pack = max((os.path.join(folder, name) for folder, _, names in os.walk(
            os.path.join(self.site.repository, "packs")) for name in names), key=os.path.getsize)
        with open(pack, "r+b") as file:
            file.seek(os.path.getsize(pack) // 2)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))

        self.proved_bad(backup)

        shown = self.assurance(backup)
        self.assertEqual((shown["level"], shown["damaged"]), ("V3", True))
        self.assertIn("frame", shown["finding"])

    def test_outcome_that_cannot_be_noted_is_said(self):
        backup = self.backup()
        self.site.write(os.path.join(self.site.repository, "verified"), "no folder")

        done = self.site.ctl("verify", backup)

        self.assertIn("could not be noted", done.stderr)
        self.assertEqual(self.assurance(backup)["level"], "V0")

    def test_copy_can_be_kept_and_stand_at_the_latest_commit(self):
        proof = self.site.result("verify", self.backup(), "--restore", self.target, "--keep",
                                 "--latest")

        self.assertTrue(proof["kept"])
        self.assertIsNotNone(proof["lastCommitAt"])
        self.assertEqual(self.left(), ["stopped"])

    def test_index_that_does_not_fit_its_table_is_found(self):
        self.server.sql("CREATE OR REPLACE FUNCTION key(int) RETURNS int IMMUTABLE LANGUAGE sql "
                        "AS 'SELECT $1 + 7'")

        said = self.proved_bad(self.backup())

        self.assertIn("parts_key", said)
        self.assertEqual(self.left(), ["stopped"])

    def test_damaged_page_is_found(self):
        path = self.server.sql("SELECT pg_relation_filepath('parts')")
        self.server.stop()
        with open(os.path.join(self.server.data, path), "r+b") as file:
            file.seek(3 * 8192 + 4000)
            file.write(b"damage")
        self.server.start()

        said = self.proved_bad(self.backup())

        self.assertIn("checksum", said)

    def test_validation_that_says_no_is_a_finding_and_one_that_fails_is_one(self):
        backup = self.backup()
        for script, words in (("SELECT 1 = 1;\nSELECT count(*) > 5000 FROM parts;\n",
                               "answered f"),
                              ("SELECT true FROM parts;\nSELECT false;\n", "answered f"),
                              ("SELECT sum(n) > 0 FROM parts WHERE n < 0;\n", "NULL"),
                              ("SELECT * FROM missing;\n", "missing")):
            with self.subTest(script=script):
                self.write_script(script)
                self.assertIn(words, self.proved_bad(backup))
                for instance in self.site.result("instance", "list")["instances"]:
                    self.site.ctl("instance", "remove", instance["name"])

    def test_nothing_is_restored_when_the_script_cannot_be_read_or_the_place_is_taken(self):
        backup = self.backup()
        os.unlink(self.script)
        done = self.site.ctl("verify", backup, "--restore", self.target, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("validation", done.stderr)
        self.assertFalse(os.path.exists(self.target))
        self.write_script("SELECT true;\n")
        self.site.make_folder(self.target)
        self.site.write(os.path.join(self.target, "precious"), "mine")
        done = self.site.ctl("verify", backup, "--restore", self.target, check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(os.listdir(self.target), ["precious"])

    def test_service_of_the_callers_shell_is_not_asked(self):
        """A check that talked to the original would find it sound, whatever the copy is."""
        backup = self.backup()
        self.server.sql("CREATE TABLE only_in_the_original()")
        self.write_script("SELECT to_regclass('only_in_the_original') IS NULL;\n")
        services = os.path.join(self.site.folder, "services")
        self.site.write(services, f"[prod]\nhost={self.server.socket}\nport={self.server.port}\n"
                                  "user=postgres\ndbname=postgres\n")
        done = self.site.ctl("verify", backup, "--restore", self.target, check=False,
                             env={"PGSERVICEFILE": services, "PGSERVICE": "prod"})

        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.server.sql("SELECT count(*) FROM pg_extension "
                                         "WHERE extname = 'amcheck'"), "0")

    def test_contradicting_options_are_refused(self):
        for arguments in (["--restore", self.target], ["--all", "--restore", self.target],
                          ["x", "--keep"], ["x", "--latest"], ["x", "--restore", "relative"]):
            done = self.site.ctl("verify", *arguments, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
