"""Starts and stops what is measured: Keyward on one of the stores, and *bare*. Everything listens on 127.0.0.1 and
keeps its data in one scratch folder."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import machine

PASSWORD = "a quiet blue harbour"

# What a store needs: the environment that names it. Later ones come here.
STORES = {
    "sqlite": lambda folder: {"KEYWARD_STORE_URL": f"sqlite:{folder}/keyward.db"},
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(more=()):
    """Ours without anything that Keyward would read: it is measured with its defaults, but for the limits on rates. They
    are counted all the same, and out of reach of a load that comes from one address."""
    plain = ("PORT", "DATABASE_URL", "SECRET_KEY", "ALGORITHM")
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

    def settle(self, limit=15):
        """Waits until it has worked off what a load generator left behind."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            before = machine.cpu_seconds(self.pid)
            time.sleep(0.4)
            if machine.cpu_seconds(self.pid) - before <= 0.02:
                return


class Bare(Process):
    def __init__(self, program):
        self.process = subprocess.Popen([program, "bare"], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().rpartition(":")[2])


class Keyward(Process):
    """The release binary with default settings; the log goes to a file, as JSON."""

    def __init__(self, binary, bench, folder, store):
        self.binary, self.bench, self.process = Path(binary), bench, None
        self.folder = Path(folder) / store
        self.folder.mkdir()
        self.port = free_port()
        self.log = self.folder / "log"
        self.env = environment({"KEYWARD_SERVER_LISTEN": f"127.0.0.1:{self.port}"} | STORES[store](self.folder))

    def start(self):
        """Seconds from starting the program to its first reply."""
        with open(self.log, "ab") as log:
            start = time.monotonic()
            self.process = subprocess.Popen([self.binary], cwd=self.folder, env=self.env, stdout=log, stderr=log)
        while True:
            try:
                if self.call("GET", "/health/live")[0] == 200:
                    return time.monotonic() - start
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() - start > 30:
                raise RuntimeError(f"keyward did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.0005)

    def restart(self):
        self.stop()
        self.forget_log()
        return self.start()

    def forget_log(self):
        """It grows by some 15 MB/s under load; the service appends, so it may be cut."""
        os.truncate(self.log, 0)

    def call(self, method, path, body=None, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json"} if body else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection.request(method, path, json.dumps(body) if body else None, headers)
        reply = connection.getresponse()
        answer = reply.status, reply.read()
        connection.close()
        return answer

    def sign_in(self, email):
        """A fresh access token."""
        status, body = self.call("POST", "/auth/login", {"email": email, "password": PASSWORD})
        if status != 200:
            raise RuntimeError(f"no sign-in: {status} {body}")
        return json.loads(body)["access_token"]

    def seed(self, users, cold):
        """Users with a session each, made before the start: files with their access and refresh tokens and with
        `cold` further access tokens, one a line."""
        command = [self.bench, "seed", str(users), str(cold), PASSWORD]
        run = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError("seeding failed: " + run.stderr[-2000:])
        rows = [line.split("\t") for line in run.stdout.splitlines()]
        files = {
            "access": [row[1] for row in rows if row[0] != "-"],
            "refresh": [row[2] for row in rows if row[0] != "-"],
            "cold": [row[1] for row in rows if row[0] == "-"],
        }
        self.files = {}
        for name, values in files.items():
            self.files[name] = self.folder / f"tokens-{name}"
            self.files[name].write_text("\n".join(values) + "\n")
        self.users = users


def check_reply(service, bare):
    """What bare answers must be about as long as what Keyward does."""
    token = re.split(r"\s", service.files["access"].read_text(), maxsplit=1)[0]
    ours = len(service.call("GET", "/users/me", token=token)[1])
    connection = http.client.HTTPConnection("127.0.0.1", bare.port, timeout=10)
    connection.request("GET", "/users/me")
    return ours, len(connection.getresponse().read())
