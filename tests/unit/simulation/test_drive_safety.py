"""A simulated drive stands while the product's safety stands, and goes on only as its navigator does."""

from robot_ops.core.clock import NS_PER_S, to_ns
from robot_ops.navigation.safety import SafetyLimits
from robot_ops.simulation.drive_safety import DriveSafety
from robot_ops.simulation.scheduler import Scheduler


class Drive:
    """A drive and the safety before it."""

    def __init__(self) -> None:
        self.scheduler = Scheduler(NS_PER_S)
        self.stands = False
        self.safety = DriveSafety(SafetyLimits(), self.scheduler, self.brake)

    def brake(self, is_standing: bool) -> None:
        self.stands = is_standing

    def wait(self, seconds: float) -> None:
        self.scheduler.run(self.scheduler.now_ns() + to_ns(seconds))


def test_a_stop_stands_until_it_is_released_and_the_navigator_has_stood() -> None:
    drive = Drive()
    drive.safety.engage("ada")
    assert drive.stands
    drive.wait(100.0)
    assert drive.stands
    assert drive.safety.stopped_by == ("ada",)
    drive.safety.release()
    assert drive.stands
    drive.wait(1.0)
    assert not drive.stands
    assert drive.safety.stopped_by == ()


def test_a_release_releases_everybodys_stop() -> None:
    drive = Drive()
    drive.safety.engage("ada")
    drive.safety.engage("bob")
    drive.safety.release()
    drive.wait(1.0)
    assert not drive.stands
    drive.safety.release()
    assert not drive.stands


def test_a_silent_lidar_stands_a_moment_later_and_goes_on_when_it_speaks() -> None:
    drive = Drive()
    drive.safety.set_lidar(is_silent=True)
    drive.wait(1.0)
    assert drive.stands
    drive.wait(100.0)
    drive.safety.set_lidar(is_silent=False)
    drive.wait(1.0)
    assert not drive.stands


def test_a_stop_outlives_the_lidars_silence() -> None:
    drive = Drive()
    drive.safety.engage("ada")
    drive.safety.set_lidar(is_silent=True)
    drive.wait(1.0)
    drive.safety.release()
    drive.wait(10.0)
    assert drive.stands
    drive.safety.set_lidar(is_silent=False)
    drive.wait(1.0)
    assert not drive.stands


def test_it_costs_nothing_while_nothing_changes() -> None:
    drive = Drive()
    drive.safety.engage("ada")
    drive.safety.release()
    drive.wait(1.0)
    count = drive.scheduler.count
    drive.wait(1000.0)
    drive.safety.engage("ada")
    drive.wait(1000.0)
    assert drive.scheduler.count <= count + 1
