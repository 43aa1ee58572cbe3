# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A detached container lives as long as the job that started it: not as short as the step that did, and no longer.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself

load test_helper.bash
load detached.bash

setup() {
  NAME=detached-$(id -u)-$$-$(now_ms)
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# Steps that a job goes on after. Each is a line of a shell script, which starts the container of that name.
step_shell() { echo "sh -c '$(detached "$1"); true'"; }
step_timeout() { echo "timeout 20 $(detached "$1")"; }
step_substitution() { echo "id=\$($(detached "$1") | tail -n 1); test -n \"\$id\""; }
step_make() {
  printf 'all:\n\t@%s\n\t@true\n' "$(detached "$1")" >"$WORK/$1.mk"
  echo "make -s -f $WORK/$1.mk"
}
step_background() { echo "sh -c '$(detached "$1") & wait'"; }

# later NAME: a later step, which uses the container. By then a whole other run has come and gone.
later() {
  echo "podman run --rm --network=none $IMAGE true"
  echo "podman exec $1 true && echo '$1 lives' || echo '$1 is gone'"
}

# start_waiting WAY NAME STEP: a job that starts the container of that name by that step, uses it and waits.
start_waiting() {
  start_way "$1" "$2" <<END
$3
$(later "$2")
echo ready
read -r _ <$WORK/go
END
  wait_ready
  assert_lives "$2"
  learn "$2"
}

# outlives_steps WAY HOW STEP...: a job of these steps.
outlives_steps() {
  local way=$1 how=$2 step name
  local -a names=()
  shift 2
  {
    for step; do
      name=$NAME-$way-$how-$step
      names+=("$name")
      "step_$step" "$name"
    done
    for name in "${names[@]}"; do
      later "$name"
    done
    echo 'echo ready'
    echo "read -r _ <$WORK/go"
  } >"$WORK/steps"
  start_way "$way" "${names[@]}" <"$WORK/steps"
  wait_ready
  assert_lives "${names[@]}"
  learn "${names[@]}"
  end_job "$how"
  assert_ended "${names[@]}"
}

@test "a detached container outlives the step that started it, and ends when the job does" {
  local way
  for way in "${WAYS[@]}"; do
    echo "$way"
    outlives_steps "$way" itself shell timeout substitution make background
  done
}

@test "a detached container outlives the step that started it, and ends when who holds the job is killed" {
  local way
  for way in "${WAYS[@]}"; do
    echo "$way"
    outlives_steps "$way" killed shell substitution
  done
}

@test "a detached container outlives its step below podleash run, and ends when the command-runner is killed" {
  start_waiting run "$NAME" "$(step_shell "$NAME")"
  HOLDER=$COMMAND_RUNNER
  end_job killed
  assert_ended "$NAME"
}

@test "a detached container that outlived its step ends by cancel, and while the job goes on" {
  local way
  for way in "${WAYS[@]}"; do
    echo "$way"
    start_waiting "$way" "$NAME-$way" "$(step_shell "$NAME-$way")"
    PODLEASH_LOG=$LOG "$BUILD/podleash" cancel "$PID_DIR"
    processes_gone || fail "$way: cancel returned, and it goes on"
    not_there "$NAME-$way" || fail "$way: cancel returned, and podman knows it"
    alive "$HOLDER"
    end_job itself
    assert_ended "$NAME-$way"
  done
}

@test "a detached container that outlived its step: list has it as running, and sweep has nothing to do" {
  local way
  for way in "${WAYS[@]}"; do
    echo "$way"
    start_waiting "$way" "$NAME-$way" "$(step_shell "$NAME-$way")"
    "$BUILD/podleash" list "$PID_DIR" | tee "$WORK/list"
    [ "$(grep -c '^U.* running ' "$WORK/list")" = 1 ]
    PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR" >"$WORK/swept"
    [ ! -s "$WORK/swept" ] || fail "$(<"$WORK/swept")"
    alive "${PROCESSES[0]}"
    end_job itself
    assert_ended "$NAME-$way"
  done
}

# inner_run WAY: a job that has a podleash run among its steps.
inner_run() {
  start_waiting "$1" "$NAME" "$BUILD/podleash run -- sh -c '$(detached "$NAME"); true'"
  end_job itself
  assert_ended "$NAME"
}

@test "a detached container of a podleash run inside another lives as long as the outer one" {
  inner_run alone
}

@test "a detached container of a podleash run below a command-runner that is leashed lives as long as the command-runner" {
  inner_run env
}

# ---- conmon by another name ----

@test "a conmon whose name is not conmon: a detached container lives, and ends with the job" {
  local conmon way
  conmon=$(podman info --format '{{.Host.Conmon.Path}}')
  cp "$conmon" "$WORK/conmon-2.1.6"
  for way in "${WAYS[@]}"; do
    echo "$way"
    start_waiting "$way" "$NAME-$way" "$(detached "$NAME-$way" | sed "s,^podman,& --conmon=$WORK/conmon-2.1.6,")"
    [ "$(readlink "/proc/${PROCESSES[1]%,*}/exe")" = "$WORK/conmon-2.1.6" ]
    end_job killed
    assert_ended "$NAME-$way"
  done
}
