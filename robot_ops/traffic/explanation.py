"""Tells an operator what traffic control thinks: who holds what, and who waits for whom and why."""

from collections.abc import Iterator, Sequence

from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import RobotId
from robot_ops.traffic.graph import Arc
from robot_ops.traffic.obstructions import STUCK_DELAY
from robot_ops.traffic.reasons import Picture
from robot_ops.traffic.track import NEVER_NS, Track
from robot_ops.traffic.waits import WaitBook


class Explainer:
    """Words for one instant.

    Args:
        picture: the instant.
        waits: as of this instant.
    """

    def __init__(self, picture: Picture, waits: WaitBook) -> None:
        self._picture = picture
        self._waits = waits

    def explain(self, robot: RobotId | None) -> str:
        """Return lines about one robot, about all robots where None.

        Raises:
            RequestError: the robot has not been heard of.
        """
        tracks = self._picture.tracks
        if robot is None:
            return "\n".join([*self._rules(), *(line for each in tracks for line in self._lines(each))])
        if robot not in tracks:
            known = f"Name one of {', '.join(tracks)}" if tracks else "Wait until robots report"
            raise RequestError(f"traffic control has not heard of '{robot}'", where="robot", mend=known)
        return "\n".join([*self._rules(), *self._lines(robot)])

    def _rules(self) -> Iterator[str]:
        rules, graph = self._picture.obstructions.rules, self._picture.graph
        if rules.is_emergency:
            yield "EMERGENCY: everybody goes to a refuge, no lift is entered"
        if rules.closed_lanes:
            yield f"closed lanes: {', '.join(sorted(rules.closed_lanes))}"
        if rules.absent_robots:
            yield f"taken out of the hall: {', '.join(sorted(rules.absent_robots))}"
        for zone, limit in sorted(rules.speed_limits.items()):
            yield f"zone {zone}: at most {limit:g} m/s"
        for cell in graph.restrictions.delays:
            robot = self._picture.obstructions.stuck_robot(cell)
            name = self._picture.cell_name(cell)
            yield f"{name}: {robot} does not get on; a detour of up to {STUCK_DELAY:.0f} s is preferred"

    def _lines(self, robot: RobotId) -> Iterator[str]:
        picture, track = self._picture, self._picture.tracks[robot]
        is_heard = track.stamp_ns != NEVER_NS
        heard = f"heard {seconds_between(track.stamp_ns, picture.now_ns):.1f} s ago" if is_heard else "not heard yet"
        yield f"{robot} {self._where(track)} ({heard})"
        yield f"  goal: {self._goal(track)}"
        held = track.path[track.reached :]
        if held:
            party = f", a party of {track.tail:.1f} m behind" if track.tail > 0.0 else ""
            yield f"  holds: {self._names(held)}{party}"
        way = picture.order.moves_by_robot().get(robot, [])
        if way:
            yield f"  then: {self._names([arc.end for arc in way])}"
        wait = self._waits.of(robot)
        if wait is not None:
            seconds = seconds_between(wait.since_ns, picture.now_ns)
            yield f"  {wait.text} (for {seconds:.0f} s)"
        yield from (f"  {line}" for line in self._next(track, way))
        chain = self._chain(robot)
        if chain:
            yield f"  {chain}"

    def _where(self, track: Track) -> str:
        if track.free is not None:
            pose = track.free.pose
            return f"is off the lanes at ({pose.x:.1f}, {pose.y:.1f}) on {track.free.level}"
        if track.lost:
            return track.lost
        here = self._name(track.path[track.reached])
        arcs = track.held_arcs()
        if not arcs:
            return f"stands at {here}"
        if track.arcs_ahead() == arcs:
            return f"is at {here}, cleared to {self._name(track.node)}"
        return f"drives from {here} to {self._name(arcs[0].end)}, {track.travelled:.1f} of {arcs[0].length:.1f} m"

    def _goal(self, track: Track) -> str:
        picture = self._picture
        refuge = picture.refuges.get(track.robot)
        wanted = f"'{track.goal}'" if track.goal is not None else "none"
        node = picture.graph.goal_of.get(track.goal) if track.goal is not None else None
        at = f" at {self._name(node)}" if node is not None else ""
        return f"{wanted}{at}" + (f", now the refuge {self._name(refuge)}" if refuge is not None else "")

    def _next(self, track: Track, way: Sequence[Arc]) -> Iterator[str]:
        """Say why the next move is not cleared: per robot in the way, the first thing of it that conflicts."""
        blocked = self._picture.order.blocked.get(track.robot)
        if not way or blocked is None:
            return
        arc, robots = blocked
        step = f"{self._name(arc.start)} -> {self._name(arc.end)}"
        for robot in robots:
            yield f"{step} is not cleared: {self._conflict(arc, robot)}"

    def _conflict(self, arc: Arc, robot: RobotId) -> str:
        picture = self._picture
        zone, other = picture.conflicts.zone(arc), picture.tracks.get(robot)
        if other is None:
            return f"{robot} has left"
        held = [*other.standing_on, *(each.cell for each in other.held_arcs()), *other.taken]
        taken = next((cell for cell in held if cell in zone), None)
        if taken is not None:
            return f"{robot} holds {picture.cell_name(taken)}"
        ways = picture.order.moves_by_robot().get(robot, [])
        for move in ways:
            if move.cell in zone or move.end in zone:
                return f"{robot} goes first, from {self._name(move.start)} to {self._name(move.end)}"
        sections = picture.conflicts.sections
        if any(sections.is_opposite(arc, each) for each in (*other.held_arcs(), *ways)):
            return f"{robot} drives {sections.name(arc)} the other way"
        return f"{robot} or its party has not left yet"

    def _chain(self, robot: RobotId) -> str:
        """Follow who waits for whom from a robot to one that does not wait for others."""
        links: list[str] = []
        at, seen = robot, {robot}
        while (wait := self._waits.of(at)) is not None and wait.waits_for:
            blocked = self._picture.order.blocked.get(at)
            where = f" at {self._name(blocked[0].end)}" if blocked is not None else ""
            nearest = next((each for each in wait.waits_for if each not in seen), None)
            if nearest is None:
                links.append(f"waits for {wait.waits_for[0]}{where}, which is named above")
                break
            links.append(f"waits for {nearest}{where}")
            at = nearest
            seen.add(at)
        else:
            if links:
                links.append(self._end(at))
        return f"{robot} {', which '.join(links)}" if len(links) > 1 else ""

    def _end(self, robot: RobotId) -> str:
        wait, track = self._waits.of(robot), self._picture.tracks.get(robot)
        if wait is not None:
            return wait.text.removeprefix(f"{robot} ")
        if track is not None and track.path and not self._picture.is_waiting(track):
            return f"drives to {self._name(track.node)}"
        if track is not None and track.path and self._picture.goals.get(robot) == track.node:
            return f"is at its goal {self._name(track.node)}"
        return "goes next"

    def _names(self, nodes: Sequence[int]) -> str:
        return " ".join(self._name(node) for node in nodes)

    def _name(self, node: int) -> str:
        return self._picture.graph.nodes[node]
