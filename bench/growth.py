#!/usr/bin/env python3
"""How the cost of Salvor grows with the size of a cluster, its files, and its archive.

    bench/growth.py --salvorctl build/release/core/cli/salvorctl [--plots docs/plots]
                    [--gigabytes 1 2 4 8] [--files 10 100 1000 10000 100000]

Writes a table, and one SVG for each row of it, of seconds and of the memory of salvorctl at its peak.
Half of what is added to the cluster is random, half is holes; page checksums are off. Needs root or the account postgres,
Debian's postgresql-15, and three times the size of the largest cluster on the disk.
"""

import argparse
import glob
import os
import resource
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/integration"))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--salvorctl", required=True)
    parser.add_argument("--plots", default="docs/plots")
    parser.add_argument("--gigabytes", type=int, nargs="*", default=[1, 2, 4, 8])
    parser.add_argument("--files", type=int, nargs="*", default=[10, 100, 1000, 10000, 100000])
    return parser.parse_args()


OPTIONS = arguments()
os.environ["SALVORCTL"] = os.path.abspath(OPTIONS.salvorctl)
import harness  # noqa: E402 - it reads SALVORCTL.

COLOURS = ("#1f6feb", "#8250df", "#bf8700", "#1a7f37")


def measured(site, *verb):
    """Seconds, and MiB at the peak."""
    read, write = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        # A child of its own, so that the peak is that of this one command.
        done = subprocess.run(
            harness.as_user([site.salvorctl, "--quiet", "--config", site.config, *verb]), cwd="/",
            check=False, capture_output=True, text=True,
            env={**os.environ, "XDG_STATE_HOME": site.state})
        if done.returncode != 0:
            print(done.stderr, file=sys.stderr)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        os.write(write, f"{done.returncode} {peak}".encode())
        os._exit(0)
    os.close(write)
    status, peak = map(int, os.read(read, 100).split())
    os.close(read)
    os.waitpid(child, 0)
    seconds = time.monotonic() - began
    if status != 0:
        raise SystemExit(f"{verb} ended with {status}")
    return seconds, peak / 1024


class Growth:
    def __init__(self, title, unit):
        self.title, self.unit, self.rows = title, unit, []

    def note(self, amount, work, seconds, peak):
        self.rows.append((amount, work, seconds, peak))
        print(f"  {amount:>8} {self.unit:6} {work:24} {seconds:8.2f} s {peak:7.0f} MiB", flush=True)

    def table(self):
        amounts = sorted({row[0] for row in self.rows})
        works = list(dict.fromkeys(row[1] for row in self.rows))
        lines = [f"| {self.unit} | " + " | ".join(works) + " |",
                 "|---|" + "---|" * len(works)]
        for amount in amounts:
            found = {row[1]: row for row in self.rows if row[0] == amount}
            lines.append(f"| {amount:,} | " + " | ".join(
                f"{found[work][2]:.2f} s, {found[work][3]:.0f} MiB" if work in found else "–"
                for work in works) + " |")
        return "\n".join(lines)

    def plot(self, path):
        """Seconds over the amount, both linear: what grows in proportion is a straight line."""
        width, height, left, bottom = 640, 320, 56, 40
        most = max(row[0] for row in self.rows)
        longest = max(row[2] for row in self.rows) or 1

        def at(amount, seconds):
            return (left + amount / most * (width - left - 150),
                    height - bottom - seconds / longest * (height - bottom - 30))

        text = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
                'font-family="sans-serif" font-size="12" fill="#24292f">',
                f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
                f'<text x="{left}" y="18" font-size="14">{self.title}</text>']
        for part in range(5):
            x, y = at(most * part / 4, longest * part / 4)
            text.append(f'<line x1="{left}" x2="{width - 150}" y1="{y:.1f}" y2="{y:.1f}" '
                        'stroke="#d0d7de"/>')
            text.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">'
                        f'{longest * part / 4:.1f} s</text>')
            text.append(f'<text x="{x:.1f}" y="{height - 22}" text-anchor="middle">'
                        f'{most * part / 4:,.10g}</text>')
        text.append(f'<text x="{(left + width - 150) / 2}" y="{height - 6}" '
                    f'text-anchor="middle">{self.unit}</text>')
        for number, work in enumerate(dict.fromkeys(row[1] for row in self.rows)):
            points = [at(row[0], row[2]) for row in self.rows if row[1] == work]
            colour = COLOURS[number % len(COLOURS)]
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            text.append(f'<polyline points="{line}" fill="none" stroke="{colour}" '
                        'stroke-width="2"/>')
            text += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
                     for x, y in points]
            text.append(f'<text x="{points[-1][0] + 8:.1f}" y="{points[-1][1] + 4:.1f}" '
                        f'fill="{colour}">{work}</text>')
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(text + ["</svg>"]) + "\n")


class Bench:
    def __init__(self):
        self.site = harness.Site()
        self.server = harness.Server(self.site, "source", 15).initdb(checksums=False)
        # Far from the beginning, so that there is room for WAL before the first backup.
        harness.run([self.server.program("pg_resetwal"), "-l", "000000010000040000000001", "-D",
                     self.server.data])
        self.site.add_cluster(self.server)
        self.server.configure({"fsync": "on"})
        self.repositories = 0

    def new_repository(self):
        shutil.rmtree(self.site.repository, ignore_errors=True)
        self.repositories += 1
        self.site.repository = os.path.join(self.site.folder, f"repository-{self.repositories}")
        self.site.add_repository()

    def start(self):
        self.new_repository()
        self.server.start()

    def place(self):
        """A folder of relations; a file there that no catalogue names is backed up as any other."""
        return os.path.dirname(os.path.join(
            self.server.data, self.server.sql("SELECT pg_relation_filepath('pg_class')")))

    def three(self, growth, amount):
        self.new_repository()
        growth.note(amount, "full backup", *measured(self.site, "backup", "demo"))
        growth.note(amount, "nothing changed", *measured(self.site, "backup", "demo"))
        target = os.path.join(self.site.folder, "restored")
        growth.note(amount, "restore", *measured(self.site, "restore", "demo", "--to", target,
                                                 "--immediate"))
        shutil.rmtree(target)

    def sizes(self):
        growth = Growth("Size of the cluster", "GB")
        folder, done = self.place(), 0
        for amount in OPTIONS.gigabytes:
            for number in range(done, amount):
                path = os.path.join(folder, str(900000000 + number))
                self.site.write(path, "")
                with open(path, "wb") as file:
                    for _ in range(512):
                        file.write(os.urandom(1 << 20))
                        file.seek(1 << 20, os.SEEK_CUR)
                    file.truncate(1 << 30)
            done = amount
            os.sync()
            self.settle()
            self.three(growth, amount)
        for number in range(done):
            os.unlink(os.path.join(folder, str(900000000 + number)))
        return growth

    def files(self):
        growth = Growth("Relations of one page", "files")
        folder, done = self.place(), 0
        for amount in OPTIONS.files:
            for number in range(done, amount):
                path = os.path.join(folder, str(910000000 + number))
                with open(path, "wb") as file:
                    file.write(os.urandom(8192))
                if harness.USER:
                    shutil.chown(path, harness.USER, harness.USER)
            done = amount
            os.sync()
            self.settle()
            self.three(growth, amount)
        for number in range(done):
            os.unlink(os.path.join(folder, str(910000000 + number)))
        return growth

    @staticmethod
    def settle():
        """What was written a moment ago is read again by the next backup."""
        time.sleep(62)

    def archive(self):
        """WAL files from before the only backup: listed each time, and never read: they are
        empty."""
        growth = Growth("WAL files in the archive", "files")
        self.new_repository()
        measured(self.site, "backup", "demo")
        oldest = min(glob.glob(os.path.join(self.site.repository, "wal/demo/*/*/*/*-*")),
                     key=os.path.basename)
        timeline, name = os.path.dirname(os.path.dirname(oldest)), os.path.basename(oldest)
        first = (int(name[8:16], 16) << 8) + int(name[16:24], 16)
        done = 0
        for amount in OPTIONS.files:
            for number in range(first - amount, first - done):
                segment = f"{name[:8]}{number >> 8:08X}{number & 0xff:08X}"
                folder = os.path.join(timeline, segment[:16])
                if not os.path.exists(folder):
                    self.site.make_folder(folder)
                self.site.write(os.path.join(folder, segment + name[24:]), "")
            done = amount
            growth.note(amount, "wal ranges", *measured(self.site, "wal", "ranges", "demo"))
            growth.note(amount, "plan of a restore", *measured(
                self.site, "plan", "restore", "demo", "--to", "/tmp/nowhere", "--latest", "--out",
                os.path.join(self.site.folder, f"plan-{amount}")))
        return growth


def main():
    bench = Bench()
    try:
        bench.start()
        os.makedirs(OPTIONS.plots, exist_ok=True)
        for name in ("sizes", "files", "archive"):
            growth = getattr(bench, name)()
            if not growth.rows:
                continue
            growth.plot(os.path.join(OPTIONS.plots, name + ".svg"))
            print("\n" + growth.table() + "\n", flush=True)
    finally:
        bench.site.close()


if __name__ == "__main__":
    main()
