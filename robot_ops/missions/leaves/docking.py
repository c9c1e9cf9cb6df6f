"""Leaves that dock the robot to a place's tag and undock it; traffic has no part in it, the node stays held."""

from typing import ClassVar, Final

from py_trees.common import Status

from robot_ops.core.ids import PlaceId
from robot_ops.missions.ports import NavigationStatus
from robot_ops.missions.tree_nodes import Attribute, Leaf, ValueKind

UNDOCK_PAUSE: Final = 3.0
"""s between two tries to undock."""


class IsDockedAt(Leaf):
    """Succeeds when the robot is docked at the place."""

    ATTRIBUTES: ClassVar = {"place": Attribute(kind=ValueKind.PLACE)}

    def update(self) -> Status:
        """Look."""
        return Status.SUCCESS if self.context.body.dock.place == self.text("place") else Status.FAILURE


class Dock(Leaf):
    """Docks at a place whose node the robot stands on; succeeds at once where nothing is to dock to."""

    ATTRIBUTES: ClassVar = {
        "place": Attribute(kind=ValueKind.PLACE),
        "timeout": Attribute(kind=ValueKind.NUMBER, default=90.0),
    }

    def initialise(self) -> None:
        """Start docking."""
        super().initialise()
        self._is_docking = False
        place = self.context.body.site.places[PlaceId(self.text("place"))]
        body = self.context.body
        if place.tag is None or place.dock is None or body.dock.place == place.id:
            return
        self._is_docking = True
        body.dock.place = place.id
        body.follower.suspend()
        body.navigator.dock(place.id)

    def update(self) -> Status:
        """Wait for the navigator."""
        if not self._is_docking:
            return Status.SUCCESS
        body = self.context.body
        label = body.site.places[PlaceId(self.text("place"))].label
        if self.elapsed == 0.0:
            return Status.RUNNING
        match body.navigator.status:
            case NavigationStatus.SUCCEEDED:
                return Status.SUCCESS
            case NavigationStatus.FAILED:
                return self.fail(f"docking at {label} failed: {body.navigator.failure}")
            case NavigationStatus.ACTIVE | NavigationStatus.IDLE:
                if self.elapsed >= self.number("timeout"):
                    return self.fail(f"docking at {label} took more than {self.number('timeout'):g} s")
                return Status.RUNNING

    def end(self, status: Status) -> None:
        """Brake when docking did not end well."""
        if self._is_docking and status is not Status.SUCCESS:
            self.context.body.navigator.stop()


class EnsureUndocked(Leaf):
    """Undocks if the robot is docked, or was on its way to; the first thing to do before driving."""

    ATTRIBUTES: ClassVar = {
        "timeout": Attribute(kind=ValueKind.NUMBER, default=60.0),
        "attempts": Attribute(kind=ValueKind.COUNT, default=5),
    }

    def initialise(self) -> None:
        """Start undocking."""
        super().initialise()
        self._attempts = 0
        self._failed_at: float | None = None
        self._begun_at = 0.0
        if self.context.body.dock.place is not None:
            self._undock(self.context.body.dock.place)

    def update(self) -> Status:
        """Wait for the navigator, and try again when it fails."""
        body, place = self.context.body, self.context.body.dock.place
        if place is None:
            return Status.SUCCESS
        if self._failed_at is not None:
            if self.elapsed - self._failed_at >= UNDOCK_PAUSE:
                self._undock(place)
            return self.wait(f"blocked: undocking failed: {body.navigator.failure}")
        if self.elapsed == self._begun_at:
            return Status.RUNNING
        is_late = self.elapsed - self._begun_at >= self.number("timeout")
        match body.navigator.status:
            case NavigationStatus.SUCCEEDED:
                body.dock.place = None
                body.follower.resume()
                return Status.SUCCESS
            case NavigationStatus.ACTIVE | NavigationStatus.IDLE if not is_late:
                return Status.RUNNING
            case _:
                self._failed_at = self.elapsed
                if self._attempts >= self.number("attempts"):
                    return self.fail(f"undocking failed: {body.navigator.failure or 'it takes too long'}")
                return Status.RUNNING

    def end(self, status: Status) -> None:
        """Brake when undocking did not end well."""
        if status is not Status.SUCCESS:
            self.context.body.navigator.stop()

    def _undock(self, place: PlaceId) -> None:
        self._attempts += 1
        self._failed_at = None
        self._begun_at = self.elapsed
        self.context.body.follower.suspend()
        self.context.body.navigator.undock(place)
