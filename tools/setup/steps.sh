# Steps of the set-up: each runs once for a state of its inputs, shows that it runs, and names its log when it fails.
# Sourced by tools/setup.sh, which sets $stamps and $logs (folders).

say() { printf '%s\n' "$*"; }

# fail MESSAGE...: what the user must do, one line each; exit status 2.
fail() {
  printf '\nset-up stopped: %s\n' "$1" >&2
  shift
  if [ $# -gt 0 ]; then printf '  %s\n' "$@" >&2; fi
  exit 2
}

# digest FILE-OR-FOLDER...: one hash over their names and contents.
digest() {
  find "$@" -type f -not -path '*/__pycache__/*' -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum | cut -c1-16
}

is_done() { [ "$(cat "$stamps/$1" 2>/dev/null || true)" = "$2" ]; }

mark_done() { mkdir -p "$stamps" && printf '%s' "$2" >"$stamps/$1"; }

job=
stop_job() {
  trap - INT TERM
  if [ -n "$job" ]; then
    kill -TERM -- "-$job" 2>/dev/null || true
    wait "$job" 2>/dev/null || true
  fi
  printf '\nset-up interrupted; the next run takes up the unfinished step again\n' >&2
  exit 130
}
trap stop_job INT TERM

# run NAME TITLE COMMAND...: runs a command or function, shows the time and its latest words, keeps them in a log.
run() {
  local name=$1 title=$2 started=$SECONDS log=$logs/setup-$1.log told=0 status=0 words
  shift 2
  mkdir -p "$logs"
  if [ -t 1 ]; then printf '==> %s\n' "$title"; else say "==> $title (log: ${log#"$PWD"/})"; fi
  # Monitor mode gives the job a process group of its own, so that Ctrl-C can end all of it and nothing else.
  set -m
  (set -euo pipefail; "$@") >"$log" 2>&1 </dev/null &
  job=$!
  set +m
  while kill -0 "$job" 2>/dev/null; do
    sleep 0.3
    words=$(grep -v '^ *WARNING' "$log" | tail -n 1 | tr -d '\r' | cut -c1-90 || true)
    if [ -t 1 ]; then
      printf '\r\033[K    %4d s  %s' $((SECONDS - started)) "$words"
    elif [ $((SECONDS - started)) -ge $((told + 10)) ]; then
      told=$((SECONDS - started))
      printf '    %4d s  %s\n' "$told" "$words"
    fi
  done
  wait "$job" || status=$?
  job=
  if [ -t 1 ]; then printf '\r\033[K'; fi
  if [ "$status" -ne 0 ]; then
    tail -n 15 "$log" | sed 's/^/    | /' >&2
    printf '\nset-up failed at "%s" after %d s; its log is %s\n' "$title" $((SECONDS - started)) "$log" >&2
    exit 1
  fi
  printf '    done in %d s\n' $((SECONDS - started))
}

# step NAME INPUTS TITLE COMMAND...: runs unless the step was done for these inputs. An interrupted step is not done.
step() {
  local name=$1 inputs=$2
  shift 2
  if is_done "$name" "$inputs"; then return 0; fi
  run "$name" "$@"
  mark_done "$name" "$inputs"
}
