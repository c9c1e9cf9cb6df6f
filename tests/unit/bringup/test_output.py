"""What commands print: JSON that every reader takes, tables for people."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.bringup.output import say, show_json, show_table

JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children) | st.tuples(children, children),
    max_leaves=20,
)


def refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def test_what_is_not_a_number_becomes_null(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"soc": math.nan, "far": [math.inf, (-math.inf, 1.5)], 7: "seven", "ok": {"n": None, "b": True}})

    shown = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert shown == {"soc": None, "far": [None, [None, 1.5]], "7": "seven", "ok": {"n": None, "b": True}}


def test_any_value_is_shown_as_strict_json() -> None:
    @given(JSON_LIKE)
    def holds(value: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            written: list[str] = []
            patch.setattr("robot_ops.bringup.output.sys.stdout.write", written.append)
            show_json(value)
        json.loads("".join(written), parse_constant=refuse)

    holds()


def test_names_of_people_stay_readable(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"name": "Zoë 李"})
    assert "Zoë 李" in capsys.readouterr().out


def test_a_table_has_title_columns_and_rows_and_no_frame_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show_table("Robots", ["robot", "m"], [("guide_1", 12.5), ("courier_1", None)])

    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines == [["Robots"], ["robot", "m"], ["guide_1", "12.5"], ["courier_1", "None"]]


def test_brackets_in_cells_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    """A reason such as "[red] door" must not be taken for markup."""
    show_table("[bold] tasks", ["reason [s]"], [["[red] door [/] is shut"]])

    out = capsys.readouterr().out
    assert "[red] door [/] is shut" in out
    assert "reason [s]" in out
    assert "[bold] tasks" in out


def test_say_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("hello")
    assert capsys.readouterr().out == "hello\n"
