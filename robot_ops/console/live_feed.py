"""Pushes the hall to any number of pages; those that are slow skip what they missed."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from robot_ops.console.hall_json import SECTIONS, encode, seconds, section, section_values
from robot_ops.dispatch.ports import Operations

PERIOD: Final = 0.2
"""Seconds between looks at the hall."""
_QUIET_ROUNDS: Final = 10
"""After so many looks without news the stamp alone is sent, so that pages know the link from a still hall."""


class LiveFeed:
    """Reads the hall once for all pages, and only while there are pages. Used from one event loop.

    Args:
        period: seconds between looks at the hall.
    """

    def __init__(self, operations: Operations, *, period: float = PERIOD) -> None:
        self._operations = operations
        self._period = period
        self._round = 0
        self._stamp = 0.0
        self._values: dict[str, object] = {}
        self._texts: dict[str, str] = {}
        self._rounds_of: dict[str, int] = {}
        self._news = asyncio.Event()
        self._listeners = 0
        self._task: asyncio.Task[None] | None = None

    async def messages(self) -> AsyncGenerator[str]:
        """Yield JSON objects: the first whole, the following with the stamp and the sections that changed since."""
        self._listeners += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            seen = 0
            await self._next_round()  # what an earlier page left behind may be old
            while True:
                changed = [name for name in SECTIONS if self._rounds_of.get(name, 0) > seen]
                if not changed and self._round - seen < _QUIET_ROUNDS:
                    await self._next_round()
                    continue
                seen = self._round
                parts = [f'"stamp":{self._stamp}', *(f'"{name}":{self._texts[name]}' for name in changed)]
                yield "{" + ",".join(parts) + "}"
        finally:
            self._listeners -= 1

    async def close(self) -> None:
        """End; those who listen are left waiting, so end them first."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _next_round(self) -> None:
        await self._news.wait()
        if self._task is not None and self._task.done():
            await self._task  # tells why it ended

    async def _run(self) -> None:
        try:
            while self._listeners:
                self._look()
                self._tell()
                await asyncio.sleep(self._period)
        finally:
            self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _look(self) -> None:
        view = self._operations.view()
        self._round += 1
        self._stamp = seconds(view.stamp_ns)
        for name, value in section_values(view).items():
            if name in self._values and self._values[name] == value:
                continue
            self._values[name] = value
            text = encode(section(name, view))
            if self._texts.get(name) != text:
                self._texts[name] = text
                self._rounds_of[name] = self._round
