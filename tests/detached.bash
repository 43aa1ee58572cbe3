# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For the tests of detached containers: jobs, however they are held, and what becomes of their containers.
# shellcheck disable=SC2034 # MODE and its like are read in test_helper.bash

# Who holds the job:
#   env    a command-runner, the variables below it
#   run    a podleash run below a command-runner, in a directory that was there before
#   alone  a podleash run that nothing is above, in a directory that it makes for the job
#   shell  nobody but the first process that was started with the variables
WAYS=(env run alone shell)

# How many jobs this test has started.
jobs=0

# start_way WAY NAME...: the shell script on stdin as a job, held in that way, which starts the containers of these
# names. Sets COMMAND_RUNNER, the topmost process of the job, and HOLDER, the one whose death is the job's.
start_way() {
  local way=$1
  shift
  OUR_CONTAINERS+=("$@")
  PID_DIR=$WORK/pids-$((++jobs)) UNIT=U$jobs
  rm -f "$WORK/go"
  mkfifo "$WORK/go"
  case $way in
    env | run)
      start_script "$UNIT" "$way"
      HOLDER=$COMMAND_RUNNER
      [ "$way" != run ] || wait_until 10 has_leash_run
      ;;
    alone) start_alone "$BUILD/podleash" run --pid-dir "$PID_DIR" --unit "$UNIT" -- ;;
    shell)
      mkdir -m 0700 "$PID_DIR"
      start_alone env "LD_PRELOAD=$BUILD/libpodleash.so" "RECEPTOR_PID_DIRECTORY=$PID_DIR" \
        "PODLEASH_HELPER=$BUILD/podleash" "PODLEASH_UNIT=$UNIT"
      ;;
  esac
}

# start_alone WORD...: these before `sh SCRIPT`, the script on stdin, in a session of its own.
start_alone() {
  UNITDIR=$WORK/$UNIT
  mkdir -p "$UNITDIR" "$WORK/tmp"
  cat >"$UNITDIR/script"
  # Not below bats: a job may be looked for up to its topmost ancestor.
  PODLEASH_LOG=$LOG setsid "$@" sh "$UNITDIR/script" </dev/null >"$UNITDIR/stdout" 2>&1 3>&- 4>&- 5>&- &
  COMMAND_RUNNER=$(identity $!)
  HOLDER=$COMMAND_RUNNER
  OURS+=("$COMMAND_RUNNER")
}

has_leash_run() {
  local pid
  for pid in $(children "${COMMAND_RUNNER%,*}"); do
    [ "$(words "$pid" | sed -n '1s,.*/,,; 1p; 2p' | paste -sd ' ')" != 'podleash run' ] || HOLDER=$(identity "$pid")
  done
  [ "$HOLDER" != "$COMMAND_RUNNER" ]
}

# said TEXT: the job has written that line.
said() {
  grep -qsx "$1" "$UNITDIR/stdout"
}

# wait_ready: the script has come to where it waits.
wait_ready() {
  wait_until 40 said ready || { show; fail "$UNIT: the job never came to its end"; }
}

# assert_lives NAME...: the later steps found those containers running.
assert_lives() {
  local name
  for name; do
    said "$name lives" || { show; fail "$name: does not outlive its step"; }
  done
}

show() {
  cat "$UNITDIR/stdout" "$LOG" || true
}

# learn NAME...: keeps the processes of these containers, which run, in PROCESSES.
learn() {
  local name init conmon
  PROCESSES=()
  for name; do
    read -r init conmon < <(podman inspect --format '{{.State.Pid}} {{.State.ConmonPid}}' "$name")
    [ "${init:-0}" != 0 ] || { show; fail "$name: does not run"; }
    PROCESSES+=("$(identity "$init")" "$(identity "$conmon")")
  done
  OURS+=("${PROCESSES[@]}")
}

# end_job HOW: by its own end, or by the death of who holds it.
end_job() {
  local pid
  # The script may outlive the death of who holds the job.
  for pid in $(descendants "${COMMAND_RUNNER%,*}"); do
    OURS+=("$(identity "$pid")")
  done
  case $1 in
    itself) echo go >"$WORK/go" ;;
    killed) kill_now "$HOLDER" ;;
  esac
}

processes_gone() {
  local process
  for process in "${PROCESSES[@]}"; do
    gone "$process" || return
  done
}

# no_record: whether nothing is left in the job's directory that podleash has to do with.
no_record() {
  ! compgen -G "$PID_DIR/*.run" >/dev/null && none_carries "$PID_DIR/"
}

# assert_ended NAME...: the processes of `learn` and the containers, which were to be removed, are gone soon.
assert_ended() {
  local name
  wait_until 20 processes_gone || { show; fail "$UNIT: the job has ended, and its containers have not"; }
  for name; do
    wait_until 10 not_there "$name" || { show; fail "$name: left"; }
  done
  wait_until 10 no_record || { show; fail "$UNIT: left: $(ls -A "$PID_DIR")"; }
  wait_until 10 gone "$COMMAND_RUNNER" || fail "$UNIT: goes on"
}

not_there() {
  ! podman container exists "$1"
}

# detached NAME [WORD...]: the words that start a container of that name, with these flags.
detached() {
  echo "podman run -d --rm --network=none --name $1 ${*:2} $IMAGE sleep 600"
}
