"""People who use Keyward while it is being killed and its servers go away, for `soak`: they register, sign in, refresh,
change their names and look at themselves, and remember what they were told. Owns what must be true afterwards."""

import http.client
import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from service import PASSWORD

PEOPLE = 8
# What they ask for, in turn.
KINDS = ("register", "login", "refresh", "rename", "look", "refresh", "rename", "look")
# How long a refresh token may come again whose reply was lost, less some time to ask: Keyward grants 10 s.
GRACE = 8.0


@dataclass
class Session:
    access: str
    refresh: str
    # Since when it is not known whether the last refresh came about.
    unsure_since: float | None = None

    @property
    def is_unsure(self):
        return self.unsure_since is not None

    def may_refresh(self):
        return not self.is_unsure or time.monotonic() - self.unsure_since < GRACE


@dataclass
class Account:
    email: str
    name: str | None = None
    # Names that were asked for without an answer: each may be there as well.
    maybe: set = field(default_factory=set)
    session: Session | None = None


@dataclass
class Reply:
    """To one request. `status` is 0 where there was none."""

    kind: str
    status: int
    began: float
    took: float

    @property
    def good(self):
        return 200 <= self.status < 300


class Person(threading.Thread):
    """Goes on until told to stop. `accounts` are those that exist for certain, `unsure` e-mail addresses that may."""

    def __init__(self, port, name, stop, turn=0):
        super().__init__()
        self.port, self.prefix, self.stop, self.turn = port, name, stop, turn
        self.connection = None
        self.accounts, self.unsure, self.replies, self.problems = [], [], [], []
        # In an outage a write may come about long after its client gave up, even behind a later one; and a refresh that
        # came about so late ends the session, once its token is tried again.
        self.writes_may_come_late = False

    def ask(self, kind, method, path, body=None, session=None, token=None):
        """The status, 0 for none, and what was said. `session`: whose the request is."""
        headers = {"Content-Type": "application/json"} if body else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        began = time.monotonic()
        try:
            if not self.connection:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            self.connection.request(method, path, json.dumps(body) if body else None, headers)
            reply = self.connection.getresponse()
            text = reply.read()
            status, said = reply.status, json.loads(text) if text else {}
        except (OSError, http.client.HTTPException, ValueError):
            self.connection, status, said = None, 0, {}
        self.replies.append(Reply(kind, status, began, time.monotonic() - began))
        may_be_over = session and session.is_unsure and self.writes_may_come_late
        if status not in (0, 200, 201, 503) and not (status == 401 and may_be_over):
            self.problems.append(f"{kind}: {status} {said}")
        return status, said

    def run(self):
        """Everybody asks for everything in turn, beginning elsewhere than the others."""
        while not self.stop.is_set():
            kind, account = KINDS[self.turn % len(KINDS)], random.choice(self.accounts[-20:] or [None])
            self.turn += 1
            if kind == "register" or not account:
                good = self.register(f"{self.prefix}-{len(self.accounts)}-{time.monotonic_ns()}@example.com")
            elif kind == "login" or not account.session:
                good = self.login(account)
            elif kind == "refresh":
                good = account.session.may_refresh() and self.refresh(account)
            else:
                good = (self.rename if kind == "rename" else self.look)(account)
            if not good:
                self.stop.wait(0.05)

    def register(self, email):
        self.unsure.append(email)
        status, _ = self.ask("register", "POST", "/auth/register", {"email": email, "password": PASSWORD})
        if status == 201:
            self.unsure.remove(email)
            self.accounts.append(Account(email))
        return status == 201

    def login(self, account):
        body = {"email": account.email, "password": PASSWORD}
        status, said = self.ask("login", "POST", "/auth/login", body)
        if status == 200:
            account.session = Session(said["access_token"], said["refresh_token"])
        return status == 200

    def refresh(self, account):
        session, began = account.session, time.monotonic()
        status, said = self.ask("refresh", "POST", "/auth/refresh", {"refresh_token": session.refresh}, session)
        if status == 200:
            account.session = Session(said["access_token"], said["refresh_token"])
        else:
            session.unsure_since = session.unsure_since or began
        return status == 200

    def rename(self, account):
        session, name = account.session, f"Name {time.monotonic_ns()}"
        account.maybe.add(name)
        status, _ = self.ask("rename", "PUT", "/users/me", {"first_name": name}, session, session.access)
        if status == 200:
            account.name = name
            if not self.writes_may_come_late:
                account.maybe.clear()
            account.maybe.discard(name)
        return status == 200

    def look(self, account):
        session = account.session
        status, said = self.ask("look", "GET", "/users/me", session=session, token=session.access)
        if status == 200 and (said["email"] or said["pending_email"]) != account.email:
            self.problems.append(f"somebody else: {said} for {account.email}")
        if status == 200:
            if said["first_name"] not in {account.name, *account.maybe}:
                self.problems.append(f"{account.email} has the name {said['first_name']}, not {account.name}")
            # What was seen stays.
            account.name = said["first_name"]
        return status == 200


class Crowd:
    """All people, over the whole of a soak: what they know is kept from one load to the next."""

    def __init__(self, port):
        self.port, self.accounts, self.count = port, [], 0

    def start(self, writes_may_come_late=False):
        self.stop, self.count = threading.Event(), self.count + 1
        self.people = [Person(self.port, f"r{self.count}p{n}", self.stop, n) for n in range(PEOPLE)]
        for person in self.people:
            person.writes_may_come_late = writes_may_come_late
            person.start()

    def replies(self):
        return [reply for person in self.people for reply in list(person.replies)]

    def end(self):
        """Stops them; returns their replies and what was wrong."""
        self.stop.set()
        for person in self.people:
            person.join()
        return self.replies(), [problem for person in self.people for problem in person.problems]

    def check(self):
        """What the last load was told must be true. Returns what is not."""
        with ThreadPoolExecutor(PEOPLE) as each:
            problems = [problem for some in each.map(self.check_person, self.people) for problem in some]
        for person in self.people:
            self.accounts += person.accounts
        return problems

    def check_person(self, person):
        # The connection may be one to the process before.
        person.problems, person.connection, wrong = [], None, []

        def must(done, what):
            if not done:
                wrong.append(f"{what}: {person.replies[-1].status}")

        # First those whose time is running out.
        for account in person.accounts:
            session = account.session
            if session and session.may_refresh() and not (session.is_unsure and person.writes_may_come_late):
                must(person.refresh(account), f"the session of {account.email} is lost")
        for account in person.accounts:
            signed_in = person.login(account)
            must(signed_in, f"{account.email} is lost, or the password")
            if signed_in:
                must(person.look(account), f"{account.email} cannot be seen")
            account.maybe.clear()
        for email in list(person.unsure):
            account = Account(email)
            # Either all of it is there or nothing.
            if person.login(account):
                person.unsure.remove(email)
                person.accounts.append(account)
            elif person.replies[-1].status in (400, 401):
                person.problems.pop()
                must(person.register(email), f"{email} is there by half: neither signs in nor registers")
                person.unsure.remove(email)
            else:
                wrong.append(f"{email}: {person.replies[-1].status}")
        return wrong + person.problems

    def check_everyone(self):
        """All that were ever made still sign in, and have their names."""
        parts = [Person(self.port, f"all{number}", threading.Event()) for number in range(PEOPLE)]
        for number, part in enumerate(parts):
            part.accounts = [Account(one.email, one.name) for one in self.accounts[number::PEOPLE]]
        with ThreadPoolExecutor(PEOPLE) as each:
            return [problem for some in each.map(self.check_person, parts) for problem in some]
