"""The compiled interface packages: hashes of the types that others define too, serialization, field checks."""

from __future__ import annotations

import importlib
import inspect
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nav2_msgs.action import NavigateToPose
from nav2_msgs.action._navigate_to_pose import NavigateToPose_FeedbackMessage
from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message
from tf2_msgs.msg import TFMessage

PACKAGES = ("robot_ops_interfaces", "nav2_msgs", "tf2_msgs")
INTEGERS = {f"{sign}int{bits}": (sign, bits) for sign in ("u", "") for bits in (8, 16, 32, 64)}


def message_types() -> Iterator[type]:
    for package in PACKAGES:
        for kind in ("msg", "srv", "action"):
            try:
                module = importlib.import_module(f"{package}.{kind}")
            except ModuleNotFoundError:
                continue
            for name, outer in inspect.getmembers(module, inspect.isclass):
                if name.endswith("_Event") or "_SendGoal_" in name or "_GetResult_" in name:
                    continue  # wrappers that rclpy fills by itself
                parts = [getattr(outer, part, None) for part in ("Request", "Response", "Goal", "Result", "Feedback")]
                candidates = [part for part in parts if part] or [outer]
                yield from (part for part in candidates if hasattr(part, "get_fields_and_field_types"))


TYPES = sorted(set(message_types()), key=lambda cls: (cls.__module__, cls.__name__))


def values(field_type: str) -> st.SearchStrategy[Any]:
    if field_type.startswith("sequence<"):
        return st.lists(values(field_type.removeprefix("sequence<").removesuffix(">")), max_size=2)
    if field_type in INTEGERS:
        sign, bits = INTEGERS[field_type]
        return st.integers(0, 2**bits - 1) if sign else st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    match field_type:
        case "boolean":
            return st.booleans()
        case "string":
            return st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
        case "double" | "float":
            return st.floats(allow_nan=False, width=64 if field_type == "double" else 32)
    package, name = field_type.split("/")
    return messages(getattr(importlib.import_module(f"{package}.msg"), name))


def messages(cls: type) -> st.SearchStrategy[Any]:
    fields = {name: values(kind) for name, kind in cls.get_fields_and_field_types().items()}
    return st.fixed_dictionaries(fields).map(lambda items: cls(**items))


def test_every_package_is_covered() -> None:
    assert {cls.__module__.split(".")[0] for cls in TYPES} == set(PACKAGES)
    assert len(TYPES) > 40


@pytest.mark.parametrize("cls", TYPES, ids=lambda cls: f"{cls.__module__.split('.')[0]}-{cls.__name__}")
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_serialization_round_trip(cls: type, data: st.DataObject) -> None:
    message = data.draw(messages(cls))

    assert deserialize_message(serialize_message(message), cls) == message


def test_nan_survives() -> None:
    cls = importlib.import_module("robot_ops_interfaces.msg").RobotStatus

    copy = deserialize_message(serialize_message(cls(battery_soc=math.nan)), cls)

    assert math.isnan(copy.battery_soc)


@pytest.fixture
def node() -> Iterator[Node]:
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=21)
    node = rclpy.create_node("types_under_test", context=context, enable_rosout=False)
    try:
        yield node
    finally:
        node.destroy_node()
        context.shutdown()


@pytest.mark.parametrize(
    ("cls", "digest"),
    [
        (TFMessage, "e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087"),
        (NavigateToPose_FeedbackMessage, "9d1f6fa2eb975ce733b419ac2e97b134d8ff92b6478b6559feed9a50bdfd82b3"),
    ],
)
def test_types_hash_as_in_ros_itself(node: Node, cls: type, digest: str) -> None:
    """A node of another ROS 2 installation talks to ours only if both name the same hash (REP 2011)."""
    node.create_publisher(cls, "hashed", 1)

    [endpoint] = node.get_publishers_info_by_topic("/hashed")

    assert bytes(endpoint.topic_type_hash.value).hex() == digest
    assert endpoint.topic_type_hash.version == 1


def test_result_codes_are_those_of_nav2() -> None:
    assert (NavigateToPose.Result.NONE, NavigateToPose.Result.UNKNOWN, NavigateToPose.Result.TIMEOUT) == (0, 9000, 9003)


@pytest.mark.parametrize(
    "statement",
    ["Task(status=300)", "Task(task_id=3)", "RobotStatus(speed='fast')", "TrafficState(clearances=[1])"],
)
def test_checked_fields_refuse_what_they_cannot_hold(statement: str) -> None:
    program = f"from robot_ops_interfaces.msg import *\ntry:\n    {statement}\nexcept AssertionError:\n    print('no')"

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "ROS_PYTHON_CHECK_FIELDS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout == "no\n"
