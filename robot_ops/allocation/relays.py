"""Which tasks change robots on the way, and where.

Those that no robot can do alone have to. Others do where the whole plan costs less so, by `RELAY_GAIN_S` for each that
is done otherwise than it was planned. The plan without them is always made, so that no relay makes it worse; then those
that have the best prices are tried together, and fewer of them where that does not pay.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from robot_ops.allocation.fleet_work import weight
from robot_ops.allocation.legs import Reach
from robot_ops.allocation.model import Candidate, OpenTask, Transfer
from robot_ops.allocation.outline import RELAY_GAIN_S, Outline, cost_of, outline_of
from robot_ops.allocation.prices import Prices
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.core.ids import TaskId

_ASKED: Final = 16
"""Tasks whose prices are worked out: of those that begin first the ones that two would bring soonest."""
_LOOKED_AT: Final = 64
_DETOUR_S: Final = 60.0
"""What changing robots may take longer to be worth a thought: it saves the robots' ways, not the visitor's."""
_AT_ONCE: Final = 8
"""Tasks that are tried at once, at most."""
_TRIES: Final = 4
_MANY: Final = 300
_TRIES_OF_MANY: Final = 2
_EXCHANGES_EACH: Final = 2

Relays = Mapping[TaskId, Transfer]


@dataclass(frozen=True, slots=True)
class _Known:
    """What all trials share."""

    tasks: Sequence[OpenTask]
    candidates: Sequence[Candidate]
    travel: TravelMatrix
    reach: Reach
    needed: Relays

    def priced(self, relays: Relays) -> tuple[float, Outline]:
        outline = outline_of(self.tasks, self.candidates, self.travel, relays)
        return cost_of(outline, self.tasks, self.candidates), outline


def needed_relays(tasks: Sequence[OpenTask], reach: Reach) -> dict[TaskId, Transfer]:
    """Return where the tasks that no robot can do alone change robots: on the shortest way, or where they were to."""
    needed = {}
    for task in tasks:
        if task.is_underway or reach.is_direct(task):
            continue
        found = reach.relays(task)
        if found:
            kept = [each for seconds, each in found if each.id == task.planned_exchange]
            needed[task.task_id] = kept[0] if kept else found[0][1]
    return needed


def outline_with_relays(
    tasks: Sequence[OpenTask], candidates: Sequence[Candidate], travel: TravelMatrix, reach: Reach
) -> tuple[Outline, dict[TaskId, float]]:
    """Return the best that was found of who does what when; besides the finish of tasks that begin later, as
    nothing is brought to where nobody goes on with it for long.
    """
    known = _Known(tasks, candidates, travel, reach, needed_relays(tasks, reach))
    best = known.priced(known.needed)
    kept = {**known.needed, **_planned(known)}
    if len(kept) > len(known.needed):
        as_planned = known.priced(kept)
        if as_planned[0] <= best[0]:
            best = as_planned
    best = _with_fewer(known, _with_more(known, best))
    outline, held = best[1], dict[TaskId, float]()
    while half := outline.held():
        held |= {task_id: finish for task_id, finish in half.items() if task_id in known.needed}
        relays = {task_id: each for task_id, each in outline.relays.items() if task_id not in half}
        outline = outline_of([task for task in tasks if task.task_id not in held], candidates, travel, relays)
    return outline, {task_id: finish for task_id, finish in held.items() if finish < math.inf}


def _planned(known: _Known) -> dict[TaskId, Transfer]:
    """Return the relays of the last plan that are possible still, of tasks that need none."""
    found = {}
    for task in known.tasks:
        if task.planned_exchange is not None and task.task_id not in known.needed and not task.is_underway:
            for _, transfer in known.reach.relays(task):
                if transfer.id == task.planned_exchange:
                    found[task.task_id] = transfer
    return found


def _with_more(known: _Known, best: tuple[float, Outline]) -> tuple[float, Outline]:
    """Return the outline with those relays added that pay."""
    asked = _worth_asking(known, best[1])
    if not asked:
        return best
    prices = Prices(best[1].stages[0], asked, known.travel)
    offers: list[tuple[float, TaskId, Transfer | None]] = []
    for task, transfers in asked:
        direct = float(prices.direct(task.task_id)[0].min())
        cost, number = min((prices.relay(task.task_id, each).cost, number) for number, each in enumerate(transfers))
        if direct - cost > weight(task) * RELAY_GAIN_S:
            offers.append((cost - direct, task.task_id, transfers[number]))
    return _with_changes(known, best, offers)


def _with_changes(
    known: _Known, best: tuple[float, Outline], offers: Sequence[tuple[float, TaskId, Transfer | None]]
) -> tuple[float, Outline]:
    """Return the best outline with some of the changes, each with its price: all, half of them, a quarter, ..."""
    before, changes = best[1].relays, sorted(offers, key=lambda each: each[:2])[:_AT_ONCE]
    count, has_won = len(changes), False
    for _ in range(_TRIES if len(known.tasks) <= _MANY else _TRIES_OF_MANY):
        if count == 0:
            break
        relays = {**before, **{task_id: transfer for _, task_id, transfer in changes[:count]}}
        trial = known.priced({task_id: transfer for task_id, transfer in relays.items() if transfer is not None})
        if trial[0] < best[0]:
            best, has_won = trial, True
        elif has_won:
            break
        count //= 2
    return best


def _worth_asking(known: _Known, outline: Outline) -> list[tuple[OpenTask, list[Transfer]]]:
    """Return the first tasks that are not much longer underway if they change robots, and where they may."""
    first = outline.stages[0]
    begins = {
        first.tasks[job].task_id: begin
        for stops, starts, _ in first.routes
        for job, begin in zip(stops, starts, strict=True)
    }
    settled = outline.relays.keys() | {each.task.task_id for each in outline.forced}
    looked_at = [task for task in known.tasks if task.task_id not in settled and not task.is_underway]
    looked_at.sort(key=lambda task: begins.get(task.task_id, 0.0))
    asked: list[tuple[float, OpenTask, list[Transfer]]] = []
    for task in looked_at:
        if len(asked) == _LOOKED_AT:
            break
        alone = known.reach.trip(task)
        found = known.reach.relays(task)[:_EXCHANGES_EACH]
        if found and found[0][0] <= alone + _DETOUR_S:
            asked.append((found[0][0] - alone, task, [transfer for _, transfer in found]))
    asked.sort(key=lambda each: each[0])
    return [(task, transfers) for _, task, transfers in asked[:_ASKED]]


def _with_fewer(known: _Known, best: tuple[float, Outline]) -> tuple[float, Outline]:
    """Return the outline without those relays that one robot each would do better."""
    relays = best[1].relays
    asked = [
        (task, [relays[task.task_id]])
        for task in known.tasks
        if task.task_id in relays and task.task_id not in known.needed
    ][:_ASKED]
    if not asked:
        return best
    prices = Prices(best[1].stages[0], asked, known.travel)
    offers: list[tuple[float, TaskId, Transfer | None]] = []
    for task, (transfer,) in asked:
        direct, relayed = float(prices.direct(task.task_id)[0].min()), prices.relay(task.task_id, transfer).cost
        if relayed - direct > weight(task) * RELAY_GAIN_S:
            offers.append((direct - relayed, task.task_id, None))
    return _with_changes(known, best, offers)
