"""A binary heap of numbered things in two arrays, the least key first."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import Ints

Keys = NDArray[np.floating[Any]]


@kernel
def push(keys: Keys, items: Ints, size: int, key: float | np.float32, item: int) -> int:
    """Put an item in; return how many there are now. The arrays must have room."""
    at = size
    while at > 0:
        parent = (at - 1) // 2
        if keys[parent] <= key:
            break
        keys[at], items[at] = keys[parent], items[parent]
        at = parent
    keys[at], items[at] = key, item
    return size + 1


@kernel
def pop(keys: Keys, items: Ints, size: int) -> int:
    """Take out the item in front, of which there must be one; return how many are left."""
    size -= 1
    key, item = keys[size], items[size]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[at], items[at] = keys[child], items[child]
        at = child
    keys[at], items[at] = key, item
    return size
