"""Data directories that hold what nobody thinks of, and very much of it.

    odd_files_test.py MAJOR
"""

import os
import sys
import unittest

import harness
from harness import SiteTest, open_copy, run

MAJOR = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 17


class WithServer(SiteTest):

    def setUp(self):
        super().setUp()
        self.server = harness.Server(self.site, "source", MAJOR).initdb()
        self.site.add_repository()
        self.site.add_cluster(self.server)

    def restored(self):
        return os.path.join(self.site.folder, "restored")

    def answer_of_copy(self, question):
        answer = self.site.result("restore", "demo", "--to", self.restored(), "--immediate",
                                  "--start")
        return open_copy(self.site, answer["instance"])(self.server, question)


class OddFiles(WithServer):

    def test_name_that_is_no_utf8_comes_back_byte_for_byte(self):
        self.server.start()
        for mode in ("host", "stream"):
            with self.subTest(mode=mode):
                name = b"caf\xe9 \xff\n'" + mode.encode()
                path = os.path.join(self.server.data.encode(), name)
                run(["cp", os.path.join(self.server.data, "PG_VERSION"), os.fsdecode(path)])
                backup = self.site.result("backup", "demo", "--mode", mode)["backup"]
                target = self.restored() + mode
                self.site.ctl("restore", "demo", "--to", target, "--backup", backup, "--immediate")

                with open(os.path.join(target.encode(), name), "rb") as file:
                    self.assertEqual(file.read(), f"{MAJOR}\n".encode())
                run([self.server.program("pg_verifybackup"), "-n", target])

    def test_links_out_of_the_directory_are_not_followed_and_that_is_said(self):
        secret = os.path.join(self.site.folder, "secret")
        self.site.write(secret, "not of this cluster\n")
        run(["ln", "-s", secret, os.path.join(self.server.data, "a-file")])
        run(["ln", "-s", "/etc", os.path.join(self.server.data, "a-folder")])
        run(["mkfifo", os.path.join(self.server.data, "a-pipe")])
        self.server.start()

        said = self.site.ctl("backup", "demo").stderr
        self.site.ctl("restore", "demo", "--to", self.restored(), "--immediate")

        self.assertIn("a-file", said)
        self.assertIn("a-folder", said)
        self.assertIn("a-pipe", said)
        for name in ("a-file", "a-folder", "a-pipe"):
            self.assertFalse(os.path.lexists(os.path.join(self.restored(), name)), name)
        run([self.server.program("pg_verifybackup"), "-n", self.restored()])

    def test_link_where_tables_lie_is_refused_since_they_would_be_missing(self):
        self.server.start()
        run(["ln", "-s", "/etc", os.path.join(self.server.data, "base", "a-folder")])

        status, error = self.site.failure("backup", "demo")

        self.assertEqual(status, 3)
        self.assertIn("base/a-folder", error["message"])
        self.assertEqual(self.site.result("backups", "demo")["backups"], [])

    def test_place_of_wal_that_is_a_link_is_backed_up_as_a_directory(self):
        wal = os.path.join(self.site.folder, "wal")
        run(["mv", os.path.join(self.server.data, "pg_wal"), wal])
        run(["ln", "-s", wal, os.path.join(self.server.data, "pg_wal")])
        self.server.start()
        self.server.sql("CREATE TABLE t AS SELECT 1 AS n")

        self.site.ctl("backup", "demo")

        self.assertEqual(self.answer_of_copy("SELECT n FROM t"), "1")
        self.assertFalse(os.path.islink(os.path.join(self.restored(), "pg_wal")))


class ManyAndLarge(WithServer):

    def test_sparse_relation_of_60_gb_stays_sparse(self):
        self.server.start()
        self.server.sql("CREATE TABLE huge AS SELECT 1 AS n")
        path = os.path.join(self.server.data,
                            self.server.sql("SELECT pg_relation_filepath('huge')"))
        self.server.stop()
        for number in range(60):
            run(["truncate", "-s", "1G", path + (f".{number}" if number else "")])
        self.server.start()

        self.site.ctl("backup", "demo")

        self.assertEqual(self.answer_of_copy(
            "SELECT n || ' ' || pg_relation_size('huge') FROM huge WHERE ctid = '(0,1)'"),
            f"1 {60 << 30}")
        for folder in (self.site.repository, self.restored()):
            used = run(["du", "-s", "--block-size=1M", folder]).stdout.split()[0]
            self.assertLess(int(used), 500)

    def test_cluster_of_100_000_tables_comes_back_whole(self):
        self.server.start()
        for first in range(0, 100000, 5000):
            self.server.sql(f"DO $$ BEGIN FOR i IN {first}..{first + 4999} LOOP EXECUTE "
                            "'CREATE TABLE t' || i || ' AS SELECT ' || i || ' AS n'; END LOOP; "
                            "END $$")

        self.site.ctl("backup", "demo")

        self.assertEqual(self.answer_of_copy(
            "SELECT count(*) || ' ' || (SELECT n FROM t77777) FROM pg_class "
            "WHERE relname ~ '^t[0-9]+$'"), "100000 77777")


if __name__ == "__main__":
    unittest.main(verbosity=2)
