"""What the check of a site finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from robot_ops.core.ids import LevelId
from robot_ops.site.model import Node


class Severity(StrEnum):
    """How bad a finding is: an error makes robots collide, block each other or wait forever; a warning costs time."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    """Nothing wrong, but worth knowing when robots wait for each other there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a site that its engineer should know.

    Attributes:
        path: the part it is about ("lanes.a-b").
        text: what is wrong; mend: what to do about it; both without a full stop.
        level, x, y: where on the map, meters; None where it is about no point.
    """

    severity: Severity
    path: str
    text: str
    mend: str
    level: LevelId | None = None
    x: float | None = None
    y: float | None = None


def finding(severity: Severity, path: str, text: str, mend: str, node: Node | None = None) -> Finding:
    """Return a finding, at a node where one is given."""
    if node is None:
        return Finding(severity=severity, path=path, text=text, mend=mend)
    return Finding(severity=severity, path=path, text=text, mend=mend, level=node.level, x=node.x, y=node.y)


def error(path: str, text: str, mend: str, node: Node | None = None) -> Finding:
    """Return an error, at a node where one is given."""
    return finding(Severity.ERROR, path, text, mend, node)


def warning(path: str, text: str, mend: str, node: Node | None = None) -> Finding:
    """Return a warning, at a node where one is given."""
    return finding(Severity.WARNING, path, text, mend, node)


def place_on_map(node: Node) -> str:
    """Return where a node is, for people."""
    return f"({node.x:.2f}, {node.y:.2f}) on '{node.level}'"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return names in quotes, at most so many."""
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
