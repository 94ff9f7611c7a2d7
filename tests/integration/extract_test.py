"""Single tables out of a backup, as they were before they were lost: extract_test.py MAJOR"""

import os
import sys
import unittest

import harness
from harness import SiteTest, run

MAJOR = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 15

ODD = """
CREATE SCHEMA "Sales";
CREATE TYPE "Sales".state AS ENUM ('new', 'sent');
CREATE TABLE "Sales"."Odd "" Orders" (
    id bigint PRIMARY KEY, "the state" "Sales".state NOT NULL, price numeric(12, 3), at timestamptz,
    raw bytea, words text[], big text, twice bigint GENERATED ALWAYS AS (id * 2) STORED,
    gone int, ratio double precision, span interval);
ALTER TABLE "Sales"."Odd "" Orders" DROP COLUMN gone;
INSERT INTO "Sales"."Odd "" Orders" (id, "the state", price, at, raw, words, big, ratio, span)
    SELECT g, CASE WHEN g % 2 = 0 THEN 'new' ELSE 'sent' END::"Sales".state,
        CASE WHEN g % 7 > 0 THEN g / 3.0 END, timestamptz '2026-03-29 00:30:00+00' + g * interval '1 h', decode(md5(g::text), 'hex'),
        ARRAY['a,b', NULL, E'new\nline', '"' || g],
        CASE WHEN g % 50 = 0 THEN repeat(md5(g::text), 1000) ELSE E'tab\t\\\\ and ü' END,
        1.0 / g, g * interval '1 day 2 hours'
    FROM generate_series(1, 5000) g;
CREATE TABLE days (day date, n int, PRIMARY KEY (day, n)) PARTITION BY RANGE (day);
CREATE TABLE days_a PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE days_b PARTITION OF days FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
INSERT INTO days SELECT date '2026-01-01' + g % 365, g FROM generate_series(1, 2000) g;
CREATE VIEW glance AS SELECT * FROM days;
CREATE MATERIALIZED VIEW sums AS SELECT day, count(*) AS n FROM days GROUP BY day;
CREATE UNLOGGED TABLE passing (n int);
CREATE SCHEMA "a.b"; CREATE TABLE "a.b".c (n int); CREATE SCHEMA a; CREATE TABLE a."b.c" (n int);
CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1), (2);
CREATE TABLE many (n int) PARTITION BY LIST (n);
DO $$BEGIN FOR i IN 1..500 LOOP
    EXECUTE format('CREATE TABLE many_%s PARTITION OF many FOR VALUES IN (%s)', i, i); END LOOP; END$$;
INSERT INTO many SELECT 1 + g % 500 FROM generate_series(1, 2000) g;
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE afar (line text) SERVER files OPTIONS (filename '/etc/passwd');
"""
ORDERS = '"Sales"."Odd "" Orders"'
CONTENT = f"SELECT count(*), md5(string_agg(o::text, '|' ORDER BY id)) FROM {ORDERS} o"


class Extract(SiteTest):

    def setUp(self):
        super().setUp()
        self.server = harness.Server(self.site, "source", MAJOR).initdb()
        self.site.add_repository()
        self.site.add_cluster(self.server)
        self.server.start()
        for statement in ODD.split(";\n")[:-1]:
            self.server.sql(statement)
        self.site.result("backup", "demo")
        self.server.sql(f"DELETE FROM {ORDERS} WHERE id > 4990")
        self.content = self.server.sql(CONTENT)
        self.csv = self.server.sql("SET TimeZone = 'UTC'",
                                   f"COPY (SELECT * FROM {ORDERS}) TO STDOUT (FORMAT csv, HEADER)")
        self.days = self.server.sql("SELECT count(*) FROM days")
        self.server.sql("SELECT pg_create_restore_point('before')")
        self.server.sql(f"DROP TABLE {ORDERS}, days CASCADE")
        self.archived(self.server)
        self.scratch = os.path.join(self.site.folder, "scratch")
        self.out = os.path.join(self.site.folder, "out")
        self.site.make_folder(self.out)

    def words(self, *rest, tables=(ORDERS, "days")):
        named = [word for table in tables for word in ("--table", table)]
        return ["extract", "demo", "--to", self.scratch, "--restore-point", "before", "--database",
                "postgres", *named, *rest]

    def nothing_left(self):
        self.assertEqual(self.site.result("instance", "list")["instances"], [])
        self.assertEqual([name for name in os.listdir(self.site.folder)
                          if name.startswith("scratch")], [])

    def test_into_files_that_hold_what_the_table_held(self):
        done = self.site.result(*self.words("--csv", os.path.join(self.out, "new", "csv")))

        self.assertEqual([table["rows"] for table in done["tables"]], [4990, int(self.days)])
        with open(done["tables"][0]["place"], encoding="utf-8", newline="") as file:
            self.assertEqual(file.read().strip(), self.csv)
        self.assertEqual(sorted(os.listdir(os.path.join(self.out, "new", "csv"))),
                         ['Sales.Odd " Orders.csv', "public.days.csv"])
        self.assertEqual(os.stat(done["tables"][0]["place"]).st_mode & 0o777, 0o600)
        self.nothing_left()

    def test_into_a_dump_that_pg_restore_takes(self):
        dump = os.path.join(self.out, "tables.dump")

        done = self.site.result(*self.words("--dump", dump))

        self.assertEqual([table["rows"] for table in done["tables"]], [4990, int(self.days)])
        run(["chown", "postgres", dump], check=False)
        run([self.server.program("pg_restore"), "-h", self.server.socket, "-p",
             str(self.server.port), "-U", "postgres", "-d", "postgres", "--exit-on-error", dump])
        self.assertEqual(self.server.sql(CONTENT), self.content)
        self.assertEqual(self.server.sql("SELECT count(*) FROM days"), self.days)
        self.nothing_left()
        status, error = self.site.failure(*self.words("--dump", dump))
        self.assertIn("already there", error["message"])
        self.assertEqual(status, 3, error)

    def test_into_a_schema_of_the_live_server_all_or_nothing(self):
        into = ["--into", self.server.conninfo(), "--schema", "Rescued 1"]
        done = self.site.result(*self.words(*into))

        self.assertEqual([table["rows"] for table in done["tables"]], [4990, int(self.days)])
        there = CONTENT.replace('"Sales"', '"Rescued 1"')
        self.assertEqual(self.server.sql(there), self.content)
        self.assertEqual(self.server.sql(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'p' AND "
            "conrelid = '\"Rescued 1\".days'::regclass"), "PRIMARY KEY (day, n)")
        self.nothing_left()

        # The second of these is there already: the first must not come alone.
        self.server.sql('DROP TABLE "Rescued 1"."Odd "" Orders"')
        status, error = self.site.failure(*self.words(*into))
        self.assertIn("already exists", error["message"])
        self.assertEqual(status, 3, error)
        self.assertEqual(self.server.sql(
            "SELECT string_agg(relname, ',') FROM pg_class WHERE relkind = 'r' AND "
            "relnamespace = '\"Rescued 1\"'::regnamespace"), "days")
        # The restore was not in vain.
        copy = self.site.result("instance", "list")["instances"][0]
        self.assertEqual(copy["state"], "running")
        self.assertIn("--copy " + copy["name"], error["hint"])
        self.site.result("extract", "--copy", copy["name"], "--database", "postgres", "--table",
                         ORDERS, *into)
        self.assertEqual(self.server.sql(there), self.content)

    def test_a_dump_that_was_cut_is_not_taken(self):
        programs = os.path.join(self.site.folder, "bin")
        self.site.make_folder(programs, "0755")
        for name in os.listdir(self.server.bin):
            os.symlink(self.server.program(name), os.path.join(programs, name))
        os.unlink(os.path.join(programs, "pg_dump"))
        self.site.write(os.path.join(programs, "pg_dump"), "#!/bin/sh\n"
                        f"{self.server.program('pg_dump')} \"$@\" | head -c 40000\n", 0o755)
        dump = os.path.join(self.out, "tables.dump")
        made = self.site.result("restore", "demo", "--to", self.scratch, "--restore-point",
                                "before", "--start")
        noted = os.path.join(self.site.state, "salvor", "instances", made["instance"] + ".json")
        with open(noted, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(self.server.bin, text)
        with open(noted, "w", encoding="utf-8") as file:
            file.write(text.replace(self.server.bin, programs))

        status, error = self.site.failure("extract", "--copy", made["instance"], "--database",
                                          "postgres", "--table", ORDERS, "--dump", dump)

        self.assertIn("read the dump back", error["message"])
        self.assertEqual(status, 3, error)
        self.assertEqual(os.listdir(self.out), [])

    def test_rows_that_were_lost_are_put_back_and_nothing_else(self):
        self.server.sql("CREATE TABLE notes (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
                        "at timestamptz, said json, code int UNIQUE, "
                        "twice int GENERATED ALWAYS AS (code * 2) STORED)",
                        "INSERT INTO notes (at, said, code) SELECT timestamptz '2026-01-01 00:00Z' "
                        "+ g * interval '1 hour', '{}', g FROM generate_series(1, 100) g",
                        "CREATE SCHEMA kept", "CREATE TABLE kept.notes AS SELECT * FROM notes",
                        "DELETE FROM notes WHERE id > 60",
                        "ALTER TABLE notes ADD later text DEFAULT 'none'",
                        "UPDATE notes SET said = '[]' WHERE id <= 7",
                        "INSERT INTO notes OVERRIDING SYSTEM VALUE VALUES (900, now(), '{}', 99)")
        words = ["merge", "kept.notes", "notes", "--into", self.server.conninfo()]
        before = self.server.sql("SELECT md5(string_agg(n::text, '|' ORDER BY id)) FROM notes n")

        counted = self.site.result(*words, "--dry-run")
        self.assertEqual(counted, {"looked": 100, "equal": 53, "different": 7, "missing": 40,
                                   "inserted": 0, "dryRun": True})
        part = self.site.result(*words, "--column", "at", "--since", "2026-01-03 12:00Z", "--until",
                                "2026-01-03 22:00Z")
        self.assertEqual((part["looked"], part["missing"], part["inserted"]), (10, 9, 9))
        rest = self.site.ctl(*words)

        # 61 to 69 came first; the code of 99 is taken by another row.
        self.assertIn("30 rows were put back", rest.stdout + rest.stderr)
        self.assertIn("1 row did not come to stay", rest.stderr)
        self.assertEqual(self.server.sql("SELECT count(*), count(DISTINCT id) FROM notes"), "100|100")
        self.assertEqual(self.server.sql("SELECT md5(string_agg(n::text, '|' ORDER BY id)) FROM notes "
                                         "n WHERE id <= 60 OR id = 900"), before)
        self.server.sql("CREATE TABLE bare (n int)")
        for wrong, why in ((["kept.notes", "bare"], "no primary key"),
                           (["bare", "notes"], "has no column"), (["no", "notes"], "no table 'no'"),
                           (["kept.notes", "notes", "--column", "at"], "goes with"),
                           (["kept.notes", "notes", "--column", "x", "--since", "1"], "no column 'x'"),
                           (["kept.notes", "notes", "--column", "at", "--since", "soon"], "soon")):
            status, error = self.site.failure("merge", *wrong, "--into", self.server.conninfo())
            self.assertIn(why, error["message"])
            self.assertEqual(status, 2, error)

    def test_out_of_a_copy_that_is_there(self):
        made = self.site.result("restore", "demo", "--to", self.scratch, "--restore-point",
                                "before", "--start")
        words = ["extract", "--copy", made["instance"], "--database", "postgres", "--table"]

        self.site.result(*words, "sums", "--csv", self.out)
        many = self.site.result(*words, "many", "--dump", os.path.join(self.site.folder, "many"))
        self.assertEqual(many["tables"][0]["rows"], 2000)
        both = self.site.failure(*words, '"a.b".c', "--table", 'a."b.c"', "--csv", self.out)[1]
        self.assertIn("where another table lies", both["message"])
        self.site.result(*words, "parent", "--into", self.server.conninfo(), "--schema", "flat")
        self.assertEqual(self.server.sql("SELECT count(*) FROM flat.parent"), "3")
        for table, why in (("nowhere", "no table 'nowhere'"), ("glance", "is no table"),
                           ("passing", "unlogged"), ("afar", "foreign table"),
                           ("sums", "already there"), ("a.b.c.d.e", "improper")):
            status, error = self.site.failure(*words, table, "--csv", self.out)
            self.assertIn(why, error["message"])
            self.assertIn(status, (2, 3), error)
        self.assertIn("materialized view", self.site.failure(
            *words, "sums", "--dump", os.path.join(self.out, "d"))[1]["message"])
        self.assertEqual(os.listdir(self.out), ["public.sums.csv"])
        copy = self.site.result("instance", "list")["instances"][0]
        self.assertEqual(copy["state"], "paused")

    def test_merge_calls_no_operator_but_those_of_the_key(self):
        self.server.sql("CREATE TABLE doors (code varchar(10) PRIMARY KEY, n int)",
                        "INSERT INTO doors VALUES ('a', 1), ('b', 2)",
                        "CREATE SCHEMA kept", "CREATE TABLE kept.doors AS SELECT * FROM doors",
                        "DELETE FROM doors WHERE code = 'b'", "CREATE TABLE called (n int)",
                        "CREATE FUNCTION trap(varchar, varchar) RETURNS bool LANGUAGE plpgsql AS "
                        "$$BEGIN INSERT INTO public.called VALUES (1); RETURN true; END$$",
                        "CREATE OPERATOR = (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = trap)")

        done = self.site.result("merge", "kept.doors", "doors", "--into", self.server.conninfo())

        self.assertEqual((done["equal"], done["inserted"]), (1, 1))
        self.assertEqual(self.server.sql("SELECT count(*) FROM called"), "0")

    def test_merge_that_cannot_be_right_is_refused_or_told(self):
        self.server.sql("CREATE TABLE late (id int PRIMARY KEY DEFERRABLE, n int UNIQUE)",
                        "INSERT INTO late VALUES (1, 1)", "CREATE SCHEMA kept",
                        "CREATE TABLE kept.late AS SELECT g AS id, g AS n FROM generate_series(1, 3) g",
                        "CREATE TABLE kept.twice AS SELECT 5 AS id, 5 AS n FROM generate_series(1, 2)",
                        "CREATE TABLE kept.clash AS SELECT 9 AS id, 1 AS n",
                        "CREATE TABLE moved (id int PRIMARY KEY, n int)",
                        "CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS "
                        "$$BEGIN RETURN NULL; END$$",
                        "CREATE TRIGGER move BEFORE INSERT ON moved FOR EACH ROW "
                        "EXECUTE FUNCTION move()",
                        "CREATE ROLE clerk LOGIN", "GRANT ALL ON SCHEMA kept TO clerk",
                        "GRANT ALL ON ALL TABLES IN SCHEMA kept, public TO clerk",
                        "CREATE TABLE veiled (id int PRIMARY KEY, n int)",
                        "GRANT ALL ON veiled TO clerk",
                        "ALTER TABLE veiled ENABLE ROW LEVEL SECURITY")

        def merge(*tables, role="postgres"):
            return self.site.ctl("merge", *tables, "--into", self.server.conninfo().replace(
                "user=postgres", "user=" + role), check=False)

        self.assertIn("2 rows were put back", merge("kept.late", "late").stderr)
        for tables, why in ((("kept.twice", "late"), "several rows with the same key"),
                            (("kept.clash", "late"), "duplicate key"),
                            (("kept.late", "parent"), "has children")):
            done = merge(*tables)
            self.assertIn(why, done.stderr)
            self.assertIn(done.returncode, (2, 3), done.stderr)
        self.assertIn("3 rows did not come to stay", merge("kept.late", "moved").stderr)
        self.assertIn("row-level security", merge("kept.late", "veiled", role="clerk").stderr)
        self.assertEqual(self.server.sql("SELECT string_agg(id::text, ',') FROM late"), "1,2,3")

    def test_bytes_of_a_database_without_an_encoding_come_as_they_are(self):
        self.server.sql("CREATE DATABASE raw ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' "
                        "LC_CTYPE 'C'")
        raw = self.server.conninfo().replace("dbname=postgres", "dbname=raw")
        run([self.server.program("psql"), "-Xq", raw, "-c",
             "CREATE TABLE words AS SELECT E'f\\xfcr' AS word"])
        made = self.site.result("backup", "demo")["backup"]
        words = ["extract", "demo", "--to", self.scratch, "--backup", made, "--immediate",
                 "--database", "raw", "--table", "words"]

        done = self.site.result(*words, "--into", raw, "--schema", "again", "--keep")
        self.assertEqual(done["tables"][0]["rows"], 1)
        self.assertEqual(run([self.server.program("psql"), "-XAtq", raw, "-c",
                              "SELECT word::bytea FROM again.words"]).stdout.strip(), "\\x66fc72")
        words = ["extract", "--copy", done["instance"], *words[words.index("--database"):]]
        self.site.result(*words, "--csv", self.out)
        with open(os.path.join(self.out, "public.words.csv"), "rb") as file:
            self.assertEqual(file.read(), b"word\nf\xfcr\n")
        status, error = self.site.failure(*words, "--into", self.server.conninfo(), "--schema", "x")
        self.assertIn("UTF8", error["message"])
        self.assertEqual(status, 2, error)

    def test_what_new_tables_would_break_is_told_before_anything_is_restored(self):
        self.server.sql("CREATE ROLE clerk LOGIN")
        self.server.configure({"wal_level": "logical"})
        self.server.stop()
        self.server.start()
        into = ["--into", self.server.conninfo().replace("user=postgres", "user=clerk"), "--schema"]
        status, error = self.site.failure(*self.words(*into, "no"))
        self.assertIn("may not create", error["message"])
        self.server.sql("CREATE PUBLICATION everything FOR ALL TABLES")
        into[1] = self.server.conninfo()
        status, error = self.site.failure(*self.words(*into, "no"))
        self.assertIn("publication", error["message"])
        self.assertEqual(status, 3, error)
        self.nothing_left()

    def test_wrong_things_are_told_before_anything_is_restored(self):
        secret = "host=/nowhere password=hunter22"
        for rest, why in ((["--into", secret, "--schema", "s"], "holds a password"),
                          (["--into", "host=/nowhere", "--schema", "s"], "cannot connect"),
                          (["--into", "host=/nowhere"], "go together"),
                          (["--csv", self.out, "--dump", "/tmp/x"], "needs one of"),
                          (["--dump", os.path.join(self.out, "no", "x")], "no folder"),
                          (["--csv", self.out, "--copy", "x"], "contradict"),
                          ([], "needs one of")):
            _, error = self.site.failure(*self.words(*rest))
            self.assertIn(why, error["message"])
            self.assertNotIn("hunter22", str(error))
        self.nothing_left()
        words = self.words("--csv", self.out)
        words[words.index("postgres")] = "elsewhere"
        status, error = self.site.failure(*words)
        self.assertIn("no database 'elsewhere'", error["message"])
        self.assertEqual(status, 2, error)


if __name__ == "__main__":
    unittest.main(verbosity=2)
