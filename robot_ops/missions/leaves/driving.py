"""Leaves that drive along the lane graph."""

from typing import ClassVar

from py_trees.common import Status

from robot_ops.core.ids import PlaceId
from robot_ops.missions.tree_nodes import Attribute, Leaf, ValueKind


class GoToPlace(Leaf):
    """Goes to a place's node, as the fleet clears the way, and turns to the place's heading.

    Attributes in XML: `tail` is the length of what follows the robot in meters; `stuck` is how long it may get no
    further before the leaf fails, in seconds.
    """

    ATTRIBUTES: ClassVar = {
        "place": Attribute(kind=ValueKind.PLACE),
        "tail": Attribute(kind=ValueKind.NUMBER, default=0.0),
        "stuck": Attribute(kind=ValueKind.NUMBER, default=600.0),
    }

    def initialise(self) -> None:
        """Tell the fleet where the robot wants to go."""
        super().initialise()
        self.context.body.follower.go_to(PlaceId(self.text("place")), tail=self.number("tail"))

    def update(self) -> Status:
        """Succeed on arrival."""
        follower = self.context.body.follower
        if follower.has_arrived:
            return Status.SUCCESS
        if follower.idle_time >= self.number("stuck"):
            label = self.context.body.site.places[PlaceId(self.text("place"))].label
            return self.fail(f"stuck on the way to {label}: {follower.reason.removeprefix('blocked: ') or 'no way'}")
        return self.wait(follower.reason)

    def end(self, status: Status) -> None:
        """Keep the place as the goal while it is served; without arrival, want nothing any more."""
        if status is not Status.SUCCESS:
            self.context.body.follower.withdraw()
