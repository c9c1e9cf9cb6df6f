"""Robots see one that a person drives into their way, also where the fleet can no longer keep them off it."""

import math

import numpy as np
import pytest

from robot_ops.bringup.simulation_storage import open_storage
from robot_ops.core.poses import Pose
from robot_ops.core.resources import shared_folder
from robot_ops.missions.ports import NavigationStatus
from robot_ops.simulation.deterministic import DeterministicRun
from robot_ops.simulation.hand_driving import HandDriver
from robot_ops.simulation.scenario import load_scenario
from robot_ops.simulation.station import Station

SIM, BEHAVIORS = shared_folder("sim"), shared_folder("behaviors")


@pytest.mark.parametrize(("beside", "is_seen"), [(0.0, True), (0.2, True), (0.95, False)])
def test_a_robot_stops_for_one_that_is_driven_into_its_way(beside: float, is_seen: bool) -> None:
    hall = load_scenario(SIM / "scenarios" / "immigration_hall.yaml")
    with open_storage() as storage:
        run = DeterministicRun(hall, ledger=storage.ledger, custody=storage.custody, behaviors=BEHAVIORS, seed=3)
        run.begin()
        run.go_on(60.0)
        driven = next(each for each in run.stations.values() if each.body.status is not NavigationStatus.ACTIVE)
        home = driven.body.true_pose.pose
        driver = HandDriver(run, driven.robot, np.random.default_rng(1))
        driver.begin()
        run.go_on(5.0)
        assert run.fleet.dispatcher is not None
        assert {view.robot for view in run.fleet.dispatcher.robots() if view.is_by_hand} == {driven.robot}

        other = _one_that_drives(run, driven)
        _push_before(other, driven, beside)
        run.go_on(0.5)
        assert (f"sight of {driven.robot}" in other.body.brakes) is is_seen
        driven.body.push(home)
        driver.finish()
        run.go_on(30.0)
        assert driven.driver is None
        assert f"sight of {driven.robot}" not in other.body.brakes


def _one_that_drives(run: DeterministicRun, driven: Station) -> Station:
    """Let time pass until a robot drives on the level of the one that a person drives; return it."""
    for _ in range(600):
        for station in run.stations.values():
            drives = station.body.status is NavigationStatus.ACTIVE and station.body.speed > 0.0
            if station is not driven and drives and station.body.level == driven.body.level:
                return station
        run.go_on(0.5)
    raise AssertionError("nobody drives")


def _push_before(other: Station, driven: Station, beside: float) -> None:
    """Put the one that a person drives 0.7 m before another, and so far beside its way."""
    other.advance()
    at, reach = other.body.true_pose.pose, other.record.model.radius + driven.record.model.radius
    ahead = reach + 0.7
    x = at.x + ahead * math.cos(at.yaw) - beside * math.sin(at.yaw)
    y = at.y + ahead * math.sin(at.yaw) + beside * math.cos(at.yaw)
    driven.body.push(Pose(x=x, y=y))
