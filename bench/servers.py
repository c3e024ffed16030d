"""Throwaway PostgreSQL, Redis and MongoDB on free ports of 127.0.0.1, their data in the scratch folder. PostgreSQL is as
Debian sets it up (fsync and synchronous_commit on) but for what `SETTINGS` says; Redis writes what it keeps once a second;
MongoDB is what `scripts/mongo-server` runs, of which one that was built there does not wait for the disk."""

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from service import Process, free_port

SETTINGS = """
listen_addresses = '127.0.0.1'
# As a machine of this size would have it; pgbench gets the same.
shared_buffers = 512MB
# The peer's two workers may take 80, and there are others beside them.
max_connections = 200
# So that one request's statements can be read from the log.
log_destination = 'jsonlog'
logging_collector = on
log_filename = 'log'
"""

NEEDED = {
    "postgres": "apt-get install postgresql",
    "redis": "apt-get install redis-server",
    "mongodb": "scripts/mongo-server build",
}
MONGO = Path(__file__).resolve().parent.parent / "scripts/mongo-server"


def postgres_programs():
    """The folder of the newest PostgreSQL that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    other = shutil.which("postgres")
    return found[-1].parent if found else Path(other).parent if other else None


def missing(needed):
    """A line for each of these servers that is not installed."""
    there = {"postgres": postgres_programs, "redis": lambda: shutil.which("redis-server"), "mongodb": has_mongo}
    return [f"{name} is missing: {NEEDED[name]}" for name in sorted(needed) if not there[name]()]


def has_mongo():
    return subprocess.run([MONGO, "ready"]).returncode == 0


class Server(Process):
    """May be stopped in several ways and started again on the same data."""

    def await_up(self, limit=60):
        end = time.monotonic() + limit
        while not self.is_up():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} does not start, see {self.folder}")
            time.sleep(0.01)

    def freeze(self):
        """Every process of it stands still; connections stay open and nobody answers."""
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)

    def pids(self):
        return [self.pid]


class Postgres(Server):
    name = "PostgreSQL"

    def __init__(self, scratch):
        self.process, self.folder, self.port = None, Path(scratch) / "postgres", free_port()
        self.programs = postgres_programs()
        # It refuses to run as root.
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self.folder.mkdir(mode=0o700)
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        command = ["initdb", "-D", "data", "-A", "trust", "-U", "postgres", "--locale=C.UTF-8", "-E", "UTF8"]
        made = subprocess.run(self.command(*command), **self.as_user(), capture_output=True, text=True)
        if made.returncode:
            raise RuntimeError("initdb failed: " + made.stderr[-2000:])
        with open(self.folder / "data/postgresql.conf", "a") as settings:
            settings.write(SETTINGS + f"port = {self.port}\nunix_socket_directories = '{self.folder}'\n")

    def as_user(self):
        who = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        return {"cwd": self.folder} | who

    def command(self, program, *arguments):
        return [self.programs / program, *map(str, arguments)]

    def start(self):
        with open(self.folder / "out", "ab") as out:
            command = self.command("postgres", "-D", "data")
            self.process = subprocess.Popen(command, **self.as_user(), stdout=out, stderr=out)
        self.await_up()

    def is_up(self):
        command = self.command("pg_isready", "-q", "-h", "127.0.0.1", "-p", self.port)
        return subprocess.run(command, **self.as_user()).returncode == 0

    def stop(self):
        if self.process and self.process.poll() is None:
            # Fast: it does not wait for those who are connected.
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
        self.process = None

    def stop_at_once(self):
        """As if the power failed: it recovers from its log at the next start."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(60)

    def pids(self):
        text = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.pid)], capture_output=True, text=True).stdout
        return [self.pid, *map(int, text.split())]

    def create(self, database):
        self.sql("postgres", f'CREATE DATABASE "{database}"')
        return self.url_of(database)

    def url_of(self, database):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def sql(self, database, text):
        """What the last statement yields, tab-separated lines without a head."""
        command = self.command("psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", self.url_of(database))
        run = subprocess.run(command, **self.as_user(), input=text, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"psql: {run.stderr[-2000:]}")
        return run.stdout

    def statements(self, do):
        """What is run while `do` runs: pairs of a text with $1 for its parameters and the list of these as texts, None
        for NULL. Looks once a second what else comes by itself are seen, too."""
        log = self.folder / "data/log/log.json"
        self.sql("postgres", "ALTER SYSTEM SET log_statement = 'all'; SELECT pg_reload_conf();")
        self._await_setting("all")
        begin = log.stat().st_size
        do()
        self.sql("postgres", "ALTER SYSTEM RESET log_statement; SELECT pg_reload_conf();")
        self._await_setting("none")
        with open(log, encoding="utf-8") as lines:
            lines.seek(begin)
            return [found for line in lines if (found := executed(json.loads(line)))]

    def _await_setting(self, value):
        end = time.monotonic() + 10
        while self.sql("postgres", "SHOW log_statement").strip() != value:
            if time.monotonic() > end:
                raise RuntimeError("PostgreSQL does not read its settings again")
            time.sleep(0.05)


def executed(line):
    """The prepared statement that a line of the log tells of, or None."""
    found = re.match(r"execute [^:]*: (.*)", line["message"], re.S)
    if not found:
        return None
    values = re.findall(r"\$(\d+) = (?:'((?:[^']|'')*)'|NULL)", line.get("detail", ""))
    # `NULL` matches without its group, and so does an empty text; what follows `=` tells them apart.
    nulls = set(re.findall(r"\$(\d+) = NULL", re.sub(r"'(?:[^']|'')*'", "''", line.get("detail", ""))))
    return found[1], [None if n in nulls else text.replace("''", "'") for n, text in values]


class Redis(Server):
    name = "Redis"

    def __init__(self, scratch):
        self.process, self.folder, self.port = None, Path(scratch) / "redis", free_port()
        self.folder.mkdir()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        command = [
            "redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder),
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--daemonize", "no",
        ]  # fmt: skip
        with open(self.folder / "out", "ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out)
        self.await_up()

    def is_up(self):
        """It answers, also while it still reads its file: then with an error."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def stop_at_once(self):
        """Told to stop, it writes what it keeps and goes."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


class Mongo(Server):
    name = "MongoDB"

    def __init__(self, scratch):
        self.process, self.folder, self.port = None, Path(scratch) / "mongodb", free_port()
        self.folder.mkdir()
        # What it runs as, where this is root, has to come in.
        self.folder.chmod(0o711)

    def start(self):
        with open(self.folder / "out", "wb") as out:
            self.process = subprocess.Popen([MONGO, "run", self.folder, str(self.port)], stdout=out, stderr=out)
        self.await_up()

    def is_up(self):
        return b"mongodb://" in (self.folder / "out").read_bytes()

    def create(self, database):
        """It comes to be with the first that is kept there."""
        return f"mongodb://127.0.0.1:{self.port}/{database}"

    def stop_at_once(self):
        """Killed, it takes its programs along."""
        self.process.kill()
        self.process.wait(60)

    def pids(self):
        text = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.pid)], capture_output=True, text=True).stdout
        return list(map(int, text.split()))


KINDS = {"postgres": Postgres, "redis": Redis, "mongodb": Mongo}
