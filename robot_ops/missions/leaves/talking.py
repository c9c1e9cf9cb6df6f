"""Leaves that tell people something, or note something for the report."""

from typing import ClassVar

from py_trees.common import Status

from robot_ops.core.ids import PlaceId
from robot_ops.missions.ports import AnnouncementKind
from robot_ops.missions.tree_nodes import Attribute, Leaf, ValueKind, choices_of
from robot_ops.tasks.orders import MissionPhase


class Announce(Leaf):
    """Shows and speaks a text about a place; succeeds `hold` seconds later."""

    ATTRIBUTES: ClassVar = {
        "kind": Attribute(choices=choices_of(AnnouncementKind)),
        "place": Attribute(kind=ValueKind.PLACE, default=""),
        "hold": Attribute(kind=ValueKind.NUMBER, default=0.0),
    }

    def initialise(self) -> None:
        """Announce it."""
        super().initialise()
        place = self.text("place")
        self.context.announce(self.member("kind", AnnouncementKind), PlaceId(place) if place else None)

    def update(self) -> Status:
        """Hold it for a while."""
        return Status.SUCCESS if self.elapsed >= self.number("hold") else Status.RUNNING


class SetPhase(Leaf):
    """Notes the mission's phase for the report."""

    ATTRIBUTES: ClassVar = {"phase": Attribute(choices=choices_of(MissionPhase))}

    def update(self) -> Status:
        """Note it."""
        self.context.phase = self.member("phase", MissionPhase)
        return Status.SUCCESS


class NoteFailure(Leaf):
    """Keeps why the branch before failed, to be told in the end whatever comes next."""

    def update(self) -> Status:
        """Keep it."""
        if self.context.failure:
            self.context.notes.append(self.context.failure)
            self.context.failure = ""
        return Status.SUCCESS


class EndFailed(Leaf):
    """Fails with a named outcome."""

    ATTRIBUTES: ClassVar = {"outcome": Attribute()}

    def update(self) -> Status:
        """Fail."""
        return self.fail(self.text("outcome"))
