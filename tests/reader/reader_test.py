#!/usr/bin/python3
"""Makes a repository with Salvor's code, reads it with the independent reader, compares all bytes.

reader_test.py MAKE_REPOSITORY encrypted|plain
"""

import os
import random
import subprocess
import sys
import tempfile

READER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "salvor_reader.py")


def write(path, data, mode=0o600):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def make_source(source, rng):
    rows = b"".join(b"row %d of a table\n" % rng.randrange(100000) for _ in range(60000))
    write(source + "/PG_VERSION", b"15\n")
    write(source + "/base/5/1259", rows)
    write(source + "/base/5/16384", rng.randbytes(9 << 20))  # More than 256 chunks.
    write(source + "/base/5/16385", bytes(1 << 20) + rng.randbytes(1000) + bytes(100000))
    write(source + "/base/5/empty", b"", 0o640)
    write(source + "/base/5/exact", rng.randbytes(65536))
    os.makedirs(source + "/pg_wal/archive_status")
    os.makedirs(source + "/pg_tblspc/16400/PG_15_202209061/5")
    write(source + "/pg_tblspc/16400/PG_15_202209061/5/20000", rows[:50000])
    os.symlink("/somewhere/else", source + "/link")
    write(os.fsdecode(os.fsencode(source) + b"/odd \xff name"), b"odd")
    for number in range(1500):
        write(source + "/base/6/%d" % number, rng.randbytes(number % 50))
    write(source + ".segment", rows[:1 << 20].ljust(1 << 20, b"\0"))


def contents(folder):
    found = {}
    root = os.fsencode(folder)
    for where, folders, names in os.walk(root):
        for name in folders + names:
            path = os.path.join(where, name)
            key = os.path.relpath(path, root)
            if os.path.islink(path):
                found[key] = ("link", os.readlink(path))
            elif os.path.isdir(path):
                found[key] = ("directory", os.stat(path).st_mode)
            else:
                with open(path, "rb") as file:
                    found[key] = (os.stat(path).st_mode, os.stat(path).st_mtime_ns // 1000,
                                  file.read())
    return found


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def check(condition, words):
    if not condition:
        sys.exit("FAILED: " + words)


def compare_all(repository, unlock, scratch, source):
    reader = ["/usr/bin/python3", READER, repository] + unlock
    code, out, err = run(*reader, "backups")
    check(code == 0 and [line.split()[1] for line in out.splitlines()] == ["b1", "b2"],
          "backups: " + out + err)
    for name in ("b1", "b2"):
        folder = os.path.join(scratch, name + str(len(unlock)) + unlock[0][2:5] if unlock else name)
        code, out, err = run(*reader, "restore", name, folder)
        check(code == 0, "restore: " + err)
        check(contents(folder) == contents(source), name + " differs")
    with open(source + ".segment", "rb") as file:
        segment = file.read()
    for name, expected in (("000000010000000000000007", segment),
                           ("000000010000000000000008", segment[:400000].ljust(1 << 20, b"\0")),
                           ("00000002.history", b"1\t0/3000000\tno recovery target\n"),
                           ("000000010000000000000008.partial", segment[:300000])):
        code, out, err = run(*reader, "wal", "prod", name, os.path.join(scratch, "wal"))
        check(code == 0, name + ": " + err)
        with open(os.path.join(scratch, "wal"), "rb") as file:
            check(file.read() == expected, name + " differs")


def check_tablespace_map(repository, unlock, scratch):
    elsewhere = os.path.join(scratch, "elsewhere")
    folder = os.path.join(scratch, "mapped")
    code, _, err = run("/usr/bin/python3", READER, repository, *unlock, "restore", "b1", folder,
                       "--tablespace", "16400=" + elsewhere)
    check(code == 0, "tablespace map: " + err)
    check(os.path.isfile(elsewhere + "/PG_15_202209061/5/20000"), "tablespace was not moved")
    check(os.readlink(folder + "/pg_tblspc/16400") == elsewhere, "tablespace link is wrong")


def check_damage_is_seen(repository, unlock, scratch):
    packs = [os.path.join(where, name)
             for where, _, names in os.walk(repository + "/packs") for name in names]
    with open(packs[0], "r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    code, _, err = run("/usr/bin/python3", READER, repository, *unlock, "restore", "b1",
                       os.path.join(scratch, "damaged"))
    check(code == 1 and "damaged" in err, "a flipped bit went unseen: " + err)


def main():
    make_repository, form = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        source, repository, keys = (os.path.join(scratch, name) for name in ("s", "r", "k"))
        make_source(source, random.Random(7))
        code, _, err = run(make_repository, form, source, repository, keys)
        check(code == 0, "make_repository: " + err)
        unlocks = [[]]
        if form == "encrypted":
            unlocks = [["--" + name + ("" if name == "key-file" else "-file"), keys + "/" + name]
                       for name in ("key-file", "passphrase", "private-key")]
        for unlock in unlocks:
            compare_all(repository, unlock, scratch, source)
        check_tablespace_map(repository, unlocks[0], scratch)
        check_damage_is_seen(repository, unlocks[0], scratch)


main()
