"""Damage in the repository: verify names what is hit, and a restore refuses before it writes."""

import glob
import os
import unittest

import harness
from harness import SiteTest


class Damage(SiteTest):

    def setUp(self):
        super().setUp()
        self.server = harness.Server(self.site, "source", 15).initdb()
        self.site.add_repository()
        self.site.add_cluster(self.server)
        self.server.start()
        self.server.sql("CREATE TABLE big AS SELECT g AS n, md5(g::text) AS t "
                        "FROM generate_series(1, 200000) g")
        self.backup = self.site.result("backup", "demo")["backup"]
        self.server.sql("INSERT INTO big VALUES (0, 'x')")
        self.archived(self.server)
        self.target = os.path.join(self.site.folder, "restored")

    def objects(self, kind):
        found = [path for path in glob.glob(f"{self.site.repository}/{kind}/**", recursive=True)
                 if os.path.isfile(path)]
        self.assertTrue(found, kind)
        return sorted(found, key=os.path.getsize, reverse=True)

    def flip(self, path, at):
        size = os.path.getsize(path)
        with open(path, "r+b") as file:
            file.seek(at % size)
            byte = file.read(1)[0]
            file.seek(at % size)
            file.write(bytes([byte ^ 0x10]))

    def damage_is_found(self):
        done = self.site.ctl("--json", "verify", "--all", check=False)
        self.assertEqual(done.returncode, 5, done.stdout + done.stderr)
        return done.stdout

    def restore_is_refused(self):
        done = self.site.ctl("--json", "restore", "demo", "--to", self.target, "--latest",
                             check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertFalse(os.path.exists(os.path.join(self.target, "global", "pg_control")))
        return done

    def test_whole_repository_verifies_clean(self):
        report = self.site.result("verify", "--all")

        self.assertEqual(report["findings"], [])
        self.assertEqual(report["backupsChecked"], 1)

    def test_flipped_bit_in_any_kind_of_object_is_found(self):
        for kind in ("packs", "index", "backups", "wal", "clusters"):
            path = self.objects(kind)[0]
            for at in (9, os.path.getsize(path) // 2, os.path.getsize(path) - 3):
                with self.subTest(kind=kind, at=at):
                    self.flip(path, at)
                    done = self.site.ctl("--json", "verify", "--all", check=False)
                    self.flip(path, at)
                    self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.site.result("verify", "--all")["findings"], [])

    def test_flipped_bit_in_a_pack_names_backup_and_file(self):
        pack = self.objects("packs")[0]
        self.flip(pack, os.path.getsize(pack) // 2)

        report = self.damage_is_found()

        self.assertIn(self.backup, report)
        self.assertIn("base/", report)

    def test_missing_pack_is_found_and_a_restore_writes_nothing(self):
        os.remove(self.objects("packs")[0])

        self.assertIn(self.backup, self.damage_is_found())
        self.restore_is_refused()
        self.assertFalse(os.path.exists(self.target))

    def test_truncated_pack_is_found_and_a_restore_writes_nothing(self):
        pack = self.objects("packs")[0]
        os.truncate(pack, os.path.getsize(pack) // 2)

        self.assertIn(self.backup, self.damage_is_found())
        self.restore_is_refused()
        self.assertFalse(os.path.exists(self.target))

    def test_repository_that_cannot_be_opened_does_not_hide_damage_in_another(self):
        main = self.site.sections.pop(("repository", "main"))
        self.site.section("repository", "away", {
            "url": f"file://{self.site.folder}/away", "encryption": "none"})
        self.site.section("repository", "main", main)

        status, error = self.site.failure("verify", "--all")
        self.assertNotEqual(status, 5, error)
        self.assertEqual(error["message"].count("repository 'away'"), 1, error)
        pack = self.objects("packs")[0]
        self.flip(pack, os.path.getsize(pack) // 2)

        report = self.damage_is_found()
        self.assertIn(self.backup, report)
        self.assertIn("away", report)

    def test_missing_segment_is_a_gap_and_latest_does_not_cross_it(self):
        ranges = self.site.result("wal", "ranges", "demo")
        self.assertEqual(ranges["gaps"], [])
        for _ in range(3):
            self.server.sql("INSERT INTO big VALUES (1, 'y')")
            name = self.archived(self.server)
        found = [path for path in self.objects("wal") if name in path]
        middle = f"{int(name[16:], 16) - 1:08X}"
        path = next(p for p in self.objects("wal") if name[:16] + middle in p)
        os.remove(path)

        self.assertTrue(found)
        self.assertEqual(len(self.site.result("wal", "ranges", "demo")["gaps"]), 1)
        answer = self.site.result("restore", "demo", "--to", self.target, "--latest", "--start")
        ask = harness.open_copy(self.site, answer["instance"])
        self.assertIn(ask(self.server, "SELECT count(*) FROM big WHERE n = 1"), ("1", "2"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
