"""How commands show what they found: a table for people, one JSON value with --json."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any, Self


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare --json."""
    parser.add_argument("--json", action="store_true", help="print one JSON value and nothing else")


def show_json(value: Any) -> None:
    """Print a value as JSON; NaN and infinities become null."""
    sys.stdout.write(json_text(value))


def json_text(value: Any) -> str:
    """Return a value as lines of JSON; NaN and infinities become null."""
    return json.dumps(_clean(value), indent=2, ensure_ascii=False) + "\n"


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table: framed on a terminal, plain columns elsewhere."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 160)
    # Text, since rich takes brackets in a str for markup, and reasons and names may have some
    table = Table(title=Text(title), title_justify="left", box=box.ROUNDED if sys.stdout.isatty() else None)
    for column in columns:
        table.add_column(Text(column))
    for row in rows:
        table.add_row(*[Text(str(cell)) for cell in row])
    console.print(table)


class ProgressLine:
    """A line on the terminal that tells how many hours of a simulation are done, and goes away afterward.

    Args:
        hours: of the whole.
    """

    def __init__(self, hours: float, *, is_shown: bool) -> None:
        self._hours = hours
        self._is_shown = is_shown and sys.stderr.isatty()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Clear the line."""
        if self._is_shown:
            sys.stderr.write("\r" + " " * 60 + "\r")

    def show(self, done: float) -> None:
        """Tell the seconds done."""
        if self._is_shown:
            sys.stderr.write(f"\r{done / 3600:8.2f} of {self._hours:g} h simulated")
            sys.stderr.flush()


def say(text: str) -> None:
    """Print a line for people."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _clean(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _clean(item) for key, item in value.items()}
        case list() | tuple():
            return [_clean(item) for item in value]
        case float() if value != value or value in (float("inf"), float("-inf")):
            return None
        case _:
            return value
