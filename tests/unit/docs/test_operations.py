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


def raised_in(tree: ast.Module) -> Iterator[str]:
    """Yield the ids that are handed to an alarm board's `put` and `set`, at once or by the name of a variable."""
    names = {
        target.id: pattern
        for assign in ast.walk(tree)
        if isinstance(assign, ast.Assign) and (pattern := pattern_of(assign.value)) is not None
        for target in assign.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(tree):
        match call:
            case ast.Call(func=ast.Attribute(attr="put" | "set", value=board), args=[first, *_]):
                if "alarms" in ast.unparse(board):
                    yield pattern_of(first) or names.get(ast.unparse(first)) or ast.unparse(first)


def test_every_alarm_is_told() -> None:
    section = PAGE.split("## Alarms")[1].split("\n## ")[0]
    told = {re.sub(r"/[A-Z]+$", "/*", name) for name in re.findall(r"^\| `([\w/]+)` \|", section, re.MULTILINE)}
    files = sorted((ROOT / "robot_ops" / "dispatch").glob("*.py"))
    assert {alarm for file in files for alarm in raised_in(ast.parse(file.read_text(encoding="utf-8")))} == told
