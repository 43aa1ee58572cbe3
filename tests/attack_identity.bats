# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# No process is signalled that only looks like one of a run: by its pid, by its number in a file, by its command
# line, by a record that lies. And what is of the run ends all the same, by the hand of each who may end it.
#
# Each attack lives in pid and mount namespaces of its own, with a podman storage of its own: there it may choose
# pids, and nothing of this machine is in reach.
# shellcheck disable=SC2030,SC2031 # each attack is a process of its own
# shellcheck disable=SC2034,SC2119,SC2120,SC2317 # for test_helper.bash; called by name, in another process
# shellcheck disable=SC2016 # scripts for another shell
# shellcheck disable=SC2153 # CONTAINER, CONMON and their like are set in test_helper.bash

# bats file_tags=root

load test_helper.bash

ACTORS=(cancel sweep guard)
IDLE=$BUILD/tests/idle
OTHER_UID=54321

# attack COMMAND...: runs it as the first process of the namespaces.
attack() {
  local -a script=(
    'set -eE'
    "trap 'echo \"failed: \$BASH_COMMAND (line \$LINENO of \$FUNCNAME)\" >&2' ERR"
    "source '$TESTS/test_helper.bash'"
    "$(declare -f)" "$(declare -p ACTORS IDLE OTHER_UID)"
    'enter' '"$@"' 'leave'
  )
  # Its processes must not hold a descriptor of bats.
  unshare --pid --mount --fork --kill-child --mount-proc \
    env BATS_TEST_TMPDIR="$WORK" bash -c "$(printf '%s\n' "${script[@]}")" attack "$@" 3>&- 4>&- 5>&- </dev/null
}

enter() {
  # An attack's jobs are children of its init, which dies as bash's exit does.
  mount -t tmpfs tmpfs /run
  mount -t tmpfs tmpfs /dev/shm
  mount -t tmpfs tmpfs /var/lib/containers
  podman import -q "$FIXTURES/image.tar" "$IMAGE" >/dev/null
  mkdir "$PID_DIR"
  chmod 0700 "$PID_DIR"
  # Whatever is in it, it is a pid directory.
  export RECEPTOR_PID_DIRECTORY=$PID_DIR
  jobs=0
}

leave() {
  end_what_is_ours
}

# start_run WORD...: a job that runs a container with these podman options; waits until its record tells all of it.
start_run() {
  start_script "U$((++jobs))" <<END
podman run --rm --network=none $* $IMAGE sleep 600
exit \$?
END
  wait_running
  wait_until 10 grep -q '^container=' "$RECORD"
}

# take_guard ACTOR: what must be so before that actor is the one to act.
take_guard() {
  case $1 in
    guard) kill -STOP "${GUARD%,*}" ;;
    cancel | sweep)
      kill_now "$GUARD"
      wait_until 5 gone "$GUARD"
      ;;
  esac
}

podleash() {
  PODLEASH_LOG=$LOG timeout 60 "$BUILD/podleash" "$@"
}

# act ACTOR: the run is ended by it; sets STATUS.
act() {
  STATUS=0
  case $1 in
    cancel) podleash cancel "$PID_DIR" || STATUS=$? ;;
    sweep)
      kill_now "$RUNNER"
      wait_until 5 gone "$RUNNER"
      podleash sweep "$PID_DIR" || STATUS=$?
      ;;
    guard)
      kill_now "$RUNNER"
      kill -CONT "${GUARD%,*}"
      wait_until 30 gone "$GUARD"
      ;;
  esac
  [ $STATUS -le 1 ] || fail "$1: status $STATUS"
}

# innocent COMMAND...: starts it as one who must live.
innocent() {
  "$@" >/dev/null 2>&1 &
  innocents+=("$(identity $!)")
}

# as_pid PID COMMAND...: the same under that pid.
as_pid() {
  "$BUILD/tests/as_pid" "$@" >/dev/null 2>&1
  innocents+=("$(identity "$1")")
}

assert_innocents_live() {
  local process
  for process in "${innocents[@]}"; do
    alive "$process" || fail "$process: ended, and is innocent: $(cat "$LOG")"
    if stopped "$process"; then fail "$process: stopped"; fi
  done
}

end_innocents() {
  kill_now "${innocents[@]}"
  innocents=()
}

run_ended() {
  local process
  for process in "$PODMAN" "$CONMON" "$CONTAINER"; do
    gone "$process" || return
  done
  ! compgen -G "$RUN.*" >/dev/null && ! podman_knows "$CID"
}

# assert_run_ended: its processes, its files, its container. Innocents may carry its path.
assert_run_ended() {
  wait_until 15 run_ended && return
  show_what_is_there
  fail "$UNIT: not all is gone"
}

# ---- a pid that was given to another process ----

# free_pid ROLE: ends what has that role, so that its pid is free.
free_pid() {
  local process=${!1}
  case $1 in
    CONTAINER)
      # conmon would wait for it, and clean up.
      kill_now "$CONMON"
      wait_until 5 gone "$CONMON"
      ;;
  esac
  kill_now "$process"
}

reused() {
  local actor role
  for actor in "${ACTORS[@]}"; do
    for role in PODMAN CONMON CONTAINER RUNNER GUARD; do
      [ "$actor$role" != guardGUARD ] || continue
      echo "$actor: $role"
      start_run
      take_guard "$actor"
      free_pid $role
      as_pid "${!role%,*}" "$IDLE"
      act "$actor"
      assert_innocents_live
      assert_run_ended
      end_innocents
    done
  done
}

@test "a pid of the record belongs to another process by now: it lives, and the run ends" {
  attack reused
}

# swap_at WHEN PROCESS ACTOR: SWAP becomes what makes a program swap that process for another one.
swap_at() {
  local pid=${2%,*}
  cat >"$WORK/swap" <<END
#!/bin/sh
kill -KILL $pid
exec $BUILD/tests/as_pid $pid $IDLE
END
  chmod +x "$WORK/swap"
  rm -f "$WORK/swap.done"
  SWAP=("LD_PRELOAD=$BUILD/tests/swap_pid.so" "SWAP_AT=$1" "SWAP_PID=$pid" "SWAP_COMMAND=$WORK/swap" "SWAP_IN=$3" "PODLEASH_LOG=$LOG")
}

# swapped: the victim was swapped, and its successor is an innocent.
swapped() {
  [ -e "$WORK/swap.done" ] || fail 'it was never swapped'
  innocents+=("$(identity "$1")") || fail 'the new one is gone'
  [ "${innocents[-1]%,*}" = "$1" ] && [ "$(readlink "/proc/$1/exe")" = "$IDLE" ]
}

# act_swapped ACTOR
act_swapped() {
  case $1 in
    cancel) env "${SWAP[@]}" timeout 60 "$BUILD/podleash" cancel "$PID_DIR" ;;
    sweep)
      kill_now "$RUNNER"
      wait_until 5 gone "$RUNNER"
      env "${SWAP[@]}" timeout 60 "$BUILD/podleash" sweep "$PID_DIR"
      ;;
    guard)
      # One that sweep starts has sweep's environment.
      env "${SWAP[@]}" timeout 60 "$BUILD/podleash" sweep "$PID_DIR"
      kill_now "$RUNNER"
      wait_until 30 run_ended
      ;;
  esac
}

swapped_at() {
  local actor role
  for actor in "${ACTORS[@]}"; do
    for role in PODMAN CONMON CONTAINER; do
      echo "$1, $actor: $role"
      start_run
      take_guard cancel
      # It does not end before it is signalled.
      [ $role != PODMAN ] || kill -STOP "${PODMAN%,*}"
      swap_at "$1" "${!role}" "$actor"
      act_swapped "$actor"
      swapped "${!role%,*}"
      assert_innocents_live
      assert_run_ended
      end_innocents
    done
  done
}

@test "a process is swapped for another just before it is opened: that one lives, and the run ends" {
  attack swapped_at open
}

@test "a process is swapped for another between the look and the opening: that one lives, and the run ends" {
  attack swapped_at opened
}

@test "a process is swapped for another just before the signal: that one lives, and the run ends" {
  attack swapped_at signal
}

# ---- what a pid file may say ----

# signals TRACE: the signals that it sent, but those with number 0, which ask.
signals() {
  grep -E '(kill|pidfd_send_signal)\(' "$1" | grep -vE ', 0(, |\))|resumed' || true
}

# traced SUBCOMMAND: podleash with that directory, its signals in the file trace.
traced() {
  STATUS=0
  rm -f "$WORK/trace"
  PODLEASH_LOG=$LOG timeout 20 strace -f -qq -e trace=kill,tkill,tgkill,pidfd_send_signal -o "$WORK/trace" \
    "$BUILD/podleash" "$@" "$PID_DIR" >"$WORK/out" 2>&1 || STATUS=$?
}

thread_of() {
  local task
  for task in /proc/"$1"/task/*; do
    [ "${task##*/}" = "$1" ] || echo "${task##*/}"
  done
}

# contents: sets CONTENTS, what a pid file may say besides a pid of the run, as printf's formats.
contents() {
  innocent "$IDLE"
  local same=${innocents[-1]%,*}
  innocent setpriv --reuid $OTHER_UID --regid $OTHER_UID --clear-groups "$IDLE"
  local other=${innocents[-1]%,*}
  has_thread() { [ -n "$(thread_of "$same")" ]; }
  wait_until 5 has_thread
  CONTENTS=(
    1 '1\n' $$ "$$\\n" "$BASHPID" "$same" "$other" "$(thread_of "$same")" "-$same" -1 0 '' '\n' "+$same" " $same"
    2147483647 2147483648 4294967296 $((4294967296 + same)) 18446744073709551615 $((18446744073709551615 - same))
    nobody "$same nobody" "0x$(printf %x "$same")" "$same\\0" "\\0$same" "$same\\n$other\\n" "$same\\n\\n" '%%s%%n'
  )
}

hinted() {
  local actor name content
  contents
  for actor in cancel sweep; do
    for name in conmon.pid x.pid 123-4ab.conmon.pid 123-4ab.pid; do
      for content in "${CONTENTS[@]}"; do
        # shellcheck disable=SC2059 # that is what it is for
        printf -- "$content" >"$PID_DIR/$name"
        # Older than what may be starting just now.
        touch -d '2 minutes ago' "$PID_DIR/$name"
        traced $actor
        [ -z "$(signals "$WORK/trace")" ] || fail "$actor, $name, '$content': $(signals "$WORK/trace")"
        [ $STATUS = 0 ] || fail "$actor, $name, '$content': status $STATUS: $(cat "$WORK/out")"
        rm -f "$PID_DIR/$name"
      done
    done
  done
  assert_innocents_live
}

@test "a pid file that names init, the caller, another user, a thread, or no pid at all: nobody is signalled" {
  attack hinted
}

# ---- a process that looks like one of the run ----

# lookalikes: innocents that carry what the processes of the run carry.
lookalikes() {
  local pidfile=$RUN.pid conmon_pidfile=$RUN.conmon.pid other=$WORK/other
  local -a podman_words conmon_words exec_words session_words cleanup create
  podman_words=(run "--cidfile=$RUN.cid" "--conmon-pidfile=$conmon_pidfile" "--pidfile=$pidfile" --rm "$IMAGE" true)
  mapfile -t conmon_words < <(words "${CONMON%,*}" | tail -n +2)
  # A podman exec in the container has a conmon of its own.
  mapfile -t exec_words < <(words "${CONMON%,*}" | tail -n +2 | sed "/^-u\$/{ n; s/.*/$(printf '%064d' 5)/; }")
  # One that says so of the right bundle as well.
  mapfile -t session_words < <(printf '%s\n' "${exec_words[@]}" | sed "/^-b\$/{ n; s,\$,/$(printf '%064d' 5),; }")
  mapfile -t cleanup < <(record_value cleanup "$RECORD")
  create=(create --bundle / --pid-file "$pidfile" "$CID")
  # Who reads, edits, looks for or speaks of the files.
  mkfifo "$WORK/never"
  innocent tail -f "$pidfile" "$conmon_pidfile" "$RECORD"
  innocent grep -f "$WORK/never" "$pidfile" "$conmon_pidfile"
  innocent sh -c "sleep 600; cat $conmon_pidfile"
  innocent sh -c 'sleep 600; :' podman "${podman_words[@]}"
  innocent bash -c 'sleep 600; :' conmon "${conmon_words[@]}"
  innocent python3 -c 'import time; time.sleep(600)' podman "${podman_words[@]}"
  innocent "$IDLE" podman "${podman_words[@]}"
  innocent "$IDLE" --conmon-pidfile "$conmon_pidfile" -p "$pidfile" -c "$CID"
  # The very command lines, by another program.
  exec_as() { exec -a "$1" "$IDLE" "${@:2}"; }
  innocent exec_as /usr/bin/podman "${podman_words[@]}"
  # Not started by podman.
  innocent exec_as /usr/bin/conmon "${conmon_words[@]}"
  innocent exec_as /usr/bin/conmon "${session_words[@]}"
  innocent exec_as /usr/sbin/runc "${create[@]}"
  innocent exec_as podleash guard "$RECORD"
  innocent exec_as podleash hold /usr/bin/podman podman "${podman_words[@]}"
  # The very program, with the path as the value of another flag, or in another place.
  mkdir "$other"
  cp "$IDLE" "$other/podman"
  cp "$IDLE" "$other/conmon"
  cp "$IDLE" "$other/runc"
  innocent "$other/podman" run --rm "$IMAGE" "${podman_words[@]:1}"
  innocent "$other/podman" run "${podman_words[@]:2}"
  innocent "$other/podman" run "--cidfile=$RUN.cid.old" "${podman_words[@]:2}"
  innocent "$other/podman" exec "${podman_words[@]:1}"
  innocent "$other/podman" logs "$CID"
  innocent "$other/podman" run "--conmon-pidfile=$conmon_pidfile.old" "--pidfile=$pidfile"
  innocent "$other/conmon" --log-path "$conmon_pidfile" --exit-command-arg "$pidfile" -c "$CID"
  innocent "$other/conmon" -c "$CID"
  innocent "$other/conmon" -c "${CID//[0-9]/0}" -p "$pidfile" --conmon-pidfile "$conmon_pidfile"
  # Started by podman, and for something else: an exec, another container, an attach, whatever speaks of it.
  export _OCI_SYNCPIPE=3
  innocent "$other/conmon" "${exec_words[@]}"
  innocent "$other/conmon" "${session_words[@]/#$CID/${CID//[0-9]/0}}"
  innocent "$other/conmon" "${conmon_words[@]/#$CID/${CID//[0-9]/0}}"
  innocent "$other/conmon" "${conmon_words[@]:0:${#conmon_words[@]}-1}" "${CID//[0-9]/0}"
  innocent "$other/conmon" "${conmon_words[@]}" --exit-command-arg more
  innocent "$other/conmon" -c "$CID" -u "$CID"
  innocent "$other/conmon" run "${conmon_words[@]}"
  innocent "$other/conmon" --log-path -c "$CID" "${conmon_words[@]:3}"
  unset _OCI_SYNCPIPE
  innocent exec_as "${cleanup[0]}" "${cleanup[@]:1:${#cleanup[@]}-2}"
  innocent exec_as "${cleanup[0]}" "${cleanup[@]:1}" more
  innocent "$other/runc" state "$CID"
  innocent "$other/runc" create --bundle "$pidfile" "${CID%?}"
  # All is right but the user: by one of his three numbers, or by all.
  chmod 0711 "$WORK"
  export _OCI_SYNCPIPE=3
  innocent setpriv --reuid $OTHER_UID --regid $OTHER_UID --clear-groups bash -c 'exec -a "$@"' bash "${cleanup[0]}" "$IDLE" "${cleanup[@]:1}"
  for name in podman conmon runc; do
    local -n line=${name}_line
    local -a podman_line=("${podman_words[@]}") conmon_line=("${conmon_words[@]}") runc_line=("${create[@]}")
    innocent setpriv --reuid $OTHER_UID --regid $OTHER_UID --clear-groups "$other/$name" "${line[@]}"
    innocent setpriv --ruid $OTHER_UID "$other/$name" "${line[@]}"
    innocent setpriv --euid $OTHER_UID "$other/$name" "${line[@]}"
    mkdir -p "$other/root" "$other/user"
    install -m 4755 "$IDLE" "$other/root/$name"
    innocent setpriv --reuid $OTHER_UID --regid $OTHER_UID --clear-groups "$other/root/$name" "${line[@]}"
    install -m 4755 -o $OTHER_UID "$IDLE" "$other/user/$name"
    innocent "$other/user/$name" "${line[@]}"
  done
  unset _OCI_SYNCPIPE
  # A container whose command line says it all.
  timeout 20 podman run -d --network=none --name "innocent-$jobs" --label "x=$conmon_pidfile" "$IMAGE" \
    sh -c "sleep 600; : podman ${podman_words[*]} -p $pidfile --conmon-pidfile $conmon_pidfile" >/dev/null
  for pid in $(podman inspect --format '{{.State.Pid}} {{.State.ConmonPid}}' "innocent-$jobs"); do
    innocents+=("$(identity "$pid")")
  done
}

# settled: every innocent has become what it is to be.
settled() {
  local process
  for process in "${innocents[@]}"; do
    [ "$(words "${process%,*}" | head -n 1)" != bash ] || [ "$(words "${process%,*}" | sed -n 2p)" = -c ] || return
    [ "$(words "${process%,*}" | sed -n 3p)" != 'exec -a "$@"' ] || return
    [ "$(words "${process%,*}" | head -n 1)" != setpriv ] || return
  done
}

crowded() {
  local actor
  for actor in "${ACTORS[@]}"; do
    echo "$actor"
    start_run
    lookalikes
    wait_until 5 settled
    assert_innocents_live
    take_guard "$actor"
    act "$actor"
    [ $STATUS = 0 ] || fail "$actor: status $STATUS"
    assert_innocents_live
    assert_run_ended
    podman rm --force --time 0 "innocent-$jobs" >/dev/null
    end_innocents
    rm -rf "$WORK/other" "$WORK/never"
  done
}

@test "processes with the run's id, paths and command lines, not podman's, for something else, or other users': they live, and the run ends" {
  attack crowded
}

# ---- pid files without a record ----

# plain_run OPTION...: a container of a podman that podleash knows nothing of.
plain_run() {
  UNIT=plain RUNNER='' LEASH_RUN='' PODMAN=0 GUARD='' RECORD='' RUN=$WORK/none
  CID=$(podman run -d --rm --network=none "$@" "$IMAGE" sleep 600)
  OUR_CONTAINERS+=("$CID")
  read -r CONTAINER CONMON < <(podman inspect --format '{{.State.Pid}} {{.State.ConmonPid}}' "$CID")
  CONTAINER=$(identity "$CONTAINER") CONMON=$(identity "$CONMON")
}

plain_swapped() {
  local role when
  for when in open opened signal; do
    for role in CONMON CONTAINER; do
      echo "$when: $role"
      plain_run "--conmon-pidfile=$PID_DIR/conmon.pid" "--pidfile=$PID_DIR/x.pid"
      swap_at $when "${!role}" cancel
      act_swapped cancel || true
      swapped "${!role%,*}"
      assert_innocents_live
      # A conmon that is gone proves nothing any more: its container and its files stay.
      case $role-$when in
        CONMON-open*) alive "$CONTAINER" ;;
        *) assert_run_ended ;;
      esac
      kill_now "$CONTAINER"
      wait_until 10 podman_removed "$CID"
      end_innocents
      rm -f "$PID_DIR"/*
    done
  done
}

@test "pid files without a record, their process swapped for another at any moment: that one lives" {
  attack plain_swapped
}

plain_crowded() {
  local name
  plain_run "--conmon-pidfile=$PID_DIR/conmon.pid" "--pidfile=$PID_DIR/x.pid"
  local -a conmon_words
  mapfile -t conmon_words < <(words "${CONMON%,*}" | tail -n +2)
  mkdir "$WORK/other"
  cp "$IDLE" "$WORK/other/conmon"
  chmod 0711 "$WORK"
  export _OCI_SYNCPIPE=3
  innocent "$WORK/other/conmon" --log-path "$PID_DIR/x.pid" -c "$CID" -u "$CID" --exit-command true --exit-command-arg "$CID"
  innocent "$WORK/other/conmon" -p "$PID_DIR/../x.pid" -c "$CID" -u "$CID" --exit-command true --exit-command-arg "$CID"
  local -a conmons=("${innocents[@]}")
  innocent env -u _OCI_SYNCPIPE "$WORK/other/conmon" "${conmon_words[@]}"
  innocent sh -c "sleep 600; : -p $PID_DIR/x.pid"
  innocent "$WORK/other/conmon" -p "$PID_DIR/x.pid" -c "$CID" -u "$(printf '%064d' 5)" --exit-command true --exit-command-arg "$CID"
  innocent "$WORK/other/conmon" -p "$PID_DIR/x.pid" -c "$CID" -u "$CID" --exit-command true --exit-command-arg "$(printf '%064d' 5)"
  innocent setpriv --reuid $OTHER_UID --regid $OTHER_UID --clear-groups "$WORK/other/conmon" "${conmon_words[@]}"
  mkdir "$WORK/other/root"
  install -m 4755 "$IDLE" "$WORK/other/root/conmon"
  innocent setpriv --reuid $OTHER_UID --regid $OTHER_UID --clear-groups "$WORK/other/root/conmon" "${conmon_words[@]}"
  unset _OCI_SYNCPIPE
  wait_until 5 settled
  for innocent in "${innocents[@]}"; do
    for name in conmon.pid x.pid; do
      echo "${innocent%,*}" >"$PID_DIR/$name"
    done
    traced cancel
    [ -z "$(signals "$WORK/trace")" ] || fail "$(words "${innocent%,*}"): $(signals "$WORK/trace")"
  done
  assert_innocents_live
  alive "$CONTAINER"
  # A container has one conmon: where there is another of its id, it is its owner's.
  kill_now "${conmons[@]}"
  innocents=("${innocents[@]:${#conmons[@]}}")
  echo "${CONMON%,*}" >"$PID_DIR/conmon.pid"
  podleash cancel "$PID_DIR"
  assert_innocents_live
  assert_run_ended
}

@test "pid files without a record that name processes with conmon's looks: these live, and the container ends by the right pid" {
  attack plain_crowded
}

# ---- a record that lies ----

# lie KEY PROCESS: the record says so from now on.
lie() {
  sed -i "s/^$1=.*/$1=$2/" "$RECORD"
  grep -qx "$1=$2" "$RECORD"
}

lied() {
  local actor key name victim
  for actor in cancel sweep; do
    for key in podman conmon container guard all; do
      echo "$actor: $key"
      start_run
      take_guard "$actor"
      innocent "$IDLE"
      victim=${innocents[-1]}
      for name in podman conmon container guard; do
        case $key in all | "$name") lie $name "$victim" ;; esac
      done
      act "$actor"
      assert_innocents_live
      assert_run_ended
      end_innocents
    done
  done
}

@test "a record that names an innocent process: it lives, and the run ends" {
  attack lied
}

lied_about_guard() {
  innocent "$IDLE"
  # A podleash, and another run's guard, are not this one's.
  cp "$BUILD/podleash" "$WORK/podleash"
  innocent "$WORK/podleash" run -- sleep 600
  start_run
  innocents+=("$GUARD" "$PODMAN" "$CONMON" "$CONTAINER")
  for victim in "${innocents[@]}"; do
    start_run
    # In place: the guard has its lock on the file as it is.
    sed "s/^guard=.*/guard=$victim/" "$RECORD" >"$WORK/record"
    cat "$WORK/record" >"$RECORD"
    timeout 30 "$BUILD/podleash" cancel --unit "$UNIT" "$PID_DIR"
    assert_nothing_left
    assert_innocents_live
  done
}

@test "a record that names an innocent guard: cancel finds the run's own, and signals nobody else" {
  attack lied_about_guard
}

# ---- an id that is not the run's ----

# write_record: that of a run whose processes are all dead; podman knows of no container.
write_record() {
  RECORD=$PID_DIR/1-1.run
  mkdir -p "$WORK/other"
  printf '#!/bin/sh\ncase " $* " in *" inspect "*) exit 125 ;; esac\nexit 1\n' >"$WORK/other/podman"
  chmod 0755 "$WORK/other/podman"
  cat >"$RECORD" <<END
podleash=1
boot=$(</proc/sys/kernel/random/boot_id)
unit=U1
created=1
podman=2147483646,${1:-1}
holder=2147483646,1,gone
cidfile=$PID_DIR/1-1.cid
conmon_pidfile=$PID_DIR/1-1.conmon.pid
pidfile=$PID_DIR/1-1.pid
cwd=/
detach=0
remove=1
executable=$WORK/other/podman
END
  chmod 0600 "$RECORD"
}

# pretend [PREFIX...]: a conmon of the container ID, as podman would start it, below this command. The words of
# PIPE, SESSION and EXIT are its own. Its exit command says that it was called. Sets PRETENDER.
pretend() {
  env ${PIPE:+"_OCI_SYNCPIPE=$PIPE"} setsid "$@" "$WORK/other/conmon" --api-version 1 -c "$ID" -u "$SESSION" -b "$WORK/bundle" \
    -p "$PID_DIR/1-1.pid" --conmon-pidfile "$PID_DIR/1-1.conmon.pid" --exit-command "$WORK/other/cleanup" --exit-command-arg container \
    --exit-command-arg cleanup --exit-command-arg "$EXIT" >/dev/null 2>&1 &
  PRETENDER=$(identity $!)
  runs_it() { [ "$(readlink "/proc/${PRETENDER%,*}/exe")" = "$WORK/other/conmon" ]; }
  wait_until 5 runs_it
}

# pretended: of conmons that the pid file names, one is the run's, and no other is signalled, or asked what to do.
pretended() {
  local actor how ID PIPE SESSION EXIT other_id
  ID=$(printf '%064d' 1) other_id=$(printf '%064d' 2)
  mkdir -p "$WORK/other"
  cp "$IDLE" "$WORK/other/conmon"
  chmod 0711 "$WORK"
  cat >"$WORK/other/cleanup" <<END
#!/bin/sh
case "\$*" in
  *exists*) exit 1 ;;
  *cleanup*) : >"$WORK/called"; rm -rf "$WORK/bundle" ;;
esac
END
  chmod +x "$WORK/other/cleanup"
  for actor in cancel sweep; do
    for how in ours no-pipe exec other-exit other-user older no-id empty-id half-id long-id other-id symlink-id users-id fifo-id dir-id; do
      echo "$actor: $how"
      rm -rf "$WORK/called" "$PID_DIR"/1-1.*
      mkdir -p "$WORK/bundle"
      PIPE=3 SESSION=$ID EXIT=$ID
      case $how in
        no-pipe) PIPE='' ;;
        exec) SESSION=$other_id ;;
        other-exit) EXIT=$other_id ;;
      esac
      case $how in
        other-user) pretend setpriv --reuid $OTHER_UID --regid $OTHER_UID --clear-groups ;;
        *) pretend ;;
      esac
      echo "${PRETENDER%,*}" >"$PID_DIR/1-1.conmon.pid"
      # Of the time after it, the run's podman has not started it.
      if [ $how = older ]; then write_record $((${PRETENDER#*,} + 1)); else write_record; fi
      printf %s "$ID" >"$WORK/id"
      case $how in
        no-id) ;;
        empty-id) : >"$PID_DIR/1-1.cid" ;;
        half-id) printf %s "${ID:0:63}" >"$PID_DIR/1-1.cid" ;;
        long-id) printf %s1 "$ID" >"$PID_DIR/1-1.cid" ;;
        other-id) printf %s "$other_id" >"$PID_DIR/1-1.cid" ;;
        symlink-id) ln -s "$WORK/id" "$PID_DIR/1-1.cid" ;;
        fifo-id) mkfifo "$PID_DIR/1-1.cid" ;;
        dir-id) mkdir "$PID_DIR/1-1.cid" ;;
        *) cp "$WORK/id" "$PID_DIR/1-1.cid" ;;
      esac
      [ $how != users-id ] || chown $OTHER_UID "$PID_DIR/1-1.cid"
      STATUS=0
      podleash $actor "$PID_DIR" >"$WORK/out" 2>&1 || STATUS=$?
      if [ $how = ours ]; then
        gone "$PRETENDER" || fail "left: $(cat "$LOG")"
        [ -e "$WORK/called" ] || fail 'its exit command was not called'
      else
        innocents+=("$PRETENDER")
        [ ! -e "$WORK/called" ] || fail 'its exit command was called'
      fi
      assert_innocents_live
      case $how in
        dir-id) ;;
        *)
          [ $STATUS = 0 ] || fail "status $STATUS: $(cat "$WORK/out" "$LOG")"
          [ ! -e "$RECORD" ] || fail 'the record is left'
          ;;
      esac
      end_innocents
    done
  done
}

@test "a conmon that podman has not started, of an exec, another user, another time, or an id file that proves nothing: it lives" {
  attack pretended
}

# foreign: the owner of the container starts it anew: a conmon with the same words, its own container, and the pid
# files that podman writes again. FOREIGN: both.
foreign() {
  local -a conmon_words
  mapfile -t conmon_words < <(record_value cleanup "$RECORD" | sed 's/^/--exit-command-arg\n/')
  conmon_words[0]=--exit-command
  rm -rf "$WORK/foreign"
  mkdir "$WORK/foreign"
  cp "$BUILD/tests/stand_in" "$WORK/foreign/conmon"
  cp "$IDLE" "$WORK/foreign/container"
  rm -f "$RUN.pid" "$RUN.conmon.pid"
  _OCI_SYNCPIPE=3 innocent setsid "$WORK/foreign/conmon" --api-version 1 -c "$CID" -u "$CID" -p "$RUN.pid" \
    --conmon-pidfile "$RUN.conmon.pid" "${conmon_words[@]}"
  wait_until 5 grep -qs . "$RUN.conmon.pid"
  innocents+=("$(identity "$(<"$RUN.pid")")")
}

foreign_started() {
  local actor dead
  for actor in "${ACTORS[@]}"; do
    for dead in '' CONTAINER PODMAN 'CONMON CONTAINER' 'CONMON CONTAINER PODMAN'; do
      echo "$actor: dead: $dead"
      start_run
      # It would end the run for their deaths.
      kill -STOP "${GUARD%,*}"
      for role in $dead; do
        # podman waits for its conmon
        kill_now "${!role}"
        wait_until 5 gone "${!role}"
      done
      # With its container alone conmon ends, and podman cleans up: it is its owner's, who comes later.
      [ "$dead" != CONTAINER ] || wait_until 15 gone "$CONMON"
      foreign
      take_guard "$actor"
      act "$actor"
      assert_innocents_live
      for role in PODMAN CONMON CONTAINER; do
        wait_until 15 gone "${!role}" || fail "$role is left: $(cat "$LOG")"
      done
      [ ! -e "$RECORD" ] || fail "the record is left: $(cat "$LOG")"
      end_innocents
      timeout 20 podman rm --force --time 0 "$CID" >/dev/null 2>&1 || true
      rm -f "$RUN".*
    done
  done
}

@test "a conmon of the same container that its owner has started, whatever is dead of the run: it and its container live" {
  attack foreign_started
}

# ---- what is nobody's child any more ----

# rest DEATHS: a container without a pid namespace of its own, whose processes outlive its init.
rest() {
  local actor mark rest hierarchy
  for actor in "${ACTORS[@]}"; do
    for mark in cgroup mount; do
      echo "$actor: $mark"
      start_script "U$((++jobs))" <<END
podman run --rm --network=none --pid=host $IMAGE sh -c 'trap "" TERM; setsid sleep 601 & sleep 600'
exit \$?
END
      wait_running
      wait_until 10 grep -q '^container=' "$RECORD"
      is_there() { rest=$(pgrep -P "${CONTAINER%,*}" -f '^sleep 601$'); }
      wait_until 5 is_there
      rest=$(identity "$rest")
      if [ $mark = mount ]; then
        # As where a rootless container has no cgroup of its own.
        for hierarchy in /sys/fs/cgroup/*/cgroup.procs; do
          echo "${rest%,*}" >"$hierarchy" 2>/dev/null || true
        done
        if grep "$CID" "/proc/${rest%,*}/cgroup"; then fail 'it is in the cgroup still'; fi
      fi
      innocent "$IDLE"
      take_guard "$actor"
      kill -KILL "${CONMON%,*}" "${CONTAINER%,*}"
      wait_until 5 gone "$CONTAINER"
      alive "$rest"
      act "$actor"
      assert_run_ended
      gone "$rest" || fail "$rest: left"
      assert_innocents_live
      end_innocents
    done
  done
}

@test "a container without a pid namespace, its init and conmon killed: its other processes end with the run" {
  attack rest
}
