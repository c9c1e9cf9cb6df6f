"""Missions as they are ordered from robots."""

import hashlib
import hmac
from dataclasses import replace
from functools import partial

from robot_ops.core.ids import MissionId, PersonId, TaskId
from robot_ops.tasks.book import MissionRecord, TaskRecord
from robot_ops.tasks.codes import Role, derive_code, hash_code
from robot_ops.tasks.orders import Handover, MissionKind, MissionOrder
from robot_ops.tasks.requests import Accepted, DeliveryRequest, GuidanceRequest, TaskKind

_SALT_BYTES = 16


def mission_kind(kind: TaskKind) -> MissionKind:
    """Return the mission that does tasks of the kind."""
    match kind:
        case TaskKind.GUIDE:
            return MissionKind.GUIDE_VISITOR
        case TaskKind.DELIVER:
            return MissionKind.DELIVER_DOCUMENT


def accepted_answer(task: TaskRecord, secret: bytes) -> Accepted:
    """Return the answer to the task's request; always the same for the same task."""
    match task.request:
        case GuidanceRequest():
            sender_code = recipient_code = ""
        case DeliveryRequest():
            sender_code = derive_code(secret, task.task_id, Role.SENDER)
            recipient_code = derive_code(secret, task.task_id, Role.RECIPIENT)
    return Accepted(
        task_id=task.task_id,
        estimated_finish_ns=task.promised_ns,
        sender_code=sender_code,
        recipient_code=recipient_code,
    )


class OrderBook:
    """Builds orders from missions and keeps the latest: hashing codes takes a while and orders are repeated.

    Args:
        secret: what one-time codes are derived from.
        code_cost: see `hash_code`.
    """

    def __init__(self, secret: bytes, code_cost: int) -> None:
        self._secret = secret
        self._code_cost = code_cost
        self._orders: dict[MissionId, MissionOrder] = {}

    def order(self, mission: MissionRecord, task: TaskRecord | None) -> MissionOrder:
        """Return the order; `task` is the mission's, None for a chore."""
        known = self._orders.get(mission.mission_id)
        if known is None:
            known = _build(mission, task, self._secret, self._code_cost)
            self._orders[mission.mission_id] = known
        return replace(known, has_cargo=bool(known.compartment) and task is not None and task.is_picked_up)

    def forget_all_but(self, missions: set[MissionId]) -> None:
        """Drop the orders of other missions."""
        self._orders = {mission_id: order for mission_id, order in self._orders.items() if mission_id in missions}


def _build(mission: MissionRecord, task: TaskRecord | None, secret: bytes, cost: int) -> MissionOrder:
    order = partial(
        MissionOrder,
        mission_id=mission.mission_id,
        task_id=None if task is None else task.task_id,
        robot=mission.robot,
        kind=mission.kind,
        destination=mission.destination,
        onward=mission.onward,
        custody_count=mission.custody_count,
    )
    if task is None:
        return order()
    match task.request:
        case DeliveryRequest() as request if mission.kind is MissionKind.HAND_OVER_DOCUMENT and task.custodian:
            return order(
                recipient=_handover(task.custodian, task.task_id, Role.SENDER, secret, cost, custodian=task.custodian),
                document=request.document,
                compartment=mission.compartment,
            )
        case GuidanceRequest() as request:
            return order(pickup=task.pickup, language=request.language, party_size=request.party_size)
        case DeliveryRequest() as request:
            return order(
                pickup=task.pickup,
                sender=_handover(
                    task.custodian or request.sender, task.task_id, Role.SENDER, secret, cost, custodian=task.custodian
                ),
                recipient=_recipient(mission, request, task.task_id, secret, cost),
                document=request.document,
                compartment=mission.compartment,
            )


def _recipient(mission: MissionRecord, request: DeliveryRequest, task_id: TaskId, secret: bytes, cost: int) -> Handover:
    """Return who takes the document out: at an exchange its keeper, who gives it to the next robot by the same code."""
    if mission.keeper is None:
        return _handover(request.recipient, task_id, Role.RECIPIENT, secret, cost)
    return _handover(mission.keeper, task_id, Role.SENDER, secret, cost, custodian=mission.keeper)


def custodian_code(task: TaskRecord, custodian: PersonId, secret: bytes) -> str:
    """Return the one-time code of a custodian of the task's document."""
    return derive_code(secret, task.task_id, Role.SENDER, custodian)


def _handover(
    person: PersonId, task_id: TaskId, role: Role, secret: bytes, cost: int, *, custodian: PersonId | None = None
) -> Handover:
    # the salt only has to differ between codes; deriving it keeps orders the same after a restart
    whose = role.value if custodian is None else f"custodian/{custodian}"
    salt = hmac.new(secret, f"salt/{task_id}/{whose}".encode(), hashlib.sha256).digest()[:_SALT_BYTES]
    code = derive_code(secret, task_id, role, custodian)
    return Handover(person=person, code_hash=hash_code(code, salt, cost=cost))
