"""Where and when each robot will be free, for allocation and for promises."""

import math
from dataclasses import replace
from typing import Final

from robot_ops.allocation.estimates import (
    TRAFFIC_FACTOR,
    WORKING_SOC,
    charged_soc,
    charging_time,
    energy,
    service_times,
    trip_speed,
)
from robot_ops.allocation.model import Assignment, Candidate, OpenTask, Transfer, Travel
from robot_ops.core.clock import NS_PER_S, seconds_between
from robot_ops.core.ids import ExchangeId, NodeId
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.robots import RobotState
from robot_ops.dispatch.transfers import REPAIR_S
from robot_ops.site.model import Robot, Site
from robot_ops.site.shifts import coming_shifts
from robot_ops.tasks.book import MissionRecord, TaskRecord
from robot_ops.tasks.orders import MissionKind, MissionPhase
from robot_ops.tasks.requests import DeliveryRequest, TaskRequest

PREEMPT_SOC: Final = WORKING_SOC
"""A charging robot below this state of charge is left alone."""
LOW_SOC: Final = 0.3
"""Below this an idle robot goes charging."""
EMPTY_SOC: Final = 0.2
"""Below this a robot goes charging before its next task."""
_ABSENT_S: Final = 60.0
"""Seconds within which a robot that is out of service is taken to be back, for promises only."""


def as_open_task(
    context: Context,
    request: TaskRequest,
    *,
    task: TaskRecord | None,
    planned: Assignment | None,
    now_ns: int,
    onward: Assignment | None = None,
) -> OpenTask:
    """Return the request as allocation sees it; `task` is None while it is not accepted.

    Args:
        planned: what the last plan has of it; onward: the same of the robot that it changes to.
    """
    site = context.site
    pickup = site.node_of(request.pickup if task is None else task.pickup)
    destination = site.node_of(request.destination)
    ready_ns = None if task is None else task.ready_ns
    return OpenTask(
        # a request that is not accepted yet sorts after those that are
        task_id=task.task_id if task is not None else context.book.next_task_id(request.kind),
        kind=request.kind,
        pickup=pickup.id,
        destination=destination.id,
        priority=request.priority,
        due=None if request.due_ns is None else seconds_between(now_ns, request.due_ns),
        # the clock may have been set back meanwhile
        waited=0.0 if task is None else max(0.0, seconds_between(task.submitted_ns, now_ns)),
        language=getattr(request, "language", ""),
        planned=None if planned is None else planned.robot,
        planned_position=0 if planned is None else planned.position,
        ready=0.0 if ready_ns is None else max(0.0, seconds_between(now_ns, ready_ns)),
        pickup_level=pickup.level,
        destination_level=destination.level,
        planned_exchange=None if planned is None else planned.exchange,
        planned_onward=None if onward is None else onward.robot,
        planned_onward_position=0 if onward is None else onward.position,
        barred_exchanges=_own_exchanges(request, site),
    )


def _own_exchanges(request: TaskRequest, site: Site) -> frozenset[ExchangeId]:
    """Return the exchanges whose keeper is the document's sender or recipient, who would give it to themselves."""
    if not site.exchanges or not isinstance(request, DeliveryRequest):
        return frozenset()
    people = (request.sender, request.recipient)
    return frozenset(exchange.id for exchange in site.exchanges.values() if exchange.keeper in people)


def transfers(site: Site) -> tuple[Transfer, ...]:
    """Return the site's exchanges as allocation sees them."""
    found = []
    for exchange in site.exchanges.values():
        drop, pickup = site.node_of(exchange.drop), site.node_of(exchange.pickup)
        found.append(
            Transfer(
                id=exchange.id,
                drop=drop.id,
                pickup=pickup.id,
                drop_level=drop.level,
                pickup_level=pickup.level,
                takes_documents=exchange.keeper is not None,
                seconds=exchange.seconds,
            )
        )
    return tuple(found)


def leg_underway(context: Context, task: TaskRecord) -> MissionRecord | None:
    """Return the mission that brings the task to an exchange, None where it is not on the way to one."""
    if task.mission_id is None or task.exchange is None or task.status.is_final:
        return None
    mission = context.book.missions[task.mission_id]
    return mission if mission.is_open and mission.exchange is not None and mission.onward is not None else None


def rest_underway(context: Context, task: TaskRecord, *, planned: Assignment | None, now_ns: int) -> OpenTask | None:
    """Return what is left to do of a task when it has come to the exchange that it is on its way to.

    None where it goes to none, or nobody knows when it comes there.
    """
    leg = leg_underway(context, task)
    state = None if leg is None else context.robots.get(leg.robot)
    if leg is None or leg.exchange is None or leg.onward is None or state is None or task.cancel_reason is not None:
        return None
    phase = state.phase_of(leg.mission_id)
    exchange = context.site.exchanges.get(leg.exchange)
    if phase is MissionPhase.RETURNING or exchange is None:
        return None
    ready = remaining_time(context, state, task, phase) + exchange.seconds
    if not math.isfinite(ready):
        return None
    pickup = context.site.node_of(leg.onward)
    whole = as_open_task(context, task.request, task=task, planned=planned, now_ns=now_ns)
    return replace(whole, pickup=pickup.id, pickup_level=pickup.level, ready=ready, is_underway=True)


def remaining_time(context: Context, state: RobotState, task: TaskRecord, phase: MissionPhase | None) -> float:
    """Return the seconds until the robot is done with the task, or with its part up to an exchange."""
    site, model, request = context.site, state.robot.model, task.request
    before, after = service_times(request.kind)
    mission = None if task.mission_id is None else context.book.missions[task.mission_id]
    goal = request.destination if mission is None else mission.destination
    pickup, destination = site.places[task.pickup].node, site.places[goal].node
    pace = trip_speed(request.kind, model)
    node = state.node(site) or site.places[state.robot.charger].node

    def drive(start: NodeId, goal: NodeId, speed: float) -> float:
        return TRAFFIC_FACTOR * context.travel(start, goal, speed)

    match phase:
        case MissionPhase.MEETING | MissionPhase.LOADING:
            return before / 2 + drive(pickup, destination, pace) + after
        case (
            MissionPhase.LEADING
            | MissionPhase.WAITING_FOR_VISITOR
            | MissionPhase.SEARCHING_VISITOR
            | MissionPhase.CARRYING
        ):
            return drive(node, destination, pace) + after
        case MissionPhase.UNLOADING | MissionPhase.FAREWELL:
            return after / 2
        case MissionPhase.RETURNING:
            return drive(node, pickup, pace) + after
        case MissionPhase.DONE:
            return 0.0
        case _:
            return drive(node, pickup, model.max_speed) + before + drive(pickup, destination, pace) + after


def time_after_exchange(context: Context, state: RobotState, task: TaskRecord) -> float:
    """Return the seconds from when the robot has brought the task to an exchange until it is done; 0 without one."""
    site = context.site
    mission = None if task.mission_id is None else context.book.missions[task.mission_id]
    if mission is None or mission.exchange is None or mission.onward is None:
        return 0.0
    exchange = site.exchanges.get(mission.exchange)
    start, goal = site.places[mission.onward].node, site.places[task.request.destination].node
    way = TRAFFIC_FACTOR * context.travel(start, goal, trip_speed(task.request.kind, state.robot.model))
    # about as another robot of its kind would do it that waits there
    return (0.0 if exchange is None else exchange.seconds) + sum(service_times(task.request.kind)) + way


def candidates(context: Context, now_ns: int) -> list[Candidate]:
    """Return the robots in service: heard of, on the lanes, not stopped, battery known, a compartment free."""
    found = []
    for state in context.robots.values():
        candidate = _candidate(context, state, now_ns)
        if candidate is not None:
            found.append(candidate)
    return found


def expected_candidates(context: Context, now_ns: int) -> list[Candidate]:
    """Return the robots of the hall, those out of service as if they came back soon; for promises."""
    found = []
    for state in context.robots.values():
        if state.robot.id in context.book.traffic_rules.absent_robots:
            continue
        charger = context.site.places[state.robot.charger].node
        candidate = _candidate(context, state, now_ns)
        if candidate is None:
            candidate = Candidate(
                robot=state.robot.id,
                model=state.robot.model,
                node=state.node(context.site) or charger,
                charger=charger,
                free_in=_ABSENT_S,
                soc=1.0,
                languages=state.robot.languages,
                levels=state.robot.levels,
            )
            candidate = _in_shifts(candidate, state.robot, context.travel, now_ns)
        found.append(candidate)
    return found


def is_off_shift(robot: Robot, now_ns: int) -> bool:
    """Return whether the robot has shifts and none lasts now."""
    coming = coming_shifts(robot.shifts, now_ns / NS_PER_S)
    return bool(coming) and coming[0][0] > 0.0


def out_of_reach(context: Context, state: RobotState, now_ns: int) -> str:
    """Return why the robot can be given nothing to do now, empty where it can; what it has begun it keeps."""
    status = state.status
    if state.robot.id in context.book.traffic_rules.absent_robots:
        return "taken out of the hall"
    if status is None or not state.is_online(now_ns):
        return f"silent for {state.silence(now_ns):.0f} s"
    if status.is_stopped:
        return "stopped"
    if state.is_by_hand:
        return "driven by hand"
    if state.is_off_lanes:
        return "off the lanes"
    return "" if state.node(context.site) is not None else "not on the lane graph"


def out_of_service(context: Context, state: RobotState, now_ns: int) -> str:
    """Return why no task is planned for the robot now, empty where there is no reason."""
    why = out_of_reach(context, state, now_ns)
    if why:
        return why
    if math.isnan(state.soc):
        return "does not tell its battery"
    if state.is_stranded or state.doubtful is not None:
        return "has a document that somebody must take out"
    if state.is_chain_cut:
        return "its custody log lacks events"
    if context.book.documents.owed(state.robot.id):
        return "has not noted yet that its document was taken out by key"
    mission, compartments = context.book.mission_of(state.robot.id), state.robot.model.compartments
    is_busy = mission is not None and mission.task_id is not None
    if compartments and not is_busy and all(state.is_occupied(compartment) for compartment in compartments):
        return "all its compartments are full"
    return ""


def _candidate(context: Context, state: RobotState, now_ns: int) -> Candidate | None:
    node = state.node(context.site)
    if node is None or out_of_service(context, state, now_ns):
        return None
    mission = context.book.mission_of(state.robot.id)
    node, free_in, soc = _when_free(context, state, mission, node)
    candidate = Candidate(
        robot=state.robot.id,
        model=state.robot.model,
        node=node,
        charger=context.site.places[state.robot.charger].node,
        free_in=max(free_in, seconds_between(now_ns, state.rest_until_ns), 0.0),
        soc=soc,
        languages=state.robot.languages,
        levels=state.robot.levels,
    )
    return _in_shifts(candidate, state.robot, context.travel, now_ns)


def _in_shifts(candidate: Candidate, robot: Robot, travel: Travel, now_ns: int) -> Candidate:
    """Return the candidate with the limits of its shifts; outside of them it is at its charger."""
    coming = coming_shifts(robot.shifts, now_ns / NS_PER_S)
    if not coming:
        return candidate
    (begin, end), following = coming[0], coming[1] if len(coming) > 1 else None
    if begin <= 0.0:
        return replace(candidate, until=end, next_shift=following)
    way = TRAFFIC_FACTOR * travel(candidate.node, candidate.charger, candidate.model.max_speed)
    arrival = candidate.free_in + way
    if not math.isfinite(arrival):
        return replace(candidate, free_in=max(begin, candidate.free_in), until=end, next_shift=following)
    soc = max(0.0, candidate.soc - energy(candidate.model, way, 0.0) / candidate.model.battery_wh)
    return replace(
        candidate,
        node=candidate.charger,
        free_in=max(begin, arrival),
        soc=charged_soc(candidate.model, soc, max(0.0, begin - arrival)),
        until=end,
        next_shift=following,
    )


def _when_free(
    context: Context, state: RobotState, mission: MissionRecord | None, node: NodeId
) -> tuple[NodeId, float, float]:
    """Return where the robot will be free, in how many seconds, and its state of charge then."""
    model, soc = state.robot.model, state.soc
    charger = context.site.places[state.robot.charger].node
    if mission is not None and mission.task_id is not None:
        task = context.book.tasks[mission.task_id]
        free_in = remaining_time(context, state, task, state.phase_of(mission.mission_id))
        if mission.kind is MissionKind.HAND_OVER_DOCUMENT:
            free_in += REPAIR_S  # somebody has to see to it then, and nobody knows when the custodian comes
        goal = context.site.places[mission.destination].node
        soc -= energy(model, free_in, 0.0) / model.battery_wh
        if soc >= EMPTY_SOC:
            return goal, free_in, soc
        # it goes charging before anything else
        way = TRAFFIC_FACTOR * context.travel(goal, charger, model.max_speed)
        return charger, free_in + way + charging_time(model, soc, PREEMPT_SOC), PREEMPT_SOC
    is_charging = mission is not None and mission.kind is MissionKind.CHARGE
    if soc < EMPTY_SOC or (is_charging and soc < PREEMPT_SOC):
        way = TRAFFIC_FACTOR * context.travel(node, charger, model.max_speed)
        # never quite 0: a robot at the limit is not free in this very instant
        return charger, max(1.0, way + charging_time(model, soc, PREEMPT_SOC)), PREEMPT_SOC
    return node, 0.0, soc
