"""How kernels are compiled: at their first call, kept on disk for later processes, without hidden parallelism."""

import os
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

from robot_ops.core.kernel_cache import cache_folder

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function to machine code at its first call, and keep that on disk for later processes.

    The compiled code checks no array bounds and follows Python's semantics for numbers otherwise: kernels must be
    right by their tests, which compare them with plain Python.
    """
    compiled: Any = numba.njit(cache=True, error_model="numpy")(function)
    return cast("Callable[P, R]", compiled)


def lean(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function as `kernel` does, without counting references; it must not make arrays (views it may).

    Each array that is taken out of a tuple or a row would be counted up and down, which is most of the time of kernels
    that look at little of many arrays.
    """
    compiled: Any = numba.njit(cache=True, error_model="numpy", _nrt=False)(function)
    return cast("Callable[P, R]", compiled)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function as `lean` does, into each kernel that calls it.

    A compiled call hands in seven words of each array or more, which takes longer than a small function does.
    """
    compiled: Any = numba.njit(cache=True, error_model="numpy", _nrt=False, forceinline=True)(function)
    return cast("Callable[P, R]", compiled)


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(cache_folder())  # numba asks for it whenever a kernel is declared
