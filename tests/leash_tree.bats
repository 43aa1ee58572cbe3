# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The tree of a real job: every process where it belongs.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself
# shellcheck disable=SC2153 # the variables of wait_running

load test_helper.bash
load tree.bash

setup() {
  export LC_ALL=C
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# show_tree: prints it and keeps it in $WORK/tree; edges are in $WORK/edges.
show_tree() {
  "$BUILD/podleash" list --tree "$PID_DIR" >"$WORK/tree"
  cat "$WORK/tree"
  edges <"$WORK/tree" >"$WORK/edges"
}

# assert_edge PROCESS PARENT [joined]
assert_edge() {
  grep -qx "$(edge "$@")" "$WORK/edges" || fail "not in the tree: $(edge "$@")"
}

# assert_order PROCESS...: they come in this order.
assert_order() {
  cut -d ' ' -f 1 "$WORK/edges" | grep -xF -f <(printf '%s\n' "${@%,*}") | diff - <(printf '%s\n' "${@%,*}")
}

container_sleeps() {
  SLEEP=$(descendants "${CONTAINER%,*}") && [ -n "$SLEEP" ] && SLEEP=$(identity "$SLEEP")
}

@test "the tree of a job: command-runner, runner, podman, and joined to it conmon with the container" {
  local mode above
  setup_job_dir
  for mode in env run; do
    echo "$mode"
    start_job "U-$mode" 2.4.3 $mode
    wait_running
    wait_until 10 container_sleeps
    show_tree
    grep -qxE " *unit U-$mode" "$WORK/tree"
    above=${LEASH_RUN:-$COMMAND_RUNNER}
    assert_edge "$COMMAND_RUNNER" "unit:U-$mode"
    [ -z "$LEASH_RUN" ] || assert_edge "$LEASH_RUN" "$COMMAND_RUNNER"
    assert_edge "$RUNNER" "$above"
    assert_edge "$PODMAN" "$RUNNER"
    assert_edge "$GUARD" "$PODMAN" joined
    assert_edge "$CONMON" "$PODMAN" joined
    assert_edge "$CONTAINER" "$CONMON"
    assert_edge "$SLEEP" "$CONTAINER"
    assert_order "$COMMAND_RUNNER" ${LEASH_RUN:+"$LEASH_RUN"} "$RUNNER" "$PODMAN" "$GUARD" "$CONMON" "$CONTAINER" "$SLEEP"
    grep -qE "^ *${PODMAN%,*} .* running .* podman, run $(basename "$RUN")$" "$WORK/tree"
    grep -qE "^ *${CONTAINER%,*} .*, container ${CID:0:12}$" "$WORK/tree"
    grep -qE "^ *${GUARD%,*} .* podleash, guard$" "$WORK/tree"
    # Whatever podman has below it, and nobody else.
    diff <(cut -d ' ' -f 1 "$WORK/edges" | sort) <({
      printf '%s\n' "${COMMAND_RUNNER%,*}" "${RUNNER%,*}" "${PODMAN%,*}" "${GUARD%,*}" "${CONMON%,*}" ${LEASH_RUN:+"${LEASH_RUN%,*}"}
      descendants "${PODMAN%,*}"
      descendants "${CONMON%,*}"
    } | sort)
    kill_now "$COMMAND_RUNNER"
    assert_job_ends
  done
}

@test "list has the name that podman knows a container by: its user's, podleash's or podman's own" {
  local words
  for words in "--rm --name=podleash-test-$$" --rm ''; do
    echo "podman run $words"
    start_script U1 <<END
podman run $words --network=none $IMAGE sleep 600
END
    wait_running
    [ "$("$BUILD/podleash" list --json "$PID_DIR" | jq -r .name)" = "$(podman inspect --format '{{.Name}}' "$CID")" ]
    [ "$("$BUILD/podleash" list "$PID_DIR" | awk 'NR == 2 { print $NF }')" = "$CONTAINER_NAME" ]
    kill_now "$COMMAND_RUNNER" "$RUNNER"
    wait_until 15 [ ! -e "$RECORD" ]
    podman rm --force --ignore "$CID" >/dev/null
  done
}

# executed_in_container: sets EXECUTED, what podman exec started: in the container's pid namespace, and not below its
# init.
executed_in_container() {
  local pid below
  below=$(descendants "${CONTAINER%,*}")
  for pid in /proc/[0-9]*; do
    pid=${pid#/proc/}
    if [ "/proc/$pid/ns/pid" -ef "/proc/${CONTAINER%,*}/ns/pid" ] && [ "$(words "$pid")" = $'sleep\n600' ] &&
      ! grep -qx "$pid" <<<"$below"; then
      EXECUTED=$(identity "$pid") && return
    fi
  done
  return 1
}

@test "the tree shows a container that has lost its conmon and its holders, and what podman exec started in it" {
  setup_job_dir
  start_job U1
  wait_running
  wait_until 10 container_sleeps
  podman exec --detach "$CID" sleep 600
  wait_until 10 executed_in_container
  show_tree
  assert_edge "$EXECUTED" "$CONMON" joined
  # Its guard would end all of it.
  kill -STOP "${GUARD%,*}"
  kill_now "$RUNNER"
  wait_until 5 gone "$RUNNER"
  show_tree
  assert_edge "$PODMAN" "$RUNNER" joined
  # podman 5 ends with its conmon, 4 would wait for ever.
  kill_now "$CONMON" "$PODMAN"
  wait_until 5 gone "$CONMON"
  wait_until 5 gone "$PODMAN"
  show_tree
  assert_edge "$RUNNER" "$COMMAND_RUNNER"
  assert_edge "$PODMAN" "$RUNNER"
  assert_edge "$CONMON" "$PODMAN" joined
  assert_edge "$CONTAINER" "$CONMON" joined
  assert_edge "$SLEEP" "$CONTAINER"
  assert_edge "$EXECUTED" "$CONMON" joined
  grep -qE "^ *${PODMAN%,*} .* orphaned " "$WORK/tree"
  [ "$(grep -cE "^ *(${RUNNER%,*}|${PODMAN%,*}|${CONMON%,*})  dead " "$WORK/tree")" = 3 ]
  kill -CONT "${GUARD%,*}"
  assert_nothing_left
}
