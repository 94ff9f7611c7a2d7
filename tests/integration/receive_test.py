"""receive-wal on real servers: what it reported as flushed can be restored, whatever dies.

receive_test.py MAJOR
"""

import os
import random
import shutil
import signal
import sys
import threading
import time
import unittest

import harness
from harness import SiteTest, kill_group, open_copy, run, wait_for

MAJOR = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 15
SLOT = "salvor_demo"


class Receiver:
    """salvorctl receive-wal in the background, its words in a file."""

    def __init__(self, site, *options):
        self.site, self.options = site, options
        self.process = None

    def start(self):
        self.process = self.site.ctl_popen("receive-wal", "demo", *self.options)
        return self

    def stop(self):
        """Ends it as systemd does. Its exit status and what it said."""
        for pid in children(self.process.pid):
            os.kill(pid, signal.SIGTERM)
        _, said = self.process.communicate(timeout=120)
        return self.process.returncode, said

    def kill(self):
        kill_group(self.process)

    def ended(self):
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


def children(pid):
    """The program itself: runuser waits for it where the tests run as root."""
    if not harness.USER:
        return [pid]
    found = run(["pgrep", "-P", str(pid)], check=False).stdout.split()
    return [int(each) for each in found] or [pid]


class Receive(SiteTest):

    def make(self, name="primary", archive=False, config=None, **keys):
        server = harness.Server(self.site, name, MAJOR).initdb()
        self.site.add_repository()
        self.site.add_cluster(server, archive=archive, **keys)
        server.configure(config or {})
        server.start()
        return server

    def receiver(self, *options):
        receiver = Receiver(self.site, *options).start()
        self.addCleanup(lambda: receiver.process.poll() is None and receiver.kill())
        return receiver

    def create_slot(self):
        self.site.ctl("receive-wal", "demo", "--create-slot")

    def wait_flushed(self, server, lsn, seconds=60):
        """Until the receiver has told the server that the repository has it."""
        wait_for(f"{lsn} in the repository", lambda: server.sql(
            "SELECT restart_lsn >= '" + lsn + "' FROM pg_replication_slots "
            f"WHERE slot_name = '{SLOT}'") == "t", seconds)

    def wait_streaming(self, server):
        wait_for("the receiver", lambda: server.sql(
            f"SELECT active FROM pg_replication_slots WHERE slot_name = '{SLOT}'") == "t")

    def destroy(self, server):
        """The machine of the database is lost."""
        server.stop("immediate")
        shutil.rmtree(server.data)

    def restore(self, server, name="restored"):
        target = os.path.join(self.site.folder, name)
        answer = self.site.result("restore", "demo", "--to", target, "--latest", "--start")
        self.assertEqual(answer["state"], "answered")
        return open_copy(self.site, answer["instance"])

    def kept_balance(self, server, sql):
        """A commit of pgbench is whole or not there at all."""
        self.assertEqual(
            sql(server, "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = "
                        "(SELECT coalesce(sum(delta), 0) FROM pgbench_history)"), "t")

    def assert_begun_segment_is_the_servers(self, server):
        [begun] = self.site.result("wal", "ranges", "demo")["begun"]
        path = os.path.join(self.site.folder, "begun")
        self.site.make_folder(path)
        path = os.path.join(path, begun["segment"])
        self.site.ctl("archive-get", "--begun", "demo", begun["segment"], path)
        high, low = (int(part, 16) for part in begun["to"].split("/"))
        end = ((high << 32) + low) % os.path.getsize(path)
        with open(path, "rb") as file:
            mine = file.read()
        with open(os.path.join(server.data, "pg_wal", begun["segment"]), "rb") as file:
            theirs = file.read()
        self.assertGreater(end, 0)
        self.assertEqual(mine[:end], theirs[:end])
        self.assertEqual(mine[end:].strip(b"\0"), b"")
        self.assertIn("COMMIT", run([server.program("pg_waldump"), path], check=False).stdout)

    def backed_up(self, **keys):
        """A server without archiving, its receiver and a backup."""
        server = self.make(**{"receive-interval": "1s", **keys})
        server.pgbench_init()
        return server, self.streaming(server)

    def streaming(self, server, *options):
        """A receiver that runs, a backup taken since, and a table for what was acknowledged."""
        server.sql("CREATE TABLE told (n int)")
        self.create_slot()
        receiver = self.receiver(*options)
        self.wait_streaming(server)
        self.site.ctl("backup", "demo")
        return receiver

    def test_everything_before_the_last_flush_survives_the_loss_of_the_server(self):
        server, receiver = self.backed_up()
        load = server.pgbench(4)
        for number in range(20):
            server.sql(f"INSERT INTO told VALUES ({number})")
            time.sleep(0.1)
        load.wait()
        server.sql("INSERT INTO told VALUES (1000)")
        self.wait_flushed(server, server.sql("SELECT pg_current_wal_lsn()"))
        self.assert_begun_segment_is_the_servers(server)
        self.destroy(server)

        sql = self.restore(server)
        self.assertEqual(sql(server, "SELECT count(*) FROM told"), "21")
        self.kept_balance(server, sql)
        self.assertEqual(self.site.result("verify")["findings"], [])
        status, said = receiver.stop()
        self.assertEqual(status, 0, said)
        self.assertIn("WAL is not received", said)

    def put_back_the_repository(self):
        self.assertFalse(os.path.exists(self.site.repository), "it was made anew")
        os.rename(self.site.repository + ".away", self.site.repository)

    def test_no_acknowledged_commit_is_lost_when_it_is_the_synchronous_standby(self):
        server = self.make()
        receiver = self.streaming(server, "--synchronous")
        server.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{SLOT}'",
                   "SELECT pg_reload_conf()")
        wait_for("the synchronous standby", lambda: server.sql(
            "SELECT sync_state FROM pg_stat_replication "
            f"WHERE application_name = '{SLOT}'") == "sync")
        told = []

        def insert(first):
            number = first
            while True:
                done = run([server.program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h",
                            server.socket, "-p", str(server.port), "-U", "postgres", "-d",
                            "postgres", "-c", f"INSERT INTO told VALUES ({number})"], check=False)
                # A server that shuts down lets commits go that nobody else has, with a warning.
                if done.returncode != 0 or done.stderr:
                    return
                told.append(number)
                number += 1

        writers = [threading.Thread(target=insert, args=(first,)) for first in (0, 100000, 200000)]
        for writer in writers:
            writer.start()
        wait_for("commits", lambda: len(told) > 150, 120)
        # What is not stored now never will be: nobody may hear that it is committed.
        os.rename(self.site.repository, self.site.repository + ".away")
        time.sleep(2)
        receiver.kill()
        self.destroy(server)
        self.put_back_the_repository()
        for writer in writers:
            writer.join()

        sql = self.restore(server)
        there = set(sql(server, "SELECT n FROM told").split())
        self.assertEqual([n for n in told if str(n) not in there], [])

    def test_a_receiver_that_is_killed_again_and_again_loses_nothing(self):
        server = self.make(archive=True, **{"receive-interval": "1s"})
        server.pgbench_init()
        receiver = self.streaming(server)
        load = server.pgbench(25)
        for number in range(10):
            time.sleep(random.uniform(0.1, 2.5))
            server.sql(f"INSERT INTO told VALUES ({number})")
            receiver.kill()
            receiver.start()
        load.wait()
        server.sql("INSERT INTO told VALUES (1000)")
        self.wait_flushed(server, server.sql("SELECT pg_current_wal_lsn()"), 90)
        state = self.site.result("wal", "ranges", "demo")
        self.assertEqual((state["gaps"], state["conflicts"]), ([], []))
        self.destroy(server)

        sql = self.restore(server)
        self.assertEqual(sql(server, "SELECT count(*) FROM told"), "11")
        self.kept_balance(server, sql)
        self.assertEqual(self.site.result("verify")["findings"], [])

    def test_it_follows_a_standby_that_is_promoted(self):
        primary = harness.Server(self.site, "primary", MAJOR).initdb()
        self.site.add_repository()
        primary.start()
        primary.sql("CREATE TABLE told (n int)")
        standby = primary.standby("standby")
        self.site.add_cluster(standby, archive=False, **{
            "primary-connection": primary.conninfo(), "receive-interval": "1s"})
        self.create_slot()
        receiver = self.receiver()
        self.wait_streaming(standby)
        self.site.ctl("backup", "demo", "--mode", "stream")
        primary.sql("INSERT INTO told VALUES (1)")
        lsn = primary.sql("SELECT pg_current_wal_lsn()")
        wait_for("the standby", lambda: standby.sql(
            f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'") == "t")
        primary.stop("immediate")
        standby.sql("SELECT pg_promote()")
        standby.sql("INSERT INTO told VALUES (2)")
        self.wait_flushed(standby, standby.sql("SELECT pg_current_wal_lsn()"))
        self.destroy(standby)

        sql = self.restore(standby)
        self.assertEqual(sql(standby, "SELECT string_agg(n::text, ',' ORDER BY n) FROM told"),
                         "1,2")
        status, said = receiver.stop()
        self.assertEqual(status, 0, said)
        forks = self.site.result("wal", "ranges", "demo")["forks"]
        self.assertEqual([(fork["parent"], fork["child"]) for fork in forks], [(1, 2)])

    def test_a_repository_that_is_away_and_a_server_that_restarts_are_waited_for(self):
        server, receiver = self.backed_up()
        os.rename(self.site.repository, self.site.repository + ".away")
        server.sql("INSERT INTO told VALUES (1)")
        lsn = server.sql("SELECT pg_current_wal_lsn()")
        time.sleep(4)
        before = server.sql("SELECT restart_lsn < '" + lsn + "' FROM pg_replication_slots")
        self.assertEqual(before, "t", "flush was reported for what nobody has")
        self.put_back_the_repository()
        self.wait_flushed(server, lsn)
        server.stop()
        server.start()
        server.sql("INSERT INTO told VALUES (2)")
        self.wait_flushed(server, server.sql("SELECT pg_current_wal_lsn()"))
        server.sql("INSERT INTO told VALUES (3)")
        status, said = receiver.stop()
        self.assertEqual(status, 0, said)
        self.assertIn("WAL cannot be stored", said)
        self.assertIn("WAL is not received", said)
        self.destroy(server)

        sql = self.restore(server)
        self.assertEqual(sql(server, "SELECT count(*) FROM told"), "3")

    def test_check_says_whether_it_runs_and_what_its_slot_holds(self):
        server, receiver = self.backed_up()
        checks = self.site.result("cluster", "check", "demo")["checks"]
        self.assertIn("receive-wal runs", str(checks))
        status, said = receiver.stop()
        self.assertEqual(status, 0, said)
        status, error = self.site.failure("cluster", "check", "demo")
        self.assertEqual(status, 3)
        said = self.site.ctl("cluster", "check", "demo", check=False).stdout
        self.assertIn("receive-wal does not run, and its slot 'salvor_demo' holds back", said)

    def test_wrong_things_are_told_and_nothing_is_stored(self):
        server = self.make()
        status, said = self.receiver().ended()
        self.assertEqual(status, 3)
        self.assertIn("no replication slot 'salvor_demo'", said)
        self.assertIn("--create-slot", said)
        status, _ = self.site.failure("receive-wal", "demo", "--create-slot", "--drop-slot")
        self.assertEqual(status, 2)
        self.create_slot()
        self.create_slot()
        other = harness.Server(self.site, "other", MAJOR).initdb().start()
        self.site.add_cluster(other, archive=False)
        status, said = self.receiver().ended()
        self.assertEqual(status, 3)
        self.assertIn("cluster adopt", said)
        self.assertFalse(os.path.exists(os.path.join(self.site.repository, "pieces")))
        self.site.add_cluster(server, archive=False)
        self.site.ctl("receive-wal", "demo", "--drop-slot")
        self.assertEqual(server.sql("SELECT count(*) FROM pg_replication_slots"), "0")

    def test_what_was_written_before_the_slot_is_fetched_as_long_as_it_is_there(self):
        server = harness.Server(self.site, "primary", MAJOR).initdb(wal_segsize=1)
        self.site.add_repository()
        self.site.add_cluster(server, archive=False, **{"receive-interval": "1s"})
        server.configure({"min_wal_size": "2MB", "max_wal_size": "2MB", "wal_keep_size": "100MB"})
        server.start()
        server.sql("CREATE TABLE told (n int)")
        switch = ("INSERT INTO told VALUES (1)", "SELECT pg_switch_wal()", "CHECKPOINT")
        self.site.ctl("backup", "demo", "--mode", "stream")
        for _ in range(4):
            server.sql(*switch)
        self.create_slot()
        receiver = self.receiver()
        self.wait_flushed(server, server.sql("SELECT pg_current_wal_lsn()"))
        self.assertEqual(self.site.result("wal", "ranges", "demo")["gaps"], [])
        receiver.stop()

        self.site.ctl("receive-wal", "demo", "--drop-slot")
        server.sql("ALTER SYSTEM SET wal_keep_size = 0", "SELECT pg_reload_conf()")
        for _ in range(8):
            server.sql(*switch)
        self.create_slot()
        receiver = self.receiver()
        self.wait_flushed(server, server.sql("SELECT pg_current_wal_lsn()"))
        server.sql(*switch)
        self.wait_flushed(server, server.sql("SELECT pg_current_wal_lsn()"))
        self.assertEqual(len(self.site.result("wal", "ranges", "demo")["gaps"]), 1)
        status, said = receiver.stop()
        self.assertEqual(status, 0, said)
        self.assertIn("take a backup", said)

    def test_a_slot_that_lost_its_wal_is_told_with_the_way_out(self):
        server = harness.Server(self.site, "primary", MAJOR).initdb(wal_segsize=1)
        self.site.add_repository()
        self.site.add_cluster(server, archive=False)
        server.configure({"max_slot_wal_keep_size": "1MB", "min_wal_size": "2MB",
                          "max_wal_size": "2MB"})
        server.start()
        self.create_slot()
        for _ in range(8):
            server.sql("SELECT pg_switch_wal() FROM (SELECT txid_current()) x", "CHECKPOINT")
        self.assertEqual(server.sql("SELECT wal_status FROM pg_replication_slots"), "lost")
        status, said = self.receiver().ended()
        self.assertEqual(status, 3)
        self.assertIn("has lost WAL", said)
        self.assertIn("--drop-slot", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
