"""Memory, handles and threads of a process, read from /proc."""

import os
import re
from pathlib import Path


def children(pid):
    """The process and all below it."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                todo += [int(child) for child in Path(f"/proc/{one}/task/{task}/children").read_text().split()]
        except OSError:
            continue
    return found


def counts(pid):
    """(resident MiB, open handles, threads) of one process; `None` once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        handles = len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None
    resident, threads = (re.search(rf"{name}:\s+(\d+)", status) for name in ("VmRSS", "Threads"))
    # A process that has just ended has no memory any more.
    return (int(resident[1]) / 1024, handles, int(threads[1])) if resident and threads else None


def handles(pid):
    """What the open handles of a process are: each kind with its number among its likes."""
    kinds = {}
    for handle in os.listdir(f"/proc/{pid}/fd"):
        try:
            kind = re.sub(r"\d{3,}|[0-9a-f]{8,}", "N", os.readlink(f"/proc/{pid}/fd/{handle}"))
        except OSError:
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
    return [f"{kind} x {number}" for kind, count in kinds.items() for number in range(1, count + 1)]


def middle(values):
    values = sorted(values)
    return values[len(values) // 2]


def verdict(rows, warm_share, most_mib):
    """Whether the last third holds no more than the third after the warm-up. `rows` are (MiB, handles, threads). Handles and
    threads come and go, by the moment they are counted at: a leak shows where they are fewest."""
    rows = rows[int(len(rows) * warm_share):]
    third = max(1, len(rows) // 3)
    early, late = rows[:third], rows[-third:]
    names = ("memory, MiB", "handles", "threads")
    lines, is_flat = [], True
    for at, (name, most, typical) in enumerate(zip(names, (most_mib, 1, 1), (middle, min, min))):
        before, after = typical([row[at] for row in early]), typical([row[at] for row in late])
        is_flat &= after - before <= most
        lines.append(f"{name}: {before:.0f} at first, {after:.0f} in the end, {max(row[at] for row in rows):.0f} at most")
    return is_flat, lines
