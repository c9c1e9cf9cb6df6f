import math

import numpy as np
import pytest

from robot_ops.core.clock import to_ns
from robot_ops.simulation.encounters import Encounters, Hit


def test_a_lasting_contact_counts_once_and_a_new_one_again() -> None:
    encounters = Encounters()
    for tick in range(100):
        encounters.touch({(Hit.WORLD, 0, 7)}, to_ns(0.02 * tick))
    encounters.touch(set(), to_ns(2.5))
    assert encounters.begun[Hit.WORLD] == 1
    encounters.touch({(Hit.WORLD, 0, 7), (Hit.PERSON, 0, 1)}, to_ns(4.0))
    assert (encounters.begun[Hit.WORLD], encounters.begun[Hit.PERSON]) == (2, 1)


def test_distances_are_between_footprints_on_one_level() -> None:
    encounters = Encounters()
    radii = np.array([0.3, 0.3])
    here = np.array([0, 0])
    apart, nobody = np.array([[0.0, 0.0], [2.0, 0.0]]), np.empty((0, 2))
    encounters.measure(apart, radii, np.array([0, 1]), nobody, here[:0])
    assert encounters.least_robot_robot == math.inf
    encounters.measure(apart, radii, here, np.array([[0.0, 1.0]]), np.array([0]))
    assert encounters.least_robot_robot == pytest.approx(1.4)
    assert encounters.least_robot_person == pytest.approx(0.45)
    encounters.measure(apart * 5, radii, here, nobody, here[:0])
    assert encounters.least_robot_robot == pytest.approx(1.4)
