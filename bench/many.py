"""Row 9: does it matter how many users there are? Two Keywards on the same store, one with a thousand users and one
with a million, asked in turn by one client at a time."""

import json
import random
import sqlite3
import statistics

import load
from figure import Figure
from service import PASSWORD

FEW, MANY = 1000, 1_000_000
ADMIN = "admin@example.com"
TIMES = 3

# The copy number n of a user's row and of a session's row: what differs, for SQLite and for PostgreSQL.
DIGITS = {"sqlite": "printf('%012x', n)", "postgres": "lpad(to_hex(n), 12, '0')"}
NUMBERS = {
    "sqlite": "(WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < {}) SELECT n FROM count)",
    "postgres": "(SELECT generate_series(1, {}) AS n)",
}
USER, SESSION = "00000000-0000-7000-8000-", "00000000-0000-7000-8001-"


def address(number):
    return f"many{number:012x}@example.com"


def copies(kind, count, columns):
    """The statements that copy the first user and the first session `count` times."""
    digits, numbers = DIGITS[kind], NUMBERS[kind].format(count)
    email = f"'many' || {digits} || '@example.com'"
    for table, changed in (
        ("keyward_users", {"id": f"'{USER}' || {digits}", "email": email, "email_key": email}),
        ("keyward_sessions", {"id": f"'{SESSION}' || {digits}", "user_id": f"'{USER}' || {digits}"}),
    ):
        names = columns(table)
        values = ", ".join(changed.get(name, f"first.{name}") for name in names)
        one = f"(SELECT * FROM {table} ORDER BY id LIMIT 1) AS first"
        yield f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {one}, {numbers} AS numbers"


def multiply(service, count):
    """Straight into the database: through the flows it would take minutes."""
    if "mongodb" in service.servers:
        service.program("copies", count)
        return
    if postgres := service.servers.get("postgres"):

        def columns(table):
            text = f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped"
            return postgres.sql(service.database, text).split()

        postgres.sql(service.database, ";\n".join([*copies("postgres", count, columns), "VACUUM ANALYZE", "CHECKPOINT"]))
        return
    database = sqlite3.connect(service.folder / "keyward.db", isolation_level=None)
    with database:
        for text in copies("sqlite", count, lambda table: [c[1] for c in database.execute(f"PRAGMA table_info({table})")]):
            database.execute(text)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


class Place:
    """A Keyward with `count` users."""

    def __init__(self, bench, count):
        self.service = bench.beside("few" if count == FEW else "many")
        self.service.seed(FEW, 0)
        create = ("user", "create", "--email", ADMIN, "--role", "admin", "--role", "user", "--password-stdin")
        self.service.command(*create, said=PASSWORD + "\n")
        addresses = [f"bench{number}@example.com" for number in range(FEW)]
        if count > FEW:
            multiply(self.service, count - FEW)
            # As many as there are here anyway, from all over: so signatures are known equally well.
            chosen = random.Random(9).sample(range(1, count - FEW + 1), FEW)
            lines = [f"{USER}{number:012x} {SESSION}{number:012x}" for number in chosen]
            tokens = self.service.program("mint", PASSWORD, said="\n".join(lines) + "\n")
            self.service.write_tokens(access=tokens.split())
            addresses = [address(number) for number in chosen]
        self.logins = "\n".join(addresses) + "\n"
        self.service.start()
        self.admin = self.service.sign_in(ADMIN)

    def me(self, seconds):
        url = self.service.url + "/users/me"
        return self._p50(load.wrk(url, "many.lua", [self.service.files["access"], 1, FEW], 1, seconds))

    def search(self, seconds):
        """Eleven users either way: bench12 and bench120 to bench129."""
        return self._p50(load.wrk(self.service.url + "/users?q=bench12", "one.lua", [self.admin], 1, seconds))

    def login(self, _):
        return json.loads(self.service.program("login", PASSWORD, said=self.logins))["p50_us"]

    @staticmethod
    def _p50(result):
        if result["failed"] or result["broken"] or not result["requests"]:
            raise RuntimeError(f"not all were answered: {result}")
        return result["p50"] * 1000


def many_users(bench):
    """Row 9."""
    count = FEW * 20 if bench.quick else MANY
    places = []
    try:
        for users in (FEW, count):
            bench.say(f"  {users:,} users")
            places.append(Place(bench, users))
        few, many = places
        for what, ask in (
            ("GET /users/me", Place.me),
            ("login by e-mail, less the hash", Place.login),
            ("an administrator's search by prefix", Place.search),
        ):
            # In turn, and turned around each time. The first of each is for warming up.
            seen = {few: [], many: []}
            for time in range(TIMES + 1):
                for place in (few, many) if time % 2 else (many, few):
                    seen[place].append(ask(place, max(1, bench.seconds // 4)))
            small, large = (statistics.median(seen[place][1:]) for place in (few, many))
            bench.say(f"    {what}: {small:.0f} us and {large:.0f} us")
            details = {"few": seen[few], "many": seen[many]}
            what = f"p50 of {what}, {count:,} users"
            yield Figure(9, what, large, "us", small, f"{FEW:,} users", most=1.2, details=details)
    finally:
        for place in places:
            place.service.stop()
