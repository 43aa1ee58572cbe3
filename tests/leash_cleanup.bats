# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# podman's own cleanup of a container: waited for while it moves, done where nobody else does it, and nobody else's
# is waited for.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself
# shellcheck disable=SC2016 # scripts for another shell
# shellcheck disable=SC2153 # the variables of wait_running

load test_helper.bash

setup() {
  mkdir -m 0700 "$PID_DIR"
  VOLUMES=()
}

teardown() {
  local volume
  # A runtime that waits for it may end.
  : >"$WORK/go"
  cleanup_job
  for volume in "${VOLUMES[@]}"; do
    podman volume rm --force "$volume" >/dev/null 2>&1 || true
  done
  assert_no_container_of_ours
}

show_log() {
  cat "$LOG" || true
}

no_records() {
  ! compgen -G "$PID_DIR/*.run" >/dev/null
}

# ---- slow ----

# slow_runtime SECONDS: makes GLOBAL name a runtime that takes so long to delete a container, or until the test says
# go, and notes in $WORK/deletes when it begins and ends to do so.
slow_runtime() {
  make_runtime delete 'for id; do :; done
      echo "$id begun" >>'"$WORK"'/deletes
      left='"${1}0"'
      until [ $((left -= 1)) = 0 ] || [ -e '"$WORK"'/go ]; do sleep 0.1; done
      $real "$@"
      echo "$id ended $?" >>'"$WORK"'/deletes
      exit 0'
}

# deletes ID: what was noted of that container.
deletes() {
  sed -n "s/^$1 //p" "$WORK/deletes" 2>/dev/null || true
}

delete_begun() {
  [ -n "$(deletes "$1")" ]
}

# assert_deleted_once ID
assert_deleted_once() {
  [ "$(deletes "$1")" = $'begun\nended 0' ] || { show_log; fail "$1: not one delete: $(deletes "$1" | paste -sd ' ')"; }
}

@test "a delete that takes half a minute is waited for and begun once: cancel, the runner's death" {
  local -a cancelled=() left=()
  local run pid
  slow_runtime 28
  start_script U1 <<END
podman $GLOBAL run --rm --network=none $IMAGE sleep 600
END
  wait_running
  cancelled=("$CID" "$PODMAN" "$CONMON" "$CONTAINER" "$GUARD")
  run=$RUN
  start_script U2 <<END
podman $GLOBAL run --rm --network=none $IMAGE sleep 600
END
  wait_running
  left=("$PODMAN" "$CONMON" "$CONTAINER" "$GUARD")
  kill_now "$RUNNER"
  wait_until 10 delete_begun "$CID"
  PODLEASH_LOG=$LOG "$BUILD/podleash" cancel --unit U1 "$PID_DIR" || { show_log; fail "cancel: status $?"; }
  for pid in "${cancelled[@]:1}"; do
    gone "$pid" || fail "$pid: cancel returned, and it goes on"
  done
  if compgen -G "$run.*"; then fail 'cancel returned, and files are left'; fi
  ! podman_knows "${cancelled[0]}" || fail 'cancel returned, and podman knows the container'
  assert_deleted_once "${cancelled[0]}"
  for pid in "${left[@]}"; do
    wait_until 15 gone "$pid" || fail "$pid: goes on"
  done
  assert_job_ends
  assert_deleted_once "$CID"
}

@test "a detached container that ends by itself inside the job, and is deleted for a minute: podman's cleanup is left alone" {
  local conmon
  slow_runtime 60
  start_script U1 <<END
podman $GLOBAL run -d --rm --network=none $IMAGE sh -c 'until [ -e /tmp/go ]; do sleep 0.1; done'
exec sleep 600
END
  wait_running
  wait_until 10 gone "$PODMAN"
  : >"/proc/${CONTAINER%,*}/root/tmp/go"
  wait_until 15 delete_begun "$CID"
  conmon=$CONMON
  wait_until 90 gone "$conmon" || fail 'conmon goes on'
  assert_deleted_once "$CID"
  wait_until 5 no_files || fail "files are left: $(ls -A "$PID_DIR")"
  ! podman_knows "$CID" || fail 'podman knows it still'
  wait_until 5 gone "$GUARD" || fail 'the guard goes on'
  alive "$RUNNER"
  if grep -sE 'ending it|podman ' "$LOG"; then fail 'a normal end, and the log has something to say'; fi
}

@test "a delete that polls for ever: a sweep says so and returns, and what it began goes on" {
  make_runtime delete "until [ -e $WORK/go ]; do sleep 0.1; done"
  start_script U1 <<END
podman $GLOBAL run --rm --network=none $IMAGE sleep 600
END
  wait_running
  kill -STOP "${GUARD%,*}"
  kill_now "$RUNNER" "$GUARD"
  wait_until 5 gone "$GUARD"
  # Ten of its minutes are ten seconds.
  STATUS=0
  FAST_CLOCK=60 FAST_SINCE=$(now_ms) LD_PRELOAD=$BUILD/tests/fast_clock.so PODLEASH_LOG=$LOG \
    timeout 60 "$BUILD/podleash" sweep "$PID_DIR" >"$WORK/out" 3>&- || STATUS=$?
  cat "$WORK/out" "$LOG"
  [ $STATUS = 1 ] || fail "status $STATUS"
  grep -q "^unit U1, run .*: something is left; see $LOG\$" "$WORK/out"
  [ "$(grep -c 'what cleans up after it takes long' "$LOG")" = 1 ] || fail 'the log does not say what'
  alive "$CONMON" || fail 'conmon was ended'
  : >"$WORK/go"
  assert_nothing_left
}

@test "a runtime that is stopped while it deletes the container, below podman's cleanup: it is woken" {
  make_runtime delete 'kill -STOP $$'
  start_script U1 <<END
podman $GLOBAL run --rm --network=none $IMAGE sleep 600
END
  wait_running
  kill_now "$RUNNER"
  assert_job_ends 30
}

@test "a runtime that is stopped while it deletes the container, and all that is above it is killed: a sweep waits for it" {
  local runtime cleanup
  make_runtime delete "[ -e $WORK/called ] || { echo \$\$ >$WORK/called; kill -STOP \$\$; }"
  start_script U1 <<END
podman $GLOBAL run --rm --network=none $IMAGE sleep 600
END
  wait_running
  kill_now "$GUARD" "$CONTAINER"
  wait_until 15 test -s "$WORK/called"
  runtime=$(identity "$(<"$WORK/called")")
  cleanup=$(identity "$(stat_field 4 "${runtime%,*}")")
  OURS+=("$runtime" "$cleanup")
  wait_until 5 stopped "$runtime"
  kill_now "$CONMON" "$cleanup" "$PODMAN" "$COMMAND_RUNNER"
  wait_until 5 gone "$cleanup"
  PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR"
  gone "$runtime" || fail 'the runtime is left'
  assert_nothing_left
}

@test "a cleanup of a container that stays reports no error, and has not cleaned up: it is not taken for done" {
  local name
  name=cleanup-$(id -u)-$$-$(now_ms)
  cp "$(command -v podman)" "$WORK/podman"
  OUR_CONTAINERS+=("$name")
  start_script U1 <<END
$WORK/podman run --name $name --network=none $IMAGE sleep 600
END
  wait_running
  replace_podman "[ -e $WORK/room ] || exit 0"
  kill_now "$CONMON" "$RUNNER"
  wait_until 15 grep -q 'podman does not clean up after it' "$LOG" || fail "$(cat "$LOG")"
  : >"$WORK/room"
  "$BUILD/podleash" cancel "$PID_DIR" || fail "$(cat "$LOG")"
  podman start "$name" || fail 'its owner cannot start it'
  podman rm --force --time 0 "$name"
}

@test "a sweep is killed while it writes for podman how the container ended: podman works, and the next one cleans up" {
  local exits
  start_script U1 <<END
podman run --rm --network=none $IMAGE sleep 600
END
  wait_running
  wait_until 5 grep -q "^exit_dir=" "$RECORD"
  exits=$(record_value exit_dir "$RECORD")
  kill_now "$GUARD" "$CONMON" "$CONTAINER" "$PODMAN" "$RUNNER"
  rm -f "$exits/$CID"
  strace -f -qq -o "$WORK/trace" -P "$exits/$CID" -P "$exits/$CID.podleash" -e trace=write -e inject=write:signal=KILL \
    "$BUILD/podleash" sweep "$PID_DIR" || true
  grep -q 'write(.*killed by SIGKILL\|+++ killed by SIGKILL' "$WORK/trace" || fail "nobody was killed: $(cat "$WORK/trace")"
  podman info >/dev/null || fail 'podman fails'
  : >"$exits/$CID" # what is left by a writer who is killed, or has no room
  PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR" || fail "$(cat "$LOG")"
  assert_nothing_left
  [ -z "$(compgen -G "$exits/$CID*")" ] || fail "left: $(ls "$exits/$CID"*)"
}

@test "podman is killed before conmon, and an owner makes the container ready while its runtime is asked: it is left alone" {
  local name id init real
  real=$(podman info --format '{{.Host.OCIRuntime.Path}}')
  name=cleanup-$(id -u)-$$-$(now_ms)
  OUR_CONTAINERS+=("$name")
  make_runtime state "[ -e $WORK/asked ] || { : >$WORK/asked; $(command -v podman) init $name >/dev/null; }"
  printf '#!/bin/sh\n[ "$1" = --version ] && exec %s "$@"\nkill -KILL $PPID\n' "$(podman info --format '{{.Host.Conmon.Path}}')" >"$WORK/conmon"
  chmod 0755 "$WORK/conmon"
  start_script U1 <<END
podman --conmon=$WORK/conmon $GLOBAL run --name $name --network=none $IMAGE sleep 600
END
  wait_until 15 test -e "$WORK/asked" || { show_log; fail 'the runtime was not asked'; }
  wait_until 15 no_records || { show_log; fail 'the run goes on'; }
  init=$(podman inspect --format '{{.State.Pid}}' "$name")
  id=$(podman inspect --format '{{.Id}}' "$name")
  "$real" state "$id" | grep -q '"status": "created"' || { show_log; fail 'the runtime has forgotten it'; }
  [ "$init" -gt 0 ] && kill -0 "$init" || { show_log; fail 'what its owner made was killed'; }
  podman start "$name"
  podman rm --force --time 0 "$name"
}

@test "podman fails for a moment: it is asked again, and the log has its own words" {
  cp "$(command -v podman)" "$WORK/podman"
  start_script U1 <<END
$WORK/podman run --rm --network=none $IMAGE sleep 600
END
  wait_running
  replace_podman 'case " $* " in *" cleanup "* | *" rm "*)
    echo "$*" >>'"$WORK"'/asked
    [ "$(wc -l <'"$WORK"'/asked)" -gt 3 ] || { echo "first words" >&2; echo "Error: the storage is busy" >&2; exit 125; }
    ;;
  esac'
  kill_now "$GUARD" "$CONMON" "$CONTAINER" "$PODMAN" "$RUNNER"
  PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR" || fail "$(cat "$LOG")"
  [ "$(wc -l <"$WORK/asked")" -gt 3 ] || fail "podman was asked only for: $(cat "$WORK/asked")"
  grep -q "unit U1, run .*: $WORK/podman: status 125: Error: the storage is busy$" "$LOG" || fail "$(cat "$LOG")"
  assert_nothing_left
}

@test "runc is killed before it has written what it began: nothing of that is left" {
  local root=/run/runc
  [ "$(id -u)" = 0 ] || root=$XDG_RUNTIME_DIR/runc
  cat >"$WORK/runc" <<END
#!/bin/sh
case " \$* " in *" create "*)
  for id; do :; done
  mkdir -p $root/\$id && mkfifo $root/\$id/exec.fifo && echo $root/\$id >$WORK/made
  exec sleep 600
  ;;
esac
exec $(command -v runc) "\$@"
END
  chmod 0755 "$WORK/runc"
  start_script U1 <<END
podman --runtime=$WORK/runc run --rm --network=none $IMAGE sleep 600
END
  wait_until 20 grep -qs . "$WORK/made"
  [ -p "$(<"$WORK/made")/exec.fifo" ]
  kill_now "$COMMAND_RUNNER"
  wait_until 20 no_records || { show_log; fail 'the run goes on'; }
  [ ! -e "$(<"$WORK/made")" ] || { show_log; fail "left: $(ls "$(<"$WORK/made")")"; }
}

@test "podman fails for longer than anybody waits: podleash run ends, and the guard goes on until podman works" {
  cp "$(command -v podman)" "$WORK/podman"
  : >"$WORK/fails"
  start_script U1 run <<END
$WORK/podman run --rm --network=none $IMAGE sleep 600
END
  wait_running
  replace_podman 'case " $* " in *" cleanup "* | *" rm "* | *" stop "*) [ ! -e '"$WORK"'/fails ] || exit 125 ;; esac'
  # conmon does not clean up either.
  kill_now "$CONMON" "$RUNNER"
  wait_until 30 gone "$LEASH_RUN" || fail 'podleash run waits'
  grep -q 'something is left' "$LOG" || { show_log; fail 'podman has worked'; }
  alive "$GUARD" || { show_log; fail 'the guard has given up'; }
  rm "$WORK/fails"
  wait_until 30 gone "$GUARD"
  assert_nothing_left
}

@test "a podman that cannot enter its user namespace ends with 1: that is no word of a container that is not there" {
  cp "$(command -v podman)" "$WORK/podman"
  : >"$WORK/fails"
  start_script U1 <<END
$WORK/podman run --rm --network=none $IMAGE sleep 600
END
  wait_running
  replace_podman "[ ! -e $WORK/fails ] || exit 1"
  kill_now "$GUARD" "$CONMON" "$CONTAINER" "$PODMAN" "$RUNNER"
  PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR" && fail 'sweep: all is ended'
  [ -e "$RECORD" ] || { show_log; fail 'the run is forgotten'; }
  rm "$WORK/fails"
  PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR" || { show_log; fail 'sweep: something is left'; }
  assert_nothing_left
}

# ends_without_cleanup WORD...: runs podman behind these words; conmon's cleanup fails, and all that anyone else calls.
ends_without_cleanup() {
  local name status=0
  name=cleanup-$(id -u)-$$-$(now_ms)
  OUR_CONTAINERS+=("$name")
  cp "$(command -v podman)" "$WORK/podman.new"
  mv "$WORK/podman.new" "$WORK/podman"
  timeout 100 "$@" "$WORK/podman" run --rm --name "$name" --network=none "$IMAGE" \
    sh -c 'until [ -e /go ]; do sleep 0.1; done; echo words; exit 3' >"$WORK/out" 2>"$WORK/err" </dev/null 3>&- 4>&- 5>&- &
  runs() { [ "$(podman inspect --format '{{.State.Running}}' "$name")" = true ]; } 2>/dev/null
  wait_until 20 runs
  replace_podman 'case " $* " in *" cleanup "* | *" rm "* | *" stop "*) exit 125 ;; esac'
  podman exec "$name" touch /go
  wait $! || status=$?
  echo "status $status, $(<"$WORK/out"), $(<"$WORK/err")"
  podman container exists "$name" && echo left
}

@test "conmon's cleanup fails: podman has the time for its own, as without podleash" {
  ends_without_cleanup env >"$WORK/without" || true
  ends_without_cleanup env "PODLEASH_LOG=$LOG" "$BUILD/podleash" run --pid-dir "$PID_DIR" >"$WORK/with" || true
  diff "$WORK/without" "$WORK/with" || { show_log; fail 'another end'; }
  [ ! -e "$LOG" ] || { show_log; fail 'not silent'; }
}

@test "podman is given settings relative to its directory: conmon is killed, and nothing of the container is left there" {
  mkdir "$WORK/own"
  cd "$WORK/own"
  printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrootless_storage_path = "%s"\nrunroot = "%s"\n' "$WORK/own/graph" "$WORK/own/graph" "$WORK/own/runroot" >storage.conf
  export CONTAINERS_STORAGE_CONF=./storage.conf
  podman import "$FIXTURES/image.tar" "$IMAGE" 2>/dev/null
  start_script U1 <<END
cd $WORK/own
CONTAINERS_STORAGE_CONF=./storage.conf podman run --rm --network=none --volume=/data $IMAGE sleep 600
END
  wait_running
  kill_now "$CONMON" "$RUNNER"
  wait_until 15 gone "$GUARD" || fail "$(cat "$LOG")"
  [ -z "$(podman ps --all --quiet)" ] || fail "$(podman ps --all)"
  [ -z "$(podman volume ls --quiet)" ] || fail "$(podman volume ls)"
  cd /
  chmod -R u+w own 2>/dev/null || true
}

# ---- nothing to clean up ----

# no_guard: no run has a file or a process. A tombstone may be there.
no_guard() {
  ! compgen -G "$PID_DIR/[0-9]*" >/dev/null && none_carries "$PID_DIR/"
}

# broken_podmans: ways in which podman fails before it has done anything, a line each.
broken_podmans() {
  echo "env CONTAINERS_CONF=$WORK/broken.conf podman run"
  if [ "$(id -u)" = 0 ]; then
    echo 'podman --root /proc/nonexistent run'
  else
    echo 'env HOME=/nonexistent XDG_RUNTIME_DIR=/nonexistent podman run'
  fi
}

@test "a podman that fails as a whole: its guard and its files are gone at once, and podleash run ends as podman did" {
  local broken mode unit=0
  echo '[engine' >"$WORK/broken.conf"
  while read -r broken; do
    for mode in env run; do
      echo "$mode: $broken"
      # In the mode env the job goes on, and in the other it ends.
      start_script "U$((++unit))" $mode <<END
$broken --rm --network=none $IMAGE true
status=\$?
echo "status \$status"
[ $mode = run ] || exec sleep 600
exit \$status
END
      wait_until 20 grep -qs '^status' "$UNITDIR/stdout"
      wait_until 2 no_guard || { show_log; fail "after 2 s there are $(ls -A "$PID_DIR"), $(carrying "$PID_DIR/")"; }
      if grep -x 'status 0' "$UNITDIR/stdout"; then fail 'that podman works'; fi
      [ $mode = env ] || wait_until 1 gone "$COMMAND_RUNNER" || fail 'podleash run goes on'
      kill_now "$COMMAND_RUNNER"
    done
  done < <(broken_podmans)
}

# ---- nobody else cleans up ----

# start_with_volume [FLAG]: a job whose container has an anonymous volume, VOLUME.
start_with_volume() {
  start_script "U$((++unit))" <<END
podman run --rm --network=none --volume=/data $* $IMAGE sleep 600
sleep 600
END
  wait_running
  VOLUME=$(podman inspect --format '{{(index .Mounts 0).Name}}' "$CID")
  VOLUMES+=("$VOLUME")
  podman volume inspect "$VOLUME" >/dev/null
}

volume_gone() {
  ! podman volume inspect "$VOLUME" >/dev/null 2>&1
}

# ended_but_runner: the run is gone, whatever its runner does.
ended_but_runner() {
  local RUNNER=
  nothing_left
}

@test "conmon is killed, alone or with others: the container's anonymous volume goes with the container" {
  local victims name unit=0
  local -a pids
  for victims in CONMON 'CONMON PODMAN' 'CONMON CONTAINER' 'CONMON CONTAINER PODMAN RUNNER'; do
    echo "$victims"
    start_with_volume
    pids=()
    for name in $victims; do
      pids+=("${!name%,*}")
    done
    kill -KILL "${pids[@]}"
    wait_until 20 ended_but_runner || { show_what_is_there; fail 'not all is gone'; }
    volume_gone || fail "its volume is left: $(cat "$LOG" 2>&1)"
    kill_now "$RUNNER"
  done
}

@test "conmon of a detached container is killed: its anonymous volume goes with the container" {
  local unit=0
  start_with_volume -d
  wait_until 10 gone "$PODMAN"
  kill_now "$CONMON"
  wait_until 20 ended_but_runner || { show_what_is_there; fail 'not all is gone'; }
  volume_gone || fail "its volume is left: $(cat "$LOG" 2>&1)"
}

# ---- somebody else's ----

# start_stranger: a container that podleash knows nothing of, whose delete does not come to its end; podman waits for
# it where it takes the container's lock.
start_stranger() {
  make_runtime delete "$(hold_back)"
  OUR_CONTAINERS+=("$(podman "$GLOBAL" run -d --rm --network=none --label="work=$WORK/" "$IMAGE" true 3>&-)")
  wait_until 15 test -e "$WORK/called"
  OURS+=("$(identity "$(<"$WORK/called")")")
}

has_guarded_record() {
  RECORD=$(record_path "$UNIT") && record_value guard "$RECORD" | grep -q .
}

# assert_soon COMMAND...: it succeeds, and takes less than ten seconds.
assert_soon() {
  local status=0 begin
  begin=$(now_ms)
  PODLEASH_LOG=$LOG timeout 10 "$@" || status=$?
  [ $status = 0 ] || { show_log; fail "$*: status $status after $(($(now_ms) - begin)) ms"; }
}

@test "a cancel during a pull does not wait for a stranger's container that is being deleted" {
  start_mute_registry
  start_stranger
  start_script U1 <<END
podman run --rm --network=none 127.0.0.1:$PORT/x true
END
  wait_until 15 test -e "$WORK/asked"
  wait_until 10 has_guarded_record
  assert_soon "$BUILD/podleash" cancel "$PID_DIR"
  no_guard || fail "left: $(ls -A "$PID_DIR")"
  wait_until 5 gone "$COMMAND_RUNNER"
}

@test "a job whose conmon is killed ends, and does not wait for a stranger's container that is being deleted" {
  start_stranger
  start_script U1 <<END
podman run --rm --network=none $IMAGE sleep 600
END
  wait_running
  kill_now "$CONMON" "$PODMAN"
  # Not by a look at all containers, which would wait itself.
  wait_until 10 no_guard || { show_log; fail "left: $(ls -A "$PID_DIR")"; }
  if podman container exists "$CID"; then fail 'podman knows it still'; fi
}
