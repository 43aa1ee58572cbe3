# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# However a job ends, its container ends with it, and nothing of either is left.
#
# A test that goes through several combinations starts a fresh job for each and prints its name first:
# the last name that a failed test printed is the one that failed.
# shellcheck disable=SC2030,SC2031,SC2153 # each test is a subshell, and what it sets is for itself

load test_helper.bash

setup() {
  jobs=0
  setup_job_dir
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# subsets N WORD...: every choice of N of the words, one a line.
subsets() {
  local n=$1 first
  shift
  if [ "$n" = 0 ]; then
    echo
    return
  fi
  while [ $# -ge "$n" ]; do
    first=$1
    shift
    subsets $((n - 1)) "$@" | sed "s/^/$first /"
  done
}

# deaths MODE N NAME...: a job for each choice of N of the processes, which are killed at one blow.
deaths() {
  local mode=$1 n=$2 choice name
  local -a choices victims
  shift 2
  mapfile -t choices < <(subsets "$n" "$@")
  [ ${#choices[@]} -gt 0 ]
  for choice in "${choices[@]}"; do
    echo "$mode: killed: $choice"
    start_job "U$((++jobs))" '' "$mode"
    wait_running
    victims=()
    for name in $choice; do
      victims+=("${!name%,*}")
    done
    kill -KILL "${victims[@]}"
    assert_job_ends
  done
}

env_processes=(COMMAND_RUNNER RUNNER PODMAN CONMON)
run_processes=("${env_processes[@]}" LEASH_RUN)

@test "env: any one process killed: nothing is left, the job ends" {
  deaths env 1 "${env_processes[@]}"
}

@test "env: any two processes killed: nothing is left, the job ends" {
  deaths env 2 "${env_processes[@]}"
}

@test "env: any three processes or all killed: nothing is left, the job ends" {
  deaths env 3 "${env_processes[@]}"
  deaths env 4 "${env_processes[@]}"
}

@test "podleash run: any one process killed: nothing is left, the job ends" {
  deaths run 1 "${run_processes[@]}"
}

@test "podleash run: any two processes killed: nothing is left, the job ends" {
  deaths run 2 "${run_processes[@]}"
}

@test "podleash run: any three processes or all killed: nothing is left, the job ends" {
  deaths run 3 "${run_processes[@]}"
  deaths run 5 "${run_processes[@]}"
}

# signals MODE: a job for each of SIGTERM and SIGINT to the runner and to the command-runner.
signals() {
  local signal name
  for signal in TERM INT; do
    for name in RUNNER COMMAND_RUNNER; do
      echo "$1: SIG$signal to $name"
      start_job "U$((++jobs))" '' "$1"
      wait_running
      kill -s $signal "${!name%,*}"
      # A runner that is told to end looks only every 5 s.
      assert_job_ends 12
    done
  done
}

@test "env: SIGTERM or SIGINT to the runner or the command-runner: nothing is left, the job ends" {
  signals env
}

@test "podleash run: SIGTERM or SIGINT to the runner or the command-runner: nothing is left, the job ends" {
  signals run
}

@test "a cancelled runner that hangs is killed: nothing is left, the job ends" {
  local mode
  for mode in env run; do
    echo "$mode"
    start_job "U$((++jobs))" '' $mode
    wait_running
    kill -STOP "${RUNNER%,*}"
    wait_until 5 stopped "$RUNNER"
    kill -INT "${COMMAND_RUNNER%,*}"
    # receptor has patience for 10 s.
    assert_job_ends 15
  done
}

@test "ansible-runner 2.0.4, which forgets its container, is cancelled: nothing is left, the job ends" {
  local mode
  for mode in env run; do
    echo "$mode"
    start_job "U$((++jobs))" 2.0.4 $mode
    wait_running
    kill -INT "${COMMAND_RUNNER%,*}"
    assert_job_ends 15
  done
}

# kill_guard_and_runner: no guard may have seen the end of the runner; the container must outlive both.
kill_guard_and_runner() {
  kill -KILL "${GUARD%,*}" "${RUNNER%,*}"
  wait_until 5 gone "$GUARD"
  wait_until 5 gone "$RUNNER"
  alive "$CONTAINER"
}

@test "guard and runner killed: sweep ends the container" {
  start_job U1
  wait_running
  kill_guard_and_runner
  "$BUILD/podleash" sweep "$PID_DIR"
  assert_job_ends 5
}

@test "a container that is known is killed before all processes are looked through" {
  start_job U1
  wait_running
  kill_guard_and_runner
  strace -f -qq -o "$WORK/strace" "$BUILD/podleash" sweep "$PID_DIR"
  # Of the child that sweep starts for the run: what it does first of the two.
  [[ $(grep -E -m 1 'SIGKILL|"/proc", .*O_DIRECTORY' "$WORK/strace") == *SIGKILL* ]]
  assert_job_ends 5
}

@test "guard and runner killed: the next job on the directory ends the container" {
  start_job U1
  wait_running
  kill_guard_and_runner
  local first=$COMMAND_RUNNER
  # Another job: the name of a container is made of its job's identity.
  setup_job_dir
  start_job U2
  assert_nothing_left 10
  wait_until 5 gone "$first"
  # The next job itself is not touched.
  wait_running U2
  alive "$GUARD"
  kill_now "$RUNNER"
  assert_job_ends
}

@test "podleash run: guard and runner killed: the container ends without a sweep" {
  start_job U1 '' run
  wait_running
  kill -KILL "${GUARD%,*}" "${RUNNER%,*}"
  assert_job_ends
}

# new_guard: kills the guard alone and has sweep start another one, which GUARD then is.
new_guard() {
  kill -KILL "${GUARD%,*}"
  wait_until 5 gone "$GUARD"
  PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR" | tee "$WORK/swept"
  grep -w guarded "$WORK/swept"
  local old=$GUARD
  GUARD=$(record_value guard "$RECORD" | tail -n 1)
  [ "$GUARD" != "$old" ]
  OURS+=("$GUARD")
  alive "$GUARD"
  alive "$CONTAINER"
}

@test "conmon is killed: what the runtime knows of the container, and its cgroups, go as well" {
  local runtime
  start_job U1
  wait_running
  runtime=$(record_value runtime "$RECORD" | tail -n 1)
  "$runtime" state "$CID" >/dev/null
  kill_now "$CONMON"
  assert_job_ends
  ! "$runtime" state "$CID" 2>/dev/null || fail 'the runtime knows it'
  find /sys/fs/cgroup -name "libpod-$CID*" >"$WORK/cgroups" 2>/dev/null || true
  [ ! -s "$WORK/cgroups" ] || fail "$(cat "$WORK/cgroups")"
}

# end_playbook: the playbook's own end: its `sleep` is over.
end_playbook() {
  kill "$(children "${CONTAINER%,*}")"
}

@test "guard killed: sweep gives the run another one, and the job ends as it would have" {
  start_job U1
  wait_running
  new_guard
  end_playbook
  job_status
  [ "$STATUS" = 0 ]
  grep -q '"status": "successful"' "$UNITDIR/stdout"
  assert_nothing_left 5
}

@test "guard killed: the one that sweep gave the run ends it when the runner is killed" {
  start_job U1
  wait_running
  new_guard
  kill_now "$RUNNER"
  assert_job_ends
}

@test "receptor itself dies: the job goes on under both its guard and a new one, and can be cancelled" {
  local receptor=$RECEPTOR daemon
  # A receptor that starts command-runners: each leads a session of its own. Its own command line must
  # not look like one of them.
  cat >"$WORK/daemon" <<END
#!/usr/bin/env bash
{
  printf '%q ' setsid "$receptor" "\$@"
  echo '& echo \$! >"$WORK/command-runner.pid"; wait'
} >"$WORK/daemon.sh"
exec bash "$WORK/daemon.sh"
END
  chmod +x "$WORK/daemon"
  RECEPTOR=$WORK/daemon
  start_job U1
  wait_running
  daemon=$COMMAND_RUNNER
  COMMAND_RUNNER=$(identity "$(<"$WORK/command-runner.pid")")
  OURS+=("$COMMAND_RUNNER")
  [ "$(stat_field 4 "${COMMAND_RUNNER%,*}")" = "${daemon%,*}" ]

  kill_now "$daemon"
  wait_until 5 gone "$daemon"
  [ "$(stat_field 4 "${COMMAND_RUNNER%,*}")" != "${daemon%,*}" ]
  # A guard sleeps for good; a new one looks at everything once. Neither has anything against the job.
  "$BUILD/podleash" sweep "$PID_DIR"
  alive "$GUARD"
  new_guard
  alive "$GUARD"
  alive "$COMMAND_RUNNER"
  alive "$RUNNER"
  alive "$PODMAN"

  kill -INT "${COMMAND_RUNNER%,*}"
  assert_job_ends 12
}

# plain_stream FILE: a worker's result stream, its artifacts unpacked, without what differs between any
# two jobs: identities, times, temporary directories, and the size of a compressed file.
plain_stream() {
  /usr/bin/python3 - "$1" <<'PYTHON'
import base64, io, re, sys, zipfile

def show(text):
    for pattern, word in (
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
        (r"[0-9a-f]{32}", "IDENT"),
        (r"/U-(bare|env|run)", "/UNIT"),
        (r"/tmp[a-z0-9_]{8}/", "/TMP/"),
        (r"\d{4}-\d\d-\d\dT[\d:.]+(\+00:00)?", "TIME"),
        (r'"zipfile": \d+', '"zipfile": SIZE'),
        (r'"pid": \d+', '"pid": PID'),
    ):
        text = re.sub(pattern, word, text)
    print(text)

text = open(sys.argv[1]).read()
head, artifacts, tail = re.fullmatch(r'(.*"zipfile": \d+}\n)([A-Za-z0-9+/=]+)(.*)', text, re.S).groups()
show(head + tail)
archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(artifacts)))
for name in sorted(archive.namelist()):
    show("== " + name)
    show(archive.read(name).decode(errors="replace"))
PYTHON
}

# assert_same_job STATUS: the job of setup_job_dir ends with the same status, result stream and
# complaints with podleash as without, and leaves no file, no process and no container.
assert_same_job() {
  local mode
  for mode in bare env run; do
    echo "$mode"
    # Each into a result stream of its own: receptor writes over an old one and does not cut it.
    start_job "U-$mode" '' $mode
    job_status
    # In a log of the real receptor each line starts with a time.
    {
      echo "status $STATUS"
      plain_stream "$UNITDIR/stdout"
      sed -E 's/[0-9]{4}.[0-9]{2}.[0-9]{2}.[0-9:.]+/TIME/' "$UNITDIR/receptor.log"
    } >"$WORK/$mode"
    [ $mode != bare ] || continue
    diff -a -u "$WORK/bare" "$WORK/$mode"
    # The guard may be a moment behind podman.
    wait_until 5 no_files || fail "$(ls -A "$PID_DIR")"
    wait_until 5 none_carries "$PID_DIR" || fail "left: $(carrying "$PID_DIR")"
  done
  [ "$(sed -n '/^== rc$/ { n; p }' "$WORK/bare")" = "$1" ]
  assert_no_container_of_ours
}

# bats test_tags=worker
@test "a normal job: status, result stream and artifacts are the same as without podleash, nothing is left" {
  setup_job_dir --env=EE_SLEEP=0
  assert_same_job 0
}

# bats test_tags=worker
@test "a playbook that fails: status, result stream and artifacts are the same as without podleash, nothing is left" {
  setup_job_dir --env=EE_EXIT=3
  assert_same_job 3
}

@test "a podman that fails: podleash run ends with its status, its words are the only ones" {
  local mode
  for mode in env run; do
    start_script "U$((++jobs))" $mode <<END
podman run --rm --network=none $IMAGE sh -c 'echo out; echo err >&2; exit 7'
exit \$?
END
    job_status
    # 255 is what receptor's command-runner makes of any other status.
    echo "$mode: $STATUS"
    [ "$STATUS" = 7 ] || [ "$STATUS" = 255 ]
    [ "$(sort "$UNITDIR/stdout")" = $'err\nout' ]
    wait_until 5 no_files
  done
}

@test "detached: the container outlives its podman, and ends with the shell that asked for it" {
  mkfifo "$WORK/go"
  start_script U1 <<END
podman run -d --rm --network=none $IMAGE sleep 600
read -r _ <"$WORK/go"
END
  wait_running
  wait_until 10 gone "$PODMAN"
  # What sweep says nothing of and leaves alone is leashed and in order.
  [ -z "$("$BUILD/podleash" sweep "$PID_DIR")" ]
  alive "$CONTAINER"
  alive "$GUARD"
  alive "$RUNNER"
  echo go >"$WORK/go"
  assert_job_ends
}

@test "detached: the shell that asked for the container is killed: nothing is left" {
  start_script U1 <<END
podman run -d --rm --network=none $IMAGE sleep 600
sleep 600
END
  wait_running
  wait_until 10 gone "$PODMAN"
  kill_now "$RUNNER"
  assert_job_ends
}

# start_host_pids: a container that shares the machine's pids, with three processes; sets MARK and INSIDE.
start_host_pids() {
  # A number that no other process on this machine carries.
  MARK=9$$$(now_ms)
  start_script U1 <<END
podman run --rm --network=none --pid=host $IMAGE sh -c 'setsid sleep $MARK & (setsid sh -c "sleep $MARK; :" &) & echo ready; sleep $MARK'
exit \$?
END
  wait_running
  wait_ready
  mapfile -t INSIDE < <(wait_until 5 three_sleep "$MARK" && sleeping "$MARK")
  [ ${#INSIDE[@]} = 3 ]
  OURS+=("${INSIDE[@]}")
}

assert_none_inside() {
  local process
  for process in "${INSIDE[@]}"; do
    gone "$process" || fail "$process lives: $(words "${process%,*}" | paste -sd ' ')"
  done
  none_carries "$MARK"
}

@test "--pid=host: what the container left running in sessions of its own ends as well" {
  start_host_pids
  kill_now "$RUNNER"
  assert_job_ends
  assert_none_inside
}

# The conmon of podman 3.0 does not wait for these, and nothing proves them to be the container's then.
# bats test_tags=pidfile
@test "--pid=host: what a first process that has ended by itself left running ends as well" {
  start_host_pids
  kill_now "$CONTAINER"
  # podman 5 waits for what the container has left, as conmon does.
  [[ $(podman --version) == *' 5.'* ]] || wait_until 20 gone "$PODMAN"
  "$BUILD/podleash" cancel "$PID_DIR"
  assert_job_ends
  assert_none_inside
}

@test "--pid=host, guard and conmon killed before either knew the other: a sweep ends all of the container" {
  start_host_pids
  kill_now "$GUARD"
  kill_now "$CONMON"
  # As it was before the guard had seen conmon.
  sed -i -E '/^(conmon|container|cid|runtime|bundle|cleanup)=/d' "$RECORD"
  kill_now "$RUNNER"
  wait_until 5 gone "$RUNNER"
  "$BUILD/podleash" sweep "$PID_DIR"
  assert_job_ends
  assert_none_inside
}

# sleeping MARK: the identities of the processes `sleep MARK`.
sleeping() {
  local pid
  for pid in $(carrying "$1"); do
    [ "$(words "$pid" | paste -sd ' ')" != "sleep $1" ] || identity "$pid"
  done
}

three_sleep() {
  [ "$(sleeping "$1" | grep -c .)" = 3 ]
}

@test "a container of other users and user namespaces ends with its runner" {
  local options
  local -a all=('--user=1000')
  if [ "$(id -u)" = 0 ]; then
    all+=('--uidmap=0:200000:65536 --gidmap=0:200000:65536' '--uidmap=0:200000:65536 --gidmap=0:200000:65536 --user=1000')
  else
    all+=('--userns=keep-id' '--userns=keep-id --user=1000')
  fi
  for options in "${all[@]}"; do
    echo "$options"
    # runc enters a place below TMPDIR as the container's root, whom the one of the jobs keeps out.
    start_script "U$((++jobs))" env TMPDIR=/tmp <<END
podman run --rm --network=none $options $IMAGE sleep 600
exit \$?
END
    wait_running
    kill_now "$RUNNER"
    assert_job_ends
  done
}

# start_trap OPTION TRAP [WORD...]: a container whose first process sets that trap for SIGTERM.
start_trap() {
  start_script "U$((++jobs))" env "${@:3}" <<END
podman run --rm --network=none $1 $IMAGE sh -c 'trap "$2" TERM; echo ready; sleep 600 & while kill -0 \$!; do wait \$!; done 2>/dev/null'
exit \$?
END
  wait_running
  wait_ready
}

@test "a container that handles SIGTERM gets it and has its grace, below an --init as well" {
  local option killed
  for option in '' --init; do
    echo "option: $option"
    start_trap "$option" 'echo terminated; exit 0' PODLEASH_GRACE=60
    killed=$(now_ms)
    kill_now "$RUNNER"
    assert_job_ends
    grep -qw terminated "$UNITDIR/stdout"
    [ $(($(now_ms) - killed)) -lt 10000 ]
  done
}

@test "a container that ignores SIGTERM is killed, after its grace and not before" {
  local option killed
  for option in '' --init; do
    echo "option: $option"
    start_trap "$option" 'echo asked' PODLEASH_GRACE=1
    killed=$(now_ms)
    kill_now "$RUNNER"
    wait_until 5 gone "$CONTAINER"
    [ $(($(now_ms) - killed)) -ge 1000 ]
    grep -qw asked "$UNITDIR/stdout"
    assert_job_ends
  done
}

@test "PODLEASH_GRACE=0: a container is killed without being asked" {
  start_trap '' 'echo asked' PODLEASH_GRACE=0
  kill_now "$RUNNER"
  assert_job_ends 5
  if grep -w asked "$UNITDIR/stdout"; then fail 'it was asked'; fi
}

# bats test_tags=pidfile
@test "a user's own pid files: the container ends, the files are left to the user" {
  local options file status
  mkdir "$WORK/cwd"
  # wait_running reads a relative path as podman does.
  cd "$WORK/cwd"
  while read -r options; do
    echo "podman run $options"
    status=0
    # shellcheck disable=SC2086 # words
    podman run $options $IMAGE true </dev/null || status=$?
    rm -f ./*.pid
    start_script "U$((++jobs))" <<END
cd "$WORK/cwd"
podman run $options $IMAGE sleep 600
exit \$?
END
    if [ $status != 0 ]; then
      # crun takes no path that is relative.
      job_status
      [ "$STATUS" = $status ] || fail "status $STATUS, without podleash $status"
      wait_until 10 no_files || fail "files are left: $(ls -A "$PID_DIR")"
      continue
    fi
    wait_running
    rm -f expected
    for file in *.pid; do
      echo "$file" >>expected
    done
    kill_now "$RUNNER"
    assert_job_ends
    while read -r file; do
      [ -e "$file" ] || fail "$file: removed"
    done <expected
    rm ./*.pid
  done <<END
--pidfile=$WORK/cwd/absolute.pid --rm --network=none
--rm --network=none --pidfile $WORK/cwd/absolute.pid
--conmon-pidfile $WORK/cwd/absolute.conmon.pid --rm --network=none
--rm --network=none --conmon-pidfile=$WORK/cwd/absolute.conmon.pid --pidfile=$WORK/cwd/absolute.pid
--conmon-pidfile=relative.conmon.pid --rm --network=none
--pidfile relative.pid --conmon-pidfile=relative.conmon.pid --rm --network=none
--rm --pidfile first.pid --network=none --pidfile=./second.pid
END
}

@test "words behind the image that look like flags of podman are the container's" {
  start_script U1 <<END
podman run --rm --network=none $IMAGE sh -c 'echo ready "\$@"; sleep 600' sh -d --pidfile=$WORK/no.pid --conmon-pidfile $WORK/no.conmon.pid
exit \$?
END
  wait_running
  wait_ready
  grep -q "ready -d --pidfile=$WORK/no.pid --conmon-pidfile $WORK/no.conmon.pid" "$UNITDIR/stdout"
  # Not a detached one: it must not outlive its podman.
  kill_now "$PODMAN"
  assert_job_ends
  if compgen -G "$WORK/no.*"; then fail 'podman took them'; fi
}

# kill_all: everything of the job at once, guard and container as well.
kill_all() {
  local -a all=("$GUARD" "$RUNNER" "$PODMAN" "$CONMON" "$CONTAINER")
  local pid
  for pid in $(descendants "${PODMAN%,*}"); do
    all+=("$(identity "$pid")")
  done
  # In one call: the guard, conmon and podman would each still do something about the others' deaths.
  kill -KILL "${all[@]%,*}"
  for pid in "${all[@]}"; do
    wait_until 5 gone "$pid"
  done
}

@test "everything killed at once, a container without --rm: after a sweep podman knows that it ended" {
  start_script U1 <<END
podman run --network=none $IMAGE sleep 600
exit \$?
END
  wait_running
  kill_all
  "$BUILD/podleash" sweep "$PID_DIR"
  [ "$(podman container inspect --format '{{.State.Running}}' "$CID")" = false ]
  if compgen -G "$RUN.*" >/dev/null; then fail 'files are left'; fi
}

@test "a guard killed, a container without --rm that somebody removed: a sweep ends the run" {
  start_script U1 <<END
podman run --network=none $IMAGE sleep 600
exit \$?
END
  wait_running
  kill_now "$GUARD"
  podman kill "$CID"
  podman rm --force "$CID"
  wait_until 10 gone "$PODMAN"
  "$BUILD/podleash" sweep "$PID_DIR"
  if compgen -G "$RUN.*" >/dev/null; then fail 'files are left'; fi
}

@test "podman killed, then conmon while the container ends, no --rm: podman knows that it ended" {
  start_script U1 <<END
podman run --network=none $IMAGE sh -c "trap ': >/asked' TERM; while :; do sleep 600 & wait; done"
exit \$?
END
  wait_running
  kill_now "$PODMAN"
  wait_until 4 test -e "/proc/${CONTAINER%,*}/root/asked"
  kill_now "$CONMON"
  wait_until 20 gone "$GUARD"
  if compgen -G "$RUN.*" >/dev/null; then fail 'files are left'; fi
  [ "$(podman container inspect --format '{{.State.Running}}' "$CID")" = false ]
}

# remove_bundle: what podman takes away first when it removes a container, which is on its list until the end.
remove_bundle() {
  local bundle
  bundle=$(record_value bundle "$RECORD")
  [ "$(id -u)" != 0 ] || umount "$bundle/shm"
  rm -rf "$bundle"
}

@test "everything killed while podman removed the container: a sweep finishes that" {
  start_job U1
  wait_running
  kill_all
  remove_bundle
  "$BUILD/podleash" sweep "$PID_DIR"
  assert_job_ends
}

# bats test_tags=pidfile
@test "podman is ended while it removes a container that never started: the sweep that ends it finishes that" {
  start_job U1
  wait_running
  kill_now "$GUARD"
  kill_now "$CONMON"
  kill_now "$CONTAINER"
  remove_bundle
  rm "$RUN.pid"
  sed -i '/^container=/d' "$RECORD"
  kill_now "$RUNNER"
  "$BUILD/podleash" sweep "$PID_DIR"
  assert_job_ends
}

@test "a runtime and a conmon killed while they wrote a pid file: what they leave goes with the run" {
  start_job U1
  wait_running
  kill_all
  : >"$PID_DIR/.${RUN##*/}.pid"
  : >"$RUN.conmon.pid.A1B2C3"
  "$BUILD/podleash" sweep "$PID_DIR"
  assert_job_ends
}
