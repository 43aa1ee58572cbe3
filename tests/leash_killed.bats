# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Whoever ends a run is killed himself, at each step in turn: nothing that he leaves half done is in podman's way, and
# the next sweep does the rest.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself
# shellcheck disable=SC2153 # the variables of wait_running
# shellcheck disable=SC2317 # each_step calls whom it is given

load test_helper.bash

# A step is a system call that changes something.
STEPS='?clone,?clone3,?vfork,flock,openat,write,?rename,?renameat,?renameat2,?unlink,unlinkat,?kill,pidfd_send_signal'

setup() {
  mkdir -m 0700 "$PID_DIR"
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# start_known UNIT: a job with a container, all of which is known to its guard.
start_known() {
  start_script "$1" <<END
podman run --rm --network=none --volume=/data $IMAGE sleep 600
END
  wait_running "$1"
  wait_until 5 grep -q '^exit_dir=' "$RECORD"
}

# traced [OPTION...] [COMMAND...]: strace of podleash, and not of the podmans that it calls.
traced() {
  strace -f -b execve -qq -o "$WORK/trace" -e trace="$STEPS" "$@" 2>"$WORK/strace.err"
}

# steps: those of $WORK/trace, `CALL N` a line: the N-th of a process.
steps() {
  awk '$2 ~ /^[a-z0-9_]+\(/ {
    call = $2
    sub(/\(.*/, "", call)
    n = ++count[$1, call]
    if (call != "openat" || /O_CREAT/) print call, n
  }' "$WORK/trace" | sort -u
}

# by_sweep [OPTION...]: the sweep of a run that has lost all but its container.
by_sweep() {
  kill_now "$GUARD" "$CONMON" "$PODMAN" "$RUNNER"
  wait_until 5 gone "$GUARD"
  traced "$@" "$BUILD/podleash" sweep "$PID_DIR" >/dev/null || true
}

# by_guard [OPTION...]: the guard of a run that loses its holder and its conmon.
by_guard() {
  is_traced() { ! grep -q '^TracerPid:[[:space:]]0$' "/proc/${GUARD%,*}/status"; }
  traced "$@" -p "${GUARD%,*}" 3>&- &
  wait_until 5 is_traced
  kill_now "$CONMON" "$RUNNER"
  wait $! || true
  gone "$GUARD" || fail 'the guard goes on'
}

# each_step WHO: WHO is killed at each step of what he does when nobody kills him.
each_step() {
  local call n unit=0 all
  start_known U0
  "$1"
  assert_nothing_left
  all=$(steps)
  [ "$(wc -l <<<"$all")" -gt 10 ] || fail "few steps: $all"
  while read -r call n; do
    start_known "U$((++unit))"
    "$1" -e inject="$call:signal=KILL:when=$n"
    podman info >/dev/null || fail "killed at $call $n: podman fails"
    PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR" || fail "killed at $call $n: $(cat "$LOG")"
    assert_nothing_left || fail "killed at $call $n"
  done <<<"$all"
}

@test "a sweep is killed at each of its steps: podman works, and the next one leaves nothing" {
  each_step by_sweep
}

@test "a guard is killed at each of its steps: podman works, and a sweep leaves nothing" {
  each_step by_guard
}
