#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A service with ProcSubset=pid: its /proc has processes alone, and no boot id. list, cancel and sweep see its jobs from
# outside.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself
# shellcheck disable=SC2016 # scripts for another shell
# shellcheck disable=SC2153 # the variables of wait_running

# bats file_tags=root

load test_helper.bash

# What becomes its words there.
HIDDEN=(unshare --mount sh -c 'mount -t proc -o subset=pid proc /proc && [ ! -e /proc/sys ] && exec "$@"' sh)

setup() {
  # A file system that goes with the boot, as /run is on a node.
  SHARED=$(mktemp -d /dev/shm/podleash.XXXXXX)
  [ "$(stat --file-system --format %T "$SHARED")" = tmpfs ]
  chmod 0755 "$SHARED"
  PID_DIR=$SHARED/pids
  mkdir -m 0700 "$PID_DIR"
}

teardown() {
  cleanup_job
  rm -rf "$SHARED" ${DISK:+"$DISK"}
  assert_no_container_of_ours
}

# hide_receptor: from here on the command-runners of jobs run there. podman 5 reads /proc/sys and starts nothing without, so
# that nothing but the boot id is hidden from it.
hide_receptor() {
  local hide='mount -t proc -o subset=pid proc /proc'
  unshare --mount sh -c "$hide && podman run --rm --network=none $IMAGE true" ||
    hide='mount -t tmpfs tmpfs /proc/sys/kernel/random'
  printf '#!/bin/sh\nexec unshare --mount sh -c '\''%s && exec "$@"'\'' sh %s "$@"\n' "$hide" "$RECEPTOR" >"$WORK/hidden"
  chmod +x "$WORK/hidden"
  RECEPTOR=$WORK/hidden
}

# start UNIT MODE: a job there whose container runs.
start() {
  start_script "$1" "$2" <<END
podman run --rm --network=none $IMAGE sleep 600
END
  wait_running
}

# state [WORD...]: what a list says of the job, from here or by these words from there.
state() {
  "$@" "$BUILD/podleash" list --json "$PID_DIR" | jq -r .state
}

@test "a job is leashed, and seen from outside as it is there; it ends with its holders, or by cancel" {
  local mode
  hide_receptor
  for mode in env run; do
    echo "$mode"
    start U-$mode $mode
    [ "$(state)" = running ] || fail 'not running'
    [ "$(state "${HIDDEN[@]}")" = running ] || fail 'not running there'
    kill_now "$RUNNER"
    assert_job_ends
    start V-$mode $mode
    "$BUILD/podleash" cancel --unit V-$mode "$PID_DIR"
    assert_job_ends
  done
}

@test "without its guard a job is ended, or given another one, by a sweep from outside, or there" {
  local -a sweep
  hide_receptor
  for sweep in "" "${HIDDEN[*]@Q}"; do
    start U1 env
    kill_now "$GUARD"
    wait_until 5 gone "$GUARD"
    [ "$(state)" = unguarded ] || fail 'not unguarded'
    PODLEASH_LOG=$LOG eval "${sweep[0]} \$BUILD/podleash sweep \$PID_DIR"
    [ "$(state)" = running ] || fail 'no guard again'
    GUARD=$(record_value guard "$RECORD" | tail -n 1)
    OURS+=("$GUARD")
    kill_now "$GUARD"
    wait_until 5 gone "$GUARD"
    kill_now "$RUNNER"
    wait_until 5 gone "$RUNNER"
    PODLEASH_LOG=$LOG eval "${sweep[0]} \$BUILD/podleash sweep \$PID_DIR"
    assert_job_ends 1
  done
}

@test "what a cancel has stopped does not start: one from outside stops it there, and one from there outside" {
  local -a stopped
  for stopped in "${HIDDEN[*]@Q}" ""; do
    # Below a holder that is older than the cancel.
    rm -r "$PID_DIR"
    mkfifo "$WORK/go"
    PODLEASH_LOG=$LOG eval "${stopped[0]} \$BUILD/podleash run --pid-dir \$PID_DIR --unit U1 -- \
      sh -c 'read -r _ <\$1; podman run --rm --network=none \$2 true' sh \$WORK/go $IMAGE" >"$WORK/out" 2>&1 3>&- &
    OURS+=("$(identity $!)")
    wait_until 10 test -e "$PID_DIR/.podleash-run"
    if [ -n "${stopped[0]}" ]; then
      "$BUILD/podleash" cancel --unit U1 "$PID_DIR"
    else
      "${HIDDEN[@]}" "$BUILD/podleash" cancel --unit U1 "$PID_DIR"
    fi
    echo go >"$WORK/go"
    wait_until 20 gone "${OURS[-1]}" || fail 'it goes on'
    grep -q 'it was cancelled; podman is not started' "$WORK/out" || fail "$(<"$WORK/out")"
    rm "$WORK/go"
  done
}

@test "a rootless job is leashed there, and cancelled from outside" {
  local -a as=(setpriv --reuid podleash-test --regid podleash-test --init-groups)
  local job
  chown podleash-test "$PID_DIR"
  "${HIDDEN[@]}" "${as[@]}" env -i "HOME=$(getent passwd podleash-test | cut -d : -f 6)" "PATH=$PATH" \
    ${CONTAINERS_CONF:+"CONTAINERS_CONF=$CONTAINERS_CONF"} "XDG_RUNTIME_DIR=$(readlink -f "$FIXTURES/xdg-runtime-dir")" \
    "$BUILD/podleash" run --pid-dir "$PID_DIR" --unit U1 -- podman run --rm --network=none "$IMAGE" sleep 600 \
    >"$WORK/out" 2>&1 3>&- </dev/null &
  job=$(identity $!)
  OURS+=("$job")
  runs() { RECORD=$(record_path U1) && CONTAINER=$(live_pid_in "$(pid_file "$RECORD")"); }
  wait_until 30 runs || fail "it is not leashed: $(<"$WORK/out")"
  [ "$(state)" = running ] || fail 'not running'
  "$BUILD/podleash" cancel --unit U1 "$PID_DIR"
  gone "$CONTAINER"
  wait_until 10 gone "$job"
}

@test "in a directory that a boot may leave nothing is concluded: no leash, and the log says why" {
  # /tmp may be a tmpfs.
  DISK=$(mktemp -d /var/tmp/podleash.XXXXXX)
  PID_DIR=$DISK
  [ "$(stat --file-system --format %T "$PID_DIR")" != tmpfs ]
  # podman 5 fails there.
  PODLEASH_LOG=$LOG "${HIDDEN[@]}" "$BUILD/podleash" run --pid-dir "$PID_DIR" -- podman run --rm --network=none "$IMAGE" true || true
  grep -q "$PID_DIR: no boot id can be read (ProcSubset=pid), and it is on no tmpfs, .*; podman is started without a leash" "$LOG"
  # A job of outside is left alone there: it may be of an earlier boot.
  start U1 env
  kill_now "$GUARD"
  wait_until 5 gone "$GUARD"
  [ "$(state "${HIDDEN[@]}")" = elsewhere ]
  if PODLEASH_LOG=$LOG "${HIDDEN[@]}" "$BUILD/podleash" sweep "$PID_DIR" 2>"$WORK/err"; then fail 'nothing is left?'; fi
  grep -q 'the boot id cannot be read here' "$WORK/err"
  alive "$CONTAINER"
}
