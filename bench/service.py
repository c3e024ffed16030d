"""Starts and stops what is measured: Keyward on one of the stores, and *bare*. Everything listens on 127.0.0.1 and
keeps its data in one scratch folder."""

import http.client
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

import machine

PASSWORD = "a quiet blue harbour"

# The servers that a store needs.
STORES = {
    "sqlite": (),
    "postgres": ("postgres",),
    "postgres+redis": ("postgres", "redis"),
    "mongodb": ("mongodb",),
    "mongodb+redis": ("mongodb", "redis"),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(more=()):
    """Ours without anything that Keyward would read: it is measured with its defaults, but for the limits on rates. They
    are counted all the same, and out of reach of a load that comes from one address."""
    plain = ("PORT", "DATABASE_URL", "REDIS_URL", "MONGO_URI", "SECRET_KEY", "ALGORITHM", "SMTP_URL", "S3_", "AWS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KEYWARD_", *plain))}
    return kept | {"KEYWARD_LIMITS_SCALE": "1000000"} | dict(more)


class Process:
    """A child that listens on `port` of 127.0.0.1."""

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(25)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def watched(self):
        """Whose CPU time counts for a request, by name."""
        return {"service": self.pid}

    def settle(self, limit=15):
        """Waits until it has worked off what a load generator left behind."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            before = machine.cpu_seconds(self.pid)
            time.sleep(0.4)
            if machine.cpu_seconds(self.pid) - before <= 0.02:
                return


class Bare(Process):
    routes = {"me": "/users/me"}

    def __init__(self, program):
        self.process = subprocess.Popen([program, "bare"], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().rpartition(":")[2])

    def forget_log(self):
        """It has none."""


class Web(Process):
    """A service for user accounts, asked over HTTP. `routes` are its addresses, `login_form` what signs in user %d."""

    def call(self, method, path, body=None, token=None, form=False, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        headers = {"Content-Type": kind} if body else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, body if form or not body else json.dumps(body), headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def await_first(self, path, start, limit=30):
        """Seconds from `start` until it answers 200."""
        while True:
            try:
                if self.call("GET", path)[0] == 200:
                    return time.monotonic() - start
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() - start > limit:
                raise RuntimeError(f"it did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.0005)

    def forget_log(self):
        """It grows by some 15 MB/s under load; the service appends, so it may be cut."""
        os.truncate(self.log, 0)

    def write_tokens(self, **tokens):
        """A file of each kind, one token a line."""
        self.files = {}
        for name, values in tokens.items():
            self.files[name] = self.folder / f"tokens-{name}"
            self.files[name].write_text("\n".join(values) + "\n")


class Keyward(Web):
    """The release binary with default settings; the log goes to a file, as JSON. `servers` are what its store needs,
    by name."""

    routes = {"me": "/users/me", "login": "/auth/login", "register": "/auth/register", "refresh": "/auth/refresh"}
    login_form = json.dumps({"email": "bench%d@example.com", "password": PASSWORD})

    def __init__(self, binary, bench, folder, store, servers=None, database="keyward"):
        self.binary, self.bench, self.process = Path(binary), bench, None
        self.store, self.servers, self.database = store, servers or {}, database
        self.folder = Path(folder) / f"{database}-on-{store}"
        self.folder.mkdir()
        self.port = free_port()
        self.log = self.folder / "log"
        more = {"KEYWARD_SERVER_LISTEN": f"127.0.0.1:{self.port}", "SECRET_KEY": secrets.token_urlsafe(48)}
        for kind in ("postgres", "mongodb"):
            if kind in self.servers:
                more["DATABASE_URL"] = self.servers[kind].create(database)
        if "DATABASE_URL" not in more:
            more["KEYWARD_STORE_URL"] = f"sqlite:{self.folder}/keyward.db"
        if "redis" in self.servers:
            more["REDIS_URL"] = self.servers["redis"].url
        self.env = environment(more)

    def command(self, *arguments, said=None):
        """What `keyward` with these arguments answers."""
        command = [self.binary, *arguments]
        run = subprocess.run(command, cwd=self.folder, env=self.env, input=said, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"keyward {arguments[0]} failed: " + run.stderr[-2000:])
        return run.stdout

    def watched(self):
        return {"service": self.pid} | {name: server.pid for name, server in self.servers.items()}

    def start(self, path="/health/live"):
        """Seconds from starting the program to its first reply."""
        with open(self.log, "ab") as log:
            start = time.monotonic()
            self.process = subprocess.Popen([self.binary], cwd=self.folder, env=self.env, stdout=log, stderr=log)
        return self.await_first(path, start)

    def restart(self):
        self.stop()
        self.forget_log()
        return self.start()

    def sign_in(self, email):
        """A fresh access token."""
        status, body = self.call("POST", "/auth/login", {"email": email, "password": PASSWORD})
        if status != 200:
            raise RuntimeError(f"no sign-in: {status} {body}")
        return json.loads(body)["access_token"]

    def program(self, *arguments, said=None):
        """What `keyward-bench` with these arguments answers, on this store."""
        command = [self.bench, *map(str, arguments)]
        run = subprocess.run(command, cwd=self.folder, env=self.env, input=said, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"keyward-bench {arguments[0]} failed: " + run.stderr[-2000:])
        return run.stdout

    def seed(self, users, cold):
        """Users with a session each, made before the start: files with their access and refresh tokens and with
        `cold` further access tokens, one a line."""
        rows = [line.split("\t") for line in self.program("seed", users, cold, PASSWORD).splitlines()]
        self.write_tokens(
            access=[row[1] for row in rows if row[0] != "-"],
            refresh=[row[2] for row in rows if row[0] != "-"],
            cold=[row[1] for row in rows if row[0] == "-"],
        )
        self.users, self.cold = users, cold


def check_reply(service, bare):
    """What bare answers must be about as long as what Keyward does."""
    token = re.split(r"\s", service.files["access"].read_text(), maxsplit=1)[0]
    ours = len(service.call("GET", "/users/me", token=token)[1])
    connection = http.client.HTTPConnection("127.0.0.1", bare.port, timeout=10)
    connection.request("GET", "/users/me")
    return ours, len(connection.getresponse().read())
