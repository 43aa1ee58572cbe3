# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A file of the user's own for the container's id (--cidfile): its run is leashed as any other, and the id in it is
# not taken for the run's where podman has not made that container for it.
# shellcheck disable=SC2030,SC2031,SC2153 # each test is a subshell, and what it sets is for itself

load test_helper.bash
load detached.bash

setup() {
  jobs=0
  NAME=id-$(id -u)-$$-$(now_ms)
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# start_run WORD...: a job that runs a container with these podman options; waits until its record tells all of it.
start_run() {
  start_script "U$((++jobs))" <<END
podman run --rm --network=none --label=work=$WORK/ $* $IMAGE sleep 600
exit \$?
END
  wait_running
  wait_until 10 grep -q '^container=' "$RECORD"
}

# keeps_file: whether podman leaves the file of a container that it removes, as 4 does; 5 does not.
keeps_file() {
  podman run --rm --network=none --cidfile="$WORK/kept.cid" "$IMAGE" true
  [ -e "$WORK/kept.cid" ]
}

# refuses_file: whether podman writes no id into a file that is there, as 4 does; 5 writes it anew.
refuses_file() {
  : >"$WORK/there.cid"
  ! podman run --rm --network=none --cidfile="$WORK/there.cid" "$IMAGE" true
}

@test "a run with a file of the user's own for its id ends with its runner, with a name of its own or none" {
  local name
  for name in '' "--name=$NAME"; do
    start_run "--cidfile=$WORK/own.cid" "$name"
    [ "$(<"$WORK/own.cid")" = "$CID" ] || fail 'podman has not written it there'
    [ "$(record_value cid "$RECORD")" = "$CID" ] || fail 'the record has another id'
    kill_now "$RUNNER"
    assert_job_ends
    [ -e "$WORK/own.cid" ] || ! keeps_file || fail 'the file was removed'
    rm -f "$WORK/own.cid"
  done
}

@test "a run with a file of the user's own for its id, all of it but the container killed at once: a sweep ends it" {
  local name
  for name in '' "--name=$NAME"; do
    start_run "--cidfile=$WORK/own.cid" "$name"
    # As if nobody had learned it: the file alone tells.
    kill -STOP "${GUARD%,*}"
    sed -i '/^cid=/d; /^conmon=/d; /^container=/d; /^cleanup=/d; /^bundle=/d; /^exit_dir=/d' "$RECORD"
    kill_now "$GUARD" "$PODMAN" "$RUNNER"
    wait_until 5 gone "$RUNNER"
    "$BUILD/podleash" sweep "$PID_DIR" || fail "$(cat "$LOG")"
    assert_nothing_left
    rm -f "$WORK/own.cid"
  done
}

guard_is_there() {
  RECORD=$(record_path "$UNIT") && GUARD=$(record_value guard "$RECORD" | tail -n 1) && [ -n "$GUARD" ]
}

# container_is_up: podman has written the container's id, and the container runs.
container_is_up() {
  CID=$(cat "${RECORD%.run}.cid") && [ ${#CID} = 64 ] &&
    [ "$(podman container inspect --format '{{.State.Running}}' "$CID")" = true ]
}

# outrun_guard: the guard of a podman that is held back is stopped, and podman goes on.
outrun_guard() {
  wait_until 10 guard_is_there
  OURS+=("$GUARD")
  kill -STOP "${GUARD%,*}"
  wait_until 5 stopped "$GUARD"
  : >"$WORK/run"
}

# start_without_id WAY FLAG...: a job whose podman had no room to write the id down, and its guard, which is stopped.
start_without_id() {
  [ -d "$WORK/bin" ] || hold_podman_back "$WORK/run"
  rm -f "$WORK/run"
  PATH=$WORK/bin:$PATH start_way "$1" <<END
podman run ${*:2} --network=none $IMAGE sleep 600 &
echo ready
read -r _ <$WORK/go
END
  outrun_guard
  wait_until 20 container_is_up || fail 'no container'
  truncate -s 0 "${RECORD%.run}.cid"
  OUR_CONTAINERS+=("$CID")
  learn "$CID"
}

knows_id() {
  [ "$(record_value cid "$RECORD")" = "$CID" ]
}

@test "podman has no room for the id: the run is known by its conmon, lives as long as its job, and no longer" {
  local way flags
  for way in run alone; do
    for flags in '' -d '-d --rm'; do
      echo "$way $flags"
      # shellcheck disable=SC2086 # words
      start_without_id "$way" $flags
      kill -CONT "${GUARD%,*}"
      wait_until 10 knows_id || { show; fail 'the guard does not find it'; }
      alive "${PROCESSES[0]}" || { show; fail 'it was ended'; }
      end_job itself
      assert_ended
      [[ $flags != *--rm ]] || not_there "$CID" || fail 'it is left'
    done
  done
}

@test "podman has no room for the id, and the guard is killed: a sweep ends the run, or knows it" {
  local way flags
  for way in run alone; do
    for flags in '' -d; do
      echo "$way $flags"
      # shellcheck disable=SC2086 # words
      start_without_id "$way" $flags
      kill_now "$GUARD"
      wait_until 5 gone "$GUARD"
      end_job killed
      # Who holds a detached one is above podleash run, and ends after it.
      wait_until 10 gone "$COMMAND_RUNNER"
      PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR" || { show; fail 'not all is ended'; }
      processes_gone || { show; fail 'the sweep has returned, and it goes on'; }
      assert_ended
    done
  done
}

@test "podman fails when it is asked whose id is in a file of the user's own: it is asked again, and the run ends by it" {
  mkdir "$WORK/bin"
  cat >"$WORK/bin/podman" <<END
#!/bin/sh
case "\$* " in
  *' inspect '*) [ ! -e $WORK/broken ] || { : >$WORK/asked; exit 125; } ;;
esac
exec $(command -v podman) "\$@"
END
  chmod +x "$WORK/bin/podman"
  : >"$WORK/broken"
  start_script U1 env "PATH=$WORK/bin:$PATH" <<END
podman run --rm --network=none --cidfile=$WORK/own.cid $IMAGE sleep 600
exit \$?
END
  wait_running
  wait_until 10 [ -e "$WORK/asked" ] || fail 'it was not asked'
  rm "$WORK/broken"
  wait_until 10 knows_id || fail 'it was not asked again'
  kill_now "$RUNNER"
  assert_job_ends
}

@test "two runs with one file of the user's own for their id: the second, refused by podman or not, leaves the first alone" {
  local name first
  for name in '' "--name=$NAME"; do
    start_run "--cidfile=$WORK/own.cid"
    first=$UNIT
    local -a innocent=("$PODMAN" "$CONMON" "$CONTAINER" "$GUARD")
    local first_run=$RUN
    start_script "U$((++jobs))" <<END
podman run --rm --network=none --cidfile=$WORK/own.cid $name $IMAGE sleep 600
exit \$?
END
    if refuses_file; then
      job_status
      [ "$STATUS" = 125 ] || fail "status $STATUS"
    else
      wait_running
      [ "$(<"$WORK/own.cid")" = "$CID" ]
      kill_now "$RUNNER"
      assert_job_ends
    fi
    only_the_first() { [ "$(compgen -G "$PID_DIR/*.run")" = "$first_run.run" ]; }
    wait_until 15 only_the_first || fail "left: $(ls "$PID_DIR")"
    for process in "${innocent[@]}"; do
      alive "$process" || fail "$process: ended with the other: $(cat "$LOG" 2>&1)"
    done
    wait_running "$first"
    kill_now "$RUNNER"
    assert_nothing_left
    rm -f "$WORK/own.cid"
  done
}

@test "a run that is ended before its podman has looked at the file of the user's own: whose id is in it lives" {
  local how name hold record
  start_run "--cidfile=$WORK/own.cid"
  local -a innocent=("$PODMAN" "$CONMON" "$CONTAINER" "$GUARD")
  for how in cancel sweep guard; do
    for name in '' "--name=$NAME"; do
      echo "$how $name"
      # hold stops when its record is there.
      start_script "U$((++jobs))" <<END
strace -o /dev/null -e trace=rename,renameat,renameat2 -e inject=rename,renameat,renameat2:signal=SIGSTOP \
  podman run --rm --network=none --cidfile=$WORK/own.cid $name $IMAGE sleep 600
exit \$?
END
      published() { record=$(record_path "U$jobs"); }
      wait_until 10 published
      hold=$(record_value podman "$record")
      OURS+=("$hold")
      held_back() { [[ $(stat_field 3 "${hold%,*}") == [Tt] ]]; }
      wait_until 5 held_back
      case $how in
        cancel) "$BUILD/podleash" cancel --unit "U$jobs" "$PID_DIR" || fail "$(cat "$LOG")" ;;
        sweep)
          kill_now "$(record_value holder "$record" | sed -n 's/,[^,]*$//; 1p')" "$hold"
          wait_until 5 gone "$hold"
          "$BUILD/podleash" sweep "$PID_DIR" || fail "$(cat "$LOG")"
          ;;
        guard)
          # A guard of its own first, then its podman dies.
          kill_now "$hold"
          wait_until 5 gone "$hold"
          "$BUILD/podleash" sweep "$PID_DIR" || fail "$(cat "$LOG")"
          ;;
      esac
      is_gone() { [ ! -e "$record" ]; }
      wait_until 10 is_gone || fail "$record: left: $(cat "$LOG")"
      for process in "${innocent[@]}"; do
        alive "$process" || fail "$process: ended with the other: $(cat "$LOG" 2>&1)"
      done
    done
  done
  kill_now "$RUNNER"
  assert_nothing_left
}

# no_id_before_guard FLAG...: a job that starts a container with these flags, and takes the id from a file of its own
# before the guard has looked. Sets CID, and learns what runs.
no_id_before_guard() {
  start_way alone <<END
podman run $* --cidfile=$WORK/own.cid --network=none $IMAGE sleep 600 &
until [ -s $WORK/own.cid ]; do sleep 0.02; done
mv $WORK/own.cid $WORK/id
echo ready
read -r _ <$WORK/go
END
  outrun_guard
  wait_ready
  CID=$(<"$WORK/id")
  is_up() { [ "$(podman container inspect --format '{{.State.Running}}' "$CID")" = true ]; }
  wait_until 20 is_up || fail 'no container'
  OUR_CONTAINERS+=("$CID")
  learn "$CID"
}

@test "a job takes the id from its own file before the guard has looked: the container lives as long as the job, and no longer" {
  local flags how
  hold_podman_back "$WORK/run"
  PATH=$WORK/bin:$PATH
  for flags in '' -d "-d --name=$NAME" "-d --rm --name=$NAME-2"; do
    for how in lives killed; do
      echo "[$flags] $how"
      rm -f "$WORK/run"
      # shellcheck disable=SC2086 # words
      no_id_before_guard $flags
      if [ $how = lives ]; then
        kill -CONT "${GUARD%,*}"
        # A podman in the foreground that was given no pid file has to end first.
        [ -z "$flags" ] || wait_until 10 knows_id || { show; fail 'the guard does not find it'; }
        alive "${PROCESSES[0]}" || { show; fail 'it was ended'; }
        end_job itself
      else
        kill_now "$GUARD"
        end_job killed
        wait_until 5 gone "$HOLDER"
        PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR" || { show; fail 'not all is ended'; }
      fi
      assert_ended
      podman rm --force --ignore "$CID" >/dev/null
    done
  done
}

@test "podman is given an empty --cidfile: the container lives as long as its job, and no longer" {
  local detach flags
  for flags in '--cidfile=' "--cidfile ''"; do
    for detach in '' -d; do
      echo "$detach $flags"
      start_way alone <<END
podman run $detach $flags --network=none --label=empty=$NAME $IMAGE sleep 600 &
until podman ps --quiet --no-trunc --filter label=empty=$NAME | grep .; do sleep 0.1; done >$WORK/id
echo ready
read -r _ <$WORK/go
END
      wait_ready
      CID=$(<"$WORK/id")
      OUR_CONTAINERS+=("$CID")
      learn "$CID"
      wait_until 10 guard_is_there
      wait_until 10 knows_id || { show; fail 'the guard does not know it'; }
      end_job itself
      assert_ended
      podman rm --force --ignore "$CID" >/dev/null
    done
  done
}
