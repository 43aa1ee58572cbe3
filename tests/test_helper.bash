# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the bats files share: a real job below a real podman, and the means to look at it.
#
# A test calls setup_job_dir, start_job and wait_running in its own shell (not through `run`, whose
# subshell would keep what they learn), kills something, and ends with assert_nothing_left. Its
# teardown calls cleanup_job.
#
# Processes are named PID,START as in the records: START is field 22 of /proc/PID/stat, and the two
# together name one process for ever. Functions that take a process take a plain PID as well.

# No setting of the caller's may leak into a job, nor into podman.
unset LD_PRELOAD RECEPTOR_PID_DIRECTORY "${!CONTAINER@}"
for variable in "${!PODLEASH_@}"; do
  [ "$variable" = PODLEASH_BUILD ] || unset "$variable"
done

TESTS=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
BUILD=${PODLEASH_BUILD:-${TESTS%/*}/build}
FIXTURES=/opt/podleash-test
# shellcheck disable=SC2034 # for the tests
RUNNER_24=$FIXTURES/runner-2.4.3/bin/ansible-runner RUNNER_20=$FIXTURES/runner-2.0.4/bin/ansible-runner
# The version of ansible-runner that a job runs under where its test names none.
ANSIBLE_RUNNER=${ANSIBLE_RUNNER:-2.4.3}
IMAGE=localhost/ee:latest
PLAYBOOK=sleep.yml
# The real receptor where there is one, else the stand-in: both take the same words.
RECEPTOR=$(command -v receptor || echo "$TESTS/command-runner")

if [ -e $FIXTURES/containers.conf ]; then
  export CONTAINERS_CONF=$FIXTURES/containers.conf
fi

WORK=${BATS_TEST_TMPDIR:-}
PID_DIR=$WORK/pids
LOG=$WORK/podleash.log

# What this test started and what it must therefore end: processes, containers.
OURS=() OUR_CONTAINERS=()

# ---- waiting ----

# now_ms: milliseconds of a clock that only goes forward.
now_ms() {
  local up _
  read -r up _ </proc/uptime
  echo "${up/./}0"
}

# wait_until SECONDS COMMAND...: asks every 20 ms, or $PAUSE seconds; 1 when the command still fails at the bound.
wait_until() {
  local end=$(($(now_ms) + $1 * 1000))
  shift
  until "$@"; do
    [ "$(now_ms)" -lt $end ] || return 1
    sleep "${PAUSE:-0.02}"
  done
}

# ---- processes ----

# stat_field N PID: field N (3 or more) of /proc/PID/stat; nothing and 1 for a process that is no more.
stat_field() {
  local stat
  local -a field
  { read -r stat </proc/"$2"/stat; } 2>/dev/null || return 1
  # The name in field 2 may hold spaces and brackets; nothing behind its last one does.
  read -r -a field <<<"${stat##*) }"
  echo "${field[$1 - 3]}"
}

# identity PID: prints PID,START.
identity() {
  local start
  start=$(stat_field 22 "$1") && echo "$1,$start"
}

# alive PID[,START]: whether that very process runs. A zombie does not: a dead conmon may stay one for
# long where init is slow to reap.
alive() {
  local pid=${1%%,*} state
  state=$(stat_field 3 "${pid:-0}") || return 1
  [[ $state != [ZX] ]] || return 1
  [ "$1" = "$pid" ] || [ "$(identity "$pid")" = "$1" ]
}

# gone PID[,START]
gone() {
  ! alive "$1"
}

# stopped PID[,START]: whether it is stopped by a signal.
stopped() {
  [ "$(stat_field 3 "${1%%,*}")" = T ]
}

# children PID: the pids of its children, one a line.
children() {
  local task
  for task in /proc/"$1"/task/*/children; do
    # The kernel ends the list with a space and no newline.
    { tr ' ' '\n' <"$task"; } 2>/dev/null || true
  done | grep . || true
}

# descendants PID: all below it, the nearest first.
descendants() {
  local child
  for child in $(children "$1"); do
    echo "$child"
    descendants "$child"
  done
}

# words PID: its argv, one word a line.
words() {
  { tr '\0' '\n' </proc/"$1"/cmdline; } 2>/dev/null || true
}

# word_after FLAG PID: what follows that word, or its = sign, in the argv of PID.
word_after() {
  words "$2" | awk -v flag="$1" 'take { print; exit } $0 == flag { take = 1 }
    index($0, flag "=") == 1 { print substr($0, length(flag) + 2); exit }'
}

# carrying TEXT: the pids whose argv holds TEXT.
carrying() {
  local -a all=(/proc/[0-9]*/cmdline)
  # The pattern goes through stdin, or grep would find itself.
  grep -lsaF -f - "${all[@]}" <<<"$1" | cut -d / -f 3
}

# ---- the job ----

# is_real: whether $RECEPTOR is receptor itself.
is_real() {
  [ "$RECEPTOR" != "$TESTS/command-runner" ]
}

# setup_job_dir [OPTION...]: a job of ansible-runner in $WORK/job, whose container gets these podman
# options besides --network=none; e.g. --env=EE_TERM=1 (see `playbook` in tests/setup).
setup_job_dir() {
  local job=$WORK/job
  rm -rf "$job" "$WORK"/stream-*
  mkdir -p "$job/env" "$job/project" "$job/inventory" "$WORK/tmp"
  jq -n --arg image $IMAGE '{
    process_isolation: true,
    process_isolation_executable: "podman",
    container_image: $image,
    container_options: $ARGS.positional
  }' --args -- --network=none "$@" >"$job/env/settings"
  echo '- hosts: localhost' >"$job/project/$PLAYBOOK"
  echo 'localhost ansible_connection=local' >"$job/inventory/hosts"
}

# transmit VERSION: prints the path of the job as that ansible-runner sends it.
transmit() {
  local stream=$WORK/stream-$1
  [ -e "$stream" ] || "$FIXTURES/runner-$1/bin/ansible-runner" transmit "$WORK/job" -p "$PLAYBOOK" >"$stream" || return
  echo "$stream"
}

# start_unit UNIT COMMAND [PARAMS]: starts COMMAND as receptor does, with $STREAM (or nothing) as its
# stdin. Sets UNIT, UNITDIR and COMMAND_RUNNER, a PID,START.
start_unit() {
  UNIT=$1
  UNITDIR=$WORK/receptor/node/$1
  mkdir -p "$UNITDIR" "$PID_DIR" "$WORK/tmp"
  chmod 0700 "$PID_DIR"
  cat "${STREAM:-/dev/null}" >"$UNITDIR/stdin"
  (
    # bats waits for every process that holds one of its descriptors.
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      [ "$fd" -le 2 ] || eval "exec $fd>&-"
    done
    cd /
    # An ansible-runner that is killed leaves its directory: in a place that bats removes.
    export TMPDIR=$WORK/tmp
    exec setsid "$RECEPTOR" --node id=node --log-level info --command-runner \
      "command=$2" "params=${3-}" "unitdir=$UNITDIR" </dev/null >"$UNITDIR/receptor.log" 2>&1
  ) &
  COMMAND_RUNNER=$(identity $!)
  OURS+=("$COMMAND_RUNNER")
}

# start_job UNIT [VERSION [MODE [WORD...]]]: the job of setup_job_dir as a unit of receptor.
#   VERSION  of ansible-runner; default: $ANSIBLE_RUNNER
#   MODE     how podleash comes in: `env` (default) by LD_PRELOAD, `run` by podleash run, `bare` not at all
#   WORD     more for `env` (NAME=VALUE), for podleash run (flags), or for the environment of bare
start_job() {
  local version=${2:-$ANSIBLE_RUNNER} command
  command=$FIXTURES/runner-$version/bin/ansible-runner
  case $version in
    1.*)
      containers_by_path
      STREAM=
      command="env PATH=$WORK/bin:$PATH $command run $WORK/job -p sleep.yml"
      ;;
    *)
      STREAM=$(transmit "$version") || return
      command="$command worker"
      ;;
  esac
  start_command "$1" "${3:-env}" "$command" "${@:4}"
}

# containers_by_path: before 2.0 a runner has neither worker nor containers (its process isolation is
# bubblewrap). It runs the job itself, and the ansible-playbook that it finds in $WORK/bin is podman run.
containers_by_path() {
  local settings=$WORK/job/env/settings options
  options=$(jq -r '.container_options | join(" ")' "$settings")
  jq '.process_isolation = false' "$settings" >"$settings.new"
  mv "$settings.new" "$settings"
  mkdir -p "$WORK/bin"
  printf '#!/bin/sh\nexec podman run --rm %s %s ansible-playbook "$@"\n' "$options" $IMAGE >"$WORK/bin/ansible-playbook"
  chmod +x "$WORK/bin/ansible-playbook"
}

# start_script UNIT [MODE [WORD...]]: the shell script on stdin as a unit of receptor, in a runner's place.
start_script() {
  local script=$WORK/$1.sh
  cat >"$script"
  STREAM=
  start_command "$1" "${2:-env}" "sh $script" "${@:3}"
}

# start_command UNIT MODE COMMAND [WORD...]
start_command() {
  local -a more=("${@:4}")
  MODE=$2
  case $MODE in
    env)
      start_unit "$1" env "LD_PRELOAD=$BUILD/libpodleash.so RECEPTOR_PID_DIRECTORY=$PID_DIR PODLEASH_HELPER=$BUILD/podleash PODLEASH_LOG=$LOG ${more[*]} $3"
      ;;
    run)
      PODLEASH_LOG=$LOG start_unit "$1" "$BUILD/podleash" "run --pid-dir $PID_DIR --unit $1 ${more[*]} -- $3"
      ;;
    bare) start_unit "$1" env "${more[*]} $3" ;;
    *) fail "start_command: no mode $MODE" ;;
  esac
}

# record_path UNIT: prints the path of the unit's record; with several, the newest one's.
record_path() {
  local record newest=
  for record in "$PID_DIR"/*.run "$PID_DIR"/*/*.run; do
    grep -qsx "unit=$1" "$record" || continue
    [[ -n $newest && $newest -nt $record ]] || newest=$record
  done
  [ -n "$newest" ] && echo "$newest"
}

# record_value KEY RECORD: the values of that key, one a line.
record_value() {
  sed -n "s/^$1=//p" "$2" 2>/dev/null
}

# pid_file RECORD: the path of the container's pid file. A podman that knows no --pidfile (3.0) has one of
# its own, which the guard learns.
pid_file() {
  record_value pidfile "$1" | tail -n 1
}

# live_pid_in FILE: prints the identity of the live process that a pid file names.
live_pid_in() {
  local pid
  { read -r pid <"$1" || [ -n "$pid" ]; } 2>/dev/null && [ -n "$pid" ] && alive "$pid" && identity "$pid"
}

container_runs() {
  local pid
  if [ "$MODE" = bare ]; then
    PODMAN=$(for pid in $(descendants "${COMMAND_RUNNER%%,*}"); do
      [ "$(words "$pid" | sed -n '1s,.*/,,; 1p; 2p' | paste -sd ' ')" = 'podman run' ] && identity "$pid" && break
    done) || return
    CONTAINER_NAME=$(word_after --name "${PODMAN%%,*}")
    read -r CID CONTAINER CONMON < <(podman inspect --format '{{.Id}} {{.State.Pid}} {{.State.ConmonPid}}' "$CONTAINER_NAME" 2>/dev/null) &&
      [ "$CONTAINER" != 0 ] && CONTAINER=$(identity "$CONTAINER") && CONMON=$(identity "$CONMON")
  else
    RECORD=$(record_path "$UNIT") || return
    PODMAN=$(record_value podman "$RECORD" | head -n 1) && [ -n "$PODMAN" ] || return
    CONTAINER=$(live_pid_in "$(pid_file "$RECORD")") &&
      CONMON=$(live_pid_in "$(record_value conmon_pidfile "$RECORD")") || return
    CID=$(word_after -c "${CONMON%%,*}")
    CONTAINER_NAME=$(word_after -n "${CONMON%%,*}")
    GUARD=$(record_value guard "$RECORD" | tail -n 1)
  fi
}

# wait_running [UNIT]: waits until the container of the job runs. Sets, each a PID,START where it is a
# process: RUNNER, LEASH_RUN (podleash run, or empty), PODMAN, CONMON, CONTAINER, GUARD; and CID,
# CONTAINER_NAME, RECORD, RUN (the record's path without .run). Processes of the mode `bare` have no
# GUARD, RECORD and RUN.
wait_running() {
  local pid
  UNIT=${1:-$UNIT}
  RUNNER='' LEASH_RUN='' PODMAN='' CONMON='' CONTAINER='' GUARD='' CID='' CONTAINER_NAME='' RECORD='' RUN=''
  if ! wait_until 30 container_runs; then
    show_what_is_there
    fail "$UNIT: no container runs after 30 s$([ "$MODE" = bare ] || echo ', or none with a record')"
    return
  fi
  RUN=${RECORD%.run}
  if [ -n "$RECORD" ]; then
    # Not podman's parent as it is now: a detached podman has ended.
    RUNNER=$(record_value holder "$RECORD" | head -n 1 | cut -d , -f 1,2)
  else
    RUNNER=$(identity "$(stat_field 4 "${PODMAN%%,*}")")
  fi
  for pid in $(children "${COMMAND_RUNNER%%,*}"); do
    [ "$(words "$pid" | sed -n '1s,.*/,,; 1p; 2p' | paste -sd ' ')" != 'podleash run' ] || LEASH_RUN=$(identity "$pid")
  done
  OURS+=("$RUNNER" "$PODMAN" "$CONMON" "$CONTAINER")
  [ -z "$LEASH_RUN" ] || OURS+=("$LEASH_RUN")
  [ -z "$GUARD" ] || OURS+=("$GUARD")
  OUR_CONTAINERS+=("$CID")
}

# kill_now PROCESS...: SIGKILL to those very processes.
kill_now() {
  local process
  for process; do
    # It may end between the look and the signal.
    ! alive "$process" || kill -KILL "${process%%,*}" 2>/dev/null || ! alive "$process"
  done
}

# ---- what is slow ----

# make_runtime WORD COMMANDS: makes GLOBAL name a runtime that runs the COMMANDS before it does what WORD
# asks for, e.g. `create`.
# shellcheck disable=SC2034 # GLOBAL is for the tests
make_runtime() {
  local real
  real=$(podman info --format '{{.Host.OCIRuntime.Path}}')
  cat >"$WORK/runtime" <<END
#!/bin/sh
real=$real
for word; do
  case \$word in
    $1)
      $2
      break
      ;;
  esac
done
exec \$real "\$@"
END
  chmod +x "$WORK/runtime"
  GLOBAL=--runtime=$WORK/runtime
}

# Commands for make_runtime: they say that they were called, with their pid, and wait until the test says go.
hold_back() {
  echo "echo \$\$ >$WORK/called.new; mv $WORK/called.new $WORK/called; until [ -e $WORK/go ]; do sleep 0.02; done"
}

# replace_podman COMMANDS: in the place of $WORK/podman, which a run and its conmon call, a script that runs these before
# it becomes podman.
replace_podman() {
  printf '#!/bin/sh\n%s\nexec %s "$@"\n' "$1" "$(command -v podman)" >"$WORK/podman.new"
  chmod 0755 "$WORK/podman.new"
  mv "$WORK/podman.new" "$WORK/podman"
}

# hold_podman_back FILE: a podman in $WORK/bin, to be first in PATH, that waits for that file before it runs a container.
hold_podman_back() {
  mkdir "$WORK/bin"
  cat >"$WORK/bin/podman" <<END
#!/bin/sh
case "\$*" in
  *--help*) ;;
  run\ *) until [ -e $1 ]; do sleep 0.05; done ;;
esac
exec $(command -v podman) "\$@"
END
  chmod +x "$WORK/bin/podman"
}

# start_mute_registry: a registry that takes connections and never answers; sets PORT.
# shellcheck disable=SC2034 # which is for the tests
start_mute_registry() {
  /usr/bin/python3 - "$WORK/port" "$WORK/asked" >/dev/null 2>&1 3>&- 4>&- <<'PYTHON' &
import os, socket, sys

server = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(server.getsockname()[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
kept = []
while True:
    kept.append(server.accept())
    open(sys.argv[2], "w").close()
PYTHON
  OURS+=("$(identity $!)")
  wait_until 10 test -e "$WORK/port"
  PORT=$(<"$WORK/port")
}

# ---- what is left ----

podman_knows() {
  timeout 20 podman container exists "$1"
}

nothing_left() {
  local process
  for process in "$RUNNER" "$LEASH_RUN" "$PODMAN" "$CONMON" "$CONTAINER" "$GUARD"; do
    [ -z "$process" ] || gone "$process" || return
  done
  if [ -n "$RUN" ]; then
    ! compgen -G "$RUN.*" >/dev/null || return
    ! compgen -G "${RUN%/*}/.${RUN##*/}.*" >/dev/null || return
    [ -z "$(carrying "$RUN.")" ] || return
  fi
  # Last: the only one that costs something.
  [ -z "$CID" ] || ! podman_knows "$CID"
}

# assert_nothing_left [SECONDS]: within that bound (15) the run of the last wait_running is gone: its
# processes from the runner down, its files, its container, and whatever carries its path. The
# command-runner is receptor's business.
assert_nothing_left() {
  wait_until "${1:-15}" nothing_left && return
  show_what_is_there
  fail "$UNIT: not all is gone after ${1:-15} s"
}

# assert_job_ends [SECONDS]: nothing is left within that bound (10), and the command-runner has ended.
assert_job_ends() {
  assert_nothing_left "${1:-10}"
  wait_until 5 gone "$COMMAND_RUNNER" || fail "$UNIT: its command-runner goes on"
}

# job_status: waits for the end of the command-runner; sets STATUS, what it ended with.
# shellcheck disable=SC2034 # STATUS is for the tests
job_status() {
  wait_until 20 gone "$COMMAND_RUNNER" || fail "$UNIT: its command-runner goes on" || return
  STATUS=0
  wait "${COMMAND_RUNNER%,*}" || STATUS=$?
}

# wait_ready: the script in the container said `ready`.
wait_ready() {
  wait_until 15 grep -qsw ready "$UNITDIR/stdout" || fail "$UNIT: the container never said that it is ready"
}

# no_files: whether the pid directory is empty, but for what was learned of podmans.
no_files() {
  ! compgen -G "$PID_DIR/*" >/dev/null
}

# none_carries TEXT
none_carries() {
  [ -z "$(carrying "$1")" ]
}

# show_what_is_there: on stdout, for whoever reads a failure.
show_what_is_there() {
  # What cannot be shown any more must not end the test.
  report || true
}

report() {
  local process name
  echo "-- processes of $UNIT:"
  for name in COMMAND_RUNNER RUNNER LEASH_RUN PODMAN CONMON CONTAINER GUARD; do
    process=${!name-}
    [ -z "$process" ] || echo "$name $process $(alive "$process" && echo "ALIVE: $(words "${process%%,*}" | paste -sd ' ' | cut -c -200)")"
  done
  if [ -n "${RUN-}" ]; then
    carrying "$RUN." | while read -r process; do
      echo "carries the path: $process $(words "$process" | paste -sd ' ' | cut -c -200)"
    done
  fi
  echo "-- $PID_DIR:"
  ls -lA "$PID_DIR" 2>&1
  [ ! -e "${RECORD:-/nonexistent}" ] || sed '/^cleanup=/d; /^env=/d; s/^/record: /' "$RECORD"
  echo '-- podman ps -a:'
  timeout 20 podman ps -a --no-trunc --format '{{.ID}} {{.Names}} {{.Status}}' 2>&1
  echo "-- $LOG:"
  tail -n 40 "$LOG" 2>/dev/null
  echo "-- $UNITDIR/stdout:"
  tail -n 20 "$UNITDIR/stdout" 2>/dev/null | cut -c -200
  echo '-- receptor:'
  tail -n 20 "$UNITDIR/receptor.log" 2>/dev/null
}

# cleanup_job: for teardown; ends what this test started and is still there.
cleanup_job() {
  end_what_is_ours || true
}

end_what_is_ours() {
  local process pid record container try
  # A job that never came to wait_running is known by its ancestor alone.
  for process in "${OURS[@]}"; do
    alive "$process" || continue
    for pid in $(descendants "${process%%,*}"); do
      OURS+=("$(identity "$pid")")
      container=$(word_after --name "$pid")
      [ -z "$container" ] || OUR_CONTAINERS+=("$container")
    done
  done
  for record in "$PID_DIR"/*.run "$PID_DIR"/*/*.run; do
    [ -e "$record" ] || continue
    OURS+=("$(record_value guard "$record" | tail -n 1)")
    if pid=$(live_pid_in "$(record_value conmon_pidfile "$record")"); then
      OURS+=("$pid")
      OUR_CONTAINERS+=("$(word_after -c "${pid%%,*}")")
    fi
  done
  # conmon goes last: while it lives, podman can tell that a container has ended. A second round is
  # for a container that podman was just creating or removing.
  for try in 1 2 3; do
    for process in "${OURS[@]}"; do
      [ -z "$process" ] || [ "$try$process" = "1${CONMON-}" ] || kill_now "$process" 2>/dev/null || true
    done
    for container in "${OUR_CONTAINERS[@]}"; do
      podman_removed "$container" || continue 2
    done
    break
  done
  OURS=() OUR_CONTAINERS=()
}

podman_removed() {
  timeout 20 podman rm --force --ignore "$1" >/dev/null 2>&1 && ! timeout 20 podman container exists "$1"
}

# podman_snapshot: keeps the list of all containers for assert_machine_as_found.
podman_snapshot() {
  podman ps -a -q --no-trunc | sort >"$WORK/containers"
}

# assert_machine_as_found: no container came and none went since podman_snapshot.
assert_machine_as_found() {
  podman ps -a -q --no-trunc | sort | diff "$WORK/containers" - || fail 'the containers of this machine are not what they were'
}

# assert_no_container_of_ours: podman knows no container that has anything below $WORK: a mount, a pid
# file. Others may come and go on this machine meanwhile.
assert_no_container_of_ours() {
  local container
  for container in $(timeout 20 podman ps -a -q --no-trunc); do
    ! podman container inspect "$container" 2>/dev/null | grep -F "$WORK/" || fail "$container: left"
  done
}

# fail MESSAGE: ends the test.
fail() {
  echo "$*" >&2
  return 1
}
