# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A container that stays, for it has no --rm, is its owner's after the job: it starts as any other, and nobody ends it.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself
# shellcheck disable=SC2016 # scripts for another shell

load test_helper.bash

# In a container: ends at once when it runs for the first time, and sleeps from then on.
ONCE='[ -e /first ] && exec sleep 600; : >/first'

setup() {
  NAME=stays-$(id -u)-$$-$(now_ms)
  mkdir -m 0700 "$WORK/kept"
  export PODLEASH_LOG=$LOG
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# in_job WAY SCRIPT: the shell script as a job, to its end.
#   made   below podleash run, in a directory that is made for the job
#   kept   below podleash run, in a directory that was there
#   shell  with the two variables, in a directory that was there
in_job() {
  OUR_CONTAINERS+=("$NAME")
  PID_DIR=$WORK/kept
  case $1 in
    made)
      PID_DIR=$WORK/made
      "$BUILD/podleash" run --pid-dir "$PID_DIR" --unit U1 sh -c "$2"
      ;;
    kept) "$BUILD/podleash" run --pid-dir "$PID_DIR" --unit U1 sh -c "$2" ;;
    shell)
      env "LD_PRELOAD=$BUILD/libpodleash.so" "RECEPTOR_PID_DIRECTORY=$PID_DIR" "PODLEASH_HELPER=$BUILD/podleash" \
        sh -c "$2"
      ;;
  esac >"$WORK/stdout" 2>&1 3>&- 4>&- 5>&- </dev/null || fail "$1: status $?: $(<"$WORK/stdout")"
}

# owned COMMAND...: what its owner does, without anything of ours.
owned() {
  "$@" >"$WORK/owned" 2>&1 3>&- 4>&- 5>&- </dev/null || fail "$*: status $?: $(<"$WORK/owned")"
}

# init: prints the container's first process.
init() {
  identity "$(podman inspect --format '{{.State.Pid}}' "$NAME")"
}

# owner_starts: its owner starts the container. Sets INIT.
owner_starts() {
  owned podman start "$NAME"
  INIT=$(init)
  OURS+=("$INIT")
}

# forget: the container is removed; one that runs would be given ten seconds first.
forget() {
  podman kill "$NAME" >/dev/null 2>&1 || true
  podman rm --force "$NAME" >/dev/null
}

no_record() {
  ! compgen -G "$PID_DIR/*.run" >/dev/null
}

# assert_owners: its owner starts it, and nothing of ours ends it.
assert_owners() {
  local words
  owner_starts
  if [ -d "$PID_DIR" ]; then
    "$BUILD/podleash" list "$PID_DIR" >"$WORK/list" || [ $? = 1 ]
    if grep '^U1' "$WORK/list"; then fail 'it counts as a run'; fi
    for words in sweep cancel 'cancel --unit U1' sweep; do
      # A directory that has no run is refused, or has nothing to end in it: 1 or 0.
      # shellcheck disable=SC2086 # words
      "$BUILD/podleash" $words "$PID_DIR" || [ $? = 1 ]
      alive "$INIT" || fail "$words has ended it: $(cat "$LOG" 2>&1)"
    done
  fi
  # Another job comes and goes, where its predecessor's directory was.
  in_job made 'podman run --rm --network=none '"$IMAGE"' true'
  alive "$INIT" || fail "the next job has ended it: $(cat "$LOG" 2>&1)"
  [ "$(podman inspect --format '{{.State.Running}}' "$NAME")" = true ]
}

# stays [FLAG...]: the words that start the container, with these.
stays() {
  echo "podman run --name $NAME --network=none $* $IMAGE sh -c '$ONCE'"
}

@test "a container that stays is started and restarted by its owner when its podleash run is over" {
  in_job made "$(stays); true"
  [ ! -e "$PID_DIR" ] || fail 'the directory is left'
  owned podman start "$NAME"
  owned podman restart -t 0 "$NAME"
  OURS+=("$(init)")
  alive "${OURS[0]}"
}

@test "a container that stays has no path of its podleash run in it, nor has the unit that podman makes of it" {
  local flag
  for flag in '' -d; do
    in_job made "$(stays $flag); true"
    # What podman writes at every start. It remembers the words that it was called with as well, and uses them for
    # the unit.
    podman inspect "$NAME" | jq -r '.[0] | .ConmonPidFile, .PidFile, .PIDFile' >"$WORK/inspect"
    if grep -F "$WORK/" "$WORK/inspect"; then fail 'podman keeps a path of ours'; fi
    owned podman generate systemd --new --name "$NAME"
    if grep -E "$WORK/|podleash" "$WORK/owned"; then fail 'the unit has a path of ours'; fi
    forget
  done
}

@test "a container that stays is its owner's after the job: sweep, cancel and the next job leave it alone" {
  local way
  for way in kept shell made; do
    echo "$way"
    in_job "$way" "$(stays); true"
    wait_until 10 no_record || fail 'the record is left'
    assert_owners
    forget
  done
}

@test "a container that stays ends: who has entered its mounts is no part of it, and lives on" {
  local flag user=''
  [ "$(id -u)" = 0 ] || user='--user --preserve-credentials'
  for flag in '' -d; do
    echo "flag: $flag"
    in_job made "podman run $flag --name $NAME --network=none $IMAGE sleep 600 &
      until [ \"\$(podman inspect --format '{{.State.Running}}' $NAME 2>/dev/null)\" = true ]; do sleep 0.1; done
      setsid nsenter --target \"\$(podman inspect --format '{{.State.Pid}}' $NAME)\" $user --mount sleep 600 </dev/null >/dev/null 2>&1 &
      visitor=\$!
      until [ \"\$(cat /proc/\$visitor/comm)\" = sleep ]; do sleep 0.1; done
      echo \$visitor >$WORK/visitor
      podman kill $NAME; podman wait $NAME"
    VISITOR=$(identity "$(<"$WORK/visitor")")
    OURS+=("$VISITOR")
    alive "$VISITOR" || fail "it was ended: $(cat "$LOG")"
    kill_now "$VISITOR"
    forget
  done
}

@test "a detached container that stays and has ended inside the job is its owner's after it" {
  local way finished
  for way in kept shell made; do
    echo "$way"
    in_job "$way" "$(stays -d) && podman wait $NAME && podman inspect --format '{{.State.FinishedAt}}' $NAME >$WORK/finished"
    wait_until 10 no_record || fail 'the record is left'
    finished=$(podman inspect --format '{{.State.FinishedAt}}' "$NAME")
    [ "$finished" = "$(<"$WORK/finished")" ] || fail 'it was touched'
    assert_owners
    forget
  done
}

@test "a detached container that stays and is stopped inside the job is its owner's after it" {
  local way
  for way in kept shell made; do
    echo "$way"
    in_job "$way" "podman run -d --name $NAME --network=none $IMAGE sleep 600 && podman stop -t 0 $NAME"
    wait_until 10 no_record || fail 'the record is left'
    [ "$(podman inspect --format '{{.State.Running}}' "$NAME")" = false ] || fail 'it runs'
    assert_owners
    forget
  done
}

@test "a container that its owner starts the moment its job has ended is not killed" {
  local i status
  for i in {1..20}; do
    in_job shell "podman run --name $NAME --network=none $IMAGE sh -c '[ ! -e /first ] || sleep 0.5; : >/first; exit 7'; exit 0"
    status=0
    podman start -a "$NAME" 3>&- || status=$?
    [ $status = 7 ] || fail "try $i: status $status: $(cat "$LOG" 2>&1)"
    forget
  done
  wait_until 10 no_record
}

# start_in_job SCRIPT: the shell script as a job that goes on. Sets JOB.
start_in_job() {
  (in_job shell "$1") 3>&- 4>&- 5>&- &
  JOB=$(identity $!)
  OURS+=("$JOB")
  OUR_CONTAINERS+=("$NAME")
  PID_DIR=$WORK/kept
}

# assert_left_alone GUARD: it goes, and leaves what the owner has started.
assert_left_alone() {
  wait_until 15 gone "$1" || fail 'the guard goes on'
  no_record || fail 'the record is left'
  alive "$INIT" || fail "it was ended: $(cat "$LOG" 2>&1)"
}

knows_container() {
  grep -qs '^container=' "$PID_DIR"/*.run
}

@test "a container that its owner starts before the guard has seen the job's end is not killed" {
  local guard
  mkfifo "$WORK/go"
  start_in_job "podman run --name $NAME --network=none --volume=$WORK/go:/go $IMAGE sh -c '[ -e /first ] && exec sleep 600; : >/first; read -r _ </go'; exit 0"
  wait_until 15 knows_container
  guard=$(record_value guard "$PID_DIR"/*.run)
  OURS+=("$guard")
  kill -STOP "${guard%,*}"
  wait_until 5 stopped "$guard"
  echo go >"$WORK/go"
  wait_until 15 gone "$JOB"
  owner_starts
  kill -CONT "${guard%,*}"
  assert_left_alone "$guard"
}

guard_of_one() {
  guard=$(record_value guard "$PID_DIR"/*.run 2>/dev/null) && [ -n "$guard" ]
}

@test "a container that its owner starts, of whose first start the guard has seen nothing, is not killed by it or by a sweep" {
  local how guard
  hold_podman_back "$WORK/go"
  for how in stopped killed; do
    echo "$how"
    rm -f "$WORK/go"
    PATH=$WORK/bin:$PATH start_in_job "podman run --name $NAME --network=none $IMAGE sh -c '[ -e /first ] && exec sleep 600; : >/first'; exit 0"
    wait_until 15 guard_of_one
    OURS+=("$guard")
    if [ $how = stopped ]; then kill -STOP "${guard%,*}"; else kill_now "$guard"; fi
    : >"$WORK/go"
    wait_until 15 gone "$JOB"
    owner_starts
    [ $how = killed ] || kill -CONT "${guard%,*}"
    "$BUILD/podleash" sweep "$PID_DIR"
    assert_left_alone "$guard"
    forget
  done
}

# starts_before_guard FLAGS COMMANDS: a detached container that stays, whose first process does that and ends; its owner
# starts it before a guard that was stopped has seen the job's end.
starts_before_guard() {
  local guard
  start_in_job "podman run -d --name $NAME --network=none $1 $IMAGE sh -c '[ -e /first ] && exec sleep 600; : >/first; $2'; until [ -e $WORK/go ]; do sleep 0.1; done"
  first_is_gone() {
    local first
    first=$(record_value container "$PID_DIR"/*.run | tail -n 1) && [ -n "$first" ] && gone "$first"
  }
  wait_until 15 first_is_gone
  guard=$(record_value guard "$PID_DIR"/*.run)
  OURS+=("$guard")
  kill -STOP "${guard%,*}"
  wait_until 5 stopped "$guard"
  : >"$WORK/go"
  wait_until 15 gone "$JOB"
  # It sleeps for a second at most, and is late half a second later.
  sleep 2
  owner_starts
  kill -CONT "${guard%,*}"
  assert_left_alone "$guard"
}

@test "a detached container that its owner starts before a guard that was stopped has seen the job's end is not killed" {
  starts_before_guard '' 'sleep 1'
}

@test "the same while the first conmon waits for what the container left running" {
  starts_before_guard --pid=host 'sleep 15 & sleep 1'
}

@test "a detached container that its owner restarts within the grace, while the guard is held up, is not killed" {
  local guard
  start_in_job "podman run -d --name $NAME --network=none $IMAGE sh -c 'trap \"echo asked\" TERM; while :; do sleep 1; done'; until [ -e $WORK/go ]; do sleep 0.1; done"
  wait_until 15 knows_container
  guard=$(record_value guard "$PID_DIR"/*.run)
  OURS+=("$guard")
  : >"$WORK/go"
  wait_until 15 gone "$JOB"
  # The first process has five seconds from then on.
  is_asked() { [ "$(podman logs "$NAME")" = asked ]; }
  wait_until 10 is_asked
  kill -STOP "${guard%,*}"
  wait_until 5 stopped "$guard"
  owned podman restart --time=0 "$NAME"
  INIT=$(init)
  OURS+=("$INIT")
  kill -CONT "${guard%,*}"
  assert_left_alone "$guard"
}

@test "a container that its owner starts while the job that made it goes on is not killed at the job's end" {
  in_job kept "$(stays); env -u LD_PRELOAD podman start $NAME; true"
  INIT=$(init)
  OURS+=("$INIT")
  wait_until 10 no_record || fail 'the record is left'
  alive "$INIT" || fail "$(cat "$LOG" 2>&1)"
}

@test "a container that podman cannot remove yet, for another needs it, leaves no exit file when both are gone" {
  local exits id
  OUR_CONTAINERS+=("$NAME-b")
  in_job kept "podman run -d --rm --name $NAME --network=none $IMAGE sleep 600
    env -u LD_PRELOAD podman run -d --name $NAME-b --network=container:$NAME $IMAGE sleep 600
    podman inspect --format '{{.Id}}' $NAME >$WORK/id
    tr '\\0' '\\n' </proc/\$(podman inspect --format '{{.State.ConmonPid}}' $NAME)/cmdline >$WORK/conmon"
  id=$(<"$WORK/id")
  exits=$(grep -A 1 -x -e --exit-dir "$WORK/conmon" | tail -n 1)
  [ -d "$exits" ]
  podman rm --force --time=0 "$NAME-b" >/dev/null
  "$BUILD/podleash" sweep "$PID_DIR"
  ! podman container exists "$NAME" || fail 'it is left'
  [ ! -e "$exits/$id" ] || { rm "$exits/$id"; fail "$exits/$id is left"; }
}
