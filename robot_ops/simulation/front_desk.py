"""Between simulated people and the system: kiosks and desks ask the fleet, and ask again where no answer comes."""

from collections.abc import Callable, Mapping
from typing import Final

from robot_ops.core.errors import LedgerError, LinkError, RequestError
from robot_ops.core.ids import PersonId, RobotId
from robot_ops.simulation.fleet_process import FleetProcess
from robot_ops.simulation.network import LATENCY
from robot_ops.simulation.population import Population
from robot_ops.simulation.scheduler import Scheduler
from robot_ops.simulation.station import Station
from robot_ops.tasks.requests import Accepted, TaskRequest

RETRY: Final = 5.0
"""s until a kiosk that got no answer asks again, with the same request id."""


class FrontDesk:
    """Implements `robot_ops.tasks.desk.Desk`.

    Attributes:
        accepted: the answer per request id that was accepted; each was told to whoever asked.
        typed: per robot the people and codes typed at its panel.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        fleet: FleetProcess,
        stations: Mapping[RobotId, Station],
        population: Callable[[], Population],
    ) -> None:
        self._scheduler = scheduler
        self._fleet = fleet
        self._stations = stations
        self._population = population
        self.accepted: dict[str, Accepted] = {}
        self.typed: dict[RobotId, set[tuple[PersonId, str]]] = {robot: set() for robot in stations}

    def submit(self, request: TaskRequest) -> None:
        """See Desk."""
        try:
            answer = self._fleet.call(lambda dispatcher: dispatcher.submit(request))
        except RequestError:
            self._scheduler.after(LATENCY, lambda: self._refuse(request.request_id))
        except (LinkError, LedgerError):
            self._scheduler.after(RETRY, lambda: self.submit(request))
        else:
            self.accepted[request.request_id] = answer
            self._scheduler.after(LATENCY, lambda: self._accept(request.request_id, answer))

    def enter_code(self, robot: RobotId, person: PersonId, code: str) -> None:
        """See Desk."""
        self.typed[robot].add((person, code))
        self._stations[robot].type_code(person, code)

    def press_done(self, robot: RobotId, person: PersonId) -> None:  # noqa: ARG002  the port names who pressed
        """See Desk."""
        self._stations[robot].press_done()

    def _accept(self, request_id: str, answer: Accepted) -> None:
        self._population().accepted(request_id, answer, self._scheduler.now_ns())

    def _refuse(self, request_id: str) -> None:
        self._population().refused(request_id, self._scheduler.now_ns())
