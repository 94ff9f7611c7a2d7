"""Real PostgreSQL clusters and the real salvorctl, for the tests of this folder.

Everything lives below one temporary folder and is stopped by process id. As root, PostgreSQL and
salvorctl run as the account `postgres`; as anybody else, as that user.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import uuid

ROOT = os.geteuid() == 0
USER = "postgres" if ROOT else None
SALVORCTL = os.environ["SALVORCTL"]


def pg_bin(major):
    """The programs of a major: given, or where tests/run.sh unpacked them, or Debian's."""
    below = f"usr/lib/postgresql/{major}/bin"
    places = [os.environ.get(f"SALVOR_PG{major}_BIN"),
              os.path.join(os.environ.get("SALVOR_PG_ROOT", ""), str(major), below), "/" + below]
    for folder in places:
        if folder and os.path.exists(os.path.join(folder, "postgres")):
            return folder
    raise AssertionError(f"PostgreSQL {major} is in none of {places}: run tests/run.sh")


def as_user(argv):
    return ["runuser", "-u", USER, "--", *argv] if USER else list(argv)


def run(argv, check=True, timeout=300, env=None, cwd="/", stdin=None):
    """Runs a program as the test's user; returns the finished process with text output."""
    done = subprocess.run(
        as_user(argv), cwd=cwd, timeout=timeout, text=True, capture_output=True, input=stdin,
        env={**os.environ, **(env or {})})
    if check and done.returncode != 0:
        raise AssertionError(
            f"{' '.join(argv)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}")


class Server:
    """One PostgreSQL data directory with a server on a socket of its own."""

    def __init__(self, site, name, major):
        self.site, self.name, self.major = site, name, major
        self.bin = pg_bin(major)
        self.data = os.path.join(site.folder, name)
        self.socket = os.path.join(site.folder, name + ".s")
        self.port = free_port()
        site.make_folder(self.socket)
        site.servers.append(self)

    def program(self, name):
        return os.path.join(self.bin, name)

    def initdb(self, checksums=True, wal_segsize=None):
        argv = [self.program("initdb"), "-D", self.data, "-U", "postgres", "-A", "trust", "-E",
                "UTF8", "--locale=C", "--no-sync"]
        if checksums:
            argv.append("--data-checksums")
        elif self.major >= 18:
            argv.append("--no-data-checksums")
        if wal_segsize:
            argv.append(f"--wal-segsize={wal_segsize}")
        run(argv)
        self.configure({
            "unix_socket_directories": self.socket, "listen_addresses": "", "port": self.port,
            "fsync": "off", "shared_buffers": "32MB", "max_wal_size": "256MB",
            "wal_level": "replica", "log_min_messages": "warning", "timezone": "America/New_York",
        })
        return self

    def configure(self, settings):
        lines = "".join(f"{key} = '{str(value)}'\n" for key, value in settings.items())
        self.append("postgresql.conf", lines)

    def append(self, name, text):
        run(["tee", "-a", os.path.join(self.data, name)], stdin=text)

    def start(self, extra=()):
        run([self.program("pg_ctl"), "-D", self.data, "-w", "-l",
             os.path.join(self.socket, "log"), *extra, "start"])
        return self

    def stop(self, mode="fast"):
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            run([self.program("pg_ctl"), "-D", self.data, "-m", mode, "-w", "stop"], check=False)

    def conninfo(self):
        return f"host={self.socket} port={self.port} user=postgres dbname=postgres"

    def sql(self, *statements, check=True):
        """Runs statements one after the other in one session; what they answer, a line each."""
        commands = [part for text in statements for part in ("-c", text)]
        done = run([self.program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.socket,
                    "-p", str(self.port), "-U", "postgres", "-d", "postgres", *commands],
                   check=check)
        return done.stdout.strip()

    def pgbench_init(self, scale=1):
        run([self.program("pgbench"), "-i", "-q", "-s", str(scale), "-h", self.socket, "-p",
             str(self.port), "-U", "postgres", "postgres"])

    def pgbench(self, seconds, clients=2):
        """Starts a load in the background."""
        return subprocess.Popen(
            as_user([self.program("pgbench"), "-n", "-T", str(seconds), "-c", str(clients), "-h",
                     self.socket, "-p", str(self.port), "-U", "postgres", "postgres"]),
            cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def standby(self, name):
        copy = Server(self.site, name, self.major)
        run([self.program("pg_basebackup"), "-D", copy.data, "-h", self.socket, "-p",
             str(self.port), "-U", "postgres", "-X", "stream", "-R", "-c", "fast"])
        copy.configure({"unix_socket_directories": copy.socket, "port": copy.port})
        return copy.start()


class Site:
    """A folder with servers, a repository and a salvor.conf."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="salvor-it-")
        self.servers = []
        if USER:
            shutil.chown(self.folder, USER, USER)
        os.chmod(self.folder, 0o755)
        # A copy, because the account that runs PostgreSQL may not reach the build folder.
        self.salvorctl = os.path.join(self.folder, "salvorctl")
        shutil.copy(SALVORCTL, self.salvorctl)
        os.chmod(self.salvorctl, 0o755)
        self.repository = os.path.join(self.folder, "repository")
        self.config = os.path.join(self.folder, "salvor.conf")
        self.key = os.path.join(self.folder, "key")
        self.state = os.path.join(self.folder, "state")
        self.sections = {}

    def close(self):
        done = self.ctl("instance", "list", "--json", check=False)
        if done.returncode == 0:
            for instance in json.loads(done.stdout)["result"].get("instances", []):
                self.ctl("instance", "stop", instance["name"], check=False)
        for server in self.servers:
            server.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def make_folder(self, path, mode="0700"):
        run(["mkdir", "-p", "-m", mode, path])

    def write(self, path, text, mode=0o600):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        if USER:
            shutil.chown(path, USER, USER)

    def section(self, kind, name, keys):
        self.sections[(kind, name)] = keys
        text = "".join(
            f"[{kind} {name}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items()) + "\n"
            for (kind, name), keys in self.sections.items())
        self.write(self.config, text)

    def add_repository(self, name="main", init=True, **keys):
        keys = {"url": f"file://{self.repository}", "key-file": self.key, **keys}
        if keys.get("encryption") == "none":
            keys.pop("key-file")
        self.section("repository", name, keys)
        if init:
            self.ctl("repo", "init", "--repo", name)

    def add_cluster(self, server, name="demo", archive=True, **keys):
        self.section("cluster", name, {
            "repository": "main", "connection": server.conninfo(), "data-directory": server.data,
            "pg-bin": server.bin, **keys})
        if archive:
            server.configure({
                "archive_mode": "on",
                "archive_command": self.archive_command(name)})

    def archive_command(self, cluster):
        environment = f"XDG_STATE_HOME={self.state} ASAN_OPTIONS=detect_leaks=0"
        return (f"env {environment} {self.salvorctl} --config {self.config} archive-push "
                f"{cluster} %p")

    def ctl(self, *arguments, check=True, timeout=600, env=None):
        return run([self.salvorctl, "--config", self.config, *arguments], check=check,
                   timeout=timeout, env={"XDG_STATE_HOME": self.state, **(env or {})})

    def ctl_popen(self, *arguments):
        return subprocess.Popen(
            as_user([self.salvorctl, "--config", self.config, *arguments]), cwd="/",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, "XDG_STATE_HOME": self.state})

    def result(self, *arguments, **how):
        """What a command answers with --json."""
        done = self.ctl("--json", *arguments, **how)
        answer = json.loads(done.stdout)
        assert answer["schema"] == 1 and answer["ok"], answer
        return answer["result"]

    def failure(self, *arguments, **how):
        """The exit status and the error a command answers with --json."""
        done = self.ctl("--json", *arguments, check=False, **how)
        answer = json.loads(done.stdout)
        assert not answer["ok"] and answer["exit"] == done.returncode, answer
        return done.returncode, answer["error"]


class Bucket:
    """A new bucket on the S3 gateway that the file SALVOR_S3_ENV describes."""

    def __init__(self, site):
        with open(os.environ["SALVOR_S3_ENV"], encoding="utf-8") as file:
            told = dict(line.split("=", 1) for line in file.read().split() if "=" in line)
        self.endpoint, self.access, self.secret = told["endpoint"], told["access"], told["secret"]
        self.name = "salvor-" + uuid.uuid4().hex[:12]
        self.credentials = os.path.join(site.folder, "credentials")
        self.site = site
        self.write_credentials(self.secret)
        self.aws("s3api", "create-bucket", "--bucket", self.name)

    def aws(self, *arguments):
        return run(["/usr/bin/aws", "--endpoint-url", self.endpoint, *arguments], env={
            "AWS_ACCESS_KEY_ID": self.access, "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_CA_BUNDLE": "",
            "AWS_EC2_METADATA_DISABLED": "true"}).stdout

    def write_credentials(self, secret):
        self.site.write(self.credentials, "[default]\n"
                        f"aws_access_key_id = {self.access}\naws_secret_access_key = {secret}\n")

    def keys(self):
        """What the configuration says of a repository in it."""
        return {"url": f"s3://{self.name}/dr", "endpoint": self.endpoint, "region": "us-east-1",
                "path-style": "true", "credentials": f"file:{self.credentials}"}


class SiteTest(unittest.TestCase):
    """Each test has a site of its own."""

    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.close)

    def archived(self, server, cluster="demo", seconds=120):
        """Switches the segment and waits until all before it is archived."""
        name = server.sql("SELECT pg_walfile_name(pg_switch_wal())")
        wait_for(f"{name} in the archive", lambda: server.sql(
            f"SELECT last_archived_wal >= '{name}' FROM pg_stat_archiver") == "t", seconds)
        return name


def open_copy(site, name):
    """Answers SQL from a started copy through its socket."""
    listed = site.result("instance", "list")["instances"]
    copy = next(entry for entry in listed if entry["name"] == name)

    def sql(server, text):
        return run([server.program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h",
                    copy["socketDirectory"], "-p", str(copy["port"]), "-U", "postgres", "-d",
                    "postgres", "-c", text]).stdout.strip()

    return sql


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
