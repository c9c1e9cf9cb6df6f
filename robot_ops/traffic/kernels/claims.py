"""The table of claims: who holds which cell from when until when, as sorted linked lists per cell.

A robot's claim on a cell is written to every cell that conflicts with it, so whoever wants a cell reads one short
list. Claims of one robot that touch are one. Intervals are half open: one robot's claim may start as another's ends.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Floats, Ints

Longs = NDArray[np.int64]


class Fleet(NamedTuple):
    """What planning knows of all robots; row = robot, flat rows as in `ArrayGraph`.

    Attributes:
        node: where it stands; ready: seconds from now until it does; goal: node to end at, -1 for any refuge.
        weight: what a second of its travel counts; tail: meters of people behind it.
        pace: row of `seconds` and `leaving`: (paces, arcs) how long an arc takes, and how long after starting on it
            the node behind is free.
        row: row of `bound`: (rows, nodes) least seconds to its goal; for a refuge the penalty in seconds of standing
            there, inf for never.
        first_extra, extra_cell, extra_until: cells it holds besides, from now until then (inf: for good).
        first_trail, trail_cell, trail_length: lanes its party stands on, the nearest first, meters.
    """

    node: Ints
    ready: Floats
    goal: Ints
    weight: Floats
    tail: Floats
    pace: Ints
    seconds: Floats
    leaving: Floats
    row: Ints
    bound: Floats
    first_extra: Ints
    extra_cell: Ints
    extra_until: Floats
    first_trail: Ints
    trail_cell: Ints
    trail_length: Floats


class Paths(NamedTuple):
    """The way of every robot.

    Attributes:
        arc, start: (robots, longest): arcs and when it starts on them, seconds from now.
        length: (robots,) number of arcs; arrival: (robots,) when it is at its end.
        cost: (robots,) what the way costs, in weighted seconds.
    """

    arc: Ints
    start: Floats
    length: Ints
    arrival: Floats
    cost: Floats


class Claims(NamedTuple):
    """Slots of claims.

    Attributes:
        head: (cells,) first slot of the list, -1 for none; last: (cells,) slot last written there, -1 for none.
        next, previous, cell, robot: (slots,); sibling: (slots,) next slot of the same robot, or free slot.
        first_of: (robots,) first slot of the robot's.
        start, end: (slots,) seconds from now.
        counts: [first free slot or -1, slots ever used].
    """

    head: Ints
    last: Ints
    next: Ints
    previous: Ints
    cell: Ints
    robot: Ints
    sibling: Ints
    first_of: Ints
    start: Floats
    end: Floats
    counts: Longs


def claims_for(cells: int, robots: int, slots: int) -> Claims:
    """Return an empty table."""
    return Claims(
        head=np.full(cells, -1, dtype=np.int32),
        last=np.full(cells, -1, dtype=np.int32),
        next=np.full(slots, -1, dtype=np.int32),
        previous=np.full(slots, -1, dtype=np.int32),
        cell=np.zeros(slots, dtype=np.int32),
        robot=np.zeros(slots, dtype=np.int32),
        sibling=np.full(slots, -1, dtype=np.int32),
        first_of=np.full(robots, -1, dtype=np.int32),
        start=np.zeros(slots),
        end=np.zeros(slots),
        counts=np.array([-1, 0], dtype=np.int64),
    )


def grown(claims: Claims) -> Claims:
    """Return a copy of the table with room for twice as many claims."""
    slots = len(claims.next)
    free = np.full(slots, -1, dtype=np.int32)
    return claims._replace(
        next=np.concatenate([claims.next, free]),
        previous=np.concatenate([claims.previous, free]),
        cell=np.concatenate([claims.cell, free]),
        robot=np.concatenate([claims.robot, free]),
        sibling=np.concatenate([claims.sibling, free]),
        start=np.concatenate([claims.start, np.zeros(slots)]),
        end=np.concatenate([claims.end, np.zeros(slots)]),
    )


def paths_for(robots: int, longest: int) -> Paths:
    """Return empty ways for so many robots, of so many arcs at most."""
    return Paths(
        arc=np.zeros((robots, longest), dtype=np.int32),
        start=np.zeros((robots, longest)),
        length=np.zeros(robots, dtype=np.int32),
        arrival=np.zeros(robots),
        cost=np.zeros(robots),
    )


def widened(paths: Paths, longest: int) -> Paths:
    """Return the ways with room for so many arcs each, if there is less."""
    more = longest - paths.arc.shape[1]
    if more <= 0:
        return paths
    room = ((0, 0), (0, more))
    return paths._replace(arc=np.pad(paths.arc, room), start=np.pad(paths.start, room))


def moves_of(paths: Paths) -> tuple[Ints, Ints, Floats]:
    """Return (moves,) robots, arcs and starts in seconds of all ways together, in the order of their starts."""
    robots = np.repeat(np.arange(len(paths.length), dtype=np.int32), paths.length)
    is_used = np.arange(paths.arc.shape[1])[None, :] < paths.length[:, None]
    arcs, starts = paths.arc[is_used], paths.start[is_used]
    order = np.argsort(starts, kind="stable")
    return robots[order], arcs[order], starts[order]


@kernel
def clear_claims(claims: Claims) -> None:
    """Take everything out."""
    claims.head[:] = -1
    claims.last[:] = -1
    claims.first_of[:] = -1
    claims.counts[0] = -1
    claims.counts[1] = 0


@kernel
def remove_robot(claims: Claims, robot: int) -> None:
    """Take all claims of a robot out."""
    slot = claims.first_of[robot]
    while slot >= 0:
        cell, before, after = claims.cell[slot], claims.previous[slot], claims.next[slot]
        if before >= 0:
            claims.next[before] = after
        else:
            claims.head[cell] = after
        if after >= 0:
            claims.previous[after] = before
        if claims.last[cell] == slot:
            claims.last[cell] = -1
        sibling = claims.sibling[slot]
        claims.sibling[slot] = claims.counts[0]
        claims.counts[0] = slot
        slot = sibling
    claims.first_of[robot] = -1


@kernel
def write_robot(graph: ArrayGraph, fleet: Fleet, claims: Claims, paths: Paths, robot: int) -> bool:
    """Write the claims of a robot's way, which has none in the table; return False, with none written, without room."""
    arcs, starts, length = paths.arc[robot], paths.start[robot], paths.length[robot]
    seconds, leaving = fleet.seconds[fleet.pace[robot]], fleet.leaving[fleet.pace[robot]]
    tail = fleet.tail[robot]
    is_written = True
    for k in range(fleet.first_extra[robot], fleet.first_extra[robot + 1]):
        is_written = is_written and _write(graph, claims, robot, fleet.extra_cell[k], 0.0, fleet.extra_until[k])
    ahead = 0.0
    for k in range(fleet.first_trail[robot], fleet.first_trail[robot + 1]):
        end = np.inf
        total = ahead
        for j in range(length):
            total += graph.arc_length[arcs[j]]
            if total >= tail:
                end = starts[j] + seconds[arcs[j]]
                break
        ahead += fleet.trail_length[k]
        is_written = is_written and _write(graph, claims, robot, fleet.trail_cell[k], 0.0, end)
    left = starts[0] + leaving[arcs[0]] if length > 0 else np.inf
    if fleet.node[robot] >= 0:
        is_written = is_written and _write(graph, claims, robot, fleet.node[robot], 0.0, left)
    for k in range(length):
        arc = arcs[k]
        end = starts[k] + seconds[arc]
        if tail > 0.0:
            end = np.inf
            total = 0.0
            for j in range(k + 1, length):
                total += graph.arc_length[arcs[j]]
                if total >= tail:
                    end = starts[j] + seconds[arcs[j]]
                    break
        left = starts[k + 1] + leaving[arcs[k + 1]] if k + 1 < length else np.inf
        is_written = is_written and _write(graph, claims, robot, graph.arc_cell[arc], starts[k], end)
        is_written = is_written and _write(graph, claims, robot, graph.arc_end[arc], starts[k], left)
    if not is_written:
        remove_robot(claims, robot)
    return is_written


@kernel
def _write(graph: ArrayGraph, claims: Claims, robot: int, cell: int, start: float, end: float) -> bool:
    """Write one claim to all cells it conflicts with; a robot's claims come in the order of their starts."""
    if start >= end:
        return True
    for k in range(graph.first_conflict[cell], graph.first_conflict[cell + 1]):
        at = graph.conflict[k]
        known = claims.last[at]
        if known >= 0 and claims.robot[known] == robot and claims.end[known] >= start:
            claims.end[known] = max(claims.end[known], end)
            continue
        slot = claims.counts[0]
        if slot >= 0:
            claims.counts[0] = claims.sibling[slot]
        elif claims.counts[1] < len(claims.next):
            slot = claims.counts[1]
            claims.counts[1] += 1
        else:
            return False
        claims.cell[slot], claims.robot[slot] = at, robot
        claims.start[slot], claims.end[slot] = start, end
        claims.sibling[slot] = claims.first_of[robot]
        claims.first_of[robot] = slot
        claims.last[at] = slot
        before, after = -1, claims.head[at]
        while after >= 0 and claims.start[after] < start:
            before, after = after, claims.next[after]
        claims.previous[slot], claims.next[slot] = before, after
        if before >= 0:
            claims.next[before] = slot
        else:
            claims.head[at] = slot
        if after >= 0:
            claims.previous[after] = slot
    return True


@kernel
def write_all(graph: ArrayGraph, fleet: Fleet, claims: Claims, paths: Paths, is_skipped: Bools) -> bool:
    """Write the claims of all robots that are not skipped; return False where there is no room for them."""
    for robot in range(len(fleet.node)):
        if not is_skipped[robot] and not write_robot(graph, fleet, claims, paths, robot):
            return False
    return True
