# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A detached container that is stopped and started inside its job stays leashed: it ends with the job, and not before.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself
# shellcheck disable=SC2154 # jobs is counted in detached.bash

load test_helper.bash
load detached.bash

setup() {
  NAME=restart-$(id -u)-$$-$(now_ms)
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# starts_again WAY HOW COMMAND: a job whose container, which stays, is started again by that command.
starts_again() {
  local way=$1 how=$2 name=$NAME-$1-$2-$((jobs + 1)) first
  start_way "$way" "$name" <<END
podman run -d --network=none --name $name $IMAGE sleep 600
podman inspect --format 'first {{.State.Pid}} end' $name
${3//NAME/$name}
podman run --rm --network=none $IMAGE true
echo ready
read -r _ <$WORK/go
END
  wait_ready
  learn "$name"
  first=$(sed -n 's/^first \(.*\) end$/\1/p' "$UNITDIR/stdout")
  [ "$first" != 0 ] && [ "${PROCESSES[0]%,*}" != "$first" ]
  "$BUILD/podleash" list "$PID_DIR" | tee "$WORK/list"
  [ "$(grep -c '^U.* running ' "$WORK/list")" = 1 ] || fail "$way: list does not show it as running"
  PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR"
  alive "${PROCESSES[0]}"
  end_job "$how"
  assert_ended
  # It was not to be removed.
  [ "$(podman inspect --format '{{.State.Running}}' "$name")" = false ]
}

@test "a detached container that is restarted inside the job stays leashed, and ends when the job does" {
  local way
  for way in "${WAYS[@]}"; do
    echo "$way"
    starts_again "$way" itself 'podman restart -t 0 NAME'
  done
}

@test "a detached container that is stopped and started inside the job ends when who holds the job is killed" {
  local way
  for way in "${WAYS[@]}"; do
    echo "$way"
    starts_again "$way" killed 'podman stop -t 0 NAME; podman start NAME'
  done
}

# start_restarted WAY [COMMAND [WORDS]]: a job that has restarted its container, which stays, and waits. Sets RECORD
# and GUARD.
start_restarted() {
  start_way "$1" "$NAME" <<END
podman run -d --network=none --name $NAME ${3:-$IMAGE sleep 600}
${2:-podman restart -t 0 $NAME}
echo ready
read -r _ <$WORK/go
END
  wait_ready
  learn "$NAME"
  RECORD=$(record_path "$UNIT") || fail 'it has no record'
  GUARD=$(record_value guard "$RECORD" | tail -n 1)
}

@test "a detached container is restarted, and its guard is killed: a sweep gives it another, and it ends with the job" {
  start_restarted run
  kill_now "$GUARD"
  wait_until 5 gone "$GUARD"
  PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR" | grep -w guarded
  OURS+=("$(record_value guard "$RECORD" | tail -n 1)")
  alive "${PROCESSES[0]}"
  end_job itself
  assert_ended
}

# assert_swept: the guard and who holds the job are killed, and a sweep ends the container.
assert_swept() {
  kill_now "$GUARD"
  end_job killed
  wait_until 5 gone "$HOLDER"
  PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR"
  processes_gone || fail 'the sweep has returned, and it goes on'
  assert_ended
}

@test "a detached container is restarted, its guard and who holds the job are killed: a sweep ends it" {
  start_restarted env
  assert_swept
}

# knows_conmon: the record has the conmon that runs now.
knows_conmon() {
  [ "$(record_value conmon "$RECORD" | tail -n 1)" = "${PROCESSES[1]}" ]
}

@test "the same while the first conmon waits for what the container left running" {
  start_restarted env "podman stop -t 0 $NAME; podman start $NAME" \
    "--pid=host $IMAGE sh -c 'sleep 600 & sleep 601 & wait; wait'"
  wait_until 10 knows_conmon
  assert_swept
}

guard_is_there() {
  guard=$(record_value guard "$PID_DIR"/*.run 2>/dev/null | tail -n 1) && [ -n "$guard" ]
}

has_ended() {
  podman container inspect --format '{{.State.Status}}' "$NAME" 2>/dev/null | grep -qx exited
}

@test "a detached container that has ended before its guard saw anything of it is started inside the job: it is leashed" {
  local guard
  mkfifo "$WORK/start"
  hold_podman_back "$WORK/run"
  PATH=$WORK/bin:$PATH start_way shell "$NAME" <<END
podman run -d --network=none --name $NAME $IMAGE sh -c '[ -e /first ] && exec sleep 600; : >/first'
read -r _ <$WORK/start
podman start $NAME
echo ready
read -r _ <$WORK/go
END
  wait_until 10 guard_is_there
  OURS+=("$guard")
  kill -STOP "${guard%,*}"
  : >"$WORK/run"
  wait_until 20 has_ended || fail 'it goes on'
  if grep -h '^conmon=' "$PID_DIR"/*.run; then fail 'the guard has seen it'; fi
  kill -CONT "${guard%,*}"
  # One that takes it for over takes two seconds.
  sleep 3
  echo go >"$WORK/start"
  wait_ready
  learn "$NAME"
  end_job itself
  assert_ended
  [ "$(podman inspect --format '{{.State.Running}}' "$NAME")" = false ] || fail 'it outlives the job'
}

# restarting NAME...: the podman that restarts these containers is at work.
restarting() {
  local pid
  for pid in $(carrying "restart"); do
    [ "$(words "$pid" | paste -sd ' ')" != "podman restart $*" ] || { RESTARTER=$(identity "$pid") && return; }
  done
  return 1
}

@test "who holds the job is killed while its detached containers are being restarted: nothing runs in the end" {
  local way name
  local -a names
  for way in env alone; do
    echo "$way"
    names=("$NAME-$way" "$NAME-$way-2")
    # They are deaf to SIGTERM: podman waits ten seconds for their end before it starts them anew.
    start_way "$way" "${names[@]}" <<END
podman run -d --network=none --name ${names[0]} $IMAGE sleep 600
podman run -d --network=none --name ${names[1]} $IMAGE sleep 600
echo ready
podman restart ${names[*]}
END
    wait_ready
    learn "${names[@]}"
    wait_until 10 restarting "${names[@]}"
    OURS+=("$RESTARTER")
    end_job killed
    wait_until 20 gone "$RESTARTER"
    assert_ended
    for name in "${names[@]}"; do
      [ "$(podman inspect --format '{{.State.Running}}' "$name")" = false ] || fail "$way: $name was started anew"
    done
  done
}

# start_namesake WAY WHERE: a job that in the end starts a container by the name of its own, which is another: that was
# given another name (renamed), or it is in another storage (elsewhere). Sets FLAGS, which podman needs to find it.
start_namesake() {
  local name=$NAME-$1-$2 other=$NAME-$1-$2-other rename=''
  FLAGS=()
  OUR_CONTAINERS+=("$name" "$other")
  if [ "$2" = renamed ]; then
    rename="podman rename $name $name-old && podman rename $other $name"
  else
    FLAGS=(--root "$WORK/storage" --runroot "$WORK/runroot" --storage-driver vfs)
    podman save "$IMAGE" | podman "${FLAGS[@]}" load
    other=$name
  fi
  podman "${FLAGS[@]}" create --network=none --name "$other" "$IMAGE" sh -c 'trap "exit 9" TERM; while :; do sleep 0.2; done'
  start_way "$1" "$name" "$name-old" <<END
podman run -d --network=none --name $name $IMAGE sleep 600
$rename
setsid podman ${FLAGS[*]} start --attach $name </dev/null >/dev/null 2>&1 &
until [ "\$(podman ${FLAGS[*]} inspect --format '{{.State.Running}}' $name)" = true ]; do sleep 0.1; done
echo ready
read -r _ <$WORK/go
END
  wait_ready
}

job_has_ended() {
  gone "$COMMAND_RUNNER" && ! compgen -G "$PID_DIR/*.run" >/dev/null
}

@test "what is started by the name of the job's container, and is another, is not ended with the job" {
  local way where
  for way in env alone; do
    for where in renamed elsewhere; do
      echo "$way, $where"
      start_namesake "$way" "$where"
      end_job itself
      wait_until 20 job_has_ended || { show; fail "$way, $where: the job goes on"; }
      [ "$(podman "${FLAGS[@]}" inspect --format '{{.State.Running}}' "$NAME-$way-$where")" = true ] ||
        { show; fail "$way, $where: it was ended"; }
      podman "${FLAGS[@]}" rm --force --time 0 "$NAME-$way-$where"
    done
    podman "${FLAGS[@]}" rmi --all --force
  done
}

# hold_cleanup_back: from now on the podman that conmon calls in the end waits for a line in $WORK/cleanup. It would remove
# a container with --rm in every second restart.
hold_cleanup_back() {
  mkfifo -m 0666 "$WORK/cleanup"
  replace_podman "read -r _ <$WORK/cleanup"
}

# restarted_unseen WAY: a job whose container, with --rm, is restarted while its guard is stopped, which knows the first
# conmon. Sets GUARD, and learns what runs now.
restarted_unseen() {
  local record conmon
  rm -f "$WORK/cleanup"
  cp "$(command -v podman)" "$WORK/podman"
  start_way "$1" "$NAME" <<END
$WORK/$(detached "$NAME")
read -r _ <$WORK/go
podman restart -t 0 $NAME
echo ready
sleep 600
END
  knows_conmon() { record=$(record_path "$UNIT") && grep -q '^conmon=' "$record" && grep -q '^container=' "$record"; }
  wait_until 20 knows_conmon || fail 'it does not run'
  GUARD=$(record_value guard "$record" | tail -n 1)
  conmon=$(record_value conmon "$record")
  OURS+=("$GUARD" "$conmon")
  kill -STOP "${GUARD%,*}"
  wait_until 5 stopped "$GUARD"
  hold_cleanup_back
  echo go >"$WORK/go"
  wait_ready
  learn "$NAME"
  echo >"$WORK/cleanup"
  wait_until 20 gone "$conmon"
}

@test "a detached container with --rm is restarted and nobody has seen it when all is killed: a sweep ends it" {
  local way
  for way in env alone; do
    NAME=$NAME-$way
    echo "$way"
    restarted_unseen "$way"
    kill_now "$GUARD"
    end_job killed
    wait_until 5 gone "$HOLDER"
    PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR"
    assert_ended "$NAME"
  done
}

@test "a step that waits for all its children, as their subreaper: it is not kept by a container that has stopped" {
  local way name
  cat >"$WORK/step.py" <<'PYTHON'
import ctypes, os, subprocess, sys

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
subprocess.run(sys.argv[1:], check=True)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
PYTHON
  for way in "${WAYS[@]}"; do
    echo "$way"
    name=$NAME-$((jobs + 1))
    start_way "$way" "$name" <<END
/usr/bin/python3 $WORK/step.py podman run -d --network=none --name $name $IMAGE true
echo ready
read -r _ <$WORK/go
END
    wait_ready
    wait_until 10 no_record || fail "$way: left: $(ls -A "$PID_DIR")"
    [ "$(podman inspect --format '{{.State.Status}}' "$name")" = exited ]
    end_job itself
    wait_until 20 gone "$COMMAND_RUNNER" || fail "$UNIT: goes on"
    [ ! -s "$LOG" ] || fail "$way: $(<"$LOG")"
  done
}
