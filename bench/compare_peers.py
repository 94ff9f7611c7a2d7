#!/usr/bin/env python3
"""Salvor beside pgBackRest and pg_basebackup on one machine, in one interleaved run.

    bench/compare_peers.py --salvorctl build/release/core/cli/salvorctl [--scale 150] [--rounds 3]

Only the ratios count: the machine drifts. Every peer makes its files durable. Prints one row for
each figure of the design: medians in seconds, sizes, and peer/Salvor (above 1: Salvor is faster).
Needs root or the account postgres, Debian's postgresql-15 and pgbackrest.
"""

import argparse
import glob
import mmap
import os
import platform
import shutil
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/integration"))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--salvorctl", required=True)
    parser.add_argument("--scale", type=int, default=150, help="pgbench scale; 150 is 2.2 GB")
    parser.add_argument("--json-mb", type=int, default=500)
    parser.add_argument("--random-mb", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--segments", type=int, default=30, help="WAL segments to push one by one")
    parser.add_argument("--restore-only", action="store_true",
                        help="only backup, restore and delta restore")
    parser.add_argument("--wal-only", action="store_true",
                        help="only asynchronous archive-push and replay")
    return parser.parse_args()


OPTIONS = arguments()
os.environ["SALVORCTL"] = os.path.abspath(OPTIONS.salvorctl)
import harness  # noqa: E402 - it reads SALVORCTL.


def timed(argv, env=None):
    began = time.monotonic()
    harness.run(argv, timeout=3600, env=env)
    return time.monotonic() - began


def touch_memory(size=4 << 30):
    """What a virtual machine's host took back while it was free would be paid for, page by page, by
    the first to fill the page cache: that costs up to 4 s here and is nobody's work."""
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        for offset in range(0, size, mmap.PAGESIZE):
            memory[offset] = 1


def folder_size(path):
    total = 0
    for folder, _, files in os.walk(path):
        total += sum(os.lstat(os.path.join(folder, file)).st_size for file in files)
    return total


class Bench:
    def __init__(self):
        self.site = harness.Site()
        self.server = harness.Server(self.site, "source", 15).initdb()
        self.site.add_repository()
        self.site.add_cluster(self.server)
        self.times = {}
        self.sizes = {}

    def note(self, work, who, seconds):
        self.times.setdefault(work, {}).setdefault(who, []).append(seconds)
        print(f"  {work:32} {who:15} {seconds:7.2f} s", flush=True)

    def prepare(self):
        self.rest_conf = os.path.join(self.site.folder, "pgbackrest.conf")
        self.rest_repo = os.path.join(self.site.folder, "pgbackrest")
        self.site.make_folder(self.rest_repo)
        self.site.make_folder(os.path.join(self.site.folder, "spool"))
        self.site.write(self.rest_conf, f"""[global]
repo1-path={self.rest_repo}
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=a-passphrase-of-the-benchmark
repo1-retention-full=99
compress-type=zst
compress-level=3
process-max=2
start-fast=y
spool-path={self.site.folder}/spool
lock-path={self.site.folder}/spool
log-level-file=off
log-level-console=error
[demo]
pg1-path={self.server.data}
pg1-port={self.server.port}
pg1-socket-path={self.server.socket}
pg1-user=postgres
""")
        push = (f"pgbackrest --config={self.rest_conf} --stanza=demo archive-push %p && "
                + self.site.archive_command("demo"))
        self.server.configure({"archive_command": push, "max_wal_size": "4GB", "fsync": "on",
                               "wal_keep_size": "1GB",
                               "shared_buffers": "256MB"})
        self.server.start()
        self.rest("stanza-create")
        self.server.pgbench_init(OPTIONS.scale)
        self.server.sql(
            "CREATE TABLE documents AS SELECT g AS id, jsonb_build_object('id', g, 'name', "
            "md5(g::text), 'tags', jsonb_build_array(md5((g % 97)::text), md5((g % 13)::text)), "
            "'text', repeat(md5((g % 1000)::text) || ' ', 12)) AS body "
            f"FROM generate_series(1, {OPTIONS.json_mb * 1600}) g")
        self.server.sql(
            "CREATE TABLE noise AS SELECT g, (SELECT string_agg(uuid_send(gen_random_uuid()), "
            f"''::bytea) FROM generate_series(1, 60) WHERE g > 0) AS b FROM generate_series(1, "
            f"{OPTIONS.random_mb * 1000}) g")
        self.server.sql("VACUUM FREEZE")
        self.server.sql("CHECKPOINT")
        self.wait_archive()
        print(f"cluster: {folder_size(self.server.data) >> 20} MiB, "
              f"{platform.machine()}, {os.cpu_count()} processors")

    def wait_archive(self):
        self.server.sql("SELECT pg_switch_wal()")
        status = os.path.join(self.server.data, "pg_wal", "archive_status")
        harness.wait_for("the archiver", lambda: not any(
            name.endswith(".ready") for name in os.listdir(status)), 900)

    def rest(self, *verb, env=None):
        return timed(["pgbackrest", f"--config={self.rest_conf}", "--stanza=demo", *verb], env)

    def ctl(self, *verb):
        return timed([self.site.salvorctl, "--quiet", "--config", self.site.config, *verb],
                     {"XDG_STATE_HOME": self.site.state})

    def fresh(self, name):
        path = os.path.join(self.site.folder, name)
        shutil.rmtree(path, ignore_errors=True)
        return path

    def full_backup(self):
        # A repository of its own each round: a full backup must not find what the last one stored.
        self.site.repository = self.fresh("repository")
        self.site.add_repository()
        before = folder_size(self.site.repository)
        self.note("full backup", "salvor", self.ctl("backup", "demo"))
        self.sizes["salvor"] = folder_size(os.path.join(self.site.repository, "packs")) - before
        before = folder_size(self.rest_repo)
        self.note("full backup", "pgbackrest", self.rest("--type=full", "backup"))
        self.sizes["pgbackrest"] = folder_size(self.rest_repo) - before
        target = self.fresh("basebackup")
        self.note("full backup", "pg_basebackup", timed([
            self.server.program("pg_basebackup"), "-D", target, "-h", self.server.socket, "-p",
            str(self.server.port), "-U", "postgres", "-Ft", "-X", "none", "-c", "fast",
            "--compress=server-zstd:level=3,workers=2"]))
        self.sizes["pg_basebackup"] = folder_size(target)

    def incremental(self):
        self.note("incremental, nothing changed", "salvor", self.ctl("backup", "demo"))
        self.note("incremental, nothing changed", "pgbackrest", self.rest("--type=incr", "backup"))

    def restore(self, number):
        """Each begins with nothing left to write and in memory that is there; each round begins with
        another one."""
        self.wait_archive()
        source = self.fresh("source-copy")
        self.ctl("restore", "demo", "--to", source, "--immediate")
        peers = ["salvor", "pgbackrest", "cp + sync"]
        for who in peers[number % 3:] + peers[:number % 3]:
            target = self.fresh("restored")
            os.sync()
            touch_memory()
            if who == "salvor":
                seconds = self.ctl("restore", "demo", "--to", target, "--immediate")
            elif who == "pgbackrest":
                self.site.make_folder(target)
                seconds = self.rest(f"--pg1-path={target}", "--type=immediate", "restore")
            else:
                seconds = timed(["sh", "-c", f"cp -a {source} {target} && sync -f {target}"])
            self.note("restore", who, seconds)
            if who != "cp + sync":
                self.delta(who, target)
            shutil.rmtree(target)
        shutil.rmtree(source)

    @staticmethod
    def change(target, least, most):
        """A page of every tenth relation file of these sizes."""
        paths = sorted(os.path.join(folder, name)
                       for folder, _, names in os.walk(os.path.join(target, "base"))
                       for name in names)
        paths = [path for path in paths if least <= os.path.getsize(path) < most]
        for path in paths[::10]:
            with open(path, "r+b") as file:
                file.seek(os.path.getsize(path) // 2)
                file.write(os.urandom(8192))

    def delta(self, who, target):
        """Over what the same peer has just restored. Salvor keeps the old one whole, pgBackRest
        writes over it."""
        for work, least, most in (("delta restore, few changes", 8192, 64 << 20),
                                  ("delta restore, a large file", 512 << 20, 8 << 30)):
            self.change(target, least, most)
            os.sync()
            if who == "pgbackrest":
                self.note(work, who, self.rest(f"--pg1-path={target}", "--type=immediate",
                                               "--delta", "restore"))
                continue
            self.note(work, who, self.ctl("restore", "demo", "--in-place", "--to", target,
                                          "--immediate"))
            # Neither started nor to be kept: the next one begins anew.
            os.unlink(target + ".in-place")
            for old in glob.glob(glob.escape(target) + ".before-*"):
                shutil.rmtree(old)

    def push(self):
        """Segments pushed one by one, into archives that have none of them yet."""
        wal = os.path.join(self.server.data, "pg_wal")
        # Those that are renamed for the future are no WAL yet.
        last = self.server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
        names = sorted(name for name in os.listdir(wal)
                       if len(name) == 24 and name < last)[-OPTIONS.segments:]
        self.server.configure({"archive_command": "false"})
        self.server.sql("SELECT pg_reload_conf()")
        self.site.repository = self.fresh("repository")
        self.site.add_repository()
        shutil.rmtree(os.path.join(self.rest_repo, "archive"))
        shutil.rmtree(os.path.join(self.rest_repo, "backup"))
        self.rest("stanza-create")
        work = f"archive-push of {len(names)} segments"
        self.note(work, "salvor", sum(
            self.ctl("archive-push", "demo", os.path.join(wal, name)) for name in names))
        self.note(work, "pgbackrest", sum(
            self.rest("archive-push", os.path.join(wal, name)) for name in names))

    def archive_status(self, old, new):
        """Marks every segment anew; says how many there are."""
        folder = os.path.join(self.server.data, "pg_wal", "archive_status")
        names = [name for name in os.listdir(folder) if name.endswith(old) and len(name) < 32]
        for name in names:
            os.rename(os.path.join(folder, name),
                      os.path.join(folder, name[:-len(old)] + new))
        return len(names)

    def drained(self, command):
        """Seconds until the server's own archiver has nothing left to archive."""
        folder = os.path.join(self.server.data, "pg_wal", "archive_status")
        self.server.configure({"archive_command": command})
        touch_memory()
        began = time.monotonic()
        self.server.sql("SELECT pg_reload_conf()")
        harness.wait_for("the archiver", lambda: not any(
            name.endswith(".ready") for name in os.listdir(folder)), 900)
        return time.monotonic() - began

    def push_asynchronously(self, number):
        """The same segments, marked as ready, through the server's archiver."""
        self.server.configure({"archive_command": "false"})
        self.server.sql("SELECT pg_reload_conf()")
        self.server.sql("SELECT pg_sleep(2)")
        peers = ["salvor", "pgbackrest"]
        for who in peers if number % 2 == 0 else reversed(peers):
            if number + peers.index(who) > 0:
                self.archive_status(".done", ".ready")
            work = "asynchronous push of the WAL"
            if who == "salvor":
                # A place of its own: a worker serves one place.
                self.site.repository = self.fresh(f"repository-{number}")
                self.site.add_repository()
                self.site.add_cluster(self.server, archive=False, **{"archive-async": "yes"})
                command = (f"XDG_STATE_HOME={self.site.state} {self.site.salvorctl} --config "
                           f"{self.site.config} archive-push demo %p")
            else:
                shutil.rmtree(os.path.join(self.rest_repo, "archive"), ignore_errors=True)
                shutil.rmtree(os.path.join(self.rest_repo, "backup"), ignore_errors=True)
                shutil.rmtree(os.path.join(self.site.folder, "spool", "archive"),
                              ignore_errors=True)
                self.rest("stanza-create")
                command = (f"pgbackrest --config={self.rest_conf} --stanza=demo --archive-async "
                           "archive-push %p")
            self.note(work, who, self.drained(command))
            self.server.configure({"archive_command": "false"})
            self.server.sql("SELECT pg_reload_conf()")

    def replayed(self, source, command, wal=()):
        """Seconds of redo of a copy of `source`, as the server tells them."""
        target = self.fresh("replayed")
        shutil.copytree(source, target)
        log = os.path.join(self.site.folder, "replay.log")
        if os.path.exists(log):
            os.remove(log)
        for path in wal:
            shutil.copy(path, os.path.join(target, "pg_wal"))
        settings = (f"restore_command = '{command}'\narchive_mode = 'off'\n"
                    "recovery_target_timeline = '1'\n")
        with open(os.path.join(target, "postgresql.auto.conf"), "w", encoding="utf-8") as file:
            file.write(settings)
        if not command:
            os.remove(os.path.join(target, "recovery.signal"))
        if harness.ROOT:
            harness.subprocess.run(["chown", "-R", "postgres:postgres", target], check=True)
        os.sync()
        touch_memory()
        harness.run([self.server.program("pg_ctl"), "-D", target, "-w", "-t", "600", "-l", log,
                     "-o", f"-c unix_socket_directories={self.server.socket} "
                     f"-c port={harness.free_port()} -c listen_addresses=''", "start"],
                    timeout=900, env={"XDG_STATE_HOME": self.site.state})
        harness.wait_for("the end of the replay", lambda: "ready to accept connections\n" in open(
            log, encoding="utf-8").read(), 600)
        harness.run([self.server.program("pg_ctl"), "-D", target, "-m", "immediate", "stop"])
        text = open(log, encoding="utf-8").read()
        return float(text.split("redo done at")[1].split("elapsed: ")[1].split(" ")[0])

    def replay(self, number):
        """Redo of the same WAL: fetched by archive-get, and lying in pg_wal already."""
        source = os.path.join(self.site.folder, "replay-source")
        wal = os.path.join(self.server.data, "pg_wal")
        get = f"{self.site.salvorctl} --config {self.site.config} archive-get demo %f %p"
        paths = [os.path.join(wal, name) for name in sorted(os.listdir(wal)) if len(name) == 24]
        rest = (f"pgbackrest --config={self.rest_conf} --stanza=demo --archive-async "
                f"--pg1-path={self.site.folder}/replayed archive-get %f %p")
        ways = [("salvor", get, ()), ("pgbackrest", rest, ()), ("all in place", "", paths)]
        for who, command, files in ways[number % 3:] + ways[:number % 3]:
            shutil.rmtree(os.path.join(self.site.folder, "spool", "archive"), ignore_errors=True)
            self.note("replay of it", who, self.replayed(source, command, files))

    def wal_rows(self):
        """One base, then WAL of a load, kept in pg_wal."""
        self.server.configure({"wal_keep_size": "8GB", "max_wal_size": "16GB",
                               "checkpoint_timeout": "1h"})
        self.server.sql("SELECT pg_reload_conf()")
        self.wait_archive()
        self.ctl("backup", "demo")
        self.ctl("restore", "demo", "--to", os.path.join(self.site.folder, "replay-source"),
                 "--immediate")
        self.server.configure({"archive_command": "false"})
        self.server.sql("SELECT pg_reload_conf()")
        status = os.path.join(self.server.data, "pg_wal", "archive_status")
        while len([n for n in os.listdir(status) if n.endswith(".ready")]) < OPTIONS.segments:
            self.server.sql("UPDATE pgbench_accounts SET abalance = abalance + 1 "
                            "WHERE aid % 7 = floor(random() * 7)")
        for number in range(OPTIONS.rounds):
            print(f"WAL, round {number + 1} of {OPTIONS.rounds}", flush=True)
            self.push_asynchronously(number)
            self.replay(number)

    def report(self):
        print()
        for work, peers in self.times.items():
            own = statistics.median(peers["salvor"])
            for who, values in peers.items():
                middle = statistics.median(values)
                ratio = "" if who.startswith("salvor") else f"  {middle / own:5.2f} x Salvor's time"
                print(f"{work:32} {who:15} {middle:7.2f} s{ratio}")
        for who, size in self.sizes.items():
            ratio = self.sizes["salvor"] / size
            print(f"{'size of the full backup':32} {who:14} {size / 2**20:7.0f} MiB"
                  + ("" if who == "salvor" else f"  Salvor's is {ratio:.2f} of it"))


def main():
    bench = Bench()
    try:
        bench.prepare()
        for number in range(0 if OPTIONS.wal_only else OPTIONS.rounds):
            print(f"round {number + 1} of {OPTIONS.rounds}")
            bench.full_backup()
            bench.incremental()
            bench.restore(number)
        if not OPTIONS.restore_only:
            bench.wal_rows()
        if not OPTIONS.wal_only and not OPTIONS.restore_only:
            bench.push()
        bench.report()
    finally:
        bench.site.close()


if __name__ == "__main__":
    main()
