# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What is ended is the run whose holder died, and nothing that only looks like it; and it stays ended.
# shellcheck disable=SC2030,SC2031,SC2153 # each test is a subshell, and what it sets is for itself

load test_helper.bash

setup() {
  jobs=0
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# start_run WORD...: a job that runs a container with these podman options; leaves its processes in the
# variables of wait_running.
start_run() {
  start_script "U$((++jobs))" <<END
podman run --rm --network=none $* $IMAGE sleep 600
exit \$?
END
  wait_running
}

has_learned() {
  grep -q '^container=' "$RECORD"
}

# bats test_tags=pidfile
@test "two runs share a pid file of the user's own: the end of one leaves the other alone" {
  local option innocent_runner
  local -a innocent
  for option in "--pidfile=$WORK/shared.pid" "--conmon-pidfile=$WORK/shared.pid"; do
    echo "option: $option"
    start_run "$option"
    local first=$RUNNER first_podman=$PODMAN first_run=$RUN
    start_run "$option"
    innocent_runner=$RUNNER
    # The shared file may still have named the first one's.
    wait_until 10 has_learned
    CONMON=$(record_value conmon "$RECORD") CONTAINER=$(record_value container "$RECORD")
    OURS+=("$CONMON" "$CONTAINER")
    innocent=("$PODMAN" "$CONMON" "$CONTAINER" "$GUARD")
    kill_now "$first"
    wait_until 15 gone "$first_podman"
    wait_until 15 none_carries "$first_run."
    for process in "${innocent[@]}"; do
      alive "$process" || fail "$process is gone, and its runner lives"
    done
    kill_now "$innocent_runner"
    wait_until 15 none_carries "$RUN."
    for process in "${innocent[@]}"; do
      wait_until 10 gone "$process"
    done
  done
}

# restarted: another container runs than the $first.
restarted() {
  container_runs && [ "$CONTAINER" != "$first" ]
}

# wait_restarted: waits for the run's container, and for another one in its place.
wait_restarted() {
  wait_running
  local first=$CONTAINER
  wait_until 20 restarted
  OURS+=("$CONMON" "$CONTAINER")
}

# assert_stays_ended: nothing of the run is left but a container that podman knows to have ended.
assert_stays_ended() {
  wait_until 20 none_carries "$RUN."
  wait_until 5 gone "$GUARD"
  [ "$(podman container inspect --format '{{.State.Running}}' "$CID")" = false ]
  if compgen -G "$RUN.*" >/dev/null; then fail 'files are left'; fi
}

@test "a restart policy starts the container again: the new one is leashed, and the job's end is the last" {
  start_script U1 <<END
podman run -d --restart=always --network=none --label=work=$WORK/ $IMAGE sleep 1
sleep 600
END
  wait_restarted
  kill_now "$RUNNER"
  assert_stays_ended
}

@test "a restart policy in the foreground: what it has started again ends with its podman" {
  start_script U1 <<END
podman run --restart=always --network=none --label=work=$WORK/ $IMAGE sleep 1 &
sleep 600
END
  wait_restarted
  kill_now "$PODMAN"
  assert_stays_ended
  alive "$RUNNER"
}

@test "a podleash run inside another: the end of the inner one leaves the outer's container alone" {
  start_script U1 run <<END
podman run --rm --network=none $IMAGE sleep 600 &
while ! ls $PID_DIR/*.pid >/dev/null 2>&1; do sleep 0.1; done
$BUILD/podleash run -- true
echo ready
wait
END
  wait_ready
  wait_running
  alive "$CONTAINER"
  if compgen -G "$PID_DIR/cancelled.*" >/dev/null; then fail 'the unit counts as cancelled'; fi
  kill_now "$RUNNER"
  assert_job_ends
}

@test "cancel of a root ends what runs in the directories of its units" {
  PID_DIR=$WORK/root/U1
  mkdir -m 0700 "$WORK/root"
  start_run
  RECEPTOR_PID_DIRECTORY=$WORK/root "$BUILD/podleash" cancel "$WORK/root"
  assert_job_ends
}

@test "--env-host: a container that a job runs or creates has nothing of podleash's in its environment" {
  local mode
  for mode in env run; do
    echo "$mode"
    start_script "U-$mode" $mode <<END
podman run --rm --network=none --env-host $IMAGE env | sed 's/^/run /'
for create in create 'container create' '--log-level=error create'; do
  id=\$(podman \$create --network=none --env-host $IMAGE true)
  podman container inspect --format '{{range .Config.Env}}create {{.}}
{{end}}' \$id
  podman rm \$id >/dev/null
done
END
    job_status
    [ "$STATUS" = 0 ] || fail "status $STATUS"
    [ "$(grep -c '^create HOME=' "$UNITDIR/stdout")" = 3 ] && grep -q '^run HOME=' "$UNITDIR/stdout" || fail "$(<"$UNITDIR/stdout")"
    if grep -E '^[a-z]+ (PODLEASH_|RECEPTOR_PID_DIRECTORY=|LD_PRELOAD=|ASAN_OPTIONS=)' "$UNITDIR/stdout"; then fail 'it has'; fi
  done
}

@test "SIGCHLD ignored by whoever starts the job: its run is leashed all the same" {
  start_script U1 <<END
trap '' CHLD
podman run --rm --network=none $IMAGE sleep 600
exit \$?
END
  wait_running
  kill_now "$RUNNER"
  assert_job_ends
}

@test "a paused container ends with its runner" {
  start_run
  if ! podman pause "$CID" 2>"$WORK/err"; then
    # Without a cgroup of its own, rootless on cgroup v1, podman cannot pause one.
    grep -q cgroup "$WORK/err"
  fi
  kill_now "$RUNNER"
  assert_job_ends
}

@test "conmon stopped, then its runner killed: nothing is left" {
  start_run
  kill -STOP "${CONMON%,*}"
  wait_until 5 stopped "$CONMON"
  kill_now "$RUNNER"
  assert_job_ends
}

# exec_conmon: prints the conmon of the container's one podman exec, once it leads its session: it forks before.
exec_conmon() {
  local pid
  for pid in $(carrying "$CID/userdata/"); do
    if words "$pid" | grep -qxE -- '-e|--exec' && [ "$(stat_field 6 "$pid")" = "$pid" ]; then
      identity "$pid"
      return
    fi
  done
  return 1
}

@test "the conmon of a podman exec stopped, then its runner killed: nothing is left" {
  local option session
  for option in '' --pid=host; do
    echo "option: $option"
    start_run "$option"
    podman exec -d "$CID" sleep 600
    session=$(exec_conmon) || fail 'no conmon of the exec'
    OURS+=("$session")
    kill -STOP "${session%,*}"
    wait_until 5 stopped "$session"
    kill_now "$RUNNER"
    assert_job_ends
    gone "$session" || fail 'it goes on'
    if grep 'does not end' "$LOG"; then fail 'the container waits for it'; fi
  done
}

# is_stuck PROCESS: it waits until somebody takes what it writes to a socket.
is_stuck() {
  [[ $(</proc/"${1%,*}"/wchan) == sock_* ]]
}

@test "a podman exec whose output nobody takes, then its runner killed: nothing is left" {
  local session
  mkfifo "$WORK/output"
  start_run
  sleep 600 <>"$WORK/output" 3>&- 4>&- &
  OURS+=("$(identity $!)")
  podman exec "$CID" yes >"$WORK/output" 2>/dev/null 3>&- 4>&- &
  OURS+=("$(identity $!)")
  wait_until 10 exec_conmon >/dev/null || fail 'no conmon of the exec'
  session=$(exec_conmon)
  OURS+=("$session")
  wait_until 20 is_stuck "$session"
  kill_now "$RUNNER"
  assert_job_ends 20
  gone "$session" || fail 'it goes on'
}

@test "the guard stopped: cancel wakes it, and nothing is left" {
  start_run
  kill -STOP "${GUARD%,*}"
  wait_until 5 stopped "$GUARD"
  "$BUILD/podleash" cancel "$PID_DIR"
  assert_job_ends
}

@test "the guard stopped, then its runner killed: a sweep wakes it and waits until nothing is left" {
  start_run
  kill -STOP "${GUARD%,*}"
  wait_until 5 stopped "$GUARD"
  kill_now "$RUNNER"
  wait_until 5 gone "$RUNNER"
  "$BUILD/podleash" sweep "$PID_DIR"
  nothing_left || fail 'the sweep did not wait'
}

# start_stopped_hold: a job whose hold is stopped as soon as its record is there. Sets HOLD.
start_stopped_hold() {
  # The first podman has it asked for its flags: the answer is renamed as the record is.
  start_script U1 <<END
podman run --rm --network=none $IMAGE true
strace -o /dev/null -e trace=rename,renameat,renameat2 -e inject=rename,renameat,renameat2:signal=SIGSTOP \
  podman run --rm --network=none --label=work=$WORK/ $IMAGE sleep 600
exit \$?
END
  published() { RECORD=$(record_path U1) && stopped_or_traced "$(record_value podman "$RECORD")"; }
  wait_until 20 published
  HOLD=$(record_value podman "$RECORD")
  OURS+=("$HOLD")
}

stopped_or_traced() {
  [[ $(stat_field 3 "${1%%,*}") == [Tt] ]]
}

@test "hold stopped before it is podman: cancel wakes it, and no container starts" {
  start_stopped_hold
  "$BUILD/podleash" cancel "$PID_DIR"
  gone "$HOLD" || fail 'hold goes on'
  [ ! -e "$RECORD" ]
}

@test "hold stopped, then its runner killed: a sweep wakes it, and nothing is left" {
  start_stopped_hold
  RUNNER=$(record_value holder "$RECORD" | sed -n 's/,[^,]*$//; 2p')
  kill_now "$RUNNER"
  wait_until 5 gone "$RUNNER"
  "$BUILD/podleash" sweep "$PID_DIR"
  gone "$HOLD" || fail 'hold goes on'
  [ ! -e "$RECORD" ]
}
