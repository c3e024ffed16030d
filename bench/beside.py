"""The rows of Keyward on PostgreSQL or MongoDB, with or without Redis: each request beside what does the same alone
(`pgbench` with the same statements, MongoDB's driver with the same operations), and beside the peer, which does the same
work on the same PostgreSQL and Redis."""

import pgbench
from rows import run_refresh


def of_peer(bench, least, *arguments, **more):
    """The peer as a yardstick, where there is one."""
    return [("peer", lambda: bench.measure_peer(*arguments, **more), least)] if bench.peer else []


def script(bench, name, kind, request):
    """pgbench's script, made at the first use."""
    if name not in bench.known:
        bench.known[name] = pgbench.prepare(bench.service, name, kind, request)
    return bench.known[name]


def alone(bench, name, kind, request, least):
    """The same reads or writes without Keyward."""
    if "mongodb" in bench.service.servers:
        return ("driver", lambda: bench.measure_driver(name), None)
    prepared = script(bench, name, kind, request)
    return ("pgbench", lambda: bench.measure_pgbench(prepared, writes=name == "write"), least)


def everyone(process):
    return [process.files["access"], 1, process.users]


def who_am_i(bench):
    """Row 2. The targets are for PostgreSQL and Redis; without Redis the figures stand beside them."""
    service = bench.service
    both = {"postgres", "redis"} <= set(service.servers)
    yardsticks = [
        alone(bench, "read", "SELECT", lambda token: service.call("GET", "/users/me", token=token), 0.35 if both else None),
        *of_peer(bench, 20 if both else None, "many.lua", everyone(bench.peer) if bench.peer else []),
    ]
    what = f"GET /users/me, {service.users:,} sessions"
    yield from bench.with_yardsticks(2, what, lambda: bench.run("many.lua", everyone(service)), yardsticks)


def refresh(bench):
    """Row 3."""
    yardsticks = [("bare", bench.measure_bare, None)]
    if bench.peer:
        # The same work on the same servers says more.
        least = 8 if "redis" in bench.service.servers else None

        def peer():
            warm, then = (bench.peer.take_refresh(which) for which in ("warm", "then"))
            return bench.measure_peer("refresh.lua", then, "refresh", warm=warm)

        yardsticks = [("peer", peer, least)]
    yield from bench.with_yardsticks(3, "POST /auth/refresh, durable", lambda: run_refresh(bench), yardsticks)


def edit(bench):
    """Row 4."""
    service = bench.service

    def change(token):
        service.call("PUT", "/users/me", {"first_name": "Name 00000000"}, token)

    yardsticks = [
        alone(bench, "write", "UPDATE|INSERT|DELETE|WITH", change, 0.70),
        *of_peer(bench, 8, "put.lua", everyone(bench.peer) if bench.peer else []),
    ]
    many = [service.files["access"], 1, min(1000, service.users)]
    what = "PUT /users/me, durable, many users"
    yield from bench.with_yardsticks(4, what, lambda: bench.run("put.lua", many), yardsticks)
