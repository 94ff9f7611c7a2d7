"""receive-wal on real servers: what it reported as flushed can be restored, whatever dies.

receive_test.py MAJOR
"""

import os
import random
import re
import shutil
import signal
import sys
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

    def flushed(self, server):
        """Up to where the repository has it, as the receiver told the server."""
        return server.sql("SELECT coalesce(restart_lsn, '0/0') FROM pg_replication_slots "
                          f"WHERE slot_name = '{SLOT}'")

    def wait_flushed(self, server, lsn, seconds=60):
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

    def test_everything_before_the_last_flush_survives_the_loss_of_the_server(self):
        server = self.make(**{"receive-interval": "1s"})
        server.pgbench_init()
        server.sql("CREATE TABLE told (n int, at pg_lsn)")
        self.create_slot()
        receiver = self.receiver()
        self.wait_streaming(server)
        self.site.ctl("backup", "demo", "--mode", "stream")
        load = server.pgbench(6)
        for number in range(40):
            server.sql(f"INSERT INTO told VALUES ({number}, NULL)")
            time.sleep(0.1)
        load.wait()
        server.sql("INSERT INTO told VALUES (1000, NULL)")
        last = server.sql("SELECT pg_current_wal_lsn()")
        self.wait_flushed(server, last)
        ranges = self.site.result("wal", "ranges", "demo")
        self.assertEqual(len(ranges["begun"]), 1)
        self.destroy(server)

        sql = self.restore(server)
        self.assertEqual(sql(server, "SELECT count(*) FROM told"), "41")
        self.assertEqual(sql(server, "SELECT count(*) FROM told WHERE n = 1000"), "1")
        self.assertEqual(
            sql(server, "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = "
                        "(SELECT sum(delta) FROM pgbench_history)"), "t")
        verified = self.site.result("verify")
        self.assertEqual(verified["findings"], [])
        status, said = receiver.stop()
        self.assertEqual(status, 0, said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
