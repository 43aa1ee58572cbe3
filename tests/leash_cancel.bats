# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# `podleash cancel`: at every moment of a run, by every name, with any number of others beside it.
# shellcheck disable=SC2034 # MODE and its like are read in test_helper.bash
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself

bats_require_minimum_version 1.5.0
load test_helper.bash

setup() {
  jobs=0
  mkdir -p "$PID_DIR"
  chmod 0700 "$PID_DIR"
}

teardown() {
  # A runtime that waits for it may end.
  : >"$WORK/go"
  cleanup_job
  # In the root of this machine, where a test that failed has left them.
  [ -z "${LATE-}" ] || rm -f "$LATE"*
  assert_no_container_of_ours
}

# cancel WORD...
cancel() {
  PODLEASH_LOG=$LOG "$BUILD/podleash" cancel "$@"
}

# assert_cancelled: right now nothing is left of the run of the last wait_running but its runner, which may
# need a moment to see that it has lost its podman.
assert_cancelled() {
  local RUNNER='' LEASH_RUN=''
  nothing_left && return
  show_what_is_there
  fail "$UNIT: cancel returned, and not all is gone"
}

# start_sleep [MODE [WORD...]]: a unit whose container sleeps; GLOBAL is podman's flags.
start_sleep() {
  start_script "U$((++jobs))" "$@" <<END
podman ${GLOBAL-} run --rm --network=none $IMAGE sleep 600
echo "status \$?"
END
}

has_record() {
  RECORD=$(record_path "$UNIT") && GUARD=$(record_value guard "$RECORD" | grep . | tail -n 1)
}

# wait_record: waits until the unit has a guarded record; sets RECORD, RUN, PODMAN and GUARD. For a run whose
# container does not come.
wait_record() {
  RUNNER='' LEASH_RUN='' CONMON='' CONTAINER='' CID=''
  wait_until 15 has_record || fail "$UNIT: no record" || return
  RUN=${RECORD%.run}
  PODMAN=$(record_value podman "$RECORD" | head -n 1)
  OURS+=("$PODMAN" "$GUARD")
}

podman_answers() {
  timeout 5 podman ps -a >/dev/null || fail 'podman ps is blocked'
}

# ---- at every moment ----

@test "cancelled before podman is asked for: podman is not started, and says why" {
  local mode
  mkfifo "$WORK/start"
  for mode in env run; do
    echo "$mode"
    start_script "U$((++jobs))" $mode <<END
read -r _ <"$WORK/start"
podman run --rm --network=none $IMAGE echo it runs
echo "status \$?"
END
    # The shell has opened its end when this returns.
    exec 7>"$WORK/start"
    # What is set is a pid directory, whatever is in it by now.
    RECEPTOR_PID_DIRECTORY=$PID_DIR cancel --unit "$UNIT" "$PID_DIR"
    echo go >&7
    exec 7>&-
    job_status
    cat "$UNITDIR/stdout"
    grep -q 'was cancelled' "$UNITDIR/stdout"
    grep -qx 'status 125' "$UNITDIR/stdout"
    if grep -q 'it runs' "$UNITDIR/stdout"; then fail 'it ran'; fi
    if compgen -G "$PID_DIR/*.run" || compgen -G "$PID_DIR/*.pid"; then fail 'files are left'; fi
    none_carries "$PID_DIR/"
  done
}

# late_podman [COMMAND...]: a unit whose script asks for podman when its command-runner has been killed and
# the COMMAND has come to its end.
late_podman() {
  mkfifo "$WORK/start"
  start_script U1 <<END
read -r _ <"$WORK/start"
podman run --rm --network=none $IMAGE echo it runs
echo "status \$?"
END
  exec 7>"$WORK/start"
  kill_now "$COMMAND_RUNNER"
  "$@"
  echo go >&7
  exec 7>&-
  wait_until 10 grep -q '^status' "$UNITDIR/stdout"
  cat "$UNITDIR/stdout" "$LOG"
}

@test "the command-runner is killed before podman is asked for: podman is not started, and says why" {
  late_podman wait_until 5 gone "$COMMAND_RUNNER"
  grep -q 'has ended; podman is not started$' "$UNITDIR/stdout"
  grep -qx 'status 125' "$UNITDIR/stdout"
  no_files || fail 'files are left'
}

# Makes RECEPTOR a command-runner that has much memory to give back: killed, it has its children for a while yet, and
# no command line any more.
exiting_runner() {
  cat >"$WORK/large" <<END
#!/usr/bin/env python3
import mmap, runpy
with open("/proc/self/comm", "w") as comm:
    comm.write("receptor")
memory = mmap.mmap(-1, 1 << 30, mmap.MAP_PRIVATE)
memory.madvise(mmap.MADV_NOHUGEPAGE)
for page in range(0, len(memory), mmap.PAGESIZE):
    memory[page] = 1
runpy.run_path("$TESTS/command-runner", run_name="__main__")
END
  chmod +x "$WORK/large"
  RECEPTOR=$WORK/large
}

# is_exiting PID,START: SIGKILL has reached it.
is_exiting() {
  [ -z "$(words "${1%,*}")" ]
}

@test "the command-runner is exiting while podman is asked for: podman is not started, or ended at once" {
  exiting_runner
  runner_is_exiting() { wait_until 5 is_exiting "$COMMAND_RUNNER"; }
  late_podman runner_is_exiting
  ! grep -q 'it runs' "$UNITDIR/stdout" || fail 'it runs'
  wait_until 10 no_files || fail 'files are left'
}

@test "podleash run is exiting while podman is asked for: podman is not started, or ended at once" {
  local run
  mkfifo "$WORK/start"
  cat >"$WORK/job.sh" <<END
trap '' TERM
read -r _ <"$WORK/start"
podman run --rm --network=none $IMAGE sleep 1000
echo "status \$?"
END
  LARGE=$((1 << 30)) LD_PRELOAD=$BUILD/tests/large.so PODLEASH_LOG=$LOG \
    "$BUILD/podleash" run --pid-dir "$PID_DIR" sh "$WORK/job.sh" >"$WORK/out" 2>&1 7>&- &
  run=$(identity $!)
  exec 7>"$WORK/start"
  kill_now "$run"
  wait_until 5 is_exiting "$run"
  echo go >&7
  exec 7>&-
  wait_until 20 grep -q '^status' "$WORK/out"
  wait_until 10 no_files || fail 'files are left'
}

# The clock of start times ticks every 10 ms, and who starts in the very tick of a cancel counts as cancelled.
next_tick() {
  [ "$(now_ms)" -gt "$1" ]
}

@test "a job of the same name that starts after the cancel runs" {
  start_sleep
  wait_running
  cancel --unit U1 "$PID_DIR"
  assert_cancelled
  assert_job_ends
  wait_until 5 next_tick "$(now_ms)"
  jobs=0
  start_sleep
  wait_running U1
  alive "$CONTAINER"
  cancel "$PID_DIR"
  assert_cancelled
  assert_job_ends
}

@test "cancelled while podman is a script that has not come to podman yet: nothing starts any more" {
  mkdir "$WORK/bin"
  cat >"$WORK/bin/podman" <<END
#!/bin/sh
# Before podleash starts it, it asks it for its flags.
case "\$* " in
  *" --help "*) ;;
  run*) $(hold_back) ;;
esac
exec $(command -v podman) "\$@"
END
  chmod +x "$WORK/bin/podman"
  start_sleep env "PATH=$WORK/bin:$PATH"
  wait_until 10 test -e "$WORK/called"
  wait_record
  cancel "$PID_DIR"
  : >"$WORK/go"
  assert_cancelled
  gone "$(<"$WORK/called")"
  assert_job_ends
}

# start_held_back WORD [MODE]: a run whose runtime is held back where WORD is asked of it; sets RUNTIME.
start_held_back() {
  rm -f "$WORK/called" "$WORK/go"
  make_runtime "$1" "$(hold_back)"
  start_sleep "${@:2}"
  wait_until 15 test -e "$WORK/called"
  wait_record
  RUNTIME=$(identity "$(<"$WORK/called")")
  OURS+=("$RUNTIME")
}

@test "cancelled while the runtime creates the container: it never starts, podman is not blocked" {
  local mode
  for mode in env run; do
    echo "$mode"
    start_held_back create $mode
    cancel "$PID_DIR"
    # Whoever waits for this would go on now.
    : >"$WORK/go"
    gone "$RUNTIME"
    assert_cancelled
    podman_answers
    assert_job_ends
  done
}

@test "the command-runner is killed while the runtime creates the container: it never starts, podman is not blocked" {
  start_held_back create
  kill_now "$COMMAND_RUNNER"
  assert_job_ends
  : >"$WORK/go"
  gone "$RUNTIME"
  podman_answers
}

@test "podman is killed before it wrote down that the runtime has made the container: nothing of it stays there" {
  local id
  make_runtime create "\$real \"\$@\"; for id; do :; done; echo \$id >$WORK/id; $(hold_back); exit"
  start_sleep
  wait_until 15 test -e "$WORK/called"
  wait_record
  id=$(<"$WORK/id")
  "$WORK/runtime" state "$id" >/dev/null
  kill_now "$PODMAN"
  : >"$WORK/go"
  assert_job_ends
  ! "$WORK/runtime" state "$id" 2>/dev/null || fail 'the runtime knows it'
}

@test "podman is stopped while it starts the container: nobody waits for its lock" {
  start_held_back start
  kill -STOP "${PODMAN%,*}"
  : >"$WORK/go"
  wait_until 10 gone "$RUNTIME"
  kill_now "$COMMAND_RUNNER"
  assert_job_ends
  podman_answers
}

# start_unseen [ARGUMENT...]: start_sleep's, and kills all but the container, which none of them has seen; sets INIT.
start_unseen() {
  # Its pid is known to the test alone, as where the runtime is killed before it has written that down.
  make_runtime create "$(hold_back); \$real \"\$@\"; for id; do :; done; echo \$id >$WORK/id; rm $PID_DIR/*.conmon.pid; mv $PID_DIR/*.pid $WORK/init; exec sleep 600"
  start_sleep "$@"
  wait_until 15 test -e "$WORK/called"
  wait_record
  RUNTIME=$(identity "$(<"$WORK/called")")
  CONMON=$(live_pid_in "$RUN.conmon.pid")
  kill_now "$GUARD"
  : >"$WORK/go"
  wait_until 10 test -e "$WORK/init"
  INIT=$(identity "$(<"$WORK/init")")
  OURS+=("$RUNTIME" "$CONMON" "$INIT")
  kill_now "$PODMAN" "$CONMON" "$RUNTIME" "$COMMAND_RUNNER"
  alive "$INIT"
}

# unsee: makes the record that of a guard that was killed earlier.
unsee() {
  sed -i -E '/^(conmon|runtime|bundle|exit_dir|cleanup)=/d' "$RECORD"
}

# bats test_tags=pidfile
@test "all are killed while the runtime creates the container, which none of them has seen: cancel ends it" {
  start_unseen
  cancel "$PID_DIR"
  gone "$INIT" || fail 'what became of the container goes on'
  ! "$WORK/runtime" state "$(<"$WORK/id")" 2>/dev/null || fail 'the runtime knows it'
  assert_cancelled
}

# bats test_tags=pidfile
@test "all are killed, and podman has removed the container from its database alone: the runtime forgets it as well" {
  local real
  real=$(podman info --format '{{.Host.OCIRuntime.Path}}')
  start_unseen
  unsee
  kill_now "$INIT"
  make_runtime delete 'exit 0'
  podman rm --force "$(<"$WORK/id")"
  "$real" state "$(<"$WORK/id")" >/dev/null
  cancel "$PID_DIR"
  ! "$real" state "$(<"$WORK/id")" 2>/dev/null || fail 'the runtime knows it'
  assert_cancelled
}

# bats test_tags=pidfile
@test "podman is killed, and has removed the container from its database alone: the guard has the runtime forget it" {
  local real runtime conmon init runner
  real=$(podman info --format '{{.Host.OCIRuntime.Path}}')
  make_runtime create "$(hold_back); \$real \"\$@\"; for id; do :; done; echo \$id >$WORK/id; mv $PID_DIR/*[0-9a-f].pid $WORK/init; exec sleep 600"
  start_sleep
  wait_until 15 test -e "$WORK/called"
  wait_record
  knows_conmon() { grep -q '^conmon=' "$RECORD"; }
  wait_until 10 knows_conmon
  kill -STOP "${GUARD%,*}"
  wait_until 5 stopped "$GUARD"
  : >"$WORK/go"
  wait_until 10 test -e "$WORK/init"
  init=$(identity "$(<"$WORK/init")") conmon=$(record_value conmon "$RECORD") runtime=$(identity "$(<"$WORK/called")")
  OURS+=("$init" "$conmon" "$runtime")
  # A holder that lives is in no hurry.
  runner=$(identity "$(stat_field 4 "${PODMAN%,*}")")
  OURS+=("$runner")
  kill -STOP "${runner%,*}"
  kill_now "$PODMAN" "$conmon" "$runtime" "$init"
  wait_until 5 gone "$init"
  make_runtime delete 'exit 0'
  podman rm --force "$(<"$WORK/id")"
  "$real" state "$(<"$WORK/id")" >/dev/null
  ln -sf "$real" "$WORK/runtime"
  kill -CONT "${GUARD%,*}"
  wait_until 15 gone "$GUARD"
  kill -CONT "${runner%,*}"
  ! "$real" state "$(<"$WORK/id")" 2>/dev/null || fail 'the runtime knows it'
}

# bats test_tags=pidfile
@test "the same, without a sight of conmon, and podman is killed when it is asked for the container: it is asked again" {
  mkdir "$WORK/bin"
  cat >"$WORK/bin/podman" <<END
#!/bin/sh
case "\$*" in
  *' exists '*) [ -e "$WORK/asked" ] || { : >"$WORK/asked"; kill -KILL \$\$; } ;;
esac
exec $(command -v podman) "\$@"
END
  chmod +x "$WORK/bin/podman"
  start_unseen env "PATH=$WORK/bin:$PATH"
  unsee
  cancel "$PID_DIR"
  [ -e "$WORK/asked" ]
  gone "$INIT" || fail 'what became of the container goes on'
  assert_cancelled
}

@test "cancelled while the runtime starts the container: the runtime ends as well" {
  start_held_back start
  cancel "$PID_DIR"
  gone "$RUNTIME" || fail 'the runtime goes on'
  assert_cancelled
  : >"$WORK/go"
  podman_answers
  assert_job_ends
}

# crun runs a copy of itself, whose program has no name; and where the container's first process is killed in that moment
# its start waits for ever.
@test "cancelled while the runtime is a copy of itself and starts the container: it ends as well" {
  cat >"$WORK/copy.py" <<'END'
import os, sys
copy = os.memfd_create("copy", os.MFD_CLOEXEC)
with open(sys.argv[1], "rb") as program:
    os.sendfile(copy, program.fileno(), 0, os.fstat(program.fileno()).st_size)
os.execve(copy, sys.argv[2:], {"_LIBCONTAINER_CLONED_BINARY": "1"})
END
  make_runtime start "echo \$\$ >$WORK/called; for id; do :; done; exec /usr/bin/python3 $WORK/copy.py $BUILD/tests/idle $WORK/runtime start \$id"
  start_sleep
  wait_until 15 is_copy || fail 'no copy runs'
  wait_record
  RUNTIME=$(identity "$(<"$WORK/called")")
  OURS+=("$RUNTIME")
  timeout 60 "$BUILD/podleash" cancel "$PID_DIR"
  gone "$RUNTIME" || fail 'the runtime goes on'
  assert_cancelled
  podman_answers
  assert_job_ends
}

is_copy() {
  [[ $(readlink "/proc/$(<"$WORK/called")/exe") == /memfd:* ]]
}

@test "cancelled while the image is being pulled from a registry that hangs: podman ends, nothing is left" {
  local mode
  start_mute_registry
  for mode in env run; do
    echo "$mode"
    rm -f "$WORK/asked"
    IMAGE=127.0.0.1:$PORT/x start_sleep $mode
    wait_until 15 test -e "$WORK/asked"
    wait_record
    alive "$PODMAN"
    cancel "$PID_DIR"
    assert_cancelled
    podman_answers
    assert_job_ends
  done
}

@test "cancelled while the image is being pulled, by a script in podman's place that puts a flag in: podman ends" {
  start_mute_registry
  mkdir "$WORK/bin"
  cat >"$WORK/bin/podman" <<END
#!/bin/sh
[ "\$1" = run ] || exec $(command -v podman) "\$@"
shift
exec $(command -v podman) run --log-driver=k8s-file "\$@"
END
  chmod +x "$WORK/bin/podman"
  IMAGE=127.0.0.1:$PORT/x start_sleep env "PATH=$WORK/bin:$PATH"
  wait_until 15 test -e "$WORK/asked"
  wait_record
  alive "$PODMAN"
  cancel "$PID_DIR"
  assert_cancelled
  assert_job_ends
}

@test "podleash run is told to end while the image is being pulled: it ends with podman, nothing is left" {
  start_mute_registry
  IMAGE=127.0.0.1:$PORT/x start_sleep run
  wait_until 15 test -e "$WORK/asked"
  wait_record
  kill -INT "${COMMAND_RUNNER%,*}"
  assert_job_ends 12
}

# exists PATTERN
exists() {
  compgen -G "$1" >/dev/null
}

# bats test_tags=pidfile
@test "cancelled at the first sight of the record, of conmon's pid file, of the container's: nothing is left" {
  local sight mode
  for mode in env run; do
    for sight in run conmon.pid pid; do
      echo "$mode: $sight"
      start_sleep $mode
      # No other kind of file has a hyphen before its first dot.
      wait_until 15 exists "$PID_DIR/[0-9]*-*[0-9a-f].$sight"
      cancel "$PID_DIR"
      if exists "$PID_DIR/[0-9]*-*"; then fail "files are left: $(ls -A "$PID_DIR")"; fi
      none_carries "$PID_DIR/[0-9]"
      wait_until 10 gone "$COMMAND_RUNNER" || fail "$UNIT: its command-runner goes on"
      assert_no_container_of_ours
    done
  done
}

@test "cancelled while it runs: the container, its records and files are gone when cancel returns" {
  local mode
  for mode in env run; do
    echo "$mode"
    setup_job_dir
    start_job "U$((++jobs))" '' $mode
    wait_running
    cancel "$PID_DIR"
    assert_cancelled
    assert_job_ends
  done
}

@test "cancelled just when the container's first process has died: cancel waits for podman's cleanup" {
  local i
  for i in 1 2 3; do
    start_sleep
    wait_running
    kill_now "$CONTAINER"
    cancel "$PID_DIR"
    assert_cancelled
    assert_job_ends
  done
}

@test "cancelled while the runtime deletes the container: cancel waits for podman's cleanup" {
  make_runtime delete ": >$WORK/called; sleep 1"
  start_sleep
  wait_running
  kill_now "$CONTAINER"
  wait_until 10 test -e "$WORK/called"
  cancel "$PID_DIR"
  assert_cancelled
  podman_answers
  assert_job_ends
}

@test "SIGTERM to the guard ends the run" {
  local mode
  for mode in env run; do
    echo "$mode"
    start_sleep $mode
    wait_running
    kill -TERM "${GUARD%,*}"
    assert_job_ends
  done
}

# ---- by every name ----

@test "cancel takes a directory, or a unit below RECEPTOR_PID_DIRECTORY, or both" {
  local way
  for way in directory unit both own below; do
    echo "$way"
    start_sleep
    wait_running
    case $way in
      directory) cancel "$PID_DIR/" ;;
      unit) cancel "$UNIT" "$PID_DIR" ;;
      both) cancel --unit "$UNIT" "$PID_DIR" ;;
      own)
        # A directory that is the unit's own, below the one that is set.
        cancel "$PID_DIR"
        assert_job_ends
        PID_DIR=$WORK/pids/U5
        mkdir -m 0700 "$PID_DIR"
        jobs=4
        start_sleep
        wait_running
        cancel --unit U5 "$WORK/pids"
        ;;
      below)
        PID_DIR=$WORK/pids/U6
        mkdir -m 0700 "$PID_DIR"
        jobs=5
        start_sleep
        wait_running
        cancel --unit U6 "$WORK/pids"
        ;;
    esac
    assert_cancelled
    assert_job_ends
  done
}

@test "cancel --unit finds the directory that podleash run made below the default root" {
  local root=/run/podleash unit made=''
  [ "$(id -u)" = 0 ] || root=$XDG_RUNTIME_DIR/podleash
  [ -e "$root" ] || made=1
  unit=test-$$-$(now_ms)
  start_unit "$unit" env "-u RECEPTOR_PID_DIRECTORY PODLEASH_LOG=$LOG $BUILD/podleash run -- podman run --rm --network=none $IMAGE sleep 600"
  MODE=run PID_DIR=$root/$unit
  wait_running
  [ "${RECORD%/*}" = "$root/$unit" ]
  cancel --unit "$unit"
  assert_cancelled
  assert_job_ends
  # It goes with the unit. Leave the machine as it was.
  [ ! -e "$root/$unit" ]
  rm -f "$root/cancelled.$unit"
  [ -z "$made" ] || rm -rf "$root"
}

# start_late UNIT: a unit whose `podleash run` waits for the FIFO `start` before it is called.
start_late() {
  [ -p "$WORK/start" ] || mkfifo "$WORK/start"
  exec 7<>"$WORK/start"
  rm -f "$WORK/late.pid"
  cat >"$WORK/late" <<END
echo \$\$ >"$WORK/late.pid"
read -r _ <"$WORK/start"
exec "$BUILD/podleash" run -- podman run --rm --network=none $IMAGE echo it runs
END
  start_unit "$1" env "-u RECEPTOR_PID_DIRECTORY PODLEASH_LOG=$LOG sh $WORK/late"
  wait_until 10 [ -s "$WORK/late.pid" ]
}

@test "a unit cancelled, alone or with all others, before podleash run has made its directory: nothing is started" {
  local root=$WORK/root/podleash what made='' ways=(unit all)
  export XDG_RUNTIME_DIR=$WORK/root
  if [ "$(id -u)" = 0 ]; then
    # The machine's own, where others may run.
    root=/run/podleash ways=(unit)
  fi
  [ -e "$root" ] || made=1
  [ "$root" = /run/podleash ] || mkdir "$WORK/root"
  [ -e "$root" ] || mkdir -m 0700 "$root"
  LATE=$root/cancelled.late-$$-
  for what in "${ways[@]}"; do
    start_late "late-$$-$((++jobs))"
    if [ "$what" = unit ]; then cancel --unit "$UNIT" "$root"; else cancel "$root"; fi
    echo go >&7
    job_status
    grep -q "unit $UNIT: it was cancelled; podman is not started" "$UNITDIR/stdout" || fail "$(<"$UNITDIR/stdout")"
    [ ! -e "$root/$UNIT" ]
  done
  # A later one is another matter.
  wait_until 5 next_tick "$(now_ms)"
  start_late "late-$$-$((++jobs))"
  echo go >&7
  exec 7>&-
  job_status
  grep -qx 'it runs' "$UNITDIR/stdout"
  [ -z "$made" ] || rm -rf "$root"
}

# start_asked THEN [MODE [WORD...]]: a container that says that it was asked to end, and THEN.
start_asked() {
  start_script "U$((++jobs))" "${@:2}" <<END
podman run --rm --network=none $IMAGE sh -c 'trap "echo asked; $1" TERM; echo ready; while :; do sleep 0.1; done'
exit \$?
END
  wait_running
  wait_ready
}

@test "cancel --grace: guards give the container what the canceller asks for, not what they were started with" {
  start_asked : env PODLEASH_GRACE=600
  cancel --grace 0 "$PID_DIR"
  assert_job_ends
}

# pause: the container. Without a cgroup of its own, rootless on cgroup v1, podman cannot pause one.
pause() {
  podman pause "$CID" 2>"$WORK/err" || grep -q cgroup "$WORK/err"
}

@test "a paused container hears that it is to end, and ends within its grace" {
  local answer since
  for answer in exit :; do
    echo "$answer"
    start_asked $answer env PODLEASH_GRACE=2
    pause
    since=$(now_ms)
    cancel "$PID_DIR"
    # podman's cleanup takes one of these seconds at most.
    [ $(($(now_ms) - since)) -le 4000 ] || fail "it took $(($(now_ms) - since)) ms"
    assert_cancelled
    assert_job_ends
    grep -qx asked "$UNITDIR/stdout"
    if grep 'does not end' "$LOG"; then fail 'it did not end'; fi
    wait_until 5 next_tick "$(now_ms)"
  done
}

@test "cancel --grace is for what it cancels: a later job has its own" {
  RECEPTOR_PID_DIRECTORY=$PID_DIR cancel --grace 0 "$PID_DIR"
  # An owner of the same tick counts as earlier.
  wait_until 5 next_tick "$(now_ms)"
  start_asked exit
  kill -TERM "${GUARD%,*}"
  assert_job_ends
  grep -qx asked "$UNITDIR/stdout"
}

@test "cancel --grace: a guard that waits out a longer one already hears of it" {
  start_asked : env PODLEASH_GRACE=600
  kill_now "$RUNNER"
  wait_until 10 grep -qx asked "$UNITDIR/stdout"
  cancel --grace 0 "$PID_DIR"
  assert_job_ends
}

@test "cancelling again, or twice at once, is no error" {
  local first second
  start_sleep
  wait_running
  cancel "$PID_DIR" 3>&- &
  first=$!
  cancel "$PID_DIR" 3>&- &
  second=$!
  wait $first
  wait $second
  assert_cancelled
  cancel "$PID_DIR"
  cancel --unit U1 "$PID_DIR"
  assert_job_ends
}

@test "a unit that nobody knows is marked where a directory is named, and else no unit at all" {
  RECEPTOR_PID_DIRECTORY=$PID_DIR run -0 cancel --unit nobody "$PID_DIR"
  [ -z "$output" ]
  RECEPTOR_PID_DIRECTORY=$WORK/none run -1 cancel --unit nobody
  [[ $output == *'nobody: no such unit'* ]]
  [ ! -e "$WORK/none" ]
}

@test "a wrong command line is refused with status 2, a directory that is not there with 1" {
  run -2 cancel
  run -2 cancel --unit ../x
  run -2 cancel --unit ''
  run -2 cancel --grace soon "$PID_DIR"
  run -2 cancel --timeout -1 "$PID_DIR"
  run -2 cancel --force "$PID_DIR"
  run -2 cancel "$PID_DIR" "$WORK"
  run -1 cancel "$WORK/none"
  [[ $output == *"$WORK/none"* ]]
}

@test "cancel --timeout ends with status 1 where the time was too short, and a later cancel with 0" {
  start_script U1 env PODLEASH_GRACE=3 <<END
podman run --rm --network=none $IMAGE sh -c 'trap : TERM; echo ready; sleep 600 & while kill -0 \$!; do wait \$!; done 2>/dev/null'
exit \$?
END
  wait_running
  wait_ready
  run -1 cancel --timeout 1 "$PID_DIR"
  alive "$CONTAINER"
  run -0 cancel "$PID_DIR"
  assert_cancelled
  assert_job_ends
}

# ---- several ----

# start_three: a unit with three runs at once; sets RUNS and CONTAINERS.
start_three() {
  start_script "U$((++jobs))" <<END
for i in 1 2 3; do
  podman run --rm --network=none $IMAGE sleep 600 &
done
wait
END
  wait_until 30 containers_are 3
}

# containers_are N: whether N runs of the directory have a living container; sets CONTAINERS and RECORDS.
containers_are() {
  local file container
  CONTAINERS=() RECORDS=()
  for file in "$PID_DIR"/*.run "$PID_DIR"/*/*.run; do
    [ -e "$file" ] || continue
    container=$(live_pid_in "$(pid_file "$file")") || return
    [ -e "${file%.run}.conmon.pid" ] || return
    CONTAINERS+=("$container")
    RECORDS+=("$file")
  done
  [ ${#CONTAINERS[@]} = "$1" ]
}

@test "a unit of several runs: all of them end, --json tells of each in a line" {
  local container
  start_three
  cancel --json "$PID_DIR" >"$WORK/json"
  cat "$WORK/json"
  for container in "${CONTAINERS[@]}"; do
    gone "$container"
  done
  none_carries "$PID_DIR/"
  if exists "$PID_DIR/*.run" || exists "$PID_DIR/*.pid"; then fail 'files are left'; fi
  wait_until 10 gone "$COMMAND_RUNNER"
  [ "$(wc -l <"$WORK/json")" = 3 ]
  [ "$(jq -c 'select(.unit == "U1" and .result == "ended") | .run' "$WORK/json" | sort -u | wc -l)" = 3 ]
}

# start_units N flat|own: N units with a container each, under podleash run, in one directory or in one each.
# Sets UNITS, CONTAINERS_OF and GUARDS_OF by unit, and RUNS: podleash run, by unit.
start_units() {
  local i unit directory record
  declare -gA CONTAINER_OF=() GUARD_OF=() LEASH_OF=()
  for ((i = 1; i <= $1; i++)); do
    directory=$PID_DIR
    [ "$2" = flat ] || directory=$PID_DIR/U$i
    PODLEASH_LOG=$LOG "$BUILD/podleash" run --pid-dir "$directory" --unit "U$i" -- \
      podman run --rm --network=none "$IMAGE" sleep 600 </dev/null >"$WORK/U$i.out" 2>&1 3>&- 4>&- &
    LEASH_OF[U$i]=$(identity $!)
    OURS+=("${LEASH_OF[U$i]}")
  done
  wait_until 90 containers_are "$1" || {
    cat "$WORK"/U*.out
    ls -lR "$PID_DIR"
    fail "only ${#CONTAINERS[@]} of $1 came"
  } || return
  for record in "${RECORDS[@]}"; do
    unit=$(record_value unit "$record")
    CONTAINER_OF[$unit]=$(live_pid_in "$(pid_file "$record")")
    GUARD_OF[$unit]=$(record_value guard "$record")
  done
  [ ${#CONTAINER_OF[@]} = "$1" ]
}

# assert_only_ended UNIT: of all units of start_units that one's container alone has ended.
assert_only_ended() {
  local unit
  gone "${CONTAINER_OF[$1]}"
  wait_until 10 gone "${LEASH_OF[$1]}"
  for unit in "${!CONTAINER_OF[@]}"; do
    [ "$unit" != "$1" ] || continue
    alive "${CONTAINER_OF[$unit]}" || fail "$unit: its container has ended" || return
    alive "${GUARD_OF[$unit]}" || fail "$unit: its guard has ended" || return
    alive "${LEASH_OF[$unit]}" || fail "$unit: its podleash run has ended" || return
  done
}

assert_all_ended() {
  local unit
  for unit in "${!CONTAINER_OF[@]}"; do
    gone "${CONTAINER_OF[$unit]}" || fail "$unit: its container lives" || return
    wait_until 10 gone "${LEASH_OF[$unit]}" || fail "$unit: its podleash run goes on" || return
  done
  none_carries "$PID_DIR/"
  if exists "$PID_DIR/*.run" || exists "$PID_DIR/*/*.run"; then fail 'records are left'; fi
}

@test "30 units in one directory: cancelling one touches no other, cancelling the directory ends all" {
  start_units 30 flat
  cancel --unit U7 "$PID_DIR"
  assert_only_ended U7
  cancel "$PID_DIR"
  assert_all_ended
}

@test "30 units with a directory each: cancelling one touches no other, all can be cancelled at once" {
  local unit process
  local -a cancels=()
  start_units 30 own
  RECEPTOR_PID_DIRECTORY=$PID_DIR cancel --unit U7 "$PID_DIR"
  assert_only_ended U7
  for unit in "${!CONTAINER_OF[@]}"; do
    # The directory of a unit that has ended went with it.
    [ -e "$PID_DIR/$unit" ] || continue
    cancel "$PID_DIR/$unit" 3>&- &
    cancels+=($!)
  done
  for process in "${cancels[@]}"; do
    wait "$process"
  done
  assert_all_ended
}

# ---- pid files of somebody else ----

# start_plain OPTION...: a detached container of a podman that podleash knows nothing of.
start_plain() {
  UNIT=plain RUNNER='' LEASH_RUN='' PODMAN='' GUARD='' RECORD='' RUN=''
  CID=$(podman run -d --rm --network=none "$@" "$IMAGE" sleep 600 3>&-)
  OUR_CONTAINERS+=("$CID")
  read -r CONTAINER CONMON < <(podman inspect --format '{{.State.Pid}} {{.State.ConmonPid}}' "$CID")
  CONTAINER=$(identity "$CONTAINER") CONMON=$(identity "$CONMON")
}

# bats test_tags=pidfile
@test "plain pid files of a podman without podleash: cancel DIR ends the container and removes the files" {
  local options
  for options in "--conmon-pidfile=$PID_DIR/conmon.pid" "--pidfile=$PID_DIR/x.pid" \
    "--conmon-pidfile=$PID_DIR/conmon.pid --pidfile=$PID_DIR/x.pid"; do
    echo "$options"
    # shellcheck disable=SC2086 # these are words
    start_plain $options
    # What another cancel is about to rename.
    : >"$PID_DIR/.cancelled-99-1"
    RECEPTOR_PID_DIRECTORY=$PID_DIR cancel "$PID_DIR"
    assert_cancelled
    [ -e "$PID_DIR/.cancelled-99-1" ] || fail "another's tombstone is gone"
    if exists "$PID_DIR/*.pid"; then fail "files are left: $(ls -A "$PID_DIR")"; fi
  done
}

@test "a plain pid file that names an innocent process: cancel leaves the process alone" {
  local innocent name
  sleep 600 3>&- &
  innocent=$(identity $!)
  OURS+=("$innocent")
  for name in conmon.pid x.pid 123-4ab.pid 123-4ab.conmon.pid; do
    echo "${innocent%,*}" >"$PID_DIR/$name"
    RECEPTOR_PID_DIRECTORY=$PID_DIR run cancel "$PID_DIR"
    echo "$name: $status: $output"
    [ "$status" -le 1 ]
    alive "$innocent"
    rm -f "$PID_DIR/$name"
  done
}
