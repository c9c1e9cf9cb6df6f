"""The diagram of task status is the table's."""

from robot_ops.tasks.status import CAUSES
from tools.status_diagram import PAGE, diagram, with_diagram


def test_the_diagram_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_diagram(text), "run: python -m tools.status_diagram"
    assert diagram() in text


def test_every_cause_is_in_the_diagram() -> None:
    for causes in CAUSES.values():
        for following, cause in causes.items():
            assert f"--> {following.value}: {cause}" in diagram()
