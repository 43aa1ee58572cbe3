# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What a container is sent first when its job ends, and how long it is given: what podman stop would do, or what the
# job asked for.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself
# shellcheck disable=SC2016 # scripts for another shell
# shellcheck disable=SC2153 # the variables of wait_running

load test_helper.bash

setup() {
  jobs=0
  mkdir -m 0700 "$PID_DIR"
  OTHER_IMAGE=localhost/podleash-$(id -u)-$$-$(now_ms)
}

teardown() {
  cleanup_job
  podman image rm "$OTHER_IMAGE" >/dev/null 2>&1 || true
  assert_no_container_of_ours
}

# start_trapped SECONDS MODE WORD... -- OPTION...: a job with the words of start_script, whose container is run with
# these options. It writes each signal that it gets to $OUT/heard. The first that is not SIGTERM, or SIGTERM where
# SIGNALS has no other, ends it in order: after the SECONDS it writes $OUT/done.
start_trapped() {
  local seconds=$1 mode=$2 signal
  local -a words=()
  shift 2
  while [ "$1" != -- ]; do
    words+=("$1")
    shift
  done
  shift
  OUT=$WORK/out-$((++jobs))
  mkdir "$OUT"
  {
    echo "end() { echo \"\$1\" >>/out/heard; left=${seconds}0; until [ \$((left -= 1)) -lt 0 ]; do sleep 0.1; done; : >/out/done; exit 0; }"
    for signal in ${SIGNALS:-TERM}; do
      echo "trap 'end $signal' $signal"
    done
    [ -z "${SIGNALS-}" ] || echo "trap 'echo TERM >>/out/heard' TERM"
    echo ': >/out/ready'
    echo 'while :; do sleep 0.1; done'
  } >"$OUT/script"
  start_script "U$jobs" "$mode" "${words[@]}" <<END
podman run --rm --network=none --volume=$OUT:/out $* ${TRAPPED_IMAGE:-$IMAGE} sh /out/script
sleep 600
END
  wait_running
  wait_until 15 test -e "$OUT/ready"
}

# assert_in_order SIGNAL SECONDS: within that bound the container has ended, by its own will, and on that signal alone.
assert_in_order() {
  wait_until "$2" gone "$CONTAINER" || fail 'it goes on'
  [ "$(cat "$OUT/heard")" = "$1" ] || fail "it heard $(paste -sd ' ' "$OUT/heard"), and not $1"
  [ -e "$OUT/done" ] || fail "it was killed in the midst of its end: $(cat "$LOG" 2>&1)"
  assert_nothing_left
}

# ---- how long ----

@test "the guard is killed and a sweep starts another: the container gets the grace that its job was started with" {
  local guard mode
  for mode in env run; do
    echo "$mode"
    case $mode in
      env) start_trapped 8 env PODLEASH_GRACE=30 -- ;;
      run) start_trapped 8 run --grace 30 -- ;;
    esac
    kill_now "$GUARD"
    wait_until 5 gone "$GUARD"
    PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR"
    guard=$(record_value guard "$RECORD" | tail -n 1)
    [ "$guard" != "$GUARD" ]
    GUARD=$guard
    OURS+=("$GUARD")
    # podleash run would ask for its grace itself.
    kill_now ${LEASH_RUN:+"$LEASH_RUN"} "$RUNNER"
    assert_in_order TERM 20
  done
}

@test "guard and runner are killed: a sweep gives the container the grace that its job was started with" {
  start_trapped 8 env PODLEASH_GRACE=30 --
  kill_now "$GUARD" "$RUNNER"
  wait_until 5 gone "$RUNNER"
  PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR"
  assert_in_order TERM 1
}

@test "guard and runner are killed: a sweep gives the container no more than the grace its job was started with" {
  local begin
  start_trapped 20 env PODLEASH_GRACE=1 --
  kill_now "$GUARD" "$RUNNER"
  wait_until 5 gone "$RUNNER"
  begin=$(now_ms)
  PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR"
  [ $(($(now_ms) - begin)) -lt 4500 ]
  [ ! -e "$OUT/done" ]
  assert_nothing_left
}

@test "--stop-timeout gives a container longer than the default grace" {
  local flag
  for flag in --stop-timeout=12 '--stop-timeout 12'; do
    echo "$flag"
    # shellcheck disable=SC2086 # one word or two
    start_trapped 7 env -- $flag
    kill_now "$RUNNER"
    assert_in_order TERM 15
  done
}

@test "--stop-timeout of a detached container gives it longer than the default grace" {
  start_trapped 7 env -- -d --stop-timeout=12
  kill_now "$COMMAND_RUNNER"
  assert_in_order TERM 15
}

@test "--stop-timeout yields to a grace that was asked for" {
  start_trapped 20 env PODLEASH_GRACE=1 -- --stop-timeout=60
  kill_now "$RUNNER"
  wait_until 6 gone "$CONTAINER" || fail 'it goes on'
  [ ! -e "$OUT/done" ]
  assert_nothing_left
}

# ---- which signal ----

@test "--stop-signal is the first signal that a container gets" {
  local flag
  for flag in --stop-signal=USR1 '--stop-signal SIGUSR1' --stop-signal=10; do
    echo "$flag"
    # shellcheck disable=SC2086 # one word or two
    SIGNALS=USR1 start_trapped 0 env -- $flag
    kill_now "$RUNNER"
    assert_in_order USR1 10
  done
}

@test "--stop-signal is the first signal by cancel, and by a sweep where the guard is killed" {
  local by
  for by in cancel sweep; do
    echo "$by"
    SIGNALS=USR1 start_trapped 0 env -- --stop-signal=USR1
    if [ $by = cancel ]; then
      PODLEASH_LOG=$LOG "$BUILD/podleash" cancel --unit "$UNIT" "$PID_DIR"
    else
      kill_now "$GUARD" "$RUNNER"
      wait_until 5 gone "$RUNNER"
      PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR"
    fi
    kill_now "$RUNNER"
    assert_in_order USR1 1
  done
}

@test "the STOPSIGNAL of an image is the first signal that its container gets; --stop-signal is before it" {
  podman import -q --change 'STOPSIGNAL SIGUSR2' "$FIXTURES/image.tar" "$OTHER_IMAGE" >/dev/null
  export TRAPPED_IMAGE=$OTHER_IMAGE
  SIGNALS='USR1 USR2' start_trapped 0 env --
  kill_now "$RUNNER"
  assert_in_order USR2 10
  SIGNALS='USR1 USR2' start_trapped 0 env -- --stop-signal=USR1
  kill_now "$RUNNER"
  assert_in_order USR1 10
}

@test "a container that does not end on its --stop-signal is killed after the grace" {
  start_script U1 env PODLEASH_GRACE=1 <<END
podman run --rm --network=none --stop-signal=USR1 $IMAGE sh -c 'trap : USR1 TERM; echo ready; while :; do sleep 0.1; done'
END
  wait_running
  wait_ready
  kill_now "$RUNNER"
  wait_until 6 gone "$CONTAINER"
  assert_job_ends
}
