"""What one line of the table holds, and how a figure is taken: warming up, measuring, and the yardsticks in the same
minute. What is measured in which row stands in the files of the rows."""

import json
import statistics
import subprocess
import time
from dataclasses import asdict, dataclass, field

import load
import machine
import pgbench
from service import environment

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
    store: str = ""

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
    """What every row works with: the service with its seeded users, the yardsticks and the lengths of a measurement.
    `peer` is None where none was given, `beside` makes a further Keyward on the same store."""

    def __init__(self, service, bare, peer, beside, given, say):
        self.service, self.bare, self.peer, self.beside, self.say = service, bare, peer, beside, say
        self.seconds, self.warm, self.rounds, self.quick = given.seconds, given.warm, given.rounds, given.quick
        self.round = 0
        self.used = {}
        self.known = {}

    @property
    def store(self):
        return self.service.store

    def take(self, file, count):
        """The next `count` lines of a file of tokens, none of them used before: arguments for a script."""
        begin = self.used.get(file, 0)
        self.used[file] = begin + count
        return [self.service.files[file], begin + 1, count]

    def run(self, script, arguments, route="me", connections=CONNECTIONS, process=None, seconds=None, warm=None):
        """Warms up, measures, and says also what CPU a request took. `warm`: arguments for warming up."""
        process = process or self.service
        url = process.url + process.routes[route]
        load.wrk(url, script, warm or arguments, connections, self.warm)
        process.settle()
        with machine.Watch(**process.watched()) as watch:
            result = load.wrk(url, script, arguments, connections, seconds or self.seconds)
        process.settle()
        process.forget_log()
        for name, used in watch.used.items():
            result["cpu_us" if name == "service" else f"{name}_cpu_us"] = used / max(1, result["requests"]) * 1e6
        result |= {"foreign_cores": watch.foreign, "steal_cores": watch.steal}
        self.say(f"    {result['per_second']:>9,.0f}/s  p99 {result['p99']:.2f} ms  {self.cpu(result)}")
        return result

    @staticmethod
    def cpu(result):
        parts = (("", "cpu_us"), (" PostgreSQL", "postgres_cpu_us"), (" Redis", "redis_cpu_us"), (" MongoDB", "mongodb_cpu_us"))
        said = [f"{result[key]:.1f}{name}" for name, key in parts if key in result]
        return f"{' + '.join(said)} us of CPU each"

    def measure_bare(self):
        self.say("  bare")
        return self.run("one.lua", ["none"], process=self.bare)

    def measure_hash(self):
        self.say("  hash")
        command = [self.service.bench, "hash", str(self.seconds), str(HASHERS)]
        text = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout
        result = json.loads(text)
        result["cpu_us"] = result["cpu_ticks"] / machine.TICK / max(1, result["count"]) * 1e6
        self.say(f"    {result['per_second']:>9,.1f}/s  {result['cpu_us']:.0f} us of CPU each")
        return result

    def measure_pgbench(self, script, writes=False):
        self.say("  pgbench")
        pgbench.run(self.service, script, self.warm, writes)
        time.sleep(0.4)
        result = pgbench.run(self.service, script, self.seconds, writes)
        self.say(f"    {result['per_second']:>9,.0f}/s  {self.cpu(result)}")
        return result

    def measure_driver(self, kind):
        self.say("  driver")
        with machine.Watch(mongodb=self.service.servers["mongodb"].pid) as watch:
            said = self.service.program("documents", kind, self.seconds, pgbench.CLIENTS)
        result = json.loads(said)
        result["mongodb_cpu_us"] = watch.used["mongodb"] / max(1, result["count"]) * 1e6
        self.say(f"    {result['per_second']:>9,.0f}/s  {self.cpu(result)}")
        return result

    def measure_peer(self, *arguments, **more):
        self.say("  peer")
        return self.run(*arguments, process=self.peer, **more)

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

    def with_yardsticks(self, row, what, run, yardsticks):
        """Measures Keyward once and each yardstick once, in turn: first the ones, and in the next round the other.
        Yardsticks: (name, run, least); a line for each."""

        def ours():
            self.say(f"  {what}")
            return run()

        steps = [*((name, measure) for name, measure, _ in yardsticks), ("keyward", ours)]
        results = {name: measure() for name, measure in (steps if self.round % 2 == 0 else reversed(steps))}
        own = results["keyward"]
        for name, _, least in yardsticks:
            other = results[name]
            theirs = {f"yardstick_{key}": value for key, value in other.items() if key.endswith("cpu_us")}
            rate = other["per_second"]
            yield Figure(row, what, own["per_second"], "/s", rate, name, least, None, own | theirs)
