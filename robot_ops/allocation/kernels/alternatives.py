"""What it would cost if another robot did a job."""

import numpy as np

from robot_ops.allocation.kernels.arrays import NONE, Floats, Ints, Routes, Search, Work
from robot_ops.allocation.kernels.recreate import make_offer, renew, touch
from robot_ops.allocation.kernels.ruin import leave_out
from robot_ops.allocation.kernels.search import begin_trial, reject_trial
from robot_ops.core.compiler import kernel, lean


@kernel
def alternatives(work: Work, routes: Routes, search: Search, jobs: Ints, is_next_best: bool) -> tuple[Floats, Floats]:
    """Return (jobs, robots) what each job costs in each route, all else as it is, and when it would be finished.

    Costs are infinite where a robot cannot do it.

    Args:
        is_next_best: only the best of the other routes is of interest; the costs of others may be infinite.
    """
    cost = np.full((len(jobs), len(routes.route)), np.inf)
    finish = np.full((len(jobs), len(routes.route)), np.inf)
    for index in range(len(jobs)):
        job = jobs[index]
        begin_trial(search)
        own = routes.robot_of[job]
        if own != NONE:
            touch(routes, search, own)
            routes.robot_of[job] = NONE
            search.absent[search.state[0]["absent"]] = job
            search.state[0]["absent"] += 1
            since = leave_out(work.stop, routes.at[own], routes.route[own], routes.robot_of)
            renew(work, routes, search, own, since)
        limit = np.inf
        for number in range(len(routes.route)):
            if not work.is_allowed[job, number] or (is_next_best and number == own):
                continue
            make_offer(work, routes, search, number, job, limit)
            offer = search.offer[job, number]
            if offer["cost"] < limit:
                if is_next_best:
                    limit = offer["cost"]
                cost[index, number] = offer["cost"]
                finish[index, number] = finish_with(work, routes, number, job, offer["first_at"], offer["second_at"])
        reject_trial(work, routes, search)
    return cost, finish


@lean
def finish_with(work: Work, routes: Routes, number: int, job: int, first_at: int, second_at: int) -> float:
    """Return when a job is finished whose stops go before these positions of a route."""
    robot, at = work.robot[number], routes.at[number]
    travel, effort = work.travel[robot["group"]], work.effort[robot["group"]]
    first, second = work.job[job]["first"], work.job[job]["second"]
    place, time = robot["start"], robot["free"]
    last = first_at if second == NONE else second_at + 1
    for step in range(last + 1):
        if step == first_at:
            stop = first
        elif step == last:
            stop = second
        else:
            stop = at[step - (step > first_at)]["stop"]
        record = work.stop[stop]
        time = max(time + travel[place, record["enter"]], record["opens"]) + effort[stop]["duration"]
        place = record["leave"]
    return float(time)
