from pathlib import Path
from typing import ClassVar

import pytest
from py_trees.common import Status

from robot_ops.core.clock import ManualClock
from robot_ops.core.errors import TreeError
from robot_ops.missions.agent import load_behaviors
from robot_ops.missions.leaves.table import LEAVES
from robot_ops.missions.tree_nodes import Attribute, Leaf, ValueKind
from robot_ops.missions.tree_xml import load_trees
from robot_ops.tasks.orders import MissionKind
from robot_ops.testing.mission_site import mission_site

BEHAVIORS = Path(__file__).parents[3] / "behaviors"


class Context:
    """As much of a MissionContext as the leaves below need."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.log: list[str] = []
        self.results: dict[str, list[Status]] = {}
        self.failure = ""
        self.reason = ""

    @property
    def now_ns(self) -> int:
        return self.clock.now_ns()

    def place(self, name: str) -> str:
        return f"place of {name}"


class Say(Leaf):
    """Logs its text, then returns what the test has prepared, SUCCESS at last."""

    ATTRIBUTES: ClassVar = {
        "text": Attribute(),
        "place": Attribute(kind=ValueKind.PLACE, default=""),
        "times": Attribute(kind=ValueKind.COUNT, default=1),
        "loud": Attribute(kind=ValueKind.FLAG, default=False),
        "volume": Attribute(kind=ValueKind.NUMBER, default=1.0),
    }

    def update(self) -> Status:
        self.context.log.append(self.text("text") + self.text("place"))
        results = self.context.results.get(self.text("text"))
        return results.pop(0) if results else Status.SUCCESS


def load(tmp_path, body: str, *, main: str = "main", head: str = 'BTCPP_format="4"'):
    path = tmp_path / "tree.xml"
    path.write_text(f'<root {head} main_tree_to_execute="{main}">\n{body}\n</root>\n', encoding="utf-8")
    return load_trees(path, {"Say": Say}, places={"kiosk", "desk"})


def main_tree(content: str) -> str:
    return f'<BehaviorTree ID="main">\n{content}\n</BehaviorTree>'


def run(tmp_path, content: str, ticks: int = 1, dt: float = 1.0, **results: list[Status]):
    context = Context()
    context.results = results
    tree = load(tmp_path, main_tree(content)).build("main", context)
    statuses = []
    for _ in range(ticks):
        tree.tick_once()
        statuses.append(tree.status)
        context.clock.advance(dt)
    return context.log, statuses


R, S, F = Status.RUNNING, Status.SUCCESS, Status.FAILURE


def test_a_sequence_remembers_and_a_reactive_one_begins_anew(tmp_path):
    both = '<Say text="a"/><Say text="b"/>'
    assert run(tmp_path, f"<Sequence>{both}</Sequence>", 2, b=[R, S]) == (["a", "b", "b"], [R, S])
    assert run(tmp_path, f"<ReactiveSequence>{both}</ReactiveSequence>", 2, b=[R, S]) == (["a", "b", "a", "b"], [R, S])


def test_a_fallback_remembers_and_a_reactive_one_begins_anew(tmp_path):
    both = '<Say text="a"/><Say text="b"/>'
    assert run(tmp_path, f"<Fallback>{both}</Fallback>", 2, a=[F, F], b=[R, S]) == (["a", "b", "b"], [R, S])
    log, statuses = run(tmp_path, f"<ReactiveFallback>{both}</ReactiveFallback>", 2, a=[F, S], b=[R, S])
    assert (log, statuses) == (["a", "b", "a"], [R, S])


def test_a_parallel_ends_with_one_or_all(tmp_path):
    both = '<Say text="a"/><Say text="b"/>'
    assert run(tmp_path, f"<Parallel>{both}</Parallel>", 2, b=[R, S])[1] == [R, S]
    assert run(tmp_path, f'<Parallel success_count="1">{both}</Parallel>', b=[R])[1] == [S]
    assert run(tmp_path, f'<Parallel success_count="1">{both}</Parallel>', a=[R], b=[F])[1] == [F]


@pytest.mark.parametrize(
    ("tag", "child", "expected"),
    [("Inverter", S, F), ("Inverter", F, S), ("ForceSuccess", F, S), ("ForceFailure", S, F)],
)
def test_decorators_turn_results(tmp_path, tag, child, expected):
    assert run(tmp_path, f'<{tag}><Say text="a"/></{tag}>', a=[child])[1] == [expected]


def test_retry_and_keep_running(tmp_path):
    retry = '<RetryUntilSuccessful num_attempts="2"><Say text="a"/></RetryUntilSuccessful>'
    assert run(tmp_path, retry, 2, a=[F, F])[1] == [R, F]
    assert run(tmp_path, retry, 2, a=[F, S])[1] == [R, S]
    keep = '<KeepRunningUntilFailure><Say text="a"/></KeepRunningUntilFailure>'
    assert run(tmp_path, keep, 2, a=[S, F])[1] == [R, F]


@pytest.mark.parametrize("duration", ['seconds="2"', 'msec="2000"'])
def test_a_timeout_runs_on_the_given_clock(tmp_path, duration):
    log, statuses = run(tmp_path, f'<Timeout {duration}><Say text="a"/></Timeout>', 3, a=[R] * 9)
    assert statuses == [R, R, F]
    assert log == ["a"] * 3
    assert run(tmp_path, f'<Timeout {duration}><Say text="a"/></Timeout>', 2, a=[R, S])[1] == [R, S]


def test_subtrees_take_parameters_and_the_order_fills_in_places(tmp_path):
    body = main_tree(
        '<Sequence><SubTree ID="go" where="{pickup}" what="hi"/><SubTree ID="go" where="desk" what="ho"/></Sequence>'
    )
    body += '<BehaviorTree ID="go"><Say text="{what}" place="{where}"/></BehaviorTree>'
    context = Context()
    tree = load(tmp_path, body).build("main", context)
    tree.tick_once()
    assert context.log == ["hiplace of pickup", "hodesk"]
    assert [child.name for child in tree.children] == ["go", "go"]


@pytest.mark.parametrize(
    ("content", "line", "text"),
    [
        ('<Sequenze><Say text="a"/></Sequenze>', 3, "unknown element 'Sequenze'. nearest is Sequence"),
        ('<Say txt="a"/>', 3, "<Say>: unknown attribute 'txt'. nearest is text"),
        ("<Sequence>\n<Say/></Sequence>", 4, '<Say>: lacks the attribute text. write text="..."'),
        ("<Sequence/>", 3, "<Sequence> has 0 elements inside. give it at least one"),
        ('<Say text="a"><Say text="b"/></Say>', 3, "<Say> has 1 elements inside. give it none"),
        ('<Inverter><Say text="a"/><Say text="b"/></Inverter>', 3, "<Inverter> has 2 elements inside"),
        ('<Say text="a" volume="-1"/>', 3, "<Say> volume: -1 is not a number from 0 up"),
        ('<Say text="a" volume="nan"/>', 3, "<Say> volume: nan is not a number"),
        ('<Say text="a" volume="loud"/>', 3, "<Say> volume: "),
        ('<Say text="a" times="0"/>', 3, "<Say> times: 0 is neither"),
        ('<Say text="a" loud="yes"/>', 3, "<Say> loud: 'yes' is neither true nor false"),
        ('<Say text="a" place="dessk"/>', 3, "<Say> place: unknown place 'dessk'. nearest is desk"),
        ('<Say text="a" place="{pickupp}"/>', 3, "unknown reference 'pickupp'. nearest is pickup"),
        ('<Say text="{pickup}"/>', 3, "{pickup} is a place and does not belong here"),
        ('<SubTree ID="mian"/>', 3, "unknown tree 'mian'. nearest is main"),
        ('<SubTree ID="main"/>', 3, "tree 'main' contains itself"),
        ('<Parallel failure_count="2"><Say text="a"/></Parallel>', 3, "failure_count must be 1"),
        (
            '<Parallel success_count="2"><Say text="a"/><Say text="b"/><Say text="c"/></Parallel>',
            3,
            "neither one nor all",
        ),
        ('<Timeout><Say text="a"/></Timeout>', 3, "<Timeout>: has no duration. set msec or seconds"),
        ('<Say text="a"/>hello', 3, "text 'hello' between elements"),
        ('<Say text="a"', 4, "is not XML"),
    ],
)
def test_a_wrong_file_is_told_with_line_and_mend(tmp_path, content, line, text):
    with pytest.raises(TreeError) as error:
        load(tmp_path, main_tree(content))
    assert str(error.value).startswith(f"{tmp_path / 'tree.xml'}:{line}")
    assert text in str(error.value)


def test_what_holds_for_the_whole_file(tmp_path):
    good = main_tree('<Say text="a"/>')
    with pytest.raises(TreeError, match=r"there is a tree 'main' already, at .*:2"):
        load(tmp_path, good + "\n" + good)
    with pytest.raises(TreeError, match=r"unknown main_tree_to_execute 'mein'. nearest is main"):
        load(tmp_path, good, main="mein")
    with pytest.raises(TreeError, match="is not in format 4"):
        load(tmp_path, good, head="")
    with pytest.raises(TreeError, match=r"cannot be read: No such file.* check the path"):
        load_trees(tmp_path / "none.xml", {}, places=())
    bomb = tmp_path / "bomb.xml"
    bomb.write_text('<!DOCTYPE root [<!ENTITY a "aaaa">]><root/>', encoding="utf-8")
    with pytest.raises(TreeError, match="a document type is not allowed"):
        load_trees(bomb, {}, places=())


def test_the_trees_that_come_with_robot_ops_are_whole():
    trees = load_behaviors(BEHAVIORS, mission_site())
    assert set(trees) == set(MissionKind)
    assert all(kind.value in file for kind, file in trees.items())


def test_a_name_in_the_leaf_table_is_the_class_name():
    assert all(name == leaf.__name__ for name, leaf in LEAVES.items())
