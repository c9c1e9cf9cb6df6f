"""Requests are checked against the site before anything is written."""

import difflib
import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from robot_ops.allocation.estimates import can_return, effort_of
from robot_ops.allocation.legs import can_change, split
from robot_ops.allocation.model import Candidate, OpenTask, Travel
from robot_ops.allocation.planner import is_able
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import PersonId, PlaceId
from robot_ops.dispatch.forecast import transfers
from robot_ops.site.model import Place, PlaceKind, Robot, Site
from robot_ops.tasks.requests import DeliveryRequest, GuidanceRequest, TaskRequest

_VISITORS: Final[tuple[PlaceKind, ...]] = (PlaceKind.KIOSK, PlaceKind.COUNTER, PlaceKind.E_CHANNEL, PlaceKind.DESK)
_DOCUMENTS: Final[tuple[PlaceKind, ...]] = (PlaceKind.COUNTER, PlaceKind.DESK, PlaceKind.ARCHIVE)


def check_request(
    request: TaskRequest, *, site: Site, robots: Iterable[Robot], travel: Travel, now_ns: int, open_task: OpenTask
) -> None:
    """Check that some robot of the site can do what is asked.

    Args:
        robots: those that the fleet runs.
        now_ns: a due instant before it is refused.
        open_task: the request as allocation sees it, from `as_open_task`.

    Raises:
        RequestError: with the field and the mend.
    """
    match request:
        case GuidanceRequest():
            _check_languages(request, robots)
        case DeliveryRequest():
            _check_person(site, "sender", request.sender, "pickup", request.pickup)
            _check_person(site, "recipient", request.recipient, "destination", request.destination)
    if request.due_ns is not None and request.due_ns <= now_ns:
        late = (now_ns - request.due_ns) / 1e9
        raise RequestError(f"is {late:.0f} s in the past", where="due", mend="leave it out or name a later instant")
    known = tuple(robots)
    if any(_can_do(robot, open_task, site, travel) for robot in known):
        return
    if not _can_relay(open_task, site=site, robots=known, travel=travel):
        _refuse_own_exchange(request, open_task, site=site, robots=known, travel=travel)
        raise RequestError(
            f"no robot can go from {request.pickup} to {request.destination} and back to its charger"
            + (", nor can two that change at an exchange" if site.exchanges else ""),
            where="destination",
            mend="check the site's lanes and robots",
        )


def check_places(request: TaskRequest, site: Site) -> None:
    """Check that the places exist and are of the right kind.

    Raises:
        RequestError: with the field and the mend.
    """
    kinds = _VISITORS if isinstance(request, GuidanceRequest) else _DOCUMENTS
    for field, place_id in (("pickup", request.pickup), ("destination", request.destination)):
        place = site.places.get(place_id)
        if place is None:
            raise _unknown(field, place_id, "place", [place.id for place in site.places_of(*kinds)])
        _check_kind(field, place, kinds)


def _check_kind(field: str, place: Place, kinds: tuple[PlaceKind, ...]) -> None:
    if place.kind not in kinds:
        raise RequestError(
            f"{place.id!r} is a {place.kind.value}",
            where=field,
            mend=f"name a {', '.join(kind.value for kind in kinds[:-1])} or {kinds[-1].value}",
        )


def _check_languages(request: GuidanceRequest, robots: Iterable[Robot]) -> None:
    spoken = sorted({language for robot in robots for language in robot.languages})
    if request.language not in spoken:
        raise RequestError(
            f"no guide speaks {request.language!r}", where="language", mend=f"use one of {', '.join(spoken) or 'none'}"
        )


def _check_person(site: Site, field: str, person: PersonId, place_field: str, place: PlaceId) -> None:
    member = site.staff.get(person)
    if member is None:
        raise _unknown(field, person, "member of staff", site.staff)
    if member.place != place:
        raise RequestError(
            f"{person!r} works at {member.place!r}, not at {place!r}",
            where=place_field,
            mend=f"use {member.place!r} or another {field}",
        )


def _unknown(field: str, name: str, what: str, known: Iterable[str]) -> RequestError:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    mend = f"did you mean {' or '.join(near)}" if near else f"use one of {', '.join(names[:8])}"
    return RequestError(f"there is no {what} {name!r}", where=field, mend=mend)


def _can_relay(task: OpenTask, *, site: Site, robots: tuple[Robot, ...], travel: Travel) -> bool:
    """Return whether two robots that change at an exchange can do it."""
    return any(
        all(any(_can_do(robot, leg, site, travel) for robot in robots) for leg in split(task, transfer))
        for transfer in transfers(site)
        if can_change(task, transfer)
    )


def _refuse_own_exchange(
    request: TaskRequest, task: OpenTask, *, site: Site, robots: tuple[Robot, ...], travel: Travel
) -> None:
    """Refuse a document that only its own sender or recipient could pass from one robot to the next."""
    if not task.barred_exchanges or not isinstance(request, DeliveryRequest):
        return
    if not _can_relay(replace(task, barred_exchanges=frozenset()), site=site, robots=robots, travel=travel):
        return
    keepers = {site.exchanges[exchange].keeper for exchange in task.barred_exchanges}
    field, person = ("sender", request.sender) if request.sender in keepers else ("recipient", request.recipient)
    raise RequestError(
        f"{person!r} keeps the documents at the only exchange that leads there",
        where=field,
        mend=f"{person} takes it along by hand; robots bring documents there only from others to others",
    )


def _can_do(robot: Robot, task: OpenTask, site: Site, travel: Travel) -> bool:
    charger = site.places[robot.charger].node
    candidate = Candidate(
        robot=robot.id,
        model=robot.model,
        node=charger,
        charger=charger,
        free_in=0.0,
        soc=1.0,
        languages=robot.languages,
        levels=robot.levels,
    )
    if not is_able(task, candidate):
        return False
    effort = effort_of(task, robot.model, charger, travel)
    left = 1.0 - effort.energy_wh / robot.model.battery_wh
    return math.isfinite(effort.duration) and can_return(candidate, task.destination, left, travel)
