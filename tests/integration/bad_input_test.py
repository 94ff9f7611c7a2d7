"""What bad input gets: one sentence, the right status, and nothing half-made or touched."""

import os
import shutil
import unittest

import harness
from harness import SiteTest, run


class BadInput(SiteTest):

    def setUp(self):
        super().setUp()
        self.server = harness.Server(self.site, "source", 15).initdb()
        self.site.add_repository()
        self.site.add_cluster(self.server)
        self.server.start()

    def target(self, name="restored"):
        return os.path.join(self.site.folder, name)

    def backed_up(self):
        self.server.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
        self.site.ctl("backup", "demo")
        self.server.sql("INSERT INTO t VALUES (0)")
        self.archived(self.server)

    def fails(self, status, code, *arguments, says=(), **how):
        """The command fails as told; its message and hint are there."""
        found, error = self.site.failure(*arguments, **how)
        self.assertEqual((found, error["code"]), (status, code), error)
        for text in says:
            self.assertIn(text, error["message"] + " " + error["hint"])
        self.assertFalse(error["message"].endswith("."), error)
        return error

    def other_key(self):
        path = os.path.join(self.site.folder, "other-key")
        self.site.write(path, "A" * 43 + "=\n")
        return path

    def test_wrong_key_opens_nothing_and_writes_nothing(self):
        self.site.section("repository", "main", {
            "url": f"file://{self.site.repository}", "key-file": self.other_key()})
        before = sorted(os.walk(self.site.repository))

        self.fails(3, "Denied", "backups", "demo", says=["key"])

        self.assertEqual(sorted(os.walk(self.site.repository)), before)

    def test_key_file_that_others_can_read_is_refused(self):
        os.chmod(self.site.key, 0o644)

        self.fails(3, "Denied", "backups", "demo", says=["key"])

    def test_repository_of_a_newer_format_is_left_alone(self):
        path = os.path.join(self.site.repository, "salvor.json")
        text = open(path, encoding="utf-8").read()
        self.site.write(path, text.replace('"format":1', '"format":2').replace(
            '"format": 1', '"format": 2'))

        self.fails(3, "Incompatible", "backups", "demo", says=["2"])

    def test_place_without_a_repository_is_not_ready(self):
        shutil.rmtree(self.site.repository)

        self.fails(3, "NotReady", "backups", "demo")

    def test_initialising_twice_changes_nothing(self):
        self.fails(3, "AlreadyExists", "repo", "init", "--repo", "main")

    def test_unknown_key_in_the_configuration_names_file_line_and_the_nearest(self):
        self.site.section("cluster", "demo", {"repository": "main", "conection": "x"})

        error = self.fails(2, "InvalidInput", "backups", says=[self.site.config, "connection"])

        self.assertRegex(error["message"] + error["hint"], r":?\s?\d+")

    def test_time_without_an_offset_is_refused(self):
        self.backed_up()

        self.fails(2, "InvalidInput", "restore", "demo", "--to", self.target(), "--time",
                   "2026-11-20 12:00:00", says=["offset"])

    def test_moment_after_the_archive_names_the_last_that_can_be_had(self):
        self.backed_up()

        error = self.fails(3, "NotReady", "restore", "demo", "--to", self.target(), "--time",
                           "2099-01-01T00:00:00Z")

        self.assertTrue(error["nearest"], error)
        self.assertFalse(os.path.exists(self.target()))

    def test_moment_before_the_first_backup_is_refused(self):
        self.backed_up()

        self.fails(3, "NotReady", "restore", "demo", "--to", self.target(), "--time",
                   "2020-01-01T00:00:00Z")

    def test_transaction_that_was_rolled_back_is_refused_with_the_reason(self):
        self.site.ctl("backup", "demo")
        xid = self.server.sql("BEGIN", "CREATE TABLE gone()", "SELECT txid_current()", "ROLLBACK")
        self.server.sql("CREATE TABLE stays()")
        self.archived(self.server)

        self.fails(3, "NotReady", "restore", "demo", "--to", self.target(), "--xid", xid)

    def test_directory_that_is_not_empty_is_not_touched(self):
        self.backed_up()
        self.site.make_folder(self.target())
        self.site.write(os.path.join(self.target(), "precious"), "data")

        self.fails(3, "NotReady", "restore", "demo", "--to", self.target(), "--latest")

        self.assertEqual(os.listdir(self.target()), ["precious"])

    def test_directory_of_a_running_server_is_refused(self):
        self.backed_up()

        self.fails(3, "NotReady", "restore", "demo", "--to", self.server.data, "--latest")

        self.assertEqual(self.server.sql("SELECT count(*) FROM t"), "1001")

    def test_other_clusters_wal_and_backups_are_refused(self):
        self.backed_up()
        self.server.stop()
        other = harness.Server(self.site, "other", 15).initdb()
        self.site.add_cluster(other, archive=False)
        other.start()

        self.fails(3, "NotReady", "backup", "demo", says=["adopt"])
        other.sql("SELECT pg_switch_wal()")
        segment = os.path.join(other.data, "pg_wal", "000000010000000000000001")
        status, _ = self.site.failure("archive-push", "demo", segment)
        self.assertTrue(1 <= status <= 125)

    def test_wal_of_the_same_name_with_other_bytes_is_refused(self):
        self.backed_up()
        name = sorted(entry for entry in os.listdir(os.path.join(self.server.data, "pg_wal"))
                      if len(entry) == 24)[0]
        changed = os.path.join(self.site.folder, name)
        run(["cp", os.path.join(self.server.data, "pg_wal", name), changed])
        with open(changed, "r+b") as file:
            file.seek(4 << 20)
            file.write(b"other bytes")

        status, error = self.site.failure("archive-push", "demo", changed)

        self.assertTrue(1 <= status <= 125)
        self.assertIn(name, error["message"])

    def test_archiving_that_is_off_is_said_before_anything_starts(self):
        self.server.configure({"archive_mode": "off"})
        self.server.stop()
        self.server.start()

        self.fails(3, "NotReady", "backup", "demo", "--mode", "host", says=["archive_mode"])

    def test_role_without_privileges_is_told_the_grant(self):
        self.server.sql("CREATE ROLE weak LOGIN")
        keys = {**self.site.sections[("cluster", "demo")],
                "connection": self.server.conninfo().replace("user=postgres", "user=weak")}
        self.site.section("cluster", "demo", keys)

        self.fails(3, "Denied", "backup", "demo", "--mode", "host", says=["GRANT"])

    def test_server_that_does_not_answer_is_unavailable(self):
        self.server.stop()

        self.fails(1, "Unavailable", "backup", "demo")

    def test_cluster_name_with_a_typing_error_offers_the_nearest(self):
        self.fails(2, "InvalidInput", "backup", "dmeo", says=["demo"])

    def test_option_with_a_typing_error_offers_the_nearest(self):
        done = self.site.ctl("restore", "demo", "--too", "x", check=False)

        self.assertEqual(done.returncode, 2)
        self.assertIn("--to", done.stderr)

    def test_unreadable_file_in_the_data_directory_is_named(self):
        path = os.path.join(self.server.data, "PG_VERSION")
        os.chmod(path, 0o000)
        self.addCleanup(os.chmod, path, 0o600)

        self.fails(3, "Denied", "backup", "demo", "--mode", "host", says=["PG_VERSION"])

        os.chmod(path, 0o600)
        self.assertEqual(self.site.result("backups", "demo")["backups"], [])

    def test_tablespace_made_after_the_backup_would_be_replayed_into_the_original(self):
        self.backed_up()
        place = os.path.join(self.site.folder, "space")
        self.site.make_folder(place)
        self.server.sql(f"CREATE TABLESPACE space LOCATION '{place}'")
        self.server.sql("CREATE TABLE in_space TABLESPACE space AS SELECT 1 AS n")
        self.archived(self.server)

        self.fails(3, "NotReady", "restore", "demo", "--to", self.target(), "--latest", "--start",
                   says=["tablespace", place])

        self.assertFalse(os.path.exists(self.target()))
        self.assertEqual(self.server.sql("SELECT n FROM in_space"), "1")

    def test_restored_configuration_that_names_the_original_never_starts_it(self):
        self.server.configure({"data_directory": self.server.data})
        self.backed_up()
        self.server.stop()

        answer = self.site.result("restore", "demo", "--to", self.target(), "--latest", "--start")

        self.assertEqual(answer["state"], "answered")
        self.assertFalse(os.path.exists(os.path.join(self.server.data, "postmaster.pid")))
        ask = harness.open_copy(self.site, answer["instance"])
        self.assertEqual(ask(self.server, "SHOW data_directory"), self.target())


if __name__ == "__main__":
    unittest.main(verbosity=2)
