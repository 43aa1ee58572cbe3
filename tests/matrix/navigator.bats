# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# ansible-navigator in stdout mode, at a terminal of its own and not below receptor: however it ends, its
# container ends with it.
# shellcheck disable=SC2034,SC2153 # MODE and its like are read and set in test_helper.bash

load ../test_helper.bash

setup() {
  jobs=0
  setup_job_dir
  mkdir -m 0700 "$PID_DIR"
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# start_navigator MODE [WORD...]: a terminal in which navigator runs the play; WORDs are navigator's. What
# is written to $WORK/keys is typed there. Sets UNIT, UNITDIR, MODE, and COMMAND_RUNNER: the terminal.
start_navigator() {
  local leash='' keys
  MODE=$1 UNIT=U$((++jobs))
  UNITDIR=$WORK/$UNIT
  mkdir "$UNITDIR"
  mkfifo "$UNITDIR/keys"
  case $MODE in
    env)
      leash="env LD_PRELOAD=$BUILD/libpodleash.so RECEPTOR_PID_DIRECTORY=$PID_DIR PODLEASH_HELPER=$BUILD/podleash PODLEASH_UNIT=$UNIT"
      ;;
    run) leash="$BUILD/podleash run --pid-dir $PID_DIR --unit $UNIT --" ;;
  esac
  (
    # bats waits for every process that holds one of its descriptors.
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      [ "$fd" -le 2 ] || eval "exec $fd>&-"
    done
    cd "$WORK" || exit
    export TMPDIR=$WORK/tmp TERM=xterm PODLEASH_LOG=$LOG
    # Opened for both, it neither waits for a writer nor ends with one.
    exec script -q -e -f -c "$leash $FIXTURES/navigator/bin/ansible-navigator run $WORK/job/project/sleep.yml \
      --mode stdout --ee true --ceng podman --eei $IMAGE --pp never --co=--network=none --co=--init \
      --pae false --lf $UNITDIR/navigator.log ${*:2}" /dev/null <>"$UNITDIR/keys" >"$UNITDIR/stdout" 2>&1
  ) &
  COMMAND_RUNNER=$(identity $!)
  OURS+=("$COMMAND_RUNNER")
}

# each_way NAME COMMAND...: a play that runs, below either leash, then COMMAND; nothing may be left.
each_way() {
  local mode
  for mode in env run; do
    echo "$mode"
    start_navigator $mode
    wait_running
    "$@"
    assert_job_ends 15
  done
}

kill_navigator() {
  kill_now "$RUNNER"
}

type_ctrl_c() {
  printf '\003' >"$UNITDIR/keys"
}

lose_terminal() {
  kill_now "$COMMAND_RUNNER"
}

@test "ansible-navigator is killed: nothing is left" {
  each_way kill_navigator
}

@test "Ctrl-C at ansible-navigator's terminal: nothing is left" {
  each_way type_ctrl_c
}

@test "ansible-navigator loses its terminal: nothing is left" {
  each_way lose_terminal
}

@test "a play runs to its end, says the same and ends with the same status as without podleash, nothing is left" {
  local mode
  for mode in bare env run; do
    echo "$mode"
    start_navigator $mode --senv EE_SLEEP=0
    job_status
    echo "status $STATUS" >>"$UNITDIR/stdout"
    cat "$UNITDIR/stdout"
    diff "$WORK/U1/stdout" "$UNITDIR/stdout"
    wait_until 5 no_files || fail "$(ls -A "$PID_DIR")"
  done
  grep -q 'PLAY \[sleep\]' "$WORK/U1/stdout"
  grep -qx 'status 0' "$WORK/U1/stdout"
}
