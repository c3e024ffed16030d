"""The rows of the performance bar: what is done for each, what it is compared with and what is to be reached. One
function a row; a row that comes later is one more function in ROWS."""

import json
import statistics
import subprocess
import time
from dataclasses import asdict, dataclass, field

import load
import machine
from service import PASSWORD, environment

CONNECTIONS = 64
HASHERS = 32


@dataclass
class Figure:
    """One line of the table. `value` is what was measured, `against` the yardstick in the same minute."""

    row: int
    what: str
    value: float
    unit: str
    against: float | None = None
    yardstick: str = ""
    least: float | None = None  # of value / against, or of value where there is no yardstick
    most: float | None = None
    details: dict = field(default_factory=dict)

    @property
    def ratio(self):
        return self.value / self.against if self.against else None

    @property
    def reached(self):
        judged = self.value if self.ratio is None else self.ratio
        if self.least is None and self.most is None:
            return None
        return (self.least is None or judged >= self.least) and (self.most is None or judged <= self.most)

    def as_dict(self):
        return asdict(self) | {"ratio": self.ratio, "reached": self.reached}


class Bench:
    """What every row works with: the service with its seeded users, the yardsticks and the lengths of a measurement."""

    def __init__(self, service, bare, program, given, say):
        self.service, self.bare, self.program, self.say = service, bare, program, say
        self.seconds, self.warm, self.rounds = given.seconds, given.warm, given.rounds
        self.used = {}
        self.known = {}

    def take(self, file, count):
        """The next `count` lines of a file of tokens, none of them used before: arguments for a script."""
        begin = self.used.get(file, 0)
        self.used[file] = begin + count
        return [self.service.files[file], begin + 1, count]

    def run(self, script, arguments, connections=CONNECTIONS, process=None, seconds=None, warm=None):
        """Warms up, measures, and says also what CPU a request took. `warm`: arguments for warming up."""
        process = process or self.service
        load.wrk(process.url, script, warm or arguments, connections, self.warm)
        process.settle()
        with machine.Watch(process.pid) as watch:
            result = load.wrk(process.url, script, arguments, connections, seconds or self.seconds)
        process.settle()
        self.service.forget_log()
        result["cpu_us"] = watch.service / max(1, result["requests"]) * 1e6
        result |= {"foreign_cores": watch.foreign, "steal_cores": watch.steal}
        each = f"p99 {result['p99']:.2f} ms  {result['cpu_us']:.1f} us of CPU each"
        self.say(f"    {result['per_second']:>9,.0f}/s  {each}")
        return result

    def measure_bare(self):
        self.say("  bare")
        return self.run("one.lua", ["none"], process=self.bare)

    def measure_hash(self):
        self.say("  hash")
        command = [self.program, "hash", str(self.seconds), str(HASHERS)]
        text = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout
        result = json.loads(text)
        result["cpu_us"] = result["cpu_ticks"] / machine.TICK / max(1, result["count"]) * 1e6
        self.say(f"    {result['per_second']:>9,.1f}/s  {result['cpu_us']:.0f} us of CPU each")
        return result

    def against(self, name, row, steps):
        """Measures each step with the yardstick before and after it. Steps: (what, run, least)."""
        yardstick = {"bare": self.measure_bare, "hash": self.measure_hash}[name]
        before = yardstick()
        for what, run, least in steps:
            self.say(f"  {what}")
            result = run()
            after = yardstick()
            pair = (before["per_second"], after["per_second"])
            mean = statistics.mean(pair)
            result["yardstick_spread"] = abs(pair[0] - pair[1]) / mean
            result["yardstick_cpu_us"] = (before["cpu_us"] + after["cpu_us"]) / 2
            yield Figure(row, what, result["per_second"], "/s", mean, name, least, None, result)
            before = after


def who_am_i(bench):
    """Row 1."""
    service = bench.service
    token = service.sign_in("bench0@example.com")
    everyone = [service.files["access"], 1, service.users]

    def many():
        result = bench.run("many.lua", everyone)
        bench.known["many"] = result["per_second"]
        return result

    def cold():
        # Known tokens are quicker, so at their pace these last.
        share = service.cold // bench.rounds
        seconds = max(1, min(bench.seconds, int(share / bench.known["many"])))
        result = bench.run("many.lua", bench.take("cold", share), seconds=seconds, warm=everyone)
        if result["requests"] > share:
            result["note"] = "tokens came a second time"
        return result

    steps = [
        ("GET /users/me, one token", lambda: bench.run("one.lua", [token]), 0.70),
        (f"GET /users/me, {service.users:,} sessions", many, 0.70),
        ("GET /users/me, each token for the first time", cold, None),
    ]
    yield from bench.against("bare", 1, steps)


def refresh(bench):
    """Row 3. Warming up uses up sessions of its own."""
    few = bench.service.users // 10

    def run():
        return bench.run("refresh.lua", bench.take("refresh", few), warm=bench.take("refresh", few))

    yield from bench.against("bare", 3, [("POST /auth/refresh, durable", run, 0.25)])


def edit(bench):
    """Row 4."""
    access = bench.service.files["access"]
    steps = [
        ("PUT /users/me, durable, many users", lambda: bench.run("put.lua", [access, 1, 1000]), 0.15),
        ("PUT /users/me, durable, all on one user", lambda: bench.run("put.lua", [access, 1, 1]), None),
    ]
    yield from bench.against("bare", 4, steps)


def login_arguments(bench):
    return ["/auth/login", "bench", PASSWORD, min(1000, bench.service.users)]


def passwords(bench):
    """Row 5."""

    def register():
        start = f"new{time.monotonic_ns()}x"
        arguments = [["/auth/register", start + when, PASSWORD, 0] for when in ("", "warm")]
        return bench.run("hashed.lua", arguments[0], HASHERS, warm=arguments[1])

    def login():
        result = bench.run("hashed.lua", login_arguments(bench), HASHERS)
        bench.known["login"] = result["per_second"]
        return result

    steps = [
        ("POST /auth/login, 32 connections", login, 0.90),
        ("POST /auth/register, 32 connections", register, 0.90),
    ]
    yield from bench.against("hash", 5, steps)


def memory(bench):
    """Row 6, each on a service just started. Closed loop: who is refused tries again at once."""
    service = bench.service
    for clients in (32, 1000):
        service.restart()
        machine.forget_peak(service.pid)
        bench.say(f"  {clients} concurrent logins")
        result = load.wrk(service.url, "hashed.lua", login_arguments(bench), clients, bench.seconds)
        peak = machine.memory_mb(service.pid, "VmHWM")
        said = {name: result[name] for name in ("done", "refused", "bare503", "other")}
        bench.say(f"    {peak:.1f} MB; {said}; {result['done'] / result['seconds']:.1f} logins/s")
        details = said | {"broken": result["broken"], "logins_per_second": result["done"] / result["seconds"]}
        yield Figure(6, f"peak memory, {clients:,} concurrent logins", peak, "MB", most=120, details=details)
        wrong = result["bare503"] + result["other"] + result["broken"]
        what = f"replies but 200 and 503 with Retry-After, {clients:,} logins"
        yield Figure(6, what, wrong, "", most=0, details=details)
        service.settle()
    service.restart()


def storm(bench):
    """Row 7: 16 login loops, and beside them GET /users/me at a fixed pace."""
    service = bench.service
    token = service.sign_in("bench0@example.com")
    if "login" not in bench.known:
        bench.say("  logins alone")
        bench.known["login"] = bench.run("hashed.lua", login_arguments(bench), HASHERS)["per_second"]
    for pace, most in ((100, 3), (2000, 10)):
        bench.say(f"  GET /users/me at {pace}/s beside 16 logins")
        with machine.Watch(service.pid) as watch:
            logins = load.start_wrk(service.url, "hashed.lua", login_arguments(bench), 16, bench.seconds + 1)
            time.sleep(0.7)
            result = load.oha(service.url + "/users/me", token, pace, bench.seconds)
            beside = load.wrk_result(logins)
        rate = beside["done"] / beside["seconds"]
        bench.say(f"    p99 {result['p99']:.2f} ms, max {result['max']:.1f} ms; {rate:.1f} logins/s")
        result |= {"foreign_cores": watch.foreign, "steal_cores": watch.steal}
        what = f"GET /users/me at {pace:,}/s"
        yield Figure(7, f"p99 of {what} beside 16 logins", result["p99"], "ms", most=most, details=result)
        yield Figure(7, f"logins beside {what}", rate, "/s", bench.known["login"], "row 5", 0.90)
        service.settle()
        service.forget_log()


def rest(bench):
    """Row 8, with the seeded database."""
    service = bench.service
    starts = [service.restart() * 1000 for _ in range(5)]
    time.sleep(3)
    idle = machine.memory_mb(service.pid)
    own = machine.memory_mb(service.pid, "RssAnon")
    size = service.binary.stat().st_size / 1e6
    start = statistics.median(starts)
    bench.say(f"  start {start:.1f} ms, idle {idle:.1f} MB ({own:.1f} of its own), binary {size:.1f} MB")
    yield Figure(8, "idle memory", idle, "MB", most=20, details={"anonymous_mb": own})
    yield Figure(8, "start to first reply, median of 5", start, "ms", most=50, details={"starts": starts})
    yield Figure(8, "stripped binary", size, "MB", most=30)


ROWS = {1: who_am_i, 3: refresh, 4: edit, 5: passwords, 6: memory, 7: storm, 8: rest}
# Measured once, however many rounds there are: they do not hang on what else the machine does.
ONCE = {6, 8}
