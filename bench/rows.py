"""The rows of the performance bar that need nothing but Keyward, *bare* and *hash*. One function a row, which yields its
figures; which rows a store has stands in `run`."""

import statistics
import time

import load
import machine
from figure import HASHERS, Figure

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


def run_refresh(bench):
    """Warming up uses up sessions of its own."""
    few = bench.service.users // 10
    return bench.run("refresh.lua", bench.take("refresh", few), "refresh", warm=bench.take("refresh", few))


def refresh(bench):
    """Row 3."""
    yield from bench.against("bare", 3, [("POST /auth/refresh, durable", lambda: run_refresh(bench), 0.25)])


def edit(bench):
    """Row 4."""
    access = bench.service.files["access"]
    steps = [
        ("PUT /users/me, durable, many users", lambda: bench.run("put.lua", [access, 1, 1000]), 0.15),
        ("PUT /users/me, durable, all on one user", lambda: bench.run("put.lua", [access, 1, 1]), None),
    ]
    yield from bench.against("bare", 4, steps)


def login_arguments(service):
    return [service.login_form, min(1000, service.users)]


def login(bench, process=None):
    """Logins for row 5, of Keyward if nothing else is said."""
    arguments = login_arguments(process or bench.service)
    return bench.run("hashed.lua", arguments, "login", HASHERS, process)


def passwords(bench):
    """Row 5."""

    def register():
        start = f"new{time.monotonic_ns()}x"
        forms = [[bench.service.login_form.replace("bench", start + when, 1), 0] for when in ("", "warm")]
        return bench.run("hashed.lua", forms[0], "register", HASHERS, warm=forms[1])

    def own_login():
        result = login(bench)
        bench.known["login"] = result["per_second"]
        return result

    steps = [
        ("POST /auth/login, 32 connections", own_login, 0.90),
        ("POST /auth/register, 32 connections", register, 0.90),
    ]
    yield from bench.against("hash", 5, steps)
    if bench.peer:
        bench.say("  peer, login")
        theirs = login(bench, bench.peer)["per_second"]
        yield Figure(5, "POST /auth/login, 32 connections", bench.known["login"], "/s", theirs, "peer")


def memory(bench):
    """Row 6, each on a service just started. Closed loop: who is refused tries again at once."""
    service = bench.service
    for clients in (32, 1000):
        service.restart()
        machine.forget_peak(service.pid)
        bench.say(f"  {clients} concurrent logins")
        result = load.wrk(service.url + service.routes["login"], "hashed.lua", login_arguments(service), clients, bench.seconds)
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


def storm_of(bench, process, token, pace):
    """GET /users/me at a fixed pace beside 16 login loops: what oha says, and the logins a second."""
    bench.say(f"  {process.routes['me']} at {pace}/s beside 16 logins")
    with machine.Watch(**process.watched()) as watch:
        form = login_arguments(process)
        logins = load.start_wrk(process.url + process.routes["login"], "hashed.lua", form, 16, bench.seconds + 1)
        time.sleep(0.7)
        result = load.oha(process.url + process.routes["me"], token, pace, bench.seconds)
        beside = load.wrk_result(logins)
    rate = beside["done"] / beside["seconds"]
    bench.say(f"    p99 {result['p99']:.2f} ms, max {result['max']:.1f} ms; {rate:.1f} logins/s")
    process.settle()
    process.forget_log()
    return result | {"foreign_cores": watch.foreign, "steal_cores": watch.steal, "logins_per_second": rate}


def storm(bench):
    """Row 7."""
    token = bench.service.sign_in("bench0@example.com")
    if "login" not in bench.known:
        bench.say("  logins alone")
        bench.known["login"] = login(bench)["per_second"]
    for pace, most in ((100, 3), (2000, 10)):
        result = storm_of(bench, bench.service, token, pace)
        what = f"GET /users/me at {pace:,}/s"
        yield Figure(7, f"p99 of {what} beside 16 logins", result["p99"], "ms", most=most, details=result)
        rate = result["logins_per_second"]
        yield Figure(7, f"logins beside {what}", rate, "/s", bench.known["login"], "row 5", 0.90)
        if bench.peer and pace == 100:
            bench.say("  peer")
            theirs = storm_of(bench, bench.peer, bench.peer.sign_in("access_token")[0], pace)
            yield Figure(7, f"p99 of {what} beside 16 logins", result["p99"], "ms", theirs["p99"], "peer")
            yield Figure(7, f"logins beside {what}", rate, "/s", theirs["logins_per_second"], "peer")


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
