"""A lid opens only for a person whom the task names, who has typed the right code there; the record comes first."""

from collections import Counter

from robot_ops.core.ids import RobotId, TaskId
from robot_ops.simulation.invariants.base import Broken, Invariant, World
from robot_ops.tasks.codes import Role, derive_code
from robot_ops.tasks.custody import CustodyEvent, CustodyKind
from robot_ops.tasks.ledger import LedgerEvent
from robot_ops.tasks.requests import DeliveryRequest


class Locks(Invariant):
    """Looks at every opening and every authentication.

    Args:
        secret: what one-time codes are derived from.
    """

    name = "locks"
    says = "a lid opens only after the opening is on record, for the person whose right code is on record before it"

    def __init__(self, world: World, secret: bytes) -> None:
        super().__init__(world)
        self._secret = secret
        self._openings: Counter[tuple[RobotId, str]] = Counter()
        self._allowed: Counter[tuple[RobotId, str]] = Counter()
        self._latest: dict[RobotId, CustodyEvent] = {}
        self._admitted: dict[RobotId, tuple[TaskId, str]] = {}
        self._custodians: set[tuple[TaskId, str]] = set()

    def recorded(self, event: CustodyEvent) -> None:
        """Look whether whoever is on record may be."""
        self._latest[event.robot] = event
        match event.kind:
            case CustodyKind.AUTHENTICATED:
                if not self._has_typed(event):
                    raise Broken(f"{event.robot} has {event.person} on record, who did not type the right code there")
                self._admitted[event.robot] = (event.task_id, event.person)
            case CustodyKind.UNLOCKED:
                if self._admitted.get(event.robot) != (event.task_id, event.person):
                    raise Broken(f"{event.robot} opens for {event.person} ({event.task_id}), who is not on record")
                self._allowed[event.robot, event.compartment] += 1
            case CustodyKind.LOCKED:
                self._admitted.pop(event.robot, None)
            case _:
                pass

    def unlocked(self, robot: RobotId, compartment: str) -> None:
        """Look whether this opening is on record and was not yet used."""
        latest = self._latest.get(robot)
        if latest is None or latest.kind is not CustodyKind.UNLOCKED or latest.compartment != compartment:
            raise Broken(f"{robot} opens {compartment} without an opening on record")
        self._openings[robot, compartment] += 1
        if self._openings[robot, compartment] > self._allowed[robot, compartment]:
            raise Broken(f"{robot} opens {compartment} twice for one record")

    def written(self, event: LedgerEvent) -> None:
        """Remember who was made custodian of a document, or keeps it at an exchange."""
        for name in ("custodian", "keeper"):
            person = event.payload.get(name)
            if person is not None:
                self._custodians.add((TaskId(event.subject), str(person)))

    def _has_typed(self, event: CustodyEvent) -> bool:
        """Return whether the person has typed their code for the task at this robot; whom it does not name has none."""
        typed = {code for person, code in self.world.typed_codes(event.robot) if person == event.person}
        if (event.task_id, event.person) in self._custodians and typed:
            return True
        return any(derive_code(self._secret, event.task_id, role) in typed for role in self._roles(event))

    def _roles(self, event: CustodyEvent) -> list[Role]:
        """Return the ends of the delivery at which the task names the person."""
        names = [name for name, answer in self.world.answers.items() if answer.task_id == event.task_id]
        request = self.world.requests[names[0]] if names else None
        if not isinstance(request, DeliveryRequest):
            return []
        ends = {Role.SENDER: request.sender, Role.RECIPIENT: request.recipient}
        return [role for role, person in ends.items() if person == event.person]
