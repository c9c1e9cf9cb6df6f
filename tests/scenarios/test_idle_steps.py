"""Under all faults, a fleet that looks at what is due only writes what one writes that looks at everything."""

from pathlib import Path

import pytest

from robot_ops.bringup.simulation_storage import open_storage
from robot_ops.core.resources import shared_folder
from robot_ops.simulation.fault_profile import draw_faults, load_profile
from robot_ops.simulation.scenario import load_scenario
from robot_ops.simulation.soak import Case, run_case
from robot_ops.simulation.storage_faults import FallibleHoldings
from robot_ops.tasks.routes import RouteProgress
from robot_ops.testing.every_step import everything_at_every_step

SIM: Path = shared_folder("sim")
DURATION = 500.0  # s


def history(name: str, seed: int) -> tuple[str, list[tuple[RouteProgress, ...]]]:
    """Return the ledger's digest, and what was kept of what robots hold."""
    scenario = load_scenario(SIM / "scenarios" / f"{name}.yaml")
    faults = draw_faults(load_profile(SIM / "faults" / "full.yaml"), scenario, duration=DURATION, seed=seed)
    kept: list[tuple[RouteProgress, ...]] = []
    save = FallibleHoldings.save
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FallibleHoldings, "save", lambda disk, held: (kept.append(tuple(held)), save(disk, held)))
        outcome = run_case(
            Case(scenario=scenario, seed=seed, duration=DURATION, faults=faults),
            open_storage=open_storage,
            behaviors=shared_folder("behaviors"),
        )
    assert outcome.failure is None
    return outcome.result.ledger_digest, kept


@pytest.mark.parametrize(("name", "seed"), [("immigration_hall", 3), ("quiet_concourse", 1)])
def test_what_is_not_due_would_change_nothing(name: str, seed: int) -> None:
    with everything_at_every_step():
        expected = history(name, seed)

    assert history(name, seed) == expected
