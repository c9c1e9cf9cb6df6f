from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.errors import ParameterError
from robot_ops.core.ids import ExchangeId, PersonId, PlaceId, RobotId
from robot_ops.site.files import load_site, read_site
from robot_ops.site.model import Exchange, Site
from robot_ops.site.shifts import shift_of
from robot_ops.site.writing import write_site
from robot_ops.testing.small_site import small_site

HALL = Path(__file__).parents[3] / "sites" / "immigration_hall.yaml"


@pytest.fixture(scope="module")
def hall() -> Site:
    return load_site(HALL)


def test_the_hall_is_read_back_as_written(hall: Site, tmp_path: Path) -> None:
    write_site(hall, tmp_path / "copy.yaml")
    assert load_site(tmp_path / "copy.yaml") == hall


@settings(deadline=None)
@given(label=st.text(min_size=1).filter(str.strip))
def test_any_label_is_read_back(tmp_path_factory: pytest.TempPathFactory, label: str) -> None:
    site = small_site()
    kiosk = PlaceId("kiosk_1")
    site = replace(site, places={**site.places, kiosk: replace(site.places[kiosk], label=label)})
    path = tmp_path_factory.mktemp("label") / "copy.yaml"
    write_site(site, path)
    assert read_site(path).site == site


def test_notes_stand_at_the_top(hall: Site, tmp_path: Path) -> None:
    write_site(hall, tmp_path / "copy.yaml", notes=["first", "second\nline"])
    assert (tmp_path / "copy.yaml").read_text(encoding="utf-8").startswith("# first\n# second line\nformat: 1\n")


def test_a_folder_that_is_missing_is_told(hall: Site, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="cannot be written"):
        write_site(hall, tmp_path / "no" / "copy.yaml")


def test_exchanges_and_levels_are_read_back_as_written(tmp_path: Path) -> None:
    site = small_site()
    guide, exchange_id = RobotId("guide_1"), ExchangeId("half_way")
    exchange = Exchange(
        id=exchange_id,
        drop=PlaceId("counter_1"),
        pickup=PlaceId("counter_2"),
        keeper=PersonId("ada"),
        seconds=12.5,
    )
    robots = {**site.robots, guide: replace(site.robots[guide], levels=frozenset(site.levels))}
    site = replace(site, robots=robots, exchanges={exchange_id: exchange})
    write_site(site, tmp_path / "copy.yaml")
    assert read_site(tmp_path / "copy.yaml").site == site


def test_shifts_are_read_back_as_written(tmp_path: Path) -> None:
    site = small_site()
    shifts = (shift_of("06:00-14:30"), shift_of("22:00-02:00"))
    guide = RobotId("guide_1")
    site = replace(site, robots={**site.robots, guide: replace(site.robots[guide], shifts=shifts)})
    write_site(site, tmp_path / "copy.yaml")
    assert read_site(tmp_path / "copy.yaml").site == site
