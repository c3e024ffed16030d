"""The peer: the same kind of service as people build it by hand, from a folder that is given and is no part of this
project. Its README.md, `setup.sh` and `targets.json` say how it is set up and started; this file does what they say,
on the same PostgreSQL and Redis as Keyward."""

import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import load
from service import PASSWORD, Web, environment, free_port

# Of its targets the one whose hash is Keyward's: argon2id, 19 MiB, 2 passes, on threads.
TARGET = "seed-thread-argon19"
WORKERS = 2
# More than there are connections.
USERS = 150


def set_up(folder, cache):
    """Once: its virtual environment, in a folder of its own outside this repository."""
    tools = cache / "tools/bin"
    tools.mkdir(parents=True, exist_ok=True)
    if not (tools / "oha").exists():
        (tools / "oha").symlink_to(load.path("oha"))
    more = {"WORK": str(cache / "work"), "TOOLS": str(tools.parent)}
    if subprocess.run([folder / "setup.sh"], env=os.environ | more, cwd="/").returncode:
        raise RuntimeError(f"{folder}/setup.sh failed, see above")
    return cache / "work/venv"


class Peer(Web):
    routes = {"me": "/me", "login": "/login", "register": "/register", "refresh": "/auth/refresh"}
    login_form = "grant_type=password&username=bench%d@example.com&password=" + PASSWORD.replace(" ", "+")

    def __init__(self, folder, cache, scratch, servers):
        venv = set_up(folder, cache)
        self.process, self.servers, self.users = None, servers, USERS
        # A copy, so that nothing is written into the folder that was given.
        self.folder = Path(shutil.copytree(folder, Path(scratch) / "peer", copy_function=shutil.copyfile))
        self.log = self.folder / "log"
        said = json.loads((self.folder / "targets.json").read_text())
        self.target = next(target for target in said["targets"] if target["name"] == TARGET)
        self.port = free_port()
        self.words = {"venv": str(venv), "port": str(self.port), "workers": str(WORKERS)}
        database = servers["postgres"].create("peer").replace("postgresql:", "postgresql+asyncpg:")
        # Another of Redis's numbered databases than Keyward's: this one is emptied first.
        more = {"DATABASE_URL": database, "REDIS_URL": servers["redis"].url + "/1"}
        self.env = environment(more | self.target["env"])

    def command(self, parts):
        for name, value in self.words.items():
            parts = [part.replace("{" + name + "}", value) for part in parts]
        return parts

    def watched(self):
        return {"service": self.pid} | {name: server.pid for name, server in self.servers.items()}

    def start(self):
        subprocess.run(self.command(self.target["reset"]), cwd=self.folder, env=self.env, check=True)
        with open(self.log, "ab") as log:
            start = time.monotonic()
            command = self.command(self.target["cmd"])
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=log, stderr=log)
        self.await_first("/healthz", start, 60)
        with ThreadPoolExecutor(8) as each:
            for status, body in each.map(self.register, range(self.users)):
                if status != 201:
                    raise RuntimeError(f"the peer registers nobody: {status} {body}")
        self.write_tokens(access=self.sign_in("access_token"))

    def register(self, number):
        who = {"first_name": "Bench", "last_name": "User", "email": f"bench{number}@example.com"}
        return self.call("POST", "/register", who | {"password": PASSWORD})

    def sign_in(self, kind):
        """A fresh token of each user."""

        def one(number):
            status, body = self.call("POST", "/login", self.login_form % number, form=True)
            if status != 200:
                raise RuntimeError(f"no sign-in to the peer: {status} {body}")
            return json.loads(body)[kind]

        with ThreadPoolExecutor(8) as each:
            return list(each.map(one, range(self.users)))

    def take_refresh(self, which):
        """Refresh tokens that nobody has used, as arguments for a script."""
        path = self.folder / f"tokens-refresh-{which}"
        path.write_text("\n".join(self.sign_in("refresh_token")) + "\n")
        return [path, 1, self.users]
