"""Instances and solutions of Li and Lim's form: read strictly, written, and checked by driving them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from robot_ops.benchmarks.dispatch_routing import solve, work_of
from robot_ops.benchmarks.pdptw import (
    Instance,
    faults,
    read_instance,
    read_solution,
    total_distance,
    write_solution,
)
from robot_ops.core.errors import ScenarioError

ROWS = (
    "3 10 1",
    "0 50 50 0 0 500 0 0 0",
    "1 60 50 5 0 200 10 0 2",
    "2 70 50 -5 0 300 10 1 0",
    "3 40 50 5 0 200 10 0 4",
    "4 30 50 -5 0 300 10 3 0",
)


def write(path: Path, rows: tuple[str, ...] = ROWS) -> Path:
    """Write an instance in the tabbed form of the published ones."""
    path.write_text("\n".join("\t".join(row.split()) for row in rows) + "\n")
    return path


def random_rows(pairs: int, seed: int) -> tuple[str, ...]:
    """Return an instance whose pickups and deliveries are near each other in place and time."""
    chance = np.random.default_rng(seed)
    rows = [f"{pairs} 40 1", "0 50 50 0 0 1000 0 0 0"]
    for pair in range(pairs):
        x, y = chance.uniform(0, 100, 2)
        ready, load = int(chance.integers(100, 600)), int(chance.integers(1, 20))
        pickup, delivery = 2 * pair + 1, 2 * pair + 2
        rows.append(f"{pickup} {x:.1f} {y:.1f} {load} {ready} {ready + 80} 10 0 {delivery}")
        rows.append(f"{delivery} {y:.1f} {x:.1f} {-load} {ready + 40} {ready + 250} 10 {pickup} 0")
    return tuple(rows)


def test_an_instance_is_read(tmp_path: Path) -> None:
    instance = read_instance(write(tmp_path / "own.txt"))
    assert (instance.name, instance.vehicles, instance.capacity, len(instance.nodes)) == ("own", 3, 10.0, 5)
    assert instance.nodes[1].is_pickup
    assert instance.nodes[1].partner == 2
    assert instance.distance(0, 1) == 10.0
    assert len(work_of(instance).job) == 2


@pytest.mark.parametrize(
    ("line", "row", "message"),
    [
        (1, "3", "1: the first line has 1 fields"),
        (1, "0 10 1", "1: 0 is no number of vehicles"),
        (1, "3 -1 1", "1: -1 is no capacity"),
        (1, "3 ten 1", "1, capacity: 'ten' is no number"),
        (3, "1 60 50 5 0 200 10 0", "3: 8 fields"),
        (3, "1 60 50 nan 0 200 10 0 2", "3, demand: 'nan' is no number"),
        (3, "2 60 50 5 0 200 10 0 2", "3: id 2 follows 0"),
        (3, "1 60 50 5 300 200 10 0 2", "3, due: it is due at 200, before it is ready at 300"),
        (3, "1 60 50 5 0 200 -10 0 2", "3, service: service takes less than no time"),
        (3, "1 60 50 5 0 200 10 0 0", "3: pickup 0 and delivery 0"),
        (3, "1 60 50 5 0 200 10 0 9", "3: there is no node 9"),
        (3, "1 60 50 5 0 200 10 0 4", "3: node 4 belongs to 3, not to 1"),
        (3, "1 60 50 4 0 200 10 0 2", "3, demand: demand 4, and -5 at node 2"),
        (3, "1 60 50 50 0 200 10 0 2", "3, demand: demand 50, and -5"),
        (2, "0 50 50 1 0 500 0 0 0", "2: the depot has a demand"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, line: int, row: str, message: str) -> None:
    rows = list(ROWS)
    rows[line - 1] = row
    path = write(tmp_path / "own.txt", tuple(rows))
    with pytest.raises(ScenarioError) as error:
        read_instance(path)
    assert f"{path}:{message}" in str(error.value)


def test_what_is_no_instance_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.txt").write_text("\n")
    for name in ("binary", "empty", "missing"):
        with pytest.raises(ScenarioError):
            read_instance(tmp_path / f"{name}.txt")
    with pytest.raises(ScenarioError, match="nothing to pick up"):
        read_instance(write(tmp_path / "bare.txt", ROWS[:2]))


@pytest.mark.parametrize(
    ("routes", "fault"),
    [
        ([[1, 2], [4, 3]], "node 4 is served before its pickup 3"),
        ([[1, 2], [3]], "[3] are picked up and not delivered"),
        ([[1, 2]], "nodes [3, 4] are not served"),
        ([[1, 2, 3, 4], [1]], "node 1 is served twice"),
        ([[1, 2], [3, 4], []], "route 3 is empty"),
        ([[1, 2], [3, 4, 7]], "node 7 is served twice or does not exist"),
    ],
)
def test_wrong_routes_are_found(tmp_path: Path, routes: list[list[int]], fault: str) -> None:
    instance = read_instance(write(tmp_path / "own.txt"))
    assert faults(instance, [[1, 2], [3, 4]]) == []
    assert fault in "\n".join(faults(instance, routes))


def test_late_and_overloaded_routes_are_found(tmp_path: Path) -> None:
    instance = read_instance(write(tmp_path / "own.txt"))
    assert faults(instance, [[1, 3, 2, 4]]) == []
    small = replace(instance, capacity=5.0, vehicles=1)
    assert "10 on board after node 3, capacity 5" in "\n".join(faults(small, [[1, 3, 2, 4]]))
    assert "2 routes for 1 vehicles" in faults(small, [[1, 2], [3, 4]])
    early = replace(instance, nodes=tuple(replace(node, due=15.0) for node in instance.nodes))
    found = "\n".join(faults(early, [[1, 2], [3, 4]]))
    assert "node 2 is reached at 30.000, due at 15" in found
    assert "it is back at 60.000, the depot closes at 15" in found


def test_a_solution_is_written_and_read(tmp_path: Path) -> None:
    instance, path = read_instance(write(tmp_path / "own.txt")), tmp_path / "own.sol"
    write_solution(path, instance, [[1, 2], [3, 4]], reference="a test")
    assert read_solution(path) == [[1, 2], [3, 4]]
    assert total_distance(instance, [[1, 2], [3, 4]]) == 80.0
    path.write_text("Solution\nRoute 1 : 1 two\n")
    with pytest.raises(ScenarioError, match=r"own.sol:2: a node is no number"):
        read_solution(path)
    path.write_text("Solution\nway 1 2\n")
    with pytest.raises(ScenarioError, match=r"own.sol:2: it is no route"):
        read_solution(path)


@pytest.mark.parametrize("seed", range(3))
def test_answers_are_valid_and_use_few_vehicles(tmp_path: Path, seed: int) -> None:
    instance = read_instance(write(tmp_path / "own.txt", random_rows(12, seed)))
    calls = iter(range(10**6))
    answer = solve(instance, lambda: next(calls) / 60, seed=seed)
    assert faults(instance, answer.routes) == []
    assert answer.left_out == 0
    assert len(answer.routes) < 12


def test_an_instance_without_an_answer_leaves_out_what_cannot_be_served() -> None:
    rows = Instance(name="none", vehicles=1, capacity=1.0, nodes=())
    assert faults(rows, []) == []
