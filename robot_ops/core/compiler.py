"""How kernels are compiled: ahead of the first call that matters, cached on disk, without hidden parallelism."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function to machine code at its first call, and keep that on disk for later processes.

    The compiled code checks no array bounds and follows Python's semantics for numbers otherwise: kernels must be
    right by their tests, which compare them with plain Python.
    """
    compiled: Any = numba.njit(cache=True, error_model="numpy")(function)
    return cast("Callable[P, R]", compiled)
