# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What becomes of a container when podleash run is told to end, or hung up, and no receptor is above it.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself
# shellcheck disable=SC2016,SC2034,SC2153 # MODE is for test_helper.bash, which sets PODMAN and its like

load test_helper.bash
load terminal.bash

# Its first process catches no signal, so that it hears none but SIGKILL.
DEAF="podman run --rm --network=none $IMAGE sleep 600"

# What its container runs goes on when it is told to reload, as a daemon does.
RELOADS="trap 'echo reloaded' HUP; echo ready; while :; do sleep 0.1; done"

setup() {
  UNIT=signals-$$-$(now_ms) MODE=run UNITDIR=$WORK
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# start WORD...: `podleash run WORD...` in a session without a terminal, which ignores no signal; waits for the container.
start() {
  PODLEASH_LOG=$LOG setsid env --default-signal "$BUILD/podleash" run --pid-dir "$PID_DIR" --unit "$UNIT" "$@" \
    </dev/null >"$WORK/stdout" 2>"$WORK/stderr" 3>&- &
  COMMAND_RUNNER=$(identity $!)
  OURS+=("$COMMAND_RUNNER")
  wait_running
}

# start_on_screen PROGRAM WORD...: the same in a terminal of its own (terminal.bash). PROGRAM, a shell's, gets the words of
# podleash run as "$@".
start_on_screen() {
  PODLEASH_LOG=$LOG start_in_terminal sh -c "$1" sh "$BUILD/podleash" run --pid-dir "$PID_DIR" --unit "$UNIT" "${@:2}"
  COMMAND_RUNNER=$TERMINAL
  wait_running
}

# deaf: the container has come to the program that is DEAF; before that it is the runtime's.
deaf() {
  [ "$(words "${CONTAINER%,*}" | paste -sd ' ')" = 'sleep 600' ]
}

said() {
  cat "$WORK/stdout" "$WORK/screen" 2>/dev/null | grep -q "$1"
}

# assert_job_status STATUS
assert_job_status() {
  job_status
  [ "$STATUS" = "$1" ] || fail "status $STATUS, not $1"
}

@test "SIGHUP, SIGTERM or SIGINT to podleash run podman run, or a script that execs it: the container ends, in silence" {
  local signal words
  for signal in HUP TERM INT; do
    for words in "$DEAF" "sh -c 'exec $DEAF'"; do
      echo "SIG$signal: $words"
      eval "start $words"
      wait_until 10 deaf
      kill -s $signal "${COMMAND_RUNNER%,*}"
      assert_job_ends
      assert_job_status 137
      [ ! -s "$WORK/stderr" ] || fail "$(<"$WORK/stderr")"
      grep -q 'ending it: cancelled$' "$LOG" || fail 'nothing in the log'
      rm "$LOG"
    done
  done
}

@test "SIGHUP to podleash run podman run whose container reloads on it: it is passed on, and the container goes on" {
  start podman run --rm --network=none "$IMAGE" sh -c "$RELOADS"
  wait_until 10 said ready
  kill -HUP "${COMMAND_RUNNER%,*}"
  wait_until 10 said reloaded
  "$BUILD/podleash" list --json "$PID_DIR" | jq -e '.state == "running"'
  alive "$CONTAINER"
  kill_now "$PODMAN"
  assert_nothing_left
}

@test "the terminal is lost below podleash run podman run: the container ends, deaf or not" {
  local program
  # podleash run leads the session, or its shell does, which passes SIGHUP on or is killed by it
  for program in 'exec "$@"' '"$@"; :' 'bash -ic "\"\$@\"; :" bash "$@"; :' 'bash -ic "\"\$@\" & wait" bash "$@"; :'; do
    echo "$program"
    # shellcheck disable=SC2086 # several words
    start_on_screen "$program" $DEAF
    kill_now "$TERMINAL"
    assert_job_ends
    start_on_screen "$program" podman run --rm --network=none "$IMAGE" sh -c "$RELOADS"
    wait_until 10 said ready
    kill_now "$TERMINAL"
    assert_job_ends
  done
}

@test "the terminal is lost below podleash run, and its command waits for its podman, as make does: the container ends" {
  start_on_screen 'exec "$@"' sh -c "trap : HUP; $DEAF; exit 2"
  kill_now "$TERMINAL"
  assert_job_ends
}

@test "Ctrl-C that a container does not hear ends it: below podleash run itself, and below a shell that waits for it" {
  local words
  for words in "$DEAF" "bash -c '$DEAF; exit \$?'"; do
    echo "$words"
    eval "start_on_screen '\"\$@\"; :' $words"
    wait_until 10 deaf
    press_ctrl_c
    assert_nothing_left
  done
}

@test "Ctrl-C that a container hears and survives: it lives on, as does one in the background, until the command ends" {
  local ready='echo ready; while :; do sleep 0.1; done'
  start_on_screen '"$@"; :' podman run --rm --network=none "$IMAGE" sh -c "trap 'echo heard' INT; $ready"
  wait_until 10 said ready
  press_ctrl_c
  wait_until 10 said heard
  "$BUILD/podleash" list --json "$PID_DIR" | jq -e '.state == "running"'
  alive "$CONTAINER"
  kill_now "$PODMAN"
  assert_nothing_left

  start_on_screen '"$@"; :' bash -c "trap 'echo heard' INT
    podman run -d --rm --network=none $IMAGE sleep 600; echo ready; until read -r _; do :; done"
  wait_until 10 said ready
  press_ctrl_c
  wait_until 10 said heard
  "$BUILD/podleash" list --json "$PID_DIR" | jq -e '.state == "running"'
  alive "$CONTAINER"
  echo >"$WORK/keys"
  assert_nothing_left
}

@test "Ctrl-C that a script has its podman ignore, by trap '' INT: the container goes on" {
  # A signal of its own tells that podleash run has dealt with the one before.
  start_on_screen '"$@"; :' bash -c "trap '' INT; trap 'echo told' USR1
    podman run --rm --network=none --volume=$WORK:/work $IMAGE sh -c '
      trap \"\" INT; echo ready; until [ -e /work/go ]; do sleep 0.1; done' &
    while kill -0 \$! 2>/dev/null; do wait \$!; status=\$?; done; echo status-\$status"
  wait_until 10 said ready
  press_ctrl_c
  wait_until 10 said '\^C'
  kill -USR1 "$(children "$(children "${TERMINAL%,*}")")"
  wait_until 10 said told
  "$BUILD/podleash" list --json "$PID_DIR" | jq -e '.state == "running"'
  alive "$CONTAINER"
  touch "$WORK/go"
  wait_until 10 said status-0 || fail "$(<"$WORK/screen")"
  assert_nothing_left
}

@test "a container that handles SIGTERM has the time that it takes; podleash run ends as it does" {
  start --grace 1 podman run --rm --network=none --volume="$WORK:/work" "$IMAGE" sh -c '
    trap "echo heard; until [ -e /work/go ]; do sleep 0.1; done; exit 3" TERM
    echo ready
    while :; do sleep 0.1; done'
  wait_until 10 said ready
  kill -TERM "${COMMAND_RUNNER%,*}"
  wait_until 10 said heard
  # The grace is for containers whose job is over.
  sleep 3
  touch "$WORK/go"
  assert_job_status 3
  assert_nothing_left
}

@test "a container below a command that drains lives until the command has ended" {
  mkfifo "$WORK/go"
  start bash -c "trap 'echo told; read -r _ <$WORK/go; podman exec $UNIT true && exit 4' TERM
    $DEAF & podman run -d --rm --network=none --name=$UNIT $IMAGE sleep 600 >/dev/null
    echo ready; while :; do wait; done"
  OUR_CONTAINERS+=("$UNIT")
  wait_until 15 said ready
  kill -TERM "${COMMAND_RUNNER%,*}"
  wait_until 10 said told
  echo >"$WORK/go"
  assert_job_status 4
  assert_nothing_left
}

@test "--kill-after ends a command that does not end, and its container" {
  start --kill-after 1 bash -c "trap '' TERM; $DEAF & wait; wait"
  kill -TERM "${COMMAND_RUNNER%,*}"
  assert_job_status 137
  assert_nothing_left
}
