"""Lives short stories of a fleet with a crash at every point: python -m tools.crash_points [--story NAME] [--pairs].

A point is right before and right after each write to the ledger or a custody log, each order, cancelation, clearance,
answer and report, and each command to a lock. Exit code 1 when anything was lost, doubled, or opened without a record.
"""

import argparse
import logging
import sys
import tempfile
from pathlib import Path
from typing import Final

from robot_ops.testing.crash_stories import STORIES, enumerate_crashes, quick_behaviors

BEHAVIORS: Final = Path(__file__).parents[1] / "behaviors"


def main() -> int:
    """Live the stories and say how many points were tried and what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--story", choices=STORIES, help="only this one")
    parser.add_argument("--pairs", action="store_true", help="all processes die together, besides each on its own")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        trees = Path(folder) / "behaviors"
        trees.mkdir()
        quick_behaviors(BEHAVIORS, trees)
        for name in STORIES if arguments.story is None else (arguments.story,):
            for is_pair in (False, True) if arguments.pairs else (False,):
                wrong += _try(name, trees, Path(folder), is_pair=is_pair)
    return int(wrong > 0)


def _try(name: str, behaviors: Path, folder: Path, *, is_pair: bool) -> int:
    tried = wrong = 0
    for point, outcome in enumerate_crashes(STORIES[name], behaviors, folder=folder, is_pair=is_pair):
        tried += 1
        for fault in outcome.faults:
            wrong += 1
            sys.stdout.write(f"{name}, {point}: {fault}\n")
    what = "all processes together" if is_pair else "one process"
    sys.stdout.write(f"{name}: {tried - 1} points, {what}: {wrong} faults\n")
    sys.stdout.flush()
    return wrong


if __name__ == "__main__":
    sys.exit(main())
