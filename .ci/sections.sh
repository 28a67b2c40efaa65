# shellcheck shell=bash
# Sourced by bin/test and .ci/run: runs commands under a heading, with the time each took. The first failure ends the
# script and is named last.
section() {
  local title=$1 began=$SECONDS
  shift
  printf '\n==== %s\n' "$title"
  if ! "$@"; then
    printf '\n==== FAILED: %s (after %d s): %s\n' "$title" $((SECONDS - began)) "$*" >&2
    exit 1
  fi
  timings+=("$(printf '%5d s  %s' $((SECONDS - began)) "$title")")
}

timings=()
summary() {
  printf '\n==== %s: all passed in %d s\n' "$1" "$SECONDS"
  printf '%s\n' "${timings[@]}"
}
