"""The load generators: wrk for as many requests as go, oha for a fixed number of them a second. Owns their command
lines and reads their replies."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parent / "wrk"

NEEDED = {
    "wrk": "apt-get install wrk",
    "oha": "cargo install --locked oha --no-default-features --features rustls",
}


def missing():
    """A line for each generator that is not there."""
    return [f"{tool} is missing: {how}" for tool, how in NEEDED.items() if not path(tool)]


def path(tool):
    """Where a generator is, or None."""
    return shutil.which(tool) or shutil.which(tool, path=str(Path.home() / ".cargo/bin"))


def start_wrk(url, script, arguments, connections, seconds):
    """One thread, closed loop, all requests for `url`. Give what comes back to `wrk_result`."""
    command = [
        path("wrk"), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s",
        "-s", str(SCRIPTS / script), url, "--", *map(str, arguments),
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wrk_result(running):
    """Requests, per second, milliseconds of p50, p99 and max, and how many failed: `failed` have another status than
    2xx and 3xx, `broken` had no reply."""
    text = running.communicate()[0]
    found = re.search(r"^JSON:(.*)$", text, re.M)
    if not found:
        raise RuntimeError("wrk failed: " + text[-1000:])
    result = json.loads(found[1])
    result["seconds"] = result.pop("micros") / 1e6
    result["per_second"] = (result["requests"] - result["failed"]) / result["seconds"]
    return result


def wrk(*arguments):
    return wrk_result(start_wrk(*arguments))


def oha(url, token, per_second, seconds):
    """Open loop: latency counts from when a request was due, so a stall shows in all that it delayed."""
    command = [
        path("oha"), "-z", f"{seconds}s", "-q", str(per_second), "-c", "64", "--latency-correction", "-w",
        "-t", "30s", "--no-tui", "--output-format", "json", "-H", f"Authorization: Bearer {token}", url,
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"})
    if run.returncode:
        raise RuntimeError("oha failed: " + run.stderr[-1000:])
    said = json.loads(run.stdout)
    codes = said["statusCodeDistribution"]
    good = codes.get("200", 0)
    return {
        "requests": sum(codes.values()),
        "failed": sum(codes.values()) - good,
        "broken": sum(said.get("errorDistribution", {}).values()),
        "per_second": good / said["summary"]["total"],
        **{name: (said["latencyPercentiles"][name] or 0) * 1000 for name in ("p50", "p99")},
        "max": said["summary"]["slowest"] * 1000,
    }
