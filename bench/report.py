"""Writes what was measured: the table as text, everything as JSON, a plot, and the committed RESULTS.md."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import plot

# Around what is written here; what stands between the sections is written by hand.
SECTION = ("<!-- measured: {} -->", "<!-- until here: {} -->")


def combine(rounds):
    """One figure of each of the same name: medians of what was measured and of the ratios' parts."""
    groups = {}
    for figure in (figure for figures in rounds for figure in figures):
        groups.setdefault((figure.row, figure.what, figure.yardstick), []).append(figure)
    return [_median(group) for _, group in sorted(groups.items(), key=lambda item: item[0][0])]


def _median(group):
    if len(group) == 1:
        return group[0]
    value = statistics.median(figure.value for figure in group)
    against = None
    if group[0].against:
        # So that the ratio shown is the median of the ratios, which were each taken in one minute.
        against = value / statistics.median(figure.ratio for figure in group)
    numbers = {
        name: statistics.median(figure.details[name] for figure in group)
        for name, first in group[0].details.items()
        if isinstance(first, (int, float)) and all(name in figure.details for figure in group)
    }
    # What went wrong must not vanish in a median.
    for name in ("failed", "broken", "bare503", "other"):
        if name in numbers:
            numbers[name] = max(figure.details[name] for figure in group)
    numbers["each"] = [round(figure.ratio or figure.value, 4) for figure in group]
    return replace(group[0], value=value, against=against, details=numbers)


def number(value, unit):
    if value is None:
        return ""
    digits = 0 if value >= 1000 or value == int(value) else 1 if value >= 10 else 2
    text = f"{value:,.{digits}f}"
    return f"{text}{unit}" if unit == "/s" else f"{text} {unit}".rstrip()


def target(figure):
    unit = "" if figure.against else figure.unit
    if figure.least is not None:
        return f">= {figure.least:.2f}"
    return f"<= {figure.most:g} {unit}".rstrip() if figure.most is not None else ""


def cpu(details):
    """Of the service and of its servers; then of the yardstick."""
    parts = [
        [f"{details[begin + name]:,.1f}" for name in ("cpu_us", "postgres_cpu_us", "redis_cpu_us", "mongodb_cpu_us") if begin + name in details]
        for begin in ("", "yardstick_")
    ]
    return " / ".join(" + ".join(part) for part in parts if part)


HEAD = ("row", "what", "figure", "yardstick", "ratio", "target", "reached", "p99 ms", "CPU us", "failed", "spread")


def cells(figure):
    details = figure.details
    several = details.get("each", [])
    spread = ""
    if several:
        spread = f"{min(several):.2f}-{max(several):.2f}"
    elif "yardstick_spread" in details:
        spread = f"{details['yardstick_spread']:.0%}"
    return (
        str(figure.row),
        figure.what,
        number(figure.value, figure.unit),
        f"{number(figure.against, figure.unit)} {figure.yardstick}" if figure.against else "",
        f"{figure.ratio:.2f}" if figure.ratio is not None else "",
        target(figure),
        {True: "yes", False: "NO", None: ""}[figure.reached],
        f"{details['p99']:.2f}" if "p99" in details else "",
        cpu(details),
        str(details["failed"] + details["broken"]) if "failed" in details else "",
        spread,
    )


def table(figures, markdown=False):
    rows = [HEAD, *map(cells, figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines.insert(1, "|" + "---|" * len(HEAD))
    return "\n".join(lines)


def facts(run):
    m = run["machine"]
    return [
        f"{run['date']}, commit {m['commit']}, {run['command']}"
        + (" (QUICK: only to see that it works)" if run["quick"] else ""),
        f"{m['cores']} cores of {m['cpu']}, {m['memory_gb']} GB, Linux {m['kernel']}, {m['filesystem']}, "
        f"{m['rustc']}, {m['oha']}, load before the start {m['load_before']:.2f}",
        "load generators, yardsticks, servers and the service share the cores",
        f"{run['rounds']} round(s) of {run['seconds']} s each after {run['warm']} s of warming up; medians",
    ]


def facts_of(about):
    """Those of one store."""
    return [
        f"store {about['store']}, {about['took']:.0f} s" + (f", {about['peer']}" if about["peer"] else ""),
        f"others used {about['foreign_cores']:.2f} cores in the median and {about['foreign_most']:.2f} at most meanwhile; "
        f"fsyncs of 4 KiB alone {about['fsyncs']:,.0f}/s",
        f"reply of GET /users/me {about['reply_bytes']} bytes, bare's {about['bare_bytes']}",
    ]


def of(figures, about):
    return [figure for figure in figures if figure.store == about["store"]]


def text(run, figures):
    parts = [*facts(run)]
    for about in run["stores"]:
        parts += ["", *facts_of(about), "", table(of(figures, about))]
    return "\n".join([*parts, "", *reading()]) + "\n"


def reading():
    return [
        "ratio: figure / yardstick, both in the same minute; target: of the ratio, or of the figure if there is none.",
        "CPU us: user and system time for a request of the service + its servers / the same of the yardstick;",
        "failed: not 2xx, or no reply. spread: least and greatest of the rounds; of one round, how far the yardsticks before",
        "and after are apart.",
    ]


def write(folder, run, figures):
    """Text, JSON and plot in `folder`; returns the text."""
    folder.mkdir(parents=True, exist_ok=True)
    said = text(run, figures)
    stem = folder / run["date"].replace(":", "").replace(" ", "-")
    stem.with_suffix(".txt").write_text(said)
    stem.with_suffix(".json").write_text(json.dumps(run | {"figures": [f.as_dict() for f in figures]}, indent=1) + "\n")
    stem.with_suffix(".svg").write_text(plot.svg(figures, facts(run)[0]))
    return said, stem


def write_results(path, run, figures):
    """The committed report: the section of each store that was measured whole is replaced, all else stays. Yields these
    stores."""
    path = Path(path)
    for about in run["stores"]:
        if not about["whole"]:
            continue
        begin, end = (mark.format(about["store"]) for mark in SECTION)
        before, _, rest = path.read_text().partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise RuntimeError(f"{path} has no section {begin}")
        lines = [begin, "", *(f"- {line}" for line in [*facts(run), *facts_of(about)]), ""]
        lines += [table(of(figures, about), markdown=True), "", end]
        path.write_text(before + "\n".join(lines) + after)
        yield about["store"]
