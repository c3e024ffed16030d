"""What the machine and its processes say of themselves: CPU time, memory, fsyncs, and what was measured on."""

import os
import platform
import resource
import subprocess
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def _times(pid):
    """The parent, and the ticks of a process (its threads included) and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1]), sum(map(int, fields[11:15]))


def cpu_seconds(pid):
    """User and system time of a process and of all that it started, also where that has ended."""
    families, ticks = {}, {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parent, ticks[int(name)] = _times(name)
            except OSError:
                continue
            families.setdefault(parent, []).append(int(name))
    total, open_ones = 0, [pid]
    while open_ones:
        one = open_ones.pop()
        total += ticks.get(one, 0)
        open_ones += families.get(one, [])
    return total / TICK


def busy_seconds():
    """Time that all cores together were busy for this system, and time that other systems took from it."""
    fields = [int(x) for x in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    idle, steal = fields[3] + fields[4], fields[7]
    return (sum(fields[:8]) - idle - steal) / TICK, steal / TICK


def own_seconds():
    """CPU time of this program and of the load generators that have ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


class Watch:
    """CPU between two moments: `used` by each of ours, a dictionary of names to seconds, and `foreign`: cores that were
    busy with what is none of ours."""

    def __init__(self, **pids):
        self.pids = pids

    def _now(self):
        used = {name: cpu_seconds(pid) for name, pid in self.pids.items()}
        return used, [*busy_seconds(), own_seconds(), time.monotonic()]

    def __enter__(self):
        self.start = self._now()
        return self

    def __exit__(self, *_):
        before, (used, others) = self.start, self._now()
        self.used = {name: used[name] - before[0][name] for name in used}
        busy, steal, own, wall = (b - a for a, b in zip(before[1], others))
        self.foreign = max(0.0, busy - sum(self.used.values()) - own) / wall
        self.steal = steal / wall


def memory_mb(pid, what="VmRSS"):
    """VmRSS now, or VmHWM, the most since `forget_peak`; in MB of a million bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/{pid}/status has no {what}")


def forget_peak(pid):
    """VmHWM counts from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def fsyncs_per_second(folder, seconds):
    """Appends of 4 KiB, each followed by fsync, one after another."""
    path = Path(folder) / "fsync"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    count, start = 0, time.monotonic()
    while (took := time.monotonic() - start) < seconds:
        os.write(file, b"x" * 4096)
        os.fsync(file)
        count += 1
    os.close(file)
    path.unlink()
    return count / took


def _said(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def describe(repository, folder):
    """The facts that a figure should be read with."""
    cpu = next((l.partition(":")[2].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown")
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024 / 1e9
    changed = _said("git", "-C", str(repository), "status", "--porcelain", "--untracked-files=no")
    commit = _said("git", "-C", str(repository), "rev-parse", "--short=12", "HEAD")
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(total, 1),
        "kernel": platform.release(),
        "filesystem": _said("findmnt", "-no", "FSTYPE", "-T", str(folder)) or "unknown",
        "rustc": _said("rustc", "--version"),
        "commit": (commit or "none") + (" and changes" if changed else ""),
        "oha": _said("oha", "--version"),
        "load_before": os.getloadavg()[0],
    }
