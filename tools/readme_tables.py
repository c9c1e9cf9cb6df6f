"""Writes the tables of the README that follow from the code: python -m tools.readme_tables [--check].

A table stands between `<!-- parameters of NODE -->` and `<!-- end -->`; what is between them is replaced.
"""

import argparse
import dataclasses
import re
import sys
from pathlib import Path
from typing import Any, Final

from robot_ops.ros_nodes.fleet_node import FleetParameters
from robot_ops.ros_nodes.mission_node import MissionParameters
from robot_ops.ros_nodes.navigation_parameters import NavigationParameters
from robot_ops.ros_nodes.perception_node import PerceptionParameters
from robot_ops.ros_nodes.safety_node import SafetyParameters
from robot_ops.ros_nodes.world_node import WorldParameters

README: Final = Path(__file__).parents[1] / "README.md"
NODES: Final[dict[str, type[Any]]] = {
    "safety": SafetyParameters,
    "navigation": NavigationParameters,
    "perception": PerceptionParameters,
    "missions": MissionParameters,
    "fleet": FleetParameters,
    "world": WorldParameters,
}
SECTION: Final = re.compile(r"(<!-- parameters of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    """Rewrite the README; with --check only say whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when the README is not up to date")
    parser.add_argument("--readme", type=Path, default=README, help="file to rewrite")
    arguments = parser.parse_args()
    text = arguments.readme.read_text(encoding="utf-8")
    current = with_tables(text)
    if arguments.check:
        if text != current:
            sys.stdout.write(f"{arguments.readme} is not up to date: run python -m tools.readme_tables\n")
        return int(text != current)
    arguments.readme.write_text(current, encoding="utf-8")
    return 0


def with_tables(text: str) -> str:
    """Return a text with its marked sections written anew.

    Raises:
        ValueError: a node is named that there is not, or a node has no section.
    """
    sections = SECTION.findall(text)
    if sorted(name for _, name, _ in sections) != sorted(NODES):
        raise ValueError(f"expected one section each for {', '.join(NODES)}")
    return SECTION.sub(lambda match: f"{match[1]}\n{_table(NODES[match[2]])}\n{match[3]}", text)


def _table(kind: type[Any]) -> str:
    lines = ["| parameter | default | range | meaning |", "|---|---|---|---|"]
    for field in dataclasses.fields(kind):
        metadata = field.metadata
        span = "" if metadata["low"] is None else f"{metadata['low']:g} to {metadata['high']:g}"
        default = f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
        lines.append(f"| `{field.name}` | {default} | {span} | {metadata['description']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
