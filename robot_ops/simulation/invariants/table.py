"""All invariants."""

from collections.abc import Callable
from functools import partial

from robot_ops.simulation.invariants.base import Invariant, World
from robot_ops.simulation.invariants.custody import Custody
from robot_ops.simulation.invariants.liveness import Liveness
from robot_ops.simulation.invariants.locks import Locks
from robot_ops.simulation.invariants.motion import Motion
from robot_ops.simulation.invariants.replay import Replay
from robot_ops.simulation.invariants.separation import ClearedWays, Footprints
from robot_ops.simulation.invariants.soundness import Soundness
from robot_ops.simulation.invariants.statuses import Statuses
from robot_ops.simulation.invariants.tasks_kept import Once, TasksKept


def invariants(secret: bytes) -> tuple[Callable[[World], Invariant], ...]:
    """Return what makes each invariant for a world, in the order they are asked.

    Args:
        secret: what the world's one-time codes are derived from.
    """
    return (
        Footprints,
        ClearedWays,
        Motion,
        Liveness,
        partial(Locks, secret=secret),
        Custody,
        TasksKept,
        Once,
        Statuses,
        Replay,
        Soundness,
    )
