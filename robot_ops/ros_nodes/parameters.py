"""ROS parameters of a node as one frozen dataclass with descriptions and ranges.

@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyParameters:
    margin: float = parameter(0.10, "Clearance kept around the footprint, in meters.", low=0.0, high=1.0)

parameters = declare(node, SafetyParameters)
"""

import dataclasses
from pathlib import Path
from typing import Any, TypeVar, cast, get_type_hints

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node

from robot_ops.core.errors import ParameterError

ParametersT = TypeVar("ParametersT")


def parameter(default: Any, description: str, *, low: float | None = None, high: float | None = None) -> Any:
    """Return a dataclass field that `declare` turns into a ROS parameter; `low` and `high` are inclusive."""
    return dataclasses.field(default=default, metadata={"description": description, "low": low, "high": high})


def declare(node: Node, kind: type[ParametersT]) -> ParametersT:
    """Declare every field of the dataclass as a read-only parameter of the node and return what was set.

    Fields may be bool, int, float, str, Path or tuple[str, ...].

    Raises:
        ParameterError: a value has the wrong type or lies outside its range, or the dataclass refuses the values with
            a ValueError. The node is destroyed then: rclpy would later do so by the destroy_node() of its class, which
            asks for what a node that never was complete does not have.
    """
    try:
        return _declare(node, kind)
    except ParameterError:
        Node.destroy_node(node)
        raise


def _declare(node: Node, kind: type[ParametersT]) -> ParametersT:
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cast("Any", kind)):
        descriptor = _describe(field, hints[field.name])
        default = field.default
        if isinstance(default, tuple):
            default = list(default)
        elif isinstance(default, Path):
            default = str(default)
        where = f"parameter {field.name} of {node.get_fully_qualified_name()}"
        try:
            value = node.declare_parameter(field.name, default, descriptor).value
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise ParameterError(str(error), where=where, mend=descriptor.description.removesuffix(".")) from error
        values[field.name] = _convert(value, hints[field.name])
    try:
        return kind(**values)
    except ValueError as error:
        raise ParameterError(str(error), where=f"parameters of {node.get_fully_qualified_name()}") from error


def _describe(field: "dataclasses.Field[Any]", hint: Any) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=field.metadata.get("description", ""), read_only=True)
    low, high = field.metadata.get("low"), field.metadata.get("high")
    if low is None or high is None:
        return descriptor
    if hint is int:
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
    else:
        descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)]
    return descriptor


def _convert(value: Any, hint: Any) -> Any:
    if hint is Path:
        return Path(value)
    if isinstance(value, list) or (value is None and isinstance(hint, type) and issubclass(hint, tuple)):
        return tuple(value or ())
    return value
