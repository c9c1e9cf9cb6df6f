"""What the fleet knows of each robot from its latest messages; none of it is in the ledger."""

import math
from dataclasses import dataclass, field
from typing import Final

from robot_ops.core.clock import seconds_between
from robot_ops.core.ids import MissionId, NodeId, TaskId
from robot_ops.dispatch.ports import RobotStatus
from robot_ops.site.model import Robot, Site
from robot_ops.tasks.orders import MissionPhase, MissionReport
from robot_ops.tasks.routes import RouteProgress

OFFLINE_S: Final = 5.0
"""Seconds of silence after which a robot is offline."""
LOST_S: Final = 60.0
"""Seconds of silence after which its task goes to another robot."""
SET_BACK_S: Final = 10.0
"""Seconds of nothing but older messages after which a robot's clock is taken to have been set back."""
_NODE_REACH: Final = 3.0
"""m; a robot farther than this from every node is nowhere on the lane graph."""


@dataclass(slots=True)
class RobotState:
    """One robot's latest messages, and what the fleet remembers of its dealings with it.

    Attributes:
        heard_ns: instant of the last message, or of the fleet's start.
        report: latest report of the latest mission.
        idle_since_ns: instant since which it has nothing to do, None while it has.
        rest_until_ns: no new mission before this instant (it has just failed at one).
        chore_failures: in a row.
        missing: the mission that it had begun and does not show, and since when.
        ended: the mission that ended last, and when.
        sent: what was sent last (order or cancel, mission) and when, to repeat it at a calm rate.
        owed: since when it has owed an answer to an order or cancelation, and of which mission.
        set_back: per kind of message since when only old ones have come, and the last one's stamp.
        is_chain_cut: its custody log lacks events that the fleet has.
        is_stranded: it holds a document that it cannot bring on and that nobody has taken out yet.
        doubtful: the task whose document may lie in it though no record tells of that, None for none.
    """

    robot: Robot
    heard_ns: int
    has_spoken: bool = False
    status: RobotStatus | None = None
    progress: RouteProgress | None = None
    report: MissionReport | None = None
    idle_since_ns: int | None = None
    rest_until_ns: int = 0
    chore_failures: int = 0
    chore_not_before_ns: int = 0
    missing: tuple[MissionId, int] | None = None
    ended: tuple[MissionId, int] | None = None
    sent: tuple[str, MissionId, int] | None = None
    owed: dict[str, tuple[MissionId, int]] = field(default_factory=dict)
    set_back: dict[str, tuple[int, int]] = field(default_factory=dict)
    is_stranded: bool = False
    doubtful: TaskId | None = None
    is_chain_cut: bool = False

    def is_old(self, what: str, stamp_ns: int, latest_ns: int, now_ns: int) -> bool:
        """Return whether a message is older than the latest; not when only such come: the robot's clock was set back.

        Args:
            what: kind of message.
            stamp_ns, latest_ns: instants by the robot's clock, of this message and the latest.
            now_ns: instant by the fleet's clock.
        """
        if stamp_ns >= latest_ns:
            self.set_back.pop(what, None)
            return False
        since_ns, last_ns = self.set_back.get(what, (now_ns, stamp_ns))
        if stamp_ns < last_ns:
            since_ns = now_ns
        self.set_back[what] = (since_ns, stamp_ns)
        if seconds_between(since_ns, now_ns) <= SET_BACK_S:
            return True
        del self.set_back[what]
        return False

    def shift(self, ns: int) -> None:
        """Move all instants of the fleet's clock with it when it was set."""
        self.heard_ns += ns
        self.rest_until_ns += ns
        self.chore_not_before_ns += ns
        if self.idle_since_ns is not None:
            self.idle_since_ns += ns
        if self.missing is not None:
            self.missing = (self.missing[0], self.missing[1] + ns)
        if self.ended is not None:
            self.ended = (self.ended[0], self.ended[1] + ns)
        if self.sent is not None:
            self.sent = (*self.sent[:2], self.sent[2] + ns)
        self.owed = {what: (mission_id, since_ns + ns) for what, (mission_id, since_ns) in self.owed.items()}
        self.set_back = {what: (since_ns + ns, last_ns) for what, (since_ns, last_ns) in self.set_back.items()}

    def silence(self, now_ns: int) -> float:
        """Return the seconds since it was heard last."""
        return seconds_between(self.heard_ns, now_ns)

    def is_online(self, now_ns: int) -> bool:
        """Return whether it was heard of within the last few seconds."""
        return self.status is not None and self.silence(now_ns) <= OFFLINE_S

    @property
    def soc(self) -> float:
        """Return the state of charge, 0-1, NaN while unmeasured."""
        return math.nan if self.status is None else self.status.battery_soc

    @property
    def running(self) -> MissionId | None:
        """Return the mission that it says it executes."""
        return None if self.status is None else self.status.mission_id

    def report_of(self, mission_id: MissionId) -> MissionReport | None:
        """Return its latest report if that is about the mission."""
        return self.report if self.report is not None and self.report.mission_id == mission_id else None

    def phase_of(self, mission_id: MissionId) -> MissionPhase | None:
        """Return what it does about the mission, None while that is unknown."""
        report = self.report_of(mission_id)
        return None if report is None else report.phase

    def has_begun(self, mission_id: MissionId) -> bool:
        """Return whether it has shown that it executes or executed the mission."""
        return self.running == mission_id or self.report_of(mission_id) is not None

    def is_occupied(self, compartment: str) -> bool:
        """Return whether something lies in the compartment."""
        return self.status is not None and self.status.compartments.get(compartment, False)

    @property
    def is_by_hand(self) -> bool:
        """Return whether a person drives it."""
        return self.progress is not None and self.progress.is_by_hand

    @property
    def is_off_lanes(self) -> bool:
        """Return whether it says that it does not keep to the lanes."""
        return self.progress is not None and self.progress.free is not None

    def node(self, site: Site) -> NodeId | None:
        """Return the node it is at or left last, None while it is unknown or off the lane graph."""
        if self.progress is not None and self.progress.held and self.progress.held[0] in site.nodes:
            return self.progress.held[0]
        if self.status is None or self.status.at is None:
            return None
        try:
            node, distance = site.nearest_node(self.status.at)
        except KeyError:
            return None
        return node.id if distance <= _NODE_REACH else None
