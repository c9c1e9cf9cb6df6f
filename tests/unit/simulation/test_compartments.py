import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.errors import StateError
from robot_ops.core.ids import RobotId
from robot_ops.simulation.compartments import CompartmentBank, CompartmentBanks


def test_a_compartment_opens_only_by_its_lock_and_locks_when_closed() -> None:
    bank = CompartmentBank(["1", "2"])
    assert not bank.put("1", "passport")
    bank.close_lid("1")
    bank.set_lock("1", is_locked=False)
    assert not bank.readings["1"].is_closed
    assert bank.readings["2"].is_locked
    assert bank.put("1", "passport")
    assert not bank.put("1", "visa")
    bank.set_lock("1", is_locked=True)
    assert not bank.readings["1"].is_locked
    bank.close_lid("1")
    reading = bank.readings["1"]
    assert (reading.is_locked, reading.is_closed, reading.is_occupied) == (True, True, True)
    assert bank.take("1") is None
    bank.set_lock("1", is_locked=False)
    assert bank.take("1") == "passport"
    assert bank.take("1") is None


@given(st.lists(st.sampled_from(["unlock", "lock", "close", "put", "take"])))
def test_a_locked_compartment_is_closed_and_its_content_does_not_change(events: list[str]) -> None:
    bank = CompartmentBank(["1"])
    for event in events:
        before, content = bank.readings["1"], bank.document("1")
        match event:
            case "unlock" | "lock":
                bank.set_lock("1", is_locked=event == "lock")
            case "close":
                bank.close_lid("1")
            case "put":
                bank.put("1", "passport")
            case "take":
                bank.take("1")
        after = bank.readings["1"]
        assert after.is_closed or not after.is_locked
        if before.is_closed:
            assert bank.document("1") == content
        if before.is_locked and not after.is_locked:
            assert event == "unlock"


def test_unknown_names_are_refused() -> None:
    banks = CompartmentBanks({RobotId("courier_1"): ["1"]})
    with pytest.raises(StateError, match="no compartment"):
        banks.put_document(RobotId("courier_1"), "9", "passport")
    with pytest.raises(StateError, match="no robot"):
        banks.open_compartments(RobotId("courier_9"))
    assert banks.open_compartments(RobotId("courier_1")) == ()


def test_a_document_lies_in_one_robot_only() -> None:
    first, second = RobotId("courier_1"), RobotId("courier_2")
    banks = CompartmentBanks({first: ("1",), second: ("1",)})
    for robot in (first, second):
        banks.of(robot).set_lock("1", is_locked=False)
    assert banks.put_document(first, "1", "passport")
    assert not banks.put_document(second, "1", "passport")
    assert banks.take_document(first, "1") == "passport"
    assert banks.put_document(second, "1", "passport")
