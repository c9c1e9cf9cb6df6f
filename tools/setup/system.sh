# What the set-up needs of the operating system. Sourced by tools/setup.sh.

# Python versions for which all wheels exist, preferred first.
pythons="3.13 3.12 3.11"

# python_version COMMAND: prints major.minor when the command is a Python that robot_ops runs on.
python_version() {
  "$1" -c 'import sys; v = "%d.%d" % sys.version_info[:2]; print(v); sys.exit(v not in sys.argv[1].split())' "$pythons" 2>/dev/null
}

# find_python [VERSION]: prints the command of a suitable Python, of that version if one is given.
find_python() {
  local command version
  for command in ${PYTHON:-} $(printf 'python%s ' $pythons) python3; do
    if version=$(python_version "$command") && { [ -z "${1:-}" ] || [ "$version" = "$1" ]; }; then
      command -v "$command"
      return 0
    fi
  done
  return 1
}

# missing_python_parts COMMAND: prints what a Python lacks for virtual environments and for compiling.
missing_python_parts() {
  "$1" - 2>/dev/null <<'PYTHON'
import importlib.util, os, sys, sysconfig
version = "python%d.%d" % sys.version_info[:2]
if importlib.util.find_spec("ensurepip") is None:
    print(version + "-venv")
if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    print(version + "-dev")
PYTHON
}

# has_library NAME: whether the loader knows a library whose file name begins so.
has_library() {
  case $(PATH=$PATH:/sbin:/usr/sbin ldconfig -p) in *"	$1"*) true ;; *) false ;; esac
}

# missing_packages: prints the Debian packages without which demo or test cannot run here.
missing_packages() {
  command -v gcc >/dev/null || echo gcc
  command -v g++ >/dev/null || echo g++
  [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
  has_library libEGL.so.1 || echo libegl1
  has_library libOpenGL.so.0 || echo libopengl0
  has_library libGL.so.1 || echo libgl1
  has_library libglib-2.0.so.0 || echo libglib2.0-0
  has_library libEGL_mesa.so.0 || echo libegl-mesa0
  compgen -G '/usr/lib/*/dri/swrast_dri.so' >/dev/null || has_library libgallium || echo libgl1-mesa-dri
}

# missing_test_packages: prints packages that only tests use; without one its tests cannot be run.
missing_test_packages() {
  has_library libsdformat || echo libsdformat12-12
  command -v chromium chromium-browser google-chrome >/dev/null || echo chromium
  command -v chromedriver >/dev/null || echo chromium-driver
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_be_root() { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

apt_refresh() { as_root env DEBIAN_FRONTEND=noninteractive apt-get update; }

# require_packages PACKAGE...: installs them, or says what to install and stops.
require_packages() {
  [ $# -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    fail "this machine lacks what these Debian packages bring, and it has no apt-get" "$*" "Install them and run again."
  fi
  if ! can_be_root; then
    fail "some system packages are missing, and neither root nor passwordless sudo is there to install them" \
      "Run this, then try again:" "sudo apt-get update && sudo apt-get install --no-install-recommends $*"
  fi
  if [ -z "${apt_is_fresh:-}" ]; then
    run apt-update "package lists of the system" apt_refresh
    apt_is_fresh=yes
  fi
  run apt-install "system packages: $*" apt_install "$@"
}

# offer_packages PACKAGE...: installs those that this release has, and says which it has not.
offer_packages() {
  local package wanted=()
  [ $# -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null || ! can_be_root; then
    say "note: $* not installed: the tests that use them will say so"
    return 0
  fi
  if [ -z "${apt_is_fresh:-}" ]; then
    run apt-update "package lists of the system" apt_refresh
    apt_is_fresh=yes
  fi
  for package in "$@"; do
    case $(apt-cache policy "$package" 2>/dev/null) in
      *"Candidate: "[0-9]*) wanted+=("$package") ;;
      *) say "note: this release has no package $package: the tests that use it will say so" ;;
    esac
  done
  if [ ${#wanted[@]} -gt 0 ]; then
    run apt-install-tests "system packages for tests: ${wanted[*]}" apt_install "${wanted[@]}"
  fi
}

# system_state: changes whenever a package of the system is installed or removed.
system_state() { stat -c '%Y %s' /var/lib/dpkg/status 2>/dev/null || true; }

# prepare_system PURPOSE [VERSION]: packages and a Python, whose command it leaves in $chosen_python.
prepare_system() {
  local python missing
  # shellcheck disable=SC2046  # one word per package
  require_packages $(missing_packages)
  if ! python=$(existing_python || find_python "${2:-}"); then
    if [ -n "${2:-}" ]; then require_packages "python$2" "python$2-venv" "python$2-dev"; else require_packages python3 python3-venv python3-dev; fi
    python=$(find_python "${2:-}") || fail "no suitable Python: robot_ops runs on ${pythons// /, }, this release's python3 is $(python3 -V 2>&1)" \
      "Install one of them, or name it: make demo PYTHON=/path/to/python3.12"
  fi
  missing=$(missing_python_parts "$python")
  # shellcheck disable=SC2086
  if [ -n "$missing" ]; then
    case $(command -v "$python") in
      /usr/bin/*) require_packages $missing ;;
      *) fail "$python lacks $(echo $missing)" "Complete that Python, or name another: make demo PYTHON=/usr/bin/python3" ;;
    esac
  fi
  # shellcheck disable=SC2046
  if [ "$1" = test ]; then offer_packages $(missing_test_packages); fi
  chosen_python=$python
}

# existing_python: prints the Python that the virtual environment stands on, if it works.
existing_python() {
  python_version .venv/bin/python >/dev/null && .venv/bin/python -c 'import sys; print(sys._base_executable)'
}
