# shellcheck shell=bash
# Sourced by bin/test and .ci/run: runs commands under a heading, with the time each took. The first failure ends the
# script and is named last, after what its output (which tmp/ci keeps) says about the reason: a log often loses all but
# its end, and the end of a crash report is a map of memory.
section() {
  local title=$1 began=$SECONDS status=0 log
  shift
  printf '\n==== %s\n' "$title"
  log=tmp/ci/$(printf '%s' "$title" | tr -cs 'A-Za-z0-9.\n' '_').log
  recorded "$log" "$@" || status=$?
  if [ "$status" != 0 ]; then
    [ ! -s "$log" ] || reasons "$log" >&2
    printf '\n==== FAILED: %s (after %d s, status %d): %s\n' "$title" $((SECONDS - began)) "$status" "$*" >&2
    exit 1
  fi
  timings+=("$(printf '%5d s  %s' $((SECONDS - began)) "$title")")
}

# Runs a command; what it writes goes to the file, too, except on a terminal, which the command may want to know.
recorded() {
  local log=$1 status=0 pipe tee
  shift
  mkdir -p "$(dirname "$log")"
  rm -f "$log"
  if [ -t 1 ]; then
    "$@" || status=$?
    return "$status"
  fi
  exec {pipe}> >(exec tee -i "$log")
  tee=$!
  (
    exec >&"$pipe" 2>&1 {pipe}>&-
    "$@"
  ) || status=$?
  exec {pipe}>&-
  # It ends with the last process that may write. One that the command has left behind is not waited for.
  for _ in {1..50}; do
    kill -0 "$tee" 2>/dev/null || return "$status"
    sleep 0.1
  done
  kill "$tee" 2>/dev/null || true
  return "$status"
}

# The first crash report of Ruby without what is long in it, the first one of a sanitizer, and the examples that failed.
# Nothing when a section inside this one has said so already.
reasons() {
  local log=$1
  ! grep -aq '^==== FAILED: ' "$log" || return 0
  printf '\n---- from %s\n' "$log"
  grep -am1 -F '[BUG]' "$log" || true
  awk '/-- [A-Z]/ { wanted = / (Ruby|C) level backtrace /; lines = 0; if (wanted && seen[$0]++) wanted = 0 }
       wanted && NF && ++lines <= 60' "$log"
  awk '/(Address|Leak|Thread)Sanitizer: |: runtime error: / { found = 1 } found && ++lines <= 40' "$log"
  grep -am40 -E '^ *rspec (\./|'\'')' "$log" || true
}

timings=()
summary() {
  printf '\n==== %s: all passed in %d s\n' "$1" "$SECONDS"
  printf '%s\n' "${timings[@]}"
}
