#!/usr/bin/env bash
# Makes this checkout ready: tools/setup.sh demo|test
#
# System packages (where root or passwordless sudo is there), .venv, Python packages, compiled ROS interfaces. Each
# step runs once for a state of its inputs; when all stands this takes a moment and prints nothing.
# With a ROS 2 installation sourced no ROS package comes from PyPI; its own interfaces are used and ours built by colcon.
set -euo pipefail
cd "$(dirname "$0")/.."
stamps=$PWD/.venv/.robot_ops
logs=$PWD/build/log
# shellcheck source=tools/setup/steps.sh
. tools/setup/steps.sh
# shellcheck source=tools/setup/system.sh
. tools/setup/system.sh

purpose=${1:-demo}
case $purpose in demo | test) ;; *) fail "unknown purpose '$purpose'" "usage: tools/setup.sh demo|test" ;; esac
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

# A Python of other ROS wheels (make called from another virtual environment) would lend its libraries to ours.
if [ -n "${_ROS_WHEELS_BOOTSTRAP_COMPLETE:-}" ]; then unset _ROS_WHEELS_BOOTSTRAP_COMPLETE LD_LIBRARY_PATH; fi

# ros_python: prints the Python version of the sourced ROS 2 installation, nothing where there is none.
ros_python() {
  local prefix found
  local IFS=:
  for prefix in ${AMENT_PREFIX_PATH:-}; do
    case $prefix in "$PWD"/*) continue ;; esac
    for found in "$prefix"/lib/python3*/*-packages/rclpy "$prefix"/local/lib/python3*/*-packages/rclpy; do
      if [ -d "$found" ]; then
        found=${found%/*-packages/rclpy}
        printf '%s' "${found##*/python}"
        return 0
      fi
    done
  done
}

make_venv() {
  if existing_python && [ "$1" = "$(venv_kind)" ] && .venv/bin/python -m pip --version; then
    echo "the environment that stands here is kept"
  else
    rm -rf .venv
    if [ "$1" = ros ]; then "$2" -m venv --system-site-packages .venv; else "$2" -m venv .venv; fi
  fi
}

venv_kind() {
  if grep -qi '^include-system-site-packages *= *true' .venv/pyvenv.cfg; then echo ros; else echo wheels; fi
}

install_python_packages() {
  .venv/bin/python -m pip install --progress-bar off --editable ".${1:+[$1]}"
  # Its declared needs include a second Qt and plotting; its library needs none of them (setup.cfg).
  .venv/bin/python -m pip install --progress-bar off --no-deps 'jupedsim==1.4.*'
}

build_interfaces() {
  .venv/bin/python -m tools.interface_build robot-ops-interfaces interfaces/robot_ops_interfaces --install
  .venv/bin/python -m tools.interface_build robot-ops-nav-interfaces interfaces/nav_interfaces --install
}

build_interfaces_for_ros() {
  if command -v colcon; then
    colcon --log-base build/log/colcon build --base-paths interfaces/robot_ops_interfaces \
      --build-base build/colcon --install-base install --event-handlers console_direct+ \
      --cmake-args -DPython3_EXECUTABLE="$(command -v "python$1")"
  else
    # The installation's generators suffice; only the place of the result differs.
    .venv/bin/python -m tools.interface_build robot-ops-interfaces interfaces/robot_ops_interfaces --install
  fi
}

compile_kernels() {
  .venv/bin/python -m robot_ops.bringup.kernels
}

check_imports() {
  if [ -f install/local_setup.bash ] && [ "$1" = ros ]; then
    set +u
    # shellcheck disable=SC1091
    . install/local_setup.bash
    set -u
  fi
  .venv/bin/python -c '
import sys
from robot_ops.bringup.environment import require_environment
from robot_ops.core.errors import SetupError
try:
    require_environment()
except SetupError as error:
    sys.exit(str(error))
import cv2, jupedsim, mujoco, rclpy
from nav2_msgs.action import NavigateToPose
from robot_ops_interfaces.msg import Task
from tf2_msgs.msg import TFMessage
'
}

mkdir -p build
exec 9>build/.setup.lock
if ! flock -n 9; then
  say "another set-up of this checkout is running: waiting for it"
  flock 9
fi

ros=$(ros_python)
if [ -n "$ros" ]; then kind=ros extras=; else kind=wheels extras=ros; fi
if [ "$purpose" = test ]; then extras=${extras:+$extras,}test; fi

venv="$kind $ros"
if ! is_done "system-$purpose" "$venv $(system_state)" || ! is_done venv "$venv" || [ ! -x .venv/bin/python ]; then
  prepare_system "$purpose" "$ros"
  if ! is_done venv "$venv" || [ ! -x .venv/bin/python ]; then
    run venv "virtual environment .venv" make_venv "$kind" "$chosen_python"
    mark_done venv "$venv"
  fi
  mark_done "system-$purpose" "$venv $(system_state)"
fi

packages="$kind $(digest setup.cfg setup.py)"
# What the tests need includes what the demo needs.
if ! is_done packages-test "$packages"; then
  step "packages-$purpose" "$packages" "Python packages (a minute or two the first time)" install_python_packages "$extras"
fi

interfaces="$packages $(digest interfaces tools/interface_build)"
if [ "$kind" = ros ]; then
  step interfaces "$interfaces" "ROS interfaces, with the ROS 2 installation" build_interfaces_for_ros "$ros"
else
  step interfaces "$interfaces" "ROS interfaces (half a minute)" build_interfaces
fi
step imports "$interfaces" "check that all parts load" check_imports "$kind"
# The digest alone does not tell whether the user's cache still holds them; asking takes a tenth of a second.
kernels=$(.venv/bin/python -m robot_ops.core.kernel_cache)
if [ ! -f "$kernels/complete" ]; then
  run kernels "planning kernels, compiled once (two minutes)" compile_kernels
fi
