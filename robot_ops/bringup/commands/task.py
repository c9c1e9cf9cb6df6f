"""`robot-ops task`: submit, cancel and list tasks of a running system, and have documents handed over."""

import argparse
import getpass
import uuid
from typing import TYPE_CHECKING, Any

from robot_ops.bringup.output import add_json, say, show_json
from robot_ops.bringup.task_records import show_tasks, task_record
from robot_ops.core.clock import to_ns
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import PersonId, PlaceId, TaskId
from robot_ops.tasks.requests import Accepted, DeliveryRequest, GuidanceRequest, TaskRequest

if TYPE_CHECKING:
    from robot_ops.ros_nodes.fleet_client import FleetClient


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    guide = actions.add_parser("guide", help="lead a visitor from a place to another")
    guide.add_argument("pickup", help="place where the visitor waits, as kiosk_1")
    guide.add_argument("destination", help="place to lead them to, as counter_3")
    guide.add_argument("--language", default="en", help="BCP 47 code (default: en)")
    guide.add_argument("--party", type=int, default=1, metavar="N", help="visitors in the party (default: 1)")
    deliver = actions.add_parser("deliver", help="carry a document from one member of staff to another")
    deliver.add_argument("sender", help="person who hands it over, as clerk_ada")
    deliver.add_argument("recipient", help="person who gets it")
    deliver.add_argument("document", help="what it is called")
    deliver.add_argument("--pickup", required=True, help="place of the sender")
    deliver.add_argument("--destination", required=True, help="place of the recipient")
    for submit in (guide, deliver):
        submit.add_argument("--priority", type=int, default=0, help="-10 to 10, larger goes first (default: 0)")
        submit.add_argument(
            "--request-id", default="", help="the same id again is the same request (default: a new one)"
        )
        add_json(submit)
    cancel = actions.add_parser("cancel", help="cancel a task")
    cancel.add_argument("task", help="its id")
    cancel.add_argument("--reason", default="canceled by the operator", help="shown with the task")
    add_json(cancel)
    hand_over = actions.add_parser("hand-over", help="have somebody take the document out of a robot that cannot go on")
    hand_over.add_argument("task", help="its id")
    hand_over.add_argument("custodian", help="member of staff who takes it, as clerk_ada")
    add_json(hand_over)
    taken_out = actions.add_parser("taken-out", help="say that staff took a document out of a dead robot by key")
    taken_out.add_argument("task", help="its id")
    taken_out.add_argument("--by", required=True, metavar="STAFF", help="who took it and has it now, as clerk_ada")
    add_json(taken_out)
    listing = actions.add_parser("list", help="list tasks")
    listing.add_argument("--all", action="store_true", help="finished ones too")
    add_json(listing)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask."""
    request = _request(arguments)
    from robot_ops.ros_nodes.fleet_client import FleetClient

    with FleetClient() as fleet:
        if request is not None:
            _show_accepted(fleet.submit(request), is_json=arguments.json)
        elif arguments.action == "cancel":
            fleet.cancel(TaskId(arguments.task), arguments.reason)
            if arguments.json:
                show_json({"task_id": arguments.task, "is_accepted": True})
            else:
                say(f"{arguments.task} is being canceled")
        elif arguments.action == "hand-over":
            code = fleet.hand_over(TaskId(arguments.task), PersonId(arguments.custodian))
            if arguments.json:
                show_json({"task_id": arguments.task, "custodian": arguments.custodian, "code": code})
            else:
                say(f"code of {arguments.custodian} at the robot: {code}")
        elif arguments.action == "taken-out":
            _report_taken_out(fleet, arguments)
        else:
            tasks = fleet.tasks(with_finished=arguments.all)
            if arguments.json:
                show_json([task_record(task) for task in tasks])
            else:
                show_tasks(tasks)
    return 0


def _report_taken_out(fleet: "FleetClient", arguments: argparse.Namespace) -> None:
    operator = getpass.getuser()
    code = fleet.report_taken_out(TaskId(arguments.task), PersonId(arguments.by), operator=operator)
    if arguments.json:
        show_json({"task_id": arguments.task, "person": arguments.by, "operator": operator, "code": code or None})
        return
    say(f"written down: {arguments.by} took the document of {arguments.task} out by key, says {operator}")
    if code:
        say(f"code of {arguments.by} at the next robot: {code}")


def _request(arguments: argparse.Namespace) -> TaskRequest | None:
    if arguments.action not in ("guide", "deliver"):
        return None
    common: dict[str, Any] = {
        "request_id": arguments.request_id or str(uuid.uuid4()),
        "pickup": PlaceId(arguments.pickup),
        "destination": PlaceId(arguments.destination),
        "priority": arguments.priority,
    }
    try:
        if arguments.action == "guide":
            return GuidanceRequest(**common, language=arguments.language, party_size=arguments.party)
        return DeliveryRequest(
            **common,
            sender=PersonId(arguments.sender),
            recipient=PersonId(arguments.recipient),
            document=arguments.document,
        )
    except RequestError as error:
        raise RequestError(error.what, where=f"argument {error.where}", mend=error.mend) from error


def _show_accepted(accepted: Accepted, *, is_json: bool) -> None:
    if is_json:
        show_json(
            {
                "task_id": accepted.task_id,
                "estimated_finish_s": accepted.estimated_finish_ns / to_ns(1.0),
                "promise": accepted.promise or None,
                "sender_code": accepted.sender_code or None,
                "recipient_code": accepted.recipient_code or None,
            }
        )
        return
    say(f"accepted as {accepted.task_id}{f'; done in {accepted.promise}' if accepted.promise else ''}")
    if accepted.sender_code:
        say(f"code of the sender: {accepted.sender_code}\ncode of the recipient: {accepted.recipient_code}")
