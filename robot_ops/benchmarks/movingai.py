"""Reads maps and scenarios of the MovingAI benchmarks (Sturtevant 2012; Stern et al. 2019), strictly."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from robot_ops.benchmarks.grids import Free, GridCase, steps_to
from robot_ops.core.errors import ScenarioError

_FREE: Final = ".GS"
_BLOCKED: Final = "@OTW"
_FIELDS: Final = ("bucket", "map", "map width", "map height", "start x", "start y", "goal x", "goal y", "length")
_WHOLE: Final = frozenset(_FIELDS) - {"map", "length"}
_VERSIONS: Final = ("version 1", "version 1.0")
_MAX_SIDE: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Row:
    """One scenario: its line, and (column, row) of start and goal."""

    line: int
    start: tuple[int, int]
    goal: tuple[int, int]


def read_case(map_file: Path, scenario_file: Path, robots: int) -> GridCase:
    """Return the first robots of a scenario on its map.

    Raises:
        ScenarioError: a file cannot be read or is wrong, or has fewer scenarios.
    """
    is_free = read_map(map_file)
    rows = read_scenario(scenario_file, is_free)
    if robots < 1:
        raise ScenarioError(f"{robots} robots cannot be planned", where="argument --agents", mend="Give at least 1")
    if len(rows) < robots:
        raise ScenarioError(
            f"{robots} robots are wanted, but the file has {len(rows)} scenarios",
            where=f"{scenario_file}",
            mend="Ask for fewer by --agents, or give another file",
        )
    wanted = rows[:robots]
    _check_ways(scenario_file, is_free, wanted)
    return GridCase(
        name=f"{map_file.stem}, {robots} robots",
        is_free=is_free,
        starts=np.array([(row.start[1], row.start[0]) for row in wanted], dtype=np.int32),
        goals=np.array([(row.goal[1], row.goal[0]) for row in wanted], dtype=np.int32),
    )


def read_map(path: Path) -> Free:
    """Return (rows, columns) where a map of type octile is free; used with four directions.

    Raises:
        ScenarioError: it cannot be read, or a line is wrong.
    """
    lines = _lines(path)
    _expect(path, lines, 0, "type octile", "only maps of type octile are known")
    height, width = _size(path, lines, 1, "height"), _size(path, lines, 2, "width")
    _expect(path, lines, 3, "map", "the grid follows a line that says 'map'")
    grid = lines[4:]
    if len(grid) != height:
        raise ScenarioError(
            f"the header says {height} rows, but {len(grid)} follow",
            where=f"{path}:{min(len(lines), height + 4)}, height",
            mend="Correct the height or the rows",
        )
    for number, text in enumerate(grid, start=5):
        if len(text) != width:
            raise ScenarioError(
                f"the row has {len(text)} letters, but the width is {width}",
                where=f"{path}:{number}, row {number - 5}",
                mend="Correct the width or the row",
            )
        for column, letter in enumerate(text):
            if letter not in _FREE and letter not in _BLOCKED:
                raise ScenarioError(
                    f"{letter!r} is no terrain",
                    where=f"{path}:{number}, column {column}",
                    mend=f"Free is one of {' '.join(_FREE)}, blocked one of {' '.join(_BLOCKED)}",
                )
    return np.array([[letter in _FREE for letter in text] for text in grid], dtype=np.bool_)


def read_scenario(path: Path, is_free: Free) -> tuple[_Row, ...]:
    """Return all scenarios of a file of version 1; starts and goals are free squares of the map.

    Raises:
        ScenarioError: it cannot be read, or a line is wrong.
    """
    lines = _lines(path)
    if not lines or lines[0].strip() not in _VERSIONS:
        raise ScenarioError(
            f"the first line is {lines[0][:40]!r}" if lines else "the file is empty",
            where=f"{path}:1",
            mend="A scenario file of the MovingAI benchmarks begins with 'version 1'",
        )
    return tuple(_row(path, number, text, is_free) for number, text in enumerate(lines[1:], start=2))


def _row(path: Path, number: int, text: str, is_free: Free) -> _Row:
    values = text.split("\t") if "\t" in text else text.split()
    if len(values) != len(_FIELDS):
        raise ScenarioError(
            f"the line has {len(values)} fields",
            where=f"{path}:{number}",
            mend=f"Give {len(_FIELDS)}, set apart by tabs: {', '.join(_FIELDS)}",
        )
    numbers = {
        name: _whole(path, number, name, value) for name, value in zip(_FIELDS, values, strict=True) if name in _WHOLE
    }
    try:
        is_length = float(values[-1]) >= 0.0 and math.isfinite(float(values[-1]))
    except ValueError:
        is_length = False
    if not is_length:
        raise ScenarioError(
            f"{values[-1]!r} is no length", where=f"{path}:{number}, {_FIELDS[-1]}", mend="Give a number of steps"
        )
    height, width = is_free.shape
    if (numbers["map width"], numbers["map height"]) != (width, height):
        raise ScenarioError(
            f"the scenario is for a map of {numbers['map width']} x {numbers['map height']}, the map has "
            f"{width} x {height}",
            where=f"{path}:{number}, map width and map height",
            mend=f"Give the map it was made for ('{values[1]}')",
        )
    ends = []
    for name in ("start", "goal"):
        column, row = numbers[f"{name} x"], numbers[f"{name} y"]
        if not (0 <= column < width and 0 <= row < height):
            raise ScenarioError(
                f"the {name} ({column}, {row}) is outside the map",
                where=f"{path}:{number}, {name} x and {name} y",
                mend=f"x is below {width} and y below {height}, counted from 0 at the top left",
            )
        if not is_free[row, column]:
            raise ScenarioError(
                f"the {name} ({column}, {row}) is blocked",
                where=f"{path}:{number}, {name} x and {name} y",
                mend="Name a free square",
            )
        ends.append((column, row))
    return _Row(number, ends[0], ends[1])


def _check_ways(path: Path, is_free: Free, rows: tuple[_Row, ...]) -> None:
    for name in ("start", "goal"):
        seen: dict[tuple[int, int], int] = {}
        for row in rows:
            square = row.start if name == "start" else row.goal
            if square in seen:
                raise ScenarioError(
                    f"two robots have the {name} {square}, the other in line {seen[square]}",
                    where=f"{path}:{row.line}, {name} x and {name} y",
                    mend="Take one of the lines out, or ask for fewer robots by --agents",
                )
            seen[square] = row.line
    labels = np.full(is_free.shape, -1, dtype=np.int32)
    for row in rows:
        start, goal = (row.start[1], row.start[0]), (row.goal[1], row.goal[0])
        if labels[start] < 0:
            labels[steps_to(is_free, start) >= 0] = row.line
        if labels[start] != labels[goal]:
            raise ScenarioError(
                f"no way leads from the start {row.start} to the goal {row.goal} in four directions",
                where=f"{path}:{row.line}, goal x and goal y",
                mend="Take the line out, or name a goal in the same part of the map",
            )


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}", where=f"{path}", mend="Name a file") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(
            f"byte {error.start} is no ASCII", where=f"{path}", mend="Give a text file of the MovingAI benchmarks"
        ) from error
    lines = [line.rstrip("\r") for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _expect(path: Path, lines: list[str], index: int, wanted: str, why: str) -> None:
    found = lines[index].strip() if index < len(lines) else "the end of the file"
    if found != wanted:
        raise ScenarioError(
            f"here stands {found[:40]!r} instead of {wanted!r}", where=f"{path}:{index + 1}", mend=why.capitalize()
        )


def _size(path: Path, lines: list[str], index: int, name: str) -> int:
    words = lines[index].split() if index < len(lines) else []
    if len(words) == 2 and words[0] == name and words[1].isascii() and words[1].isdigit():
        size = int(words[1]) if len(words[1]) < 10 else 0
        if 0 < size <= _MAX_SIDE:
            return size
    raise ScenarioError(
        f"the {name} is missing or no size" if not words else f"here stands {' '.join(words)[:40]!r}",
        where=f"{path}:{index + 1}, {name}",
        mend=f"Write '{name} N' with N from 1 to {_MAX_SIDE}",
    )


def _whole(path: Path, number: int, name: str, value: str) -> int:
    text = value.strip()
    if text.removeprefix("-").isdigit() and text.isascii() and len(text) < 10:
        return int(text)
    raise ScenarioError(
        f"{value!r} is no whole number", where=f"{path}:{number}, {name}", mend=f"Give the {name} as digits"
    )
