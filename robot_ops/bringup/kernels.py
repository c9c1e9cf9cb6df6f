"""Compiles the kernels of planning ahead of need: at set-up, or before the first start on a machine.

`python -m robot_ops.bringup.kernels` compiles what is not compiled yet and shows how long it takes.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from robot_ops.core.errors import SetupError
from robot_ops.core.kernel_cache import cache_folder
from robot_ops.core.resources import shared_folder
from robot_ops.site.model import Site

_MARK: Final = "complete"
"""File in the folder of compiled kernels that is made when all are there."""


def ensure_kernels(say: Callable[[str], object]) -> None:
    """Return when all kernels are compiled and on disk; at once where they are already.

    Args:
        say: told when it takes a while.

    Raises:
        SetupError: compiling failed.
    """
    if (cache_folder() / _MARK).exists():
        return
    say("compiling the planning kernels, once on this machine: a minute or two ...")
    done = subprocess.run([sys.executable, "-m", __name__], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(
            f"the planning kernels cannot be compiled: {done.stderr.strip()[-500:]}",
            where=str(cache_folder()),
            mend=f"run {sys.executable} -m {__name__}; the folder must be writable and Numba whole",
        )


def load_kernels(site: Site) -> None:
    """Load all kernels into this process, compiling those that are not on disk, so that nothing later waits for that.

    Raises:
        SiteError: the site's lanes are wrong.
    """
    from robot_ops.allocation import warm_up as allocation
    from robot_ops.traffic import warm_up as traffic

    traffic.compile_kernels(site)
    allocation.compile_kernels(site)


def main() -> None:
    """Compile all kernels."""
    folder = cache_folder()
    if (folder / _MARK).exists():
        return
    from robot_ops.site.files import load_site

    began = time.monotonic()
    load_kernels(load_site(shared_folder("sites") / "immigration_hall.yaml"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    sys.stdout.write(f"kernels compiled in {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()
