"""The operators' page tells every alarm that the fleet can raise, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def pattern_of(node: ast.expr) -> str | None:
    """Return the alarm's id with every inserted name as *, None where the expression is not one."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr():
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
    return None


def raised() -> Iterator[str]:
    """Yield the ids that are handed to an alarm board's `put` and `set`, by name or at once."""
    for file in sorted((ROOT / "robot_ops" / "dispatch").glob("*.py")):
        if file.name == "alarms.py":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = {
            target.id: pattern
            for assign in ast.walk(tree)
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
                continue
            if call.func.attr not in ("put", "set") or "alarms" not in ast.unparse(call.func.value):
                continue
            first = call.args[0]
            found = pattern_of(first) or names.get(ast.unparse(first))
            yield found or f"{file.name}: {ast.unparse(first)}"


def test_every_alarm_is_told() -> None:
    section = PAGE.split("## Alarms")[1].split("\n## ")[0]
    told = {re.sub(r"/[A-Z]+$", "/*", name) for name in re.findall(r"^\| `([\w/]+)` \|", section, re.MULTILINE)}
    assert set(raised()) == told
