from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.resources import shared_folder
from robot_ops.simulation.faults import Fault, FaultKind
from robot_ops.simulation.scenario import load_scenario
from robot_ops.simulation.shrinking import shrink
from robot_ops.simulation.soak import Case, Failure

SCENARIO = load_scenario(shared_folder("sim") / "scenarios" / "quiet.yaml")


def case(count: int) -> Case:
    faults = tuple(Fault(number=number, kind=FaultKind.FLEET_CRASH, at=10.0 * number) for number in range(count))
    return Case(scenario=SCENARIO, seed=1, duration=1000.0, faults=faults)


class Product:
    """Fails when all these faults have happened, at the last of them; otherwise it may fail in another way."""

    def __init__(self, needed: set[int], other: int) -> None:
        self.needed = needed
        self.other = other
        self.runs = 0

    def run(self, tried: Case) -> tuple[Failure | None, float]:
        return self.failure(tried), 1.0

    def failure(self, tried: Case) -> Failure | None:
        self.runs += 1
        present = {fault.number: fault.at for fault in tried.faults if fault.at <= tried.duration}
        if self.needed <= present.keys():
            return Failure(invariant="once", text="", at=max(present[number] for number in self.needed))
        return Failure(invariant="locks", text="", at=5.0) if self.other in present else None


@settings(max_examples=60)
@given(st.sets(st.integers(0, 49), min_size=1, max_size=4), st.integers(0, 49))
def test_only_what_is_needed_is_left(needed: set[int], other: int) -> None:
    product = Product(needed, other)
    failure = product.failure(case(50))
    assert failure is not None
    small, found = shrink(case(50), failure, product.run, most_seconds=1000.0)
    assert {fault.number for fault in small.faults} == needed
    assert found.invariant == failure.invariant == "once"
    assert small.duration <= found.at + 1.0


def test_it_stops_when_the_replays_are_spent() -> None:
    product = Product({3, 30}, 100)
    failure = product.failure(case(50))
    assert failure is not None
    product.runs = 0
    small, _ = shrink(case(50), failure, product.run, most_seconds=5.0)
    assert product.runs <= 5
    assert {3, 30} <= {fault.number for fault in small.faults}


def test_a_failure_that_does_not_come_again_is_left_as_it_is() -> None:
    failure = Failure(invariant="once", text="", at=500.0)
    assert shrink(case(5), failure, lambda _case: (None, 1.0), most_seconds=20.0) == (case(5), failure)
