"""Between the vocabulary of tasks and robot_ops_interfaces' messages; what is about driving is in traffic_messages."""

from typing import Final

from robot_ops_interfaces.msg import Announcement as AnnouncementMsg
from robot_ops_interfaces.msg import CustodyEvent as CustodyEventMsg
from robot_ops_interfaces.msg import MissionOrder as MissionOrderMsg
from robot_ops_interfaces.msg import MissionReport as MissionReportMsg
from robot_ops_interfaces.msg import RobotStatus as RobotStatusMsg
from robot_ops_interfaces.msg import TakenOut as TakenOutMsg
from robot_ops_interfaces.msg import Task as TaskMsg
from robot_ops_interfaces.msg import TaskRequest as TaskRequestMsg

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import LevelId, MissionId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.core.poses import LevelPose
from robot_ops.dispatch.ports import RobotStatus, TaskView
from robot_ops.missions.ports import Announcement, AnnouncementKind
from robot_ops.ros_nodes.conversions import from_optional_time, from_pose, from_time, to_pose, to_time
from robot_ops.tasks.custody import ChainHead, CustodyEvent, CustodyKind
from robot_ops.tasks.documents import TakenOut
from robot_ops.tasks.orders import Handover, MissionKind, MissionOrder, MissionOutcome, MissionPhase, MissionReport
from robot_ops.tasks.requests import DeliveryRequest, GuidanceRequest, TaskRequest
from robot_ops.tasks.status import TaskStatus

_STATUS: Final = {
    TaskStatus.QUEUED: TaskMsg.STATUS_QUEUED,
    TaskStatus.STANDBY: TaskMsg.STATUS_STANDBY,
    TaskStatus.UNDERWAY: TaskMsg.STATUS_UNDERWAY,
    TaskStatus.DELAYED: TaskMsg.STATUS_DELAYED,
    TaskStatus.BLOCKED: TaskMsg.STATUS_BLOCKED,
    TaskStatus.CANCELED: TaskMsg.STATUS_CANCELED,
    TaskStatus.FAILED: TaskMsg.STATUS_FAILED,
    TaskStatus.COMPLETED: TaskMsg.STATUS_COMPLETED,
}
_STATUS_BACK: Final = {number: status for status, number in _STATUS.items()}
_MISSION_KIND: Final = {
    MissionKind.GUIDE_VISITOR: MissionOrderMsg.KIND_GUIDE_VISITOR,
    MissionKind.DELIVER_DOCUMENT: MissionOrderMsg.KIND_DELIVER_DOCUMENT,
    MissionKind.HAND_OVER_DOCUMENT: MissionOrderMsg.KIND_HAND_OVER_DOCUMENT,
    MissionKind.CHARGE: MissionOrderMsg.KIND_CHARGE,
    MissionKind.PARK: MissionOrderMsg.KIND_PARK,
}
_MISSION_KIND_BACK: Final = {number: kind for kind, number in _MISSION_KIND.items()}
_OUTCOME: Final = {
    None: MissionReportMsg.OUTCOME_RUNNING,
    MissionOutcome.COMPLETED: MissionReportMsg.OUTCOME_COMPLETED,
    MissionOutcome.FAILED: MissionReportMsg.OUTCOME_FAILED,
    MissionOutcome.CANCELED: MissionReportMsg.OUTCOME_CANCELED,
}
_OUTCOME_BACK: Final = {number: outcome for outcome, number in _OUTCOME.items()}


def to_request(request: TaskRequest) -> TaskRequestMsg:
    """Return the request as a message."""
    message = TaskRequestMsg(
        request_id=request.request_id,
        pickup=str(request.pickup),
        destination=str(request.destination),
        priority=int(request.priority),
        due=to_time(request.due_ns),
    )
    match request:
        case GuidanceRequest():
            message.kind = TaskRequestMsg.KIND_GUIDE
            message.language, message.party_size = request.language, int(request.party_size)
        case DeliveryRequest():
            message.kind = TaskRequestMsg.KIND_DELIVER
            message.sender, message.recipient = str(request.sender), str(request.recipient)
            message.document = request.document
    return message


def from_request(message: TaskRequestMsg) -> TaskRequest:
    """Return the message's request.

    Raises:
        RequestError: a field is wrong.
    """
    match message.kind:
        case TaskRequestMsg.KIND_GUIDE:
            return GuidanceRequest(
                request_id=message.request_id,
                pickup=PlaceId(message.pickup),
                destination=PlaceId(message.destination),
                language=message.language or "en",
                party_size=int(message.party_size) or 1,
                priority=int(message.priority),
                due_ns=from_optional_time(message.due),
            )
        case TaskRequestMsg.KIND_DELIVER:
            return DeliveryRequest(
                request_id=message.request_id,
                pickup=PlaceId(message.pickup),
                destination=PlaceId(message.destination),
                sender=PersonId(message.sender),
                recipient=PersonId(message.recipient),
                document=message.document,
                priority=int(message.priority),
                due_ns=from_optional_time(message.due),
            )
        case unknown:
            raise RequestError(f"{unknown} is no kind of task", where="kind", mend="use KIND_GUIDE or KIND_DELIVER")


def to_task(task: TaskView) -> TaskMsg:
    """Return the task as a message."""
    return TaskMsg(
        task_id=str(task.task_id),
        request=to_request(task.request),
        status=_STATUS[task.status],
        robot=str(task.robot or ""),
        phase=task.phase.value if task.phase else "",
        reason=task.reason,
        submitted=to_time(task.submitted_ns),
        started=to_time(task.started_ns),
        finished=to_time(task.finished_ns),
        estimated_finish=to_time(task.estimated_finish_ns),
        promised=to_time(task.promised_ns),
        is_stranded=bool(task.is_stranded),
        key_robot=str(task.key_robot or ""),
        keeper=str(task.keeper or ""),
    )


def from_task(message: TaskMsg) -> TaskView:
    """Return the message's task.

    Raises:
        RequestError: its request is wrong.
    """
    return TaskView(
        task_id=TaskId(message.task_id),
        request=from_request(message.request),
        status=_STATUS_BACK[message.status],
        robot=RobotId(message.robot) if message.robot else None,
        phase=MissionPhase(message.phase) if message.phase else None,
        reason=message.reason,
        submitted_ns=from_time(message.submitted),
        started_ns=from_optional_time(message.started),
        finished_ns=from_optional_time(message.finished),
        estimated_finish_ns=from_optional_time(message.estimated_finish),
        promised_ns=from_optional_time(message.promised),
        is_stranded=bool(message.is_stranded),
        key_robot=RobotId(message.key_robot) if message.key_robot else None,
        keeper=PersonId(message.keeper) if message.keeper else None,
    )


def to_order(order: MissionOrder) -> MissionOrderMsg:
    """Return the order as a message."""
    return MissionOrderMsg(
        mission_id=str(order.mission_id),
        task_id=str(order.task_id or ""),
        robot=str(order.robot),
        kind=_MISSION_KIND[order.kind],
        pickup=str(order.pickup or ""),
        destination=str(order.destination),
        language=order.language,
        party_size=int(order.party_size),
        sender=str(order.sender.person) if order.sender else "",
        sender_code_hash=order.sender.code_hash if order.sender else "",
        recipient=str(order.recipient.person) if order.recipient else "",
        recipient_code_hash=order.recipient.code_hash if order.recipient else "",
        document=order.document,
        compartment=order.compartment,
        onward=str(order.onward or ""),
        custody_count=order.custody_count,
        has_cargo=order.has_cargo,
    )


def from_order(message: MissionOrderMsg) -> MissionOrder:
    """Return the message's order.

    Raises:
        ValueError: its kind is unknown or it lacks what its kind needs.
    """
    if message.kind not in _MISSION_KIND_BACK:
        raise ValueError(f"{message.kind} is no kind of mission")
    return MissionOrder(
        mission_id=MissionId(message.mission_id),
        task_id=TaskId(message.task_id) if message.task_id else None,
        robot=RobotId(message.robot),
        kind=_MISSION_KIND_BACK[message.kind],
        pickup=PlaceId(message.pickup) if message.pickup else None,
        destination=PlaceId(message.destination),
        language=message.language or "en",
        party_size=int(message.party_size) or 1,
        sender=_handover(message.sender, message.sender_code_hash),
        recipient=_handover(message.recipient, message.recipient_code_hash),
        document=message.document,
        compartment=message.compartment,
        onward=PlaceId(message.onward) if message.onward else None,
        custody_count=int(message.custody_count),
        has_cargo=message.has_cargo,
    )


def _handover(person: str, code_hash: str) -> Handover | None:
    return Handover(person=PersonId(person), code_hash=code_hash) if person else None


def to_report(report: MissionReport) -> MissionReportMsg:
    """Return the report as a message."""
    return MissionReportMsg(
        stamp=to_time(report.stamp_ns),
        robot=str(report.robot),
        mission_id=str(report.mission_id),
        task_id=str(report.task_id or ""),
        phase=report.phase.value,
        outcome=_OUTCOME[report.outcome],
        reason=report.reason,
        has_cargo=bool(report.has_cargo),
    )


def from_report(message: MissionReportMsg) -> MissionReport:
    """Return the message's report.

    Raises:
        ValueError: its phase or outcome is unknown.
    """
    if message.outcome not in _OUTCOME_BACK:
        raise ValueError(f"{message.outcome} is no outcome")
    return MissionReport(
        robot=RobotId(message.robot),
        mission_id=MissionId(message.mission_id),
        task_id=TaskId(message.task_id) if message.task_id else None,
        phase=MissionPhase(message.phase),
        outcome=_OUTCOME_BACK[message.outcome],
        reason=message.reason,
        has_cargo=bool(message.has_cargo),
        stamp_ns=from_time(message.stamp),
    )


def to_custody(event: CustodyEvent) -> CustodyEventMsg:
    """Return the custody event as a message."""
    return CustodyEventMsg(
        stamp=to_time(event.stamp_ns),
        robot=str(event.robot),
        seq=int(event.seq),
        kind=event.kind.value,
        task_id=str(event.task_id),
        person=str(event.person),
        compartment=event.compartment,
        previous=event.previous,
        digest=event.digest,
    )


def from_custody(message: CustodyEventMsg) -> CustodyEvent:
    """Return the message's custody event.

    Raises:
        ValueError: its kind is unknown.
    """
    return CustodyEvent(
        robot=RobotId(message.robot),
        seq=int(message.seq),
        stamp_ns=from_time(message.stamp),
        kind=CustodyKind(message.kind),
        task_id=TaskId(message.task_id),
        person=PersonId(message.person),
        compartment=message.compartment,
        previous=message.previous,
        digest=message.digest,
    )


def to_taken_out(taken: TakenOut) -> TakenOutMsg:
    """Return what a robot is told of a document that was taken out of it by key."""
    return TakenOutMsg(
        robot=str(taken.robot),
        task_id=str(taken.task_id),
        compartment=taken.compartment,
        person=str(taken.person),
        count=int(taken.count),
    )


def from_taken_out(message: TakenOutMsg) -> TakenOut:
    """Return what the message tells."""
    return TakenOut(
        task_id=TaskId(message.task_id),
        robot=RobotId(message.robot),
        compartment=message.compartment,
        person=PersonId(message.person),
        count=int(message.count),
    )


def to_status(status: RobotStatus) -> RobotStatusMsg:
    """Return the robot's status as a message."""
    message = RobotStatusMsg(
        stamp=to_time(status.stamp_ns),
        robot=str(status.robot),
        is_localized=status.at is not None,
        speed=float(status.speed),
        battery_soc=float(status.battery_soc),
        is_charging=bool(status.is_charging),
        mission_id=str(status.mission_id or ""),
        is_stopped=bool(status.is_stopped),
        cargo=[compartment for compartment, is_occupied in status.compartments.items() if is_occupied],
        custody_count=0 if status.custody is None else int(status.custody.count),
        custody_digest="" if status.custody is None else status.custody.digest,
    )
    if status.at is not None:
        message.level, message.pose = str(status.at.level), to_pose(status.at.pose)
    return message


def from_status(message: RobotStatusMsg) -> RobotStatus:
    """Return the message's status; of the compartments only the occupied ones are told.

    Raises:
        ValueError: the pose is not finite.
    """
    at = LevelPose(level=LevelId(message.level), pose=from_pose(message.pose)) if message.is_localized else None
    return RobotStatus(
        robot=RobotId(message.robot),
        stamp_ns=from_time(message.stamp),
        at=at,
        speed=message.speed,
        battery_soc=message.battery_soc,
        is_charging=bool(message.is_charging),
        mission_id=MissionId(message.mission_id) if message.mission_id else None,
        is_stopped=bool(message.is_stopped),
        compartments=dict.fromkeys(message.cargo, True),
        custody=ChainHead(count=message.custody_count, digest=message.custody_digest)
        if message.custody_digest
        else None,
    )


def to_announcement(announcement: Announcement, *, robot: RobotId, stamp_ns: int) -> AnnouncementMsg:
    """Return what a robot says as a message."""
    return AnnouncementMsg(
        stamp=to_time(stamp_ns),
        robot=str(robot),
        kind=announcement.kind.value,
        text=announcement.text,
        language=announcement.language,
        task_id=str(announcement.task_id or ""),
        place=str(announcement.place or ""),
    )


def from_announcement(message: AnnouncementMsg) -> Announcement:
    """Return what the robot says.

    Raises:
        ValueError: its kind is unknown.
    """
    return Announcement(
        kind=AnnouncementKind(message.kind),
        text=message.text,
        language=message.language,
        task_id=TaskId(message.task_id) if message.task_id else None,
        place=PlaceId(message.place) if message.place else None,
    )
