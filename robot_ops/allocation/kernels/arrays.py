"""What the kernels work on: the work to do, the routes as they stand, and the search's memory, as arrays of records."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Records = NDArray[np.void]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Grains = NDArray[np.uint32]

NONE: Final = -1
"""No stop, no robot, no place."""

STOP: Final = np.dtype(
    [
        ("opens", "f8"),
        ("closes", "f8"),
        ("due", "f8"),
        ("weight", "f8"),
        ("late", "f8"),
        ("load", "f8"),
        ("job", "i8"),
        ("enter", "i8"),
        ("leave", "i8"),
    ],
    align=True,
)
"""opens, closes: when it may begin, in seconds; due; weight: cost of a second until it is finished; late: cost of a
second beyond `due`; load: compartments it takes up (below 0: sets free); job; enter, leave: where it begins, ends."""

JOB: Final = np.dtype(
    [("move", "f8"), ("drop", "f8"), ("first", "i8"), ("second", "i8"), ("planned", "i8")], align=True
)
"""move: cost of giving it to another robot than `planned` (or NONE); drop: cost of leaving it out; first: its stop;
second: its other stop, NONE for a job that is done as a whole."""

ROBOT: Final = np.dtype(
    [
        ("free", "f8"),
        ("until", "f8"),
        ("capacity", "f8"),
        ("energy", "f8"),
        ("power", "f8"),
        ("group", "i8"),
        ("start", "i8"),
        ("end", "i8"),
        ("charger", "i8"),
    ],
    align=True,
)
"""free: when it can start; until: end of its shift; capacity: compartments; energy: watt hours it may use up until it
is at its charger; power: watt hours a second of travel; group: row of `travel`; start; end, charger: place or NONE."""

EFFORT: Final = np.dtype([("duration", "f8"), ("energy", "f8")], align=True)
"""What a stop takes: seconds from its begin to its finish (infinite: cannot be done), watt hours."""

RULE: Final = np.dtype(
    [("travel_weight", "f8"), ("is_timed", "i8"), ("has_energy", "i8"), ("is_free", "i8")], align=True
)
"""travel_weight: cost of a second of travel; is_timed: whether any stop has a weight; has_energy: whether batteries
count; is_free: whether the way alone counts and loads alone bind, which `Routing` finds out."""

AT: Final = np.dtype(
    [
        ("way", "f8"),
        ("carried", "f8"),
        ("enter", "i8"),
        ("leave", "i8"),
        ("begin", "f8"),
        ("finish", "f8"),
        ("latest", "f8"),
        ("pressure", "f8"),
        ("stop", "i8"),
        ("aboard", "i8"),
        ("used", "f8"),
        ("spare", "f8"),
        ("spent", "f8"),
    ],
    align=True,
)
"""A position of a route; what is looked at most comes first, so that it is together in memory. way: seconds of travel
to it; carried: load after it; enter, leave: places of its stop; begin, finish of that; latest begin that breaks nothing
after it; pressure: least cost of a second's delay of it and all after it; stop; aboard: jobs begun and not done after
it; used: watt hours up to its finish; spare: watt hours that it and all after it can do with less; spent: cost
of the route up to its finish."""

EDGE: Final = np.dtype([("before", "u4"), ("after", "u4"), ("way", "i4"), ("carried", "f4")], align=True)
"""What lies between two positions of a route. before, after: places, the last row of `Search.coarse` for none; way:
from one to the other in grains, rounded up; carried: load on it."""

ROUTE: Final = np.dtype(
    [("cost", "f8"), ("version", "i8"), ("length", "i8"), ("is_closed", "i8"), ("is_saved", "i8")], align=True
)
"""version: a number that no other content of that robot's route has; is_closed: out of use; is_saved: on trial."""

OFFER: Final = np.dtype([("cost", "f8"), ("version", "i8"), ("first_at", "i4"), ("second_at", "i4")], align=True)
"""The best place for a job in a route of that version; without a place (NONE) the cost is at least so high."""

MEMORY: Final = np.dtype([("key", "f8"), ("absences", "i8")], align=True)
"""Of a job. key: to sort with; absences: how often it was left out while the fleet was made smaller."""

STATE: Final = np.dtype(
    [
        ("current", "f8"),
        ("best", "f8"),
        ("seed", "u8"),
        ("version", "i8"),
        ("absent", "i8"),
        ("saved", "i8"),
        ("saved_absent", "i8"),
        ("best_absent", "i8"),
    ],
    align=True,
)
"""current, best: cost; seed: of the random numbers; version: the last one given; the others count entries."""


class Work(NamedTuple):
    """Jobs and robots; seconds and watt hours.

    Attributes:
        stop: (stops,) STOP; job: (jobs,) JOB; robot: (robots,) ROBOT; rule: (1,) RULE.
        effort: (groups, stops) EFFORT; travel: (groups, places, places) seconds.
        is_allowed: (jobs, robots) which robot is able to do which job.
        order: (jobs, keys) what jobs may be sorted by when they are inserted one after another, ascending.
    """

    stop: Records
    job: Records
    robot: Records
    rule: Records
    effort: Records
    travel: Floats
    is_allowed: Bools
    order: Floats


class Routes(NamedTuple):
    """Who does what in which order, and what follows from it.

    Attributes:
        route: (robots,) ROUTE; at: (robots, positions) AT, only `stop` is given, the rest follows.
        edge: (robots, positions + 1) EDGE, before each position and after the last; empty for work with times.
        grain: (groups,) seconds.
        robot_of: (jobs,) NONE while it is left out; position: (stops,) in its route.
    """

    route: Records
    at: Records
    edge: Records
    grain: Floats
    robot_of: Ints
    position: Ints


class Search(NamedTuple):
    """What the search remembers.

    Attributes:
        toward: (groups, places, places) `Work.travel` by goal and start, so that a goal's ways are together in memory.
        coarse: (groups, places + 1, places + 1) `Work.travel` in whole grains, rounded down: in the lower 16 bits from
            a place to another, in the upper back. Bounds that fit into a core's fast memory; empty for work with times.
        nearest: (jobs, robots) robots by their way to a job's first stop where the way alone counts; else empty.
        offer: (jobs, robots) OFFER; memory: (jobs,) MEMORY; state: (1,) STATE.
        near: (stops, k) stops near a stop, nearest first, once near_count (stops,) is not NONE; near_away: (k,) how far
            those are that are just looked for.
        absent: (jobs,) the first of them are jobs left out.
        saved_robots: (robots,) whose routes are changed on trial; saved_route, saved_at, saved_edge,
            saved_absent: as they were.
        best_route, best_stops, best_absent: the best routes so far.
    """

    toward: Floats
    coarse: Grains
    nearest: Ints
    offer: Records
    memory: Records
    state: Records
    near: Ints
    near_count: Ints
    near_away: Floats
    absent: Ints
    saved_robots: Ints
    saved_route: Records
    saved_at: Records
    saved_edge: Records
    saved_absent: Ints
    best_route: Records
    best_stops: Ints
    best_absent: Ints


def records(shape: int | tuple[int, ...], dtype: np.dtype[Any]) -> Records:
    """Return records of zeros."""
    return np.zeros(shape, dtype=dtype)
