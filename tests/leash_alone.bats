# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Containers of others than receptor, leashed by the one line that README.md has for each: cron, a CI agent, a terminal.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself
# shellcheck disable=SC2016,SC2034,SC2153 # MODE is for test_helper.bash, which sets RUNNER and its like

load test_helper.bash

setup() {
  UNIT=alone-$$-$(now_ms) MODE=run UNITDIR=$WORK
  mkdir "$WORK/tmp"
  cat >"$WORK/script" <<END
#!/bin/sh
podman run --rm --network=none $IMAGE sleep 600
exit \$?
END
  chmod +x "$WORK/script"
  if [ "$(id -u)" = 0 ]; then ROOT=/run/podleash; else ROOT=/tmp/podleash-$(id -u); fi
  made=''
  [ -e "$ROOT" ] || made=1
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
  # Leave the machine as it was.
  [ ! -e "$ROOT/$UNIT" ] || rm -r "${ROOT:?}/$UNIT"
  [ -z "$made" ] || rmdir "$ROOT" 2>/dev/null || true
}

# start COMMAND...: with the environment that cron gives, in a session of its own; waits for the container.
start() {
  local -a given=("HOME=$HOME" SHELL=/bin/sh PATH=/usr/bin:/bin "TMPDIR=$WORK/tmp" "PODLEASH_LOG=$LOG")
  # This machine's podman may need one.
  [ -z "${CONTAINERS_CONF-}" ] || given+=("CONTAINERS_CONF=$CONTAINERS_CONF")
  # A background job of a script would ignore SIGINT.
  setsid env -i --default-signal "${given[@]}" "$@" >"$WORK/stdout" 2>&1 3>&- &
  COMMAND_RUNNER=$(identity $!)
  OURS+=("$COMMAND_RUNNER")
  PID_DIR=$ROOT/$UNIT
  wait_running
}

# leash COMMAND...: the words of podleash run. A unit's name is for this test: README.md has none.
leash() {
  local -a words=("$BUILD/podleash" run --unit "$UNIT" -- "$@")
  printf '%q ' "${words[@]}"
}

# start_in_terminal COMMAND...: TERMINAL is the process that has its other end; what is written to $WORK/keys is typed.
start_in_terminal() {
  mkfifo "$WORK/keys"
  # Both ends: it never comes to its end.
  start sh -c 'exec /usr/bin/python3 -c "import pty, sys; pty.spawn(sys.argv[1:])" "$@" <>"$0"' "$WORK/keys" "$@"
  TERMINAL=$COMMAND_RUNNER
}

@test "cron: the script is killed: nothing is left" {
  start sh -c "$(leash "$WORK/script")"
  kill_now "$RUNNER"
  assert_job_ends
}

@test "cron: a time limit ends podleash run, by SIGTERM or SIGKILL: nothing is left" {
  local signal
  for signal in TERM KILL; do
    start sh -c "$(leash "$WORK/script"); :"
    kill -s $signal "${COMMAND_RUNNER%,*}" "$(children "${COMMAND_RUNNER%,*}")"
    assert_job_ends
  done
}

@test "CI: the agent is killed while its job runs on: nothing of the job's containers is left" {
  # The agent waits for its job, which waits for podman.
  printf '#!/bin/sh\n%s & echo $$ >%s/agent\nwait\n' "$WORK/script" "$WORK" >"$WORK/agent-script"
  chmod +x "$WORK/agent-script"
  start sh -c "$(leash "$WORK/agent-script")"
  kill -KILL "$(cat "$WORK/agent")"
  assert_job_ends
}

@test "Ctrl-C in a terminal, to a container that ignores it: nothing is left" {
  start_in_terminal sh -c "$(leash "$WORK/script")"
  printf '\003' >"$WORK/keys"
  assert_nothing_left
}

@test "Ctrl-C is a key for a container with a terminal of its own: where that ignores it, a cancel ends it" {
  sed -i 's/podman run --rm/podman run -it --rm/' "$WORK/script"
  start_in_terminal sh -c "$(leash "$WORK/script"); :"
  printf '\003' >"$WORK/keys"
  wait_until 10 grep -q '\^C' "$WORK/stdout"
  alive "$CONTAINER"
  unset RECEPTOR_PID_DIRECTORY
  env -u XDG_RUNTIME_DIR "$BUILD/podleash" cancel --unit "$UNIT"
  assert_job_ends
}

@test "the terminal is lost, below its shell: nothing is left" {
  start_in_terminal sh -c "$(leash "$WORK/script"); :"
  kill_now "$TERMINAL"
  assert_job_ends
}

@test "the terminal is lost, which has podleash run in its shell's place: nothing is left" {
  start_in_terminal sh -c "exec $(leash "$WORK/script")"
  kill_now "$TERMINAL"
  assert_job_ends
}
