"""Command line: builds one wheel from the interface packages in a folder and, on request, installs it."""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools.interface_build.compilation import CompileError, compile_packages
from tools.interface_build.definitions import DefinitionError, InterfacePackage, find_packages
from tools.interface_build.generation import Layout, generate, ros_prefix
from tools.interface_build.wheels import wheel_name, write_wheel


def fingerprint(packages: tuple[InterfacePackage, ...]) -> str:
    """Digest of all that goes into a build: definitions, this tool, Python and the ROS wheels."""
    digest = hashlib.sha256(f"{platform.python_version()} {platform.machine()}".encode())
    sources = [package.root / file for package in packages for file in (*package.files, Path("package.xml"))]
    for file in sorted(sources) + sorted(Path(__file__).parent.glob("*.py")):
        digest.update(f"{file.parent.parent.name}/{file.parent.name}/{file.name}\0".encode() + file.read_bytes())
    for name, version in sorted(
        (wheel.metadata["Name"], wheel.version)
        for wheel in importlib.metadata.distributions()
        if wheel.metadata["Name"].startswith("ros-")
    ):
        digest.update(f"{name} {version}\0".encode())
    return digest.hexdigest()[:16]


def build(distribution: str, folder: Path, output: Path, jobs: int) -> Path:
    """Builds the wheel of the packages in a folder unless it stands already, and returns its path.

    Raises:
        DefinitionError: If a package is broken.
        CompileError: If there is no compiler or it fails.
    """
    packages = find_packages(folder)
    version = packages[0].version
    target = output / fingerprint(packages) / wheel_name(distribution, version)
    started = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"  {time.monotonic() - started:6.1f} s  {text}\n")
        sys.stderr.flush()

    if target.exists():
        say(f"{distribution}: unchanged")
        return target
    # The paths of the sources end up in the compiler's search path: no spaces may come from outside.
    layout = Layout(prefix=ros_prefix(), build=(output / "work" / distribution).resolve())
    shutil.rmtree(layout.build, ignore_errors=True)
    generate(packages, layout, jobs, say)
    compile_packages(packages, layout, jobs, say)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_wheel(distribution, version, packages, layout, target)
    shutil.rmtree(layout.build)
    say(f"{distribution}: {target.name}, {target.stat().st_size // 1024} KiB")
    return target


def main() -> int:
    """Runs the tool; 0 when the wheel stands, 1 when the build failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.interface_build", description=__doc__)
    parser.add_argument("distribution", help="name of the distribution, e.g. robot-ops-interfaces")
    parser.add_argument("folder", type=Path, help="an interface package, or a folder of several")
    parser.add_argument("--output", type=Path, default=Path("build/interfaces"), help="folder of the wheels")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes to use")
    parser.add_argument("--install", action="store_true", help="install the wheel into this environment")
    arguments = parser.parse_args()
    try:
        wheel = build(arguments.distribution, arguments.folder, arguments.output, max(1, arguments.jobs))
    except (DefinitionError, CompileError, ModuleNotFoundError, RuntimeError) as error:
        sys.stderr.write(f"interface build failed: {error}\n")
        return 1
    if arguments.install:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall"]
        return subprocess.run([*command, str(wheel)], check=False, timeout=600).returncode
    sys.stdout.write(f"{wheel}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
