#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The same directory and the same storage, seen from another pid namespace: a toolbox, a service with one of its own.
# There a pid means another process or none, and nothing is concluded from it.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself
# shellcheck disable=SC2016 # scripts for another shell
# shellcheck disable=SC2153 # the variables of wait_running

# bats file_tags=root

load test_helper.bash

setup() {
  mkdir -m 0700 "$PID_DIR"
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# elsewhere WORD...: podleash in a pid namespace of its own, as its second process; sets STATUS, and writes $WORK/out
# and $WORK/err.
elsewhere() {
  STATUS=0
  PODLEASH_LOG=$WORK/elsewhere.log timeout 60 unshare --pid --fork --kill-child --mount-proc \
    sh -c '"$@"; exit $?' sh "$BUILD/podleash" "$@" >"$WORK/out" 2>"$WORK/err" 3>&- 4>&- 5>&- </dev/null || STATUS=$?
  cat "$WORK/out" "$WORK/err"
  cat "$WORK/elsewhere.log" 2>/dev/null || true
}

# start MODE [FLAG]: a job whose container runs.
start() {
  start_script "U-$1" "$1" <<END
podman run --rm --network=none ${2-} $IMAGE sleep 600
sleep 600
END
  wait_running
}

# assert_lives: the run goes on, and its record says so; nothing of it was touched.
assert_lives() {
  local process
  for process in "$RUNNER" "$CONMON" "$CONTAINER" "$@"; do
    alive "$process" || fail "$process: ended"
  done
  [ -e "$RECORD" ] || fail 'its record is gone'
  [ -e "$(pid_file "$RECORD")" ] || fail 'its pid file is gone'
  [ "$(podman inspect --format '{{.State.Running}}' "$CID")" = true ] || fail 'podman knows nothing of it'
  podman exec "$CID" true || fail 'podman has lost it'
}

# assert_says WORD: on stderr or in the log.
assert_says() {
  cat "$WORK/err" "$WORK/elsewhere.log" 2>/dev/null | grep -q "$1" || fail "nobody said: $1"
}

# assert_listed STATE: here.
assert_listed() {
  "$BUILD/podleash" list --json "$PID_DIR" | tee "$WORK/list"
  [ "$(jq -r .state "$WORK/list")" = "$1" ] || fail "not $1"
}

@test "a sweep in another pid namespace leaves a run alone, and says why" {
  local mode
  for mode in env run; do
    echo "$mode"
    start $mode
    elsewhere sweep "$PID_DIR"
    assert_lives "$PODMAN" "$GUARD"
    # It has a guard, which its lock shows from everywhere.
    [ "$STATUS" = 0 ] || fail "status $STATUS"
    assert_says namespace
    if grep -w ended "$WORK/out"; then fail 'it says that it has ended it'; fi
    assert_listed running
    kill_now "$RUNNER"
    assert_nothing_left
    kill_now "$COMMAND_RUNNER"
  done
}

@test "a sweep in another pid namespace leaves a run alone that has no guard, or is detached" {
  start env
  kill_now "$GUARD"
  wait_until 5 gone "$GUARD"
  elsewhere sweep "$PID_DIR"
  assert_lives "$PODMAN"
  [ "$STATUS" = 1 ] || fail "status $STATUS"
  assert_says namespace
  [ "$(record_value guard "$RECORD" | tail -n 1)" = "$GUARD" ] || fail 'it has a guard there'
  "$BUILD/podleash" sweep "$PID_DIR"
  assert_listed running
  GUARD=$(record_value guard "$RECORD" | tail -n 1)
  OURS+=("$GUARD")
  kill_now "$RUNNER"
  assert_nothing_left
  kill_now "$COMMAND_RUNNER"

  start run -d
  wait_until 10 gone "$PODMAN"
  elsewhere sweep "$PID_DIR"
  assert_lives "$GUARD"
  [ "$STATUS" = 0 ] || fail "status $STATUS"
  assert_says namespace
  assert_listed running
}

# systemd gives a RuntimeDirectory= with all in it to the service's next User=: the run's podman was another user's.
@test "a sweep leaves a run alone that another user started, in a directory that is now this one's, and says why" {
  start env
  kill_now "$GUARD"
  wait_until 5 gone "$GUARD"
  sed -i "s/^uid=$(id -u)\$/uid=54321/" "$RECORD"
  kill_now "$PODMAN"
  STATUS=0
  PODLEASH_LOG=$WORK/elsewhere.log "$BUILD/podleash" sweep "$PID_DIR" 2>"$WORK/err" || STATUS=$?
  alive "$CONTAINER" || fail 'the container was ended'
  [ "$STATUS" = 1 ] || fail "status $STATUS"
  assert_says 'of another user'
  assert_listed elsewhere
}

@test "a run that has no guard is left alone by a sweep of the root, dry or not, in another pid namespace" {
  PID_DIR=$WORK/root/U
  mkdir -m 0700 "$WORK/root" "$PID_DIR"
  start env
  kill_now "$GUARD"
  wait_until 5 gone "$GUARD"
  export RECEPTOR_PID_DIRECTORY=$WORK/root
  elsewhere sweep --dry-run "$WORK/root"
  if grep -wE 'ended|would be ended|would end' "$WORK/out"; then fail 'it would end it'; fi
  [ "$STATUS" = 1 ] || fail "status $STATUS"
  elsewhere sweep "$WORK/root"
  assert_lives "$PODMAN"
  [ "$STATUS" = 1 ] || fail "status $STATUS"
  assert_says namespace
}

@test "list in another pid namespace shows a run as elsewhere, with and without its guard" {
  start env
  elsewhere list --json "$PID_DIR"
  [ "$(jq -r .state "$WORK/out")" = elsewhere ] || fail 'not elsewhere'
  elsewhere list "$PID_DIR"
  grep -q '^U-env .* elsewhere ' "$WORK/out" || fail 'not elsewhere'
  elsewhere list --tree "$PID_DIR"
  if grep -wE 'dead|unguarded|orphaned' "$WORK/out"; then fail 'the tree concludes from pids that are not of here'; fi
  assert_listed running
  kill_now "$GUARD"
  wait_until 5 gone "$GUARD"
  elsewhere list --json "$PID_DIR"
  [ "$(jq -r .state "$WORK/out")" = elsewhere ] || fail 'not elsewhere'
  assert_listed unguarded
}

@test "a cancel in another pid namespace ends nothing that it cannot see, and says so" {
  start env
  # The guard holds its lock: whether it can be told to end the run from there is another matter.
  kill_now "$GUARD"
  wait_until 5 gone "$GUARD"
  elsewhere cancel --timeout 5 "$PID_DIR"
  [ "$STATUS" = 1 ] || fail "status $STATUS"
  assert_lives "$PODMAN"
  assert_says namespace
}

@test "the next job in the directory, in another pid namespace, leaves a run alone that has no guard" {
  start env
  kill_now "$GUARD"
  wait_until 5 gone "$GUARD"
  # Its guard sweeps when it starts.
  elsewhere run --pid-dir "$PID_DIR" --unit U2 -- podman run --rm --network=none "$IMAGE" true
  [ "$STATUS" = 0 ] || fail "status $STATUS"
  assert_lives "$PODMAN"
}

# inside: the job of another pid namespace runs its container.
inside() {
  RECORD=$(record_path U1) && grep -q '^container=' "$RECORD"
}

@test "a run of another pid namespace: here a sweep leaves it alone, and list shows it as elsewhere" {
  local job
  mkfifo "$WORK/go"
  cat >"$WORK/script" <<END
podman run -d --rm --network=none --label=work=$WORK/ $IMAGE sleep 600
read -r _ <$WORK/go
END
  # It ends there, where podman and its pids belong together.
  PODLEASH_LOG=$LOG unshare --pid --fork --kill-child --mount-proc "$BUILD/podleash" run --pid-dir "$PID_DIR" \
    --unit U1 -- sh "$WORK/script" >"$WORK/stdout" 2>&1 3>&- 4>&- 5>&- </dev/null &
  job=$(identity $!)
  OURS+=("$job")
  if wait_until 20 inside; then
    STATUS=0
    PODLEASH_LOG=$LOG timeout 20 "$BUILD/podleash" sweep "$PID_DIR" >"$WORK/out" 2>"$WORK/err" || STATUS=$?
    "$BUILD/podleash" list --json "$PID_DIR" >"$WORK/list" || true
  fi
  timeout 10 sh -c 'echo go >"$0"' "$WORK/go"
  wait_until 20 gone "$job"
  cat "$WORK/stdout" "$WORK/out" "$WORK/err" "$WORK/list"
  [ "$STATUS" = 0 ] || fail "status $STATUS"
  grep -q namespace "$WORK/err" "$LOG"
  [ "$(jq -r .state "$WORK/list")" = elsewhere ] || fail 'not elsewhere'
  if grep -w ended "$WORK/out"; then fail 'it says that it has ended it'; fi
}
