#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What docs/monitoring.md says is done, on runs that are records alone; what it asks the journal, `make packages` does.
# shellcheck disable=SC2034,SC2153 # for the helpers, and from them

load test_helper.bash
load disorder.bash
load room.bash

EXAMPLES=${TESTS%/*}/docs/examples

setup() {
  mkdir -m 0700 "$PID_DIR"
  export RECEPTOR_PID_DIRECTORY=$PID_DIR PATH=$BUILD:$EXAMPLES:$PATH LC_ALL=C
  DEAD=$(dead)
  IN=()
  # Root is shown the runs of all users.
  if [ "$(id -u)" = 0 ]; then
    make_room
    IN=(in_room)
  fi
}

teardown() {
  cleanup_job
}

# said_under HEADING: the commands below the heading that begins so.
said_under() {
  sed -n "/^## $1/,/^## /s/^    //p" "${TESTS%/*}/docs/monitoring.md"
}

@test "the lines that show what runs do" {
  good_record 1-1
  said_under 'What runs' | grep -v '^watch' >"$WORK/script"
  collect "${IN[@]}" bash -e "$WORK/script"
  [ "$STATUS" = 0 ] && [ ! -s "$WORK/err" ] || explain 'a line fails'
  grep -q $'^U1\tunguarded\t[0-9]*$' "$WORK/out" && grep -qx ' *1 unguarded' "$WORK/out" && grep -qx U1 "$WORK/out" || explain 'not shown'
}

@test "the lines that read PODLEASH_LOG find a unit's, and count reasons" {
  printf '2026-01-01T00:00:0%dZ podleash[7]: unit %s, run 1-1: %s\n' 1 aBcD1234 'ending it: podman is gone' \
    2 aBcD12345 'ending it: podman is gone' 3 aBcD12345 'not leashed' >"$LOG"
  said_under 'What was ended' | sed -n "s,/var/log/podleash.log,$LOG,p" >"$WORK/script"
  collect "${IN[@]}" bash -e "$WORK/script"
  [ "$STATUS" = 0 ] || explain 'a line fails'
  { grep aBcD1234, "$LOG"; grep ending "$LOG"; echo '      2 podman is gone'; } | diff - "$WORK/out"
}

@test "check_podleash: nothing runs, a run is lost, and the runs cannot be told" {
  touch "$PID_DIR/.podleash-run"
  collect "${IN[@]}" check_podleash
  [ "$STATUS" = 0 ] && [ "$(cat "$WORK/out")" = 'PODLEASH OK - no run is lost | runs=0 lost=0' ] || explain 'nothing runs'
  good_record 1-1
  collect "${IN[@]}" check_podleash "$PID_DIR"
  [ "$STATUS" = 2 ] && [ "$(cat "$WORK/out")" = 'PODLEASH CRITICAL - U1: unguarded | runs=1 lost=1' ] || explain 'one is lost'
  echo damaged >"$PID_DIR/1-2.run"
  collect "${IN[@]}" check_podleash
  [ "$STATUS" = 3 ] && grep -q "^PODLEASH UNKNOWN - podleash list: $PID_DIR/1-2.run: " "$WORK/out" || explain 'one is damaged'
}

@test "podleash-textfile counts the runs of each state, and leaves its file where it cannot" {
  good_record 1-1
  good_record 1-2
  "${IN[@]}" podleash-textfile "$WORK/podleash.prom"
  grep -qx 'podleash_runs{state="unguarded"} 2' "$WORK/podleash.prom"
  grep -qx 'podleash_runs{state="running"} 0' "$WORK/podleash.prom"
  # Each of json.md's states, and no other.
  sed -n 's/^podleash_runs{state="\(.*\)"} .*/\1/p' "$WORK/podleash.prom" | sort |
    diff <(sed -n '/^## The states/,$s/^| `\(.*\)` |.*/\1/p' "${TESTS%/*}/docs/json.md" | sed 's/`.*//' | sort) -
  cp "$WORK/podleash.prom" "$WORK/before"
  echo damaged >"$PID_DIR/1-3.run"
  ! "${IN[@]}" podleash-textfile "$WORK/podleash.prom" || fail 'it has counted all but one'
  diff "$WORK/before" "$WORK/podleash.prom"
}
