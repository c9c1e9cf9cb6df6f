"""Names of things, told apart by type."""

from typing import NewType

LevelId = NewType("LevelId", str)
NodeId = NewType("NodeId", str)
LaneId = NewType("LaneId", str)
PlaceId = NewType("PlaceId", str)
DoorId = NewType("DoorId", str)
LiftId = NewType("LiftId", str)
ZoneId = NewType("ZoneId", str)
ExchangeId = NewType("ExchangeId", str)
RobotId = NewType("RobotId", str)
TaskId = NewType("TaskId", str)
MissionId = NewType("MissionId", str)
RouteId = NewType("RouteId", str)
PersonId = NewType("PersonId", str)
"""A member of staff or a visitor as requests name them ("clerk.ada"); never a track of the perception."""
