"""Threads for calls that wait; stops have threads of their own, so that nothing is ever before them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

_WORKERS = 8
_STOP_WORKERS = 64

ReturnT = TypeVar("ReturnT")
ParamsT = ParamSpec("ParamsT")


class Workers:
    """Two thread pools; a thread starts when it is first needed."""

    def __init__(self) -> None:
        self._ordinary = ThreadPoolExecutor(_WORKERS, thread_name_prefix="console")
        self._stops = ThreadPoolExecutor(_STOP_WORKERS, thread_name_prefix="console stop")

    async def run(self, call: Callable[ParamsT, ReturnT], *args: ParamsT.args, **kwargs: ParamsT.kwargs) -> ReturnT:
        """Return what the call returns, run in an ordinary thread."""
        return await asyncio.get_running_loop().run_in_executor(self._ordinary, partial(call, *args, **kwargs))

    async def run_stop(
        self, call: Callable[ParamsT, ReturnT], *args: ParamsT.args, **kwargs: ParamsT.kwargs
    ) -> ReturnT:
        """Return what the call returns, run in a thread kept for stops."""
        return await asyncio.get_running_loop().run_in_executor(self._stops, partial(call, *args, **kwargs))

    def close(self) -> None:
        """Take no more calls; those under way end by their own timeouts."""
        self._ordinary.shutdown(wait=False, cancel_futures=True)
        self._stops.shutdown(wait=False)
