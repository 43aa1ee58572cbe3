# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A job that ends as it should: the log has nothing to say, and podman's events are those of podman alone.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself

load test_helper.bash

setup() {
  mkdir -m 0700 "$PID_DIR"
  NAME=silent-$(id -u)-$$-$(now_ms)
  count=0
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# in_job WAY SCRIPT: the shell script as a job, to its end.
#   run    below podleash run
#   shell  with the two variables
#   bare   without anything of ours
in_job() {
  local -a words=()
  case $1 in
    run) words=("$BUILD/podleash" run --pid-dir "$PID_DIR" --unit U1) ;;
    shell) words=(env "LD_PRELOAD=$BUILD/libpodleash.so" "RECEPTOR_PID_DIRECTORY=$PID_DIR" "PODLEASH_HELPER=$BUILD/podleash") ;;
  esac
  PODLEASH_LOG=$LOG "${words[@]}" sh -c "$2" >"$WORK/stdout" 2>&1 3>&- 4>&- 5>&- </dev/null ||
    fail "$1: status $?: $(<"$WORK/stdout")"
}

# events NAME: what happened to that container, a word a line, in the order of words: whether `attach` is before
# `start` is nobody's business.
events() {
  podman events --filter "container=$1" --stream=false --format '{{.Status}}' | sort
}

events_are() {
  [ "$(events "$1")" = "$2" ]
}

no_guard() {
  no_files_but_pids && none_carries "$PID_DIR/"
}

# A container that stays keeps its pid files.
no_files_but_pids() {
  ! compgen -G "$PID_DIR/*.run" >/dev/null
}

# normal_ends WAY TIMES END FLAG...: jobs that run a container with these flags, and END behind it; NAME in END is the
# container's.
normal_ends() {
  local way=$1 times=$2 end=$3 i name expected
  shift 3
  name=$NAME-$((++count))-bare
  OUR_CONTAINERS+=("$name")
  in_job bare "podman run $* --network=none --name $name $IMAGE true${end//NAME/$name}"
  wait_until 10 ended "$name" || fail 'podman alone does not end'
  expected=$(events "$name")
  for ((i = 1; i <= times; i++)); do
    name=$NAME-$((++count))
    OUR_CONTAINERS+=("$name")
    in_job "$way" "podman run $* --network=none --name $name $IMAGE true${end//NAME/$name}"
    wait_until 10 no_guard || fail 'its guard goes on'
    wait_until 5 events_are "$name" "$expected" ||
      fail "$way, $i: podman's events: $(events "$name" | paste -sd ' '); and alone: $(paste -sd ' ' <<<"$expected")"
  done
  # What would come late.
  events_are "$name" "$expected"
  [ ! -s "$LOG" ] || fail "$way: $(grep -c . "$LOG") lines in the log after $times normal ends: $(sort "$LOG" | tail -n 5)"
}

# ended NAME: conmon has done all that there is to do.
ended() {
  ! podman container exists "$1" || grep -qx cleanup < <(events "$1")
}

@test "podleash run ends by itself: nothing in the log, and podman's events are podman's own" {
  normal_ends run 20 '; exit 0' --rm
}

@test "podleash run whose command is all but podman: nothing in the log, and podman's events are podman's own" {
  normal_ends run 20 '' --rm
}

@test "a caller that ends right after podman: nothing in the log, and podman's events are podman's own" {
  normal_ends shell 20 '; exit 0' --rm
}

@test "a container that stays, and a caller that ends right after podman: nothing in the log, podman's own events" {
  normal_ends shell 10 '; exit 0'
  normal_ends run 10 '; exit 0'
}

@test "a detached container that ends inside the job: nothing in the log, and podman's events are podman's own" {
  local way
  for way in run shell; do
    normal_ends $way 5 '; while podman container exists NAME; do sleep 0.02; done' -d --rm
  done
}

@test "a detached container that stays and ends inside the job, which ends in the midst of conmon's cleanup: podman's own events" {
  local way
  for way in run shell; do
    normal_ends $way 5 '; podman wait NAME' -d
  done
}

@test "the command of podleash run closes its output and another pipe: whoever reads them is told at once" {
  mkfifo "$WORK/pipe"
  { cat "$WORK/pipe" >/dev/null && touch "$WORK/end"; } 3>&- 4>&- &
  OURS+=("$(identity $!)")
  "$BUILD/podleash" run --pid-dir "$PID_DIR" sh -c "exec >/dev/null 7>&-; until [ -e $WORK/go ]; do sleep 0.1; done" \
    >"$WORK/pipe" 7>&1 3>&- 4>&- &
  OURS+=("$(identity $!)")
  wait_until 20 test -e "$WORK/end" || fail 'podleash run keeps them open'
  : >"$WORK/go"
  wait $!
}
