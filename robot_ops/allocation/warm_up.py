"""Has all kernels of allocation compiled, so that no task waits for the compiler."""

from robot_ops.allocation.model import Candidate, OpenTask
from robot_ops.allocation.planner import allocate
from robot_ops.core.ids import TaskId
from robot_ops.site.model import Site
from robot_ops.tasks.requests import TaskKind


def compile_kernels(site: Site) -> None:
    """Allocate imagined tasks to the site's robots: a moment where the compiled code is on disk, else half a minute."""
    nodes = [place.node for place in site.places.values()]
    candidates = [
        Candidate(
            robot=robot.id,
            model=robot.model,
            node=nodes[0],
            charger=nodes[-1],
            free_in=0.0,
            soc=1.0,
            languages=robot.languages,
        )
        for robot in site.robots.values()
    ]
    tasks = [
        OpenTask(
            task_id=TaskId(f"{kind.value}-{number}"),
            kind=kind,
            pickup=nodes[number],
            destination=nodes[-1 - number],
            due=600.0,
            planned=candidates[0].robot,
            language=next((language for robot in site.robots.values() for language in robot.languages), ""),
        )
        for kind in TaskKind
        for number in range(min(4, len(nodes)))
    ]
    allocate(tasks, candidates, lambda start, goal, speed: 0.0 if start == goal else 30.0 / speed)
