"""What the README tells about commands, names and parameters is so."""

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from robot_ops.bringup import cli
from tools.readme_tables import NODES, with_tables

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
Words = tuple[str, ...]
CREATORS = {
    "create_publisher",
    "create_subscription",
    "create_service",
    "create_client",
    "ActionServer",
    "ActionClient",
    "WatchedTopic",
}


def leaf_commands(parser: argparse.ArgumentParser, words: Words) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Yield the words of every command and its options."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for group in groups:
        for name, sub in group.choices.items():
            yield from leaf_commands(sub, (*words, name))
    if not groups:
        options = {action.option_strings[-1] for action in parser._actions if action.option_strings}
        yield words, options - {"--help", "--json"}


COMMANDS = [
    leaf
    for name in cli._COMMANDS
    for leaf in leaf_commands(cli.build_parser([name]), ("robot-ops",))
    if leaf[0][1] == name
]


def row_of(words: Words) -> str:
    (row,) = (line for line in README.splitlines() if re.match(rf"\| `{' '.join(words)}\b", line))
    return row


@pytest.mark.parametrize(("words", "options"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_every_command_and_option_is_told(words: Words, options: set[str]) -> None:
    assert set(re.findall(r"--[a-z-]+", row_of(words))) == options


def test_no_command_is_told_that_there_is_not() -> None:
    told = re.findall(r"^\| `(robot-ops [a-z -]+?)(?: [A-Z.]+)*`", README, re.MULTILINE)

    assert sorted(told) == sorted(" ".join(words) for words, _ in COMMANDS)


def test_exit_codes_are_told() -> None:
    codes = (cli.EXIT_OK, cli.EXIT_NO, cli.EXIT_INPUT, cli.EXIT_SILENT, cli.EXIT_INTERRUPTED)

    assert [int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)] == list(codes)


def test_parameter_tables_are_up_to_date() -> None:
    assert with_tables(README) == README
    assert all(f"`{name}`" in README or f"/{name}`" in README for name in NODES)


def names_in(file: Path) -> Iterator[str]:
    """Yield the topics, services and actions that a module names, with `*` for what it fills in."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        creator = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if creator not in CREATORS:
            continue
        for argument in node.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value
            elif isinstance(argument, ast.JoinedStr):
                yield "".join(
                    part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "*"
                    for part in argument.values
                )


@pytest.mark.parametrize("file", sorted((ROOT / "robot_ops" / "ros_nodes").glob("*.py")), ids=lambda file: file.stem)
def test_every_topic_service_and_action_is_told(file: Path) -> None:
    for name in names_in(file):
        if name.endswith(("/send_goal", "/get_result", "/cancel_goal")):
            continue  # a part of an action
        told = name.removeprefix("/*/")
        if told == "cmd_vel_*":
            continue  # one topic per source of motion; the next test has them
        pattern = re.escape(told).replace(r"\*", "(<[a-z]+>|[a-z]+)")
        assert re.search(f"`{pattern}`", README), name


def test_every_source_of_motion_is_told() -> None:
    from robot_ops.navigation.safety_states import Source

    assert all(f"`cmd_vel_{source.value}`" in README for source in Source)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_files_and_folders_that_are_named_exist() -> None:
    named = re.findall(r"`((?:tools|docs|launch|behaviors|sim|sites|interfaces|robot_ops)/[\w./]*)`", README)

    assert named
    assert all((ROOT / name).exists() for name in named)


def test_launch_arguments_are_told() -> None:
    for file in sorted((ROOT / "launch").glob("*.launch.py")):
        (row,) = (line for line in README.splitlines() if line.startswith(f"| `{file.name}`"))
        text = file.read_text(encoding="utf-8")
        declared = set(re.findall(r'DeclareLaunchArgument\("(\w+)"', text))
        declared |= {"params" if n == "parameters" else n for n in re.findall(r"common\.(\w+)_argument\(", text)}
        assert set(re.findall(r"`(\w+)`", row)) == declared
