"""Random numbers from a state that is handed in (xorshift64, Marsaglia 2003)."""

import numpy as np

from robot_ops.allocation.kernels.arrays import Records
from robot_ops.core.compiler import lean


@lean
def draw(state: Records) -> float:
    """Return a number in [0, 1); changes the seed in the (1,) STATE, which must not be 0."""
    bits = state[0]["seed"]
    bits ^= bits << np.uint64(13)
    bits ^= bits >> np.uint64(7)
    bits ^= bits << np.uint64(17)
    state[0]["seed"] = bits
    return float(bits >> np.uint64(11)) / 9007199254740992.0


@lean
def pick(state: Records, below: int) -> int:
    """Return a whole number in 0 .. below - 1."""
    return int(draw(state) * below)
