"""Draws the table of task status into docs/tasks.md: python -m tools.status_diagram [--check].

The diagram stands between `<!-- diagram of task status -->` and `<!-- end -->`; what is between them is replaced.
"""

import argparse
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

from robot_ops.tasks.status import CAUSES, TaskStatus

PAGE: Final = Path(__file__).parents[1] / "docs" / "tasks.md"
SECTION: Final = re.compile(r"(<!-- diagram of task status -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    """Rewrite the page; with --check only say whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when the page is not up to date")
    arguments = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    current = with_diagram(text)
    if arguments.check:
        return int(text != current)
    PAGE.write_text(current, encoding="utf-8")
    return 0


def with_diagram(text: str) -> str:
    """Return the page with the diagram as the table is now."""
    return SECTION.sub(lambda found: f"{found[1]}{diagram()}{found[2]}", text)


def diagram() -> str:
    """Return the table as a Mermaid state diagram; the three active statuses share the ways out of them."""
    active = [status for status in TaskStatus if status.is_active]
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> queued: accepted"]
    lines.append("    state active {")
    lines += [f"        {arrow}" for arrow in _arrows(active, within=True)]
    lines.append("    }")
    shared: dict[tuple[TaskStatus, str], set[TaskStatus]] = defaultdict(set)
    for status in active:
        for following, cause in CAUSES[status].items():
            if not following.is_active:
                shared[(following, cause)].add(status)
    for (following, cause), origins in shared.items():
        if origins == set(active):
            lines.append(f"    active --> {following.value}: {cause}")
        else:
            lines += [f"    {origin.value} --> {following.value}: {cause}" for origin in active if origin in origins]
    lines += [f"    {arrow}" for arrow in _arrows([s for s in TaskStatus if not s.is_active], within=False)]
    lines += [f"    {status.value} --> [*]" for status in TaskStatus if status.is_final]
    return "\n".join([*lines, "```", ""])


def _arrows(origins: list[TaskStatus], *, within: bool) -> list[str]:
    return [
        f"{origin.value} --> {following.value}: {cause}"
        for origin in origins
        for following, cause in CAUSES[origin].items()
        if following.is_active or not within
    ]


if __name__ == "__main__":
    sys.exit(main())
