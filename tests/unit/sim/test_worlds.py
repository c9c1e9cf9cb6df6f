"""Gazebo's own parser reads the worlds and models without a complaint."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SIM = ROOT / "sim"
LIBRARY = "libsdformat12.so.12"
FILES = [*sorted(SIM.glob("worlds/*.sdf")), *sorted(SIM.glob("models/*/model.sdf"))]
READ_BY_GZ_SIM = "XML Element[gz_frame_id]"
"""gz-sensors reads this element, the SDF specification does not know it."""

CHECK = f"import ctypes, sys; sys.exit(ctypes.CDLL('{LIBRARY}').cmdCheck(sys.argv[1].encode()) != 0)"


def have_parser() -> bool:
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


def check(path: Path, home: Path) -> list[str]:
    """Return the complaints about a file; the parser writes its log below its home folder."""
    environment = {**os.environ, "HOME": str(home), "SDF_PATH": str(SIM / "models")}
    run = subprocess.run(
        [sys.executable, "-c", CHECK, str(path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    output = run.stdout + run.stderr
    complaints = [line for line in output.splitlines() if "Error" in line or "Warning" in line]
    if run.returncode or "Valid" not in output:
        complaints.append(f"exit status {run.returncode}: {output[-500:]}")
    for log in home.rglob("sdformat.log"):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        complaints += [line for line in lines if "not defined in SDF" in line and READ_BY_GZ_SIM not in line]
    return complaints


needs_parser = pytest.mark.skipif(not have_parser(), reason=f"{LIBRARY} is missing; `make setup` installs it")


@needs_parser
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_gazebos_parser_has_no_complaint(path: Path, tmp_path: Path) -> None:
    assert check(path, tmp_path) == []


@needs_parser
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<static>true</static>", "<statik>true</statik>"),
        ("<radius>0.3</radius>", "<radius>wide</radius>"),
        ('name="shaft_collision"', 'name="shaft"'),
    ],
)
def test_the_check_finds_faults(tmp_path: Path, old: str, new: str) -> None:
    text = (SIM / "models" / "column" / "model.sdf").read_text(encoding="utf-8")
    assert old in text
    broken = tmp_path / "broken.sdf"
    broken.write_text(text.replace(old, new), encoding="utf-8")
    assert check(broken, tmp_path)


@pytest.mark.parametrize("folder", sorted(p.parent for p in SIM.glob("models/*/model.sdf")), ids=lambda p: p.name)
def test_a_model_names_itself_as_its_folder(folder: Path) -> None:
    assert f'<model name="{folder.name}">' in (folder / "model.sdf").read_text(encoding="utf-8")
    assert f"<name>{folder.name}</name>" in (folder / "model.config").read_text(encoding="utf-8")
