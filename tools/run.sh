#!/usr/bin/env bash
# Runs a command of the virtual environment in the environment that it needs: tools/run.sh robot-ops demo
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
if [ -n "${_ROS_WHEELS_BOOTSTRAP_COMPLETE:-}" ]; then unset _ROS_WHEELS_BOOTSTRAP_COMPLETE LD_LIBRARY_PATH; fi
# The interfaces that colcon built on top of a sourced ROS 2 installation.
if [ -n "${AMENT_PREFIX_PATH:-}" ] && [ -f "$root/install/local_setup.bash" ]; then
  set +u
  # shellcheck disable=SC1091
  . "$root/install/local_setup.bash"
  set -u
fi
# No window system is needed for camera pictures.
export MUJOCO_GL=${MUJOCO_GL:-egl}
command=$1
shift
exec "$root/.venv/bin/$command" "$@"
