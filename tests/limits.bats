#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Where descriptors, processes, memory, /proc or pidfds are short: a job starts all the same, and who
# ends a run ends all of it or says that something is left. podman, conmon and the container are
# stand-ins, which need less than podleash does; the last test is on the real ones.
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2016 # scripts for another shell

load test_helper.bash

setup() {
  local program
  PODLEASH=$BUILD/podleash
  SHARED=$(mktemp -d /tmp/podleash-limits.XXXXXX)
  mkdir -m 0700 "$PID_DIR"
  mkdir "$SHARED/bin" "$SHARED/other"
  for program in bin/podman bin/conmon bin/container other/container other/conmon; do
    cp "$BUILD/tests/stand_in" "$SHARED/$program"
  done
  export PODLEASH_LOG=$LOG RECEPTOR_PID_DIRECTORY=$PID_DIR PODLEASH_GRACE=1
  RUN=$PID_DIR/$$-1
  CID=$("$SHARED/bin/podman" id)
  start_innocents
}

teardown() {
  local process
  for process in "${OURS[@]}" $(stand_ins); do
    kill_now "$process"
  done
  cleanup_job
  rm -rf "$SHARED"
}

# ---- a run of stand-ins ----

# start_innocents: what nobody may signal, one of them named by a file in the directory: a conmon of another
# container, and one of this container that podman has not started.
start_innocents() {
  local program cid
  for program in container conmon; do
    cid=$(sha256sum <<<"$SHARED" | cut -c -64)
    [ $program = conmon ] || cid=$CID
    (
      [ $program = container ] || export _OCI_SYNCPIPE=3
      exec -a container "$SHARED/other/$program" -c "$cid" -u "$cid" -p "$SHARED/1-1.pid" \
        --conmon-pidfile "$SHARED/1-1.conmon.pid" --exit-command /bin/false --exit-command-arg "$cid" 3>&- 4>&-
    ) &
    OURS+=("$(identity $!)")
  done
  INNOCENTS=("${OURS[@]}")
  echo $! >"$PID_DIR/foreign.pid"
}

# stand_ins: the live processes of the run.
stand_ins() {
  local exe
  for exe in /proc/[0-9]*/exe; do
    case $(readlink "$exe") in
      "$SHARED"/bin/*) identity "$(cut -d / -f 3 <<<"$exe")" ;;
    esac
  done
}

no_stand_ins() {
  [ -z "$(stand_ins)" ]
}

# give_to_user: the directory and the stand-ins are podleash-test's from now on.
give_to_user() {
  PID_DIR=$SHARED/pids LOG=$SHARED/log
  mkdir -m 0700 "$PID_DIR"
  export PODLEASH_LOG=$LOG RECEPTOR_PID_DIRECTORY=$PID_DIR
  RUN=$PID_DIR/$$-1
  chown -R podleash-test "$SHARED"
  AS_USER=(setpriv --reuid podleash-test --regid podleash-test --init-groups)
}

# start_run COMMAND...: a holder that starts hold by this command, as a runner would.
start_run() {
  rm -rf "$SHARED"/bin/{pid,exits,bundle} "$RUN.cid"
  (
    cd /
    exec "${AS_USER[@]}" sh -c '"$@"; exit $?' sh "$@" "$PODLEASH" hold "$SHARED/bin/podman" podman run \
      "--conmon-pidfile=$RUN.conmon.pid" "--pidfile=$RUN.pid" --rm image
  ) >"$WORK/job" 2>"$WORK/job.err" </dev/null 3>&- 4>&- &
  HOLDER=$(identity $!) || HOLDER=$!,0
  OURS+=("$HOLDER")
}

# simple_podman: one that needs no other process, and no /proc.
simple_podman() {
  printf '#!/bin/sh\necho job\nexit 7\n' >"$SHARED/bin/podman"
}

# container_pid: its identity, once it runs.
container_pid() {
  live_pid_in "$SHARED/bin/pid"
}

is_known() {
  grep -qs '^container=' "$RUN.run"
}

# start_leashed COMMAND...: the same, until its guard knows all of it.
start_leashed() {
  start_run "$@"
  wait_until 10 is_known || explain 'no guard that knows the container'
  GUARD=$(record_value guard "$RUN.run" | tail -n 1)
  OURS+=("$GUARD")
}

# container_or_end: whether the container runs, or no job does.
container_or_end() {
  container_pid >/dev/null || gone "$HOLDER"
}

# job_ends_by_itself: the container is told to end with 7, and nobody's word but the job's was heard.
job_ends_by_itself() {
  local status=0
  wait_until 10 container_or_end || explain 'no job'
  ! alive "$HOLDER" || kill -USR1 "$(cat "$SHARED/bin/pid")"
  wait "${HOLDER%,*}" || status=$?
  [ $status = 7 ] || explain "the job: status $status"
  [ "$(cat "$WORK/job")" = job ] || explain 'the job: not its own words'
  [ ! -s "$WORK/job.err" ] || explain 'the job: words on stderr'
}

# job_is_refused: 125, one line, and podman was not started.
job_is_refused() {
  local status=0
  wait "${HOLDER%,*}" || status=$?
  [ $status = 125 ] || explain "the job: status $status"
  [ ! -s "$WORK/job" ] || explain 'podman was started'
  [ "$(wc -l <"$WORK/job.err")" = 1 ] || explain 'not one line on stderr'
}

explain() {
  head -n 20 "$WORK/job" "$WORK/job.err" "$LOG" "$RUN.run" 2>&1
  fail "$*"
}

files() {
  find "$PID_DIR" -type f ! -name 'foreign.pid' ! -name 'cancelled.*' ! -name '.podman-*'
}

innocents_live() {
  local process
  for process in "${INNOCENTS[@]}"; do
    alive "$process" || explain "$process is gone, and is nobody's"
  done
}

nothing_runs() {
  no_stand_ins && [ -z "$(files)" ]
}

# ends_all STATUS: a reaper's status, that of the last command: 0 with nothing left, or 1 and a word.
ends_all() {
  case $1 in
    0) nothing_runs || explain "status 0, and left: $(stand_ins) $(files)" ;;
    1) [ -s "$WORK/out" ] || [ -s "$WORK/err" ] || explain 'status 1 and not a word' ;;
    *) explain "status $1" ;;
  esac
  innocents_live
}

# reaper COMMAND...: the command with the directory behind it; sets STATUS.
reaper() {
  STATUS=0
  "${AS_USER[@]}" "$@" "$PID_DIR" >"$WORK/out" 2>"$WORK/err" </dev/null 3>&- 4>&- || STATUS=$?
}

# ends_under COMMAND...: cancel and sweep below this command end a run, or say that they did not; one without
# any limit then ends the rest.
ends_under() {
  local command
  for command in 'cancel --timeout=2' sweep; do
    start_leashed
    kill_now "$GUARD"
    [ "$command" != sweep ] || kill_now "$HOLDER"
    # shellcheck disable=SC2086 # words
    reaper "$@" "$PODLEASH" $command
    echo "$command: $STATUS"
    ends_all "$STATUS"
    reaper "$PODLEASH" "${command% *}"
    [ "$STATUS" = 0 ] || explain "$command without a limit: status $STATUS"
    ends_all 0
    rm -f "$PID_DIR"/cancelled.*
  done
}

# limited OPTION VALUE: a command line that sets this limit of ulimit.
limited() {
  LIMITED=(bash -c 'ulimit "$1" "$2" && shift 2 && exec "$@"' bash "$1" "$2")
}

# starts_under: a program can be loaded under this limit at all.
starts_under() {
  "$@" "$PODLEASH" version >/dev/null 2>&1
}

# ---- the limits ----

@test "few descriptors: the job runs and ends as it would have" {
  local count
  for count in 4 5 6 7 8 10 12 16 20; do
    limited -n "$count"
    starts_under "${LIMITED[@]}" || continue
    start_run "${LIMITED[@]}"
    job_ends_by_itself
    wait_until 10 no_stand_ins
    reaper "$PODLEASH" sweep
    [ "$STATUS" = 0 ] && [ -z "$(files)" ] || explain "$count descriptors: left: $(files)"
  done
  innocents_live
}

@test "8 descriptors, strict: the job is not started, and says why" {
  limited -n 8
  PODLEASH_STRICT=1 start_run "${LIMITED[@]}"
  job_is_refused
}

@test "few descriptors: a run is ended, or it is said that it was not" {
  local count
  for count in 6 10; do
    echo "descriptors: $count"
    limited -n $count
    ends_under "${LIMITED[@]}"
  done
}

# bats test_tags=plain
@test "little memory: the job runs and ends as it would have" {
  local kib tried=0
  for ((kib = 2000; tried < 8; kib += 60)); do
    limited -v $kib
    starts_under "${LIMITED[@]}" || continue
    start_run "${LIMITED[@]}"
    job_ends_by_itself
    wait_until 10 no_stand_ins
    # A guard without the memory to look around tries for long; its lock goes with it.
    [ ! -e "$RUN.run" ] || kill_now "$(record_value guard "$RUN.run")"
    reaper "$PODLEASH" sweep
    [ "$STATUS" = 0 ] && [ -z "$(files)" ] || explain "$kib KiB: left: $(files)"
    tried=$((tried + 1))
  done
  innocents_live
}

# bats test_tags=plain
@test "little memory: a run is ended, or it is said that it was not" {
  local kib tried=0
  # From the least that a program can be loaded in.
  for ((kib = 2000; tried < 3; kib += 60)); do
    limited -v $kib
    starts_under "${LIMITED[@]}" || continue
    echo "KiB: $kib"
    ends_under "${LIMITED[@]}"
    tried=$((tried + 1))
  done
}

# bats test_tags=root
@test "no process to be had: the job runs, and the log says why; strict: it does not" {
  give_to_user
  limited -u 1
  simple_podman
  start_run "${LIMITED[@]}"
  job_ends_by_itself
  [ "$(grep -c 'no guard: ' "$LOG")" = 1 ]
  rm "$RUN.run" # for cancel and sweep; this podman tells them nothing
  PODLEASH_STRICT=1 start_run "${LIMITED[@]}"
  job_is_refused
}

# bats test_tags=root
@test "no process to be had: a run is ended" {
  give_to_user
  limited -u 1
  ends_under "${LIMITED[@]}"
}

@test "a guard that is slower than hold waits for it guards all the same" {
  start_leashed strace -f -qq -D -o /dev/null -e trace=signalfd4 -e inject=signalfd4:delay_enter=3000000
  kill_now "$HOLDER"
  wait_until 10 nothing_runs || explain 'something is left'
}

@test "a guard that is told to end before it can hear it ends its run" {
  start_run strace -f -qq -D -o /dev/null -e trace=signalfd4 -e inject=signalfd4:signal=TERM
  wait_until 10 gone "$HOLDER" || explain 'the job runs'
  wait_until 10 nothing_runs || explain 'something is left'
  ! grep 'no guard' "$LOG" || explain 'it was killed'
}

is_traced() {
  ! grep -q '^TracerPid:.0$' "/proc/${1%,*}/status"
}

says_no_room() {
  grep -q 'podman does not clean up after it: .*: fewer than 24 processes can be started here$' "$LOG"
} 2>/dev/null

# bats test_tags=root
@test "a user's guard that gets fewer processes than podman needs does not call it, and does once it gets them" {
  local strace
  give_to_user
  start_leashed
  strace -qq -o /dev/null -e trace=clone,clone3 -e inject=clone,clone3:error=EAGAIN:when=12+ -p "${GUARD%,*}" 3>&- 4>&- &
  strace=$(identity $!)
  OURS+=("$strace")
  wait_until 5 is_traced "$GUARD"
  kill_now "$(record_value conmon "$RUN.run")"
  wait_until 20 says_no_room || explain 'no such line in the log'
  [ -e "$SHARED/bin/bundle" ] || explain 'podman has cleaned up'
  kill_now "$strace"
  wait_until 20 nothing_runs || explain 'something is left'
}

@test "a log on a disk that hangs: the container is ended first" {
  local container strace
  start_leashed
  container=$(container_pid)
  strace -qq -o /dev/null -P "$LOG" -e trace=openat -e inject=openat:delay_enter=60000000 -p "${GUARD%,*}" 3>&- 4>&- &
  strace=$(identity $!)
  OURS+=("$strace")
  wait_until 5 is_traced "$GUARD"
  kill_now "$HOLDER"
  wait_until 5 gone "$container" || explain 'the container waits for the log'
  kill_now "$strace"
  wait_until 10 nothing_runs || explain 'something is left'
  grep -q 'ending it: sh is gone' "$LOG"
}

# Below a /proc that shows an ordinary user its own processes only.
in_hidden_proc=(unshare --mount sh -c 'mount -t proc -o hidepid=2 proc /proc && exec "$@"' sh)

# bats test_tags=root
@test "a /proc that hides other users' processes: a run is leashed and ended" {
  give_to_user
  AS_USER=("${in_hidden_proc[@]}" "${AS_USER[@]}")
  start_leashed
  kill_now "$HOLDER"
  wait_until 10 nothing_runs || explain 'something is left'
  ends_under
}

# bats test_tags=root
@test "a /proc that hides the process that asks: the job runs, and the log says why; strict: it does not" {
  give_to_user
  local -a as_user=("${AS_USER[@]}")
  AS_USER=("${in_hidden_proc[@]}")
  start_run "${as_user[@]}"
  job_ends_by_itself
  [ "$(grep -c 'without a leash' "$LOG")" = 1 ]
  PODLEASH_STRICT=1 start_run "${as_user[@]}"
  job_is_refused
}

# A /proc with nothing in it: a chroot that nobody prepared.
no_proc=(unshare --mount sh -c 'mount -t tmpfs none /proc && exec "$@"' sh)

# bats test_tags=plain,root
@test "no /proc: the job runs, and the log says why; strict: it does not" {
  simple_podman
  start_run "${no_proc[@]}"
  job_ends_by_itself
  [ "$(grep -c 'without a leash' "$LOG")" = 1 ]
  PODLEASH_STRICT=1 start_run "${no_proc[@]}"
  job_is_refused
}

@test "no /proc: nothing that runs counts as ended" {
  ends_under "${no_proc[@]}"
}

# bats test_tags=root
@test "no pidfds: a job ends as it would have, and with its holder" {
  start_run "$BUILD/tests/without_pidfd"
  job_ends_by_itself
  wait_until 10 nothing_runs || explain 'something is left'
  start_leashed "$BUILD/tests/without_pidfd"
  kill_now "$HOLDER"
  wait_until 10 nothing_runs || explain 'something is left'
  innocents_live
}

# bats test_tags=root
@test "no pidfds: cancel and sweep end all of a run" {
  ends_under "$BUILD/tests/without_pidfd"
  # Its guard has none either.
  start_leashed "$BUILD/tests/without_pidfd"
  reaper "$BUILD/tests/without_pidfd" "$PODLEASH" cancel
  [ "$STATUS" = 0 ]
  ends_all 0
}

# bats test_tags=root
@test "no pidfds, real podman: the runner is killed, and nothing is left" {
  start_script U1 env "$BUILD/tests/without_pidfd" <<END
podman run --rm --network=none $IMAGE sleep 600
exit \$?
END
  wait_running
  kill_now "$RUNNER"
  assert_job_ends
}
