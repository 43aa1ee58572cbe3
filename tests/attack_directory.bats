#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What someone puts into a pid directory, over it or in its place: nothing hangs, nothing outside is read,
# changed or removed, nobody is signalled, what could not be done is said, and what runs there is still ended.
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2034,SC2153 # what disorder.bash reads and sets

load test_helper.bash
load disorder.bash

setup() {
  PODLEASH=$BUILD/podleash
  mkdir -m 0700 "$PID_DIR" "$WORK/outside"
  stand_in
  bystander
  DEAD=$(dead)
  # Never the directory of this machine.
  export PODLEASH_LOG=$LOG RECEPTOR_PID_DIRECTORY=$PID_DIR
}

teardown() {
  local process
  for process in "${OURS[@]}"; do
    [ -z "$process" ] || kill_now "$process"
  done
  [ -z "${SHARED-}" ] || rm -rf "$SHARED"
}

# ---- what is attacked, and what must not change ----

# All that can lie under a file's name.
KINDS='symlink dangling loop hardlink theirs fifo socket device directory huge'

# bait NAME: prints what a file of that name would hold, if it were meant to end the bystander.
bait() {
  case $1 in
    *.run) record "$PID_DIR" 1-1 ;;
    *cancelled*) printf '%s 9 -1\n' "$(</proc/sys/kernel/random/boot_id)" ;;
    .podman-*) echo pidfile=0 ;;
    *) echo "${BYSTANDER%,*}" ;;
  esac
}

# plant KIND FILE...: puts that kind of thing in the place of each FILE. What they lead to is in $WORK/outside.
plant() {
  local file
  for file in "${@:2}"; do
    plant_one "$1" "$file"
  done
  snapshot "$WORK/outside" >"$WORK/outside.before"
  sum_outside >"$WORK/outside.sum"
}

plant_one() {
  local victim=$WORK/outside/${2##*/}
  rm -rf "$2"
  bait "${2##*/}" >"$victim"
  case $1 in
    symlink) ln -s "$victim" "$2" ;;
    dangling) ln -s "$WORK/outside/new/${2##*/}" "$2" && mkdir -p "$WORK/outside/new" ;;
    loop) ln -s "${2##*/}" "$2" ;;
    hardlink) ln "$victim" "$2" ;;
    theirs) bait "${2##*/}" >"$2" && chown podleash-test "$2" ;;
    fifo) mkfifo "$2" ;;
    socket) cp -a "$WORK/socket" "$2" ;;
    device) mknod "$2" c 1 5 ;;
    directory) mkdir "$2" ;;
    huge) bait "${2##*/}" >"$2" && truncate -s 100M "$2" ;;
    *) fail "plant: no kind $1" ;;
  esac
  case $1 in
    symlink | dangling | loop) ;;
    *) touch -d '2 minutes ago' "$2" ;;
  esac
}

sum_outside() {
  find "$WORK/outside" -type f -exec sha256sum {} + | sort
}

# assert_untouched: nothing outside is changed, and the bystander lives.
assert_untouched() {
  snapshot "$WORK/outside" | diff "$WORK/outside.before" - || explain 'something outside was changed'
  sum_outside | diff "$WORK/outside.sum" - || explain 'something outside was written to'
  alive "$BYSTANDER" || explain 'the bystander was signalled'
}

make_socket() {
  (cd "$WORK" && /usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")')
}

# assert_plain FILE...: they hold printable ASCII alone.
assert_plain() {
  if LC_ALL=C grep -n '[^ -~]' "$@"; then fail 'not plain'; fi
}

# assert_status N: that is what the last command ended with; one that is not 0 said why, in plain lines.
assert_status() {
  [ "$STATUS" = "$1" ] || explain "not status $1"
  [ "$1" = 0 ] || grep -q '^podleash [a-z]*: ' "$WORK/err" || [ -s "$WORK/out" ] || explain 'it does not say why'
  assert_plain "$WORK/err" "$WORK/out"
}

is_guarded() {
  RECORD=$(compgen -G "$PID_DIR/$1-*.run") && GUARD=$(record_value guard "$RECORD" | tail -n 1) && [ -n "$GUARD" ]
}

# live_run: a run of the stand-in that goes on until it is ended; sets PODMAN, GUARD, RECORD and RUN.
live_run() {
  [ -p "$WORK/go" ] || mkfifo "$WORK/go"
  env LD_PRELOAD="$BUILD/libpodleash.so" PODLEASH_HELPER="$PODLEASH" env "$WORK/bin/podman" run image \
    </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- &
  disown
  PODMAN=$(identity $!)
  OURS+=("$PODMAN")
  wait_until 10 is_guarded $! || fail 'no guarded record'
  RUN=${RECORD%.run}
  OURS+=("$GUARD")
}

# assert_run_ended: the run of the last live_run is over, now.
assert_run_ended() {
  gone "$PODMAN" || explain 'podman lives'
  wait_until 5 gone "$GUARD" || explain 'its guard lives'
}

# ---- things in place of files ----

# bats test_tags=root
@test "anything in place of any file: list, sweep and cancel neither hang nor reach what it leads to" {
  local kind command status
  make_socket
  for kind in $KINDS; do
    for command in list 'sweep --dry-run' sweep 'cancel --grace 0 --timeout 5'; do
      echo "$command: $kind"
      rm -rf "${PID_DIR:?}"/* "$PID_DIR"/.[!.]*
      plant "$kind" "$PID_DIR"/{1-1.conmon.pid,1-1.pid,my.pid,cancelled.pids,.1-1.run,.cancelled-1,.podman-1-1-1-1.1,.podleash-run}
      # shellcheck disable=SC2086
      bounded 20 "$PODLEASH" $command "$PID_DIR"
      status=0
      # What cannot be replaced or removed as a file is.
      case $command:$kind in sweep:directory | cancel*:directory) status=1 ;; esac
      assert_status $status
      assert_untouched
      # A record that is none cannot be passed over.
      plant "$kind" "$PID_DIR/1-1.run"
      # shellcheck disable=SC2086
      bounded 20 "$PODLEASH" $command "$PID_DIR"
      assert_status 1
      assert_untouched
    done
  done
  assert_plain "$LOG"
}

# bats test_tags=root
@test "anything in place of a live run's own files: cancel ends it, and says what it cannot remove" {
  local kind suffix
  make_socket
  for kind in $KINDS; do
    for suffix in run conmon.pid pid; do
      echo "RUN.$suffix: $kind"
      live_run
      plant "$kind" "$RUN.$suffix"
      bounded 20 "$PODLEASH" cancel --grace 0 --timeout 10 "$PID_DIR"
      if [ "$kind" = directory ]; then
        assert_status 1
        grep -qF "${RUN##*/}.$suffix cannot be removed: Is a directory" "$LOG" || explain 'not named'
      else
        assert_status 0
        ! compgen -G "$RUN.*" || explain 'files are left'
      fi
      assert_run_ended
      assert_untouched
      rm -rf "$RUN".* "$PID_DIR"/cancelled.*
    done
  done
}

# bats test_tags=root
@test "anything in place of a live run's own files: a holder's death ends it" {
  local kind suffix
  make_socket
  for kind in $KINDS; do
    for suffix in run conmon.pid; do
      echo "RUN.$suffix: $kind"
      live_run
      plant "$kind" "$RUN.$suffix"
      kill_now "$PODMAN"
      wait_until 10 gone "$GUARD" || fail 'the guard goes on'
      [ "$kind" = directory ] || ! compgen -G "$RUN.*" || fail 'files are left'
      assert_untouched
      rm -rf "$RUN".*
    done
  done
}

# bats test_tags=root
@test "anything in place of the answer, the mark or the tombstone: a job starts, leashed, and is ended" {
  local kind name answer
  make_socket
  live_run
  answer=$(compgen -G "$PID_DIR/.podman-*")
  kill_now "$PODMAN"
  wait_until 10 gone "$GUARD"
  for kind in $KINDS; do
    for name in "${answer##*/}" .podleash-run cancelled.pids; do
      echo "$name: $kind"
      plant "$kind" "$PID_DIR/$name"
      live_run
      bounded 20 "$PODLEASH" cancel --grace 0 --timeout 10 "$PID_DIR"
      assert_run_ended
      [ "$name" != cancelled.pids ] || [ "$kind" != directory ] || [ "$STATUS" = 1 ] || explain 'a tombstone?'
      assert_untouched
      rm -rf "${PID_DIR:?}/$name" "$PID_DIR/cancelled.pids"
    done
  done
}

# bats test_tags=root
@test "anything in place of the log: nothing is written to it, and what should be done is done" {
  local kind
  make_socket
  for kind in $KINDS; do
    echo "$kind"
    good_record 9-1
    # It gets a line.
    : >"$PID_DIR/notes"
    plant "$kind" "$LOG"
    [ "$kind" != huge ] || rm "$LOG"
    bounded 20 "$PODLEASH" sweep "$PID_DIR"
    assert_status 0
    grep -q 'run 9-1: ended' "$WORK/out" || explain 'not ended'
    assert_untouched
  done
}

# ---- very many, and very strange ones ----

@test "10,000 foreign files with names for a terminal: 32 of them are named, in plain text, and how many more" {
  local command
  (
    cd "$PID_DIR"
    seq -f $'x%.0f\033]0;title\007\033[2J' 3000 | xargs -d '\n' touch
    seq -f $'\302\23331m\377y%.0f.pid' 3000 | xargs -d '\n' touch
    seq -f 'a%.0f%%s%%n.pid' 2000 | xargs -d '\n' touch
    for command in {1..1999}; do printf 'line\nbreak%d\0' "$command"; done | xargs -0 touch
    # The first of all in order.
    : >$'\001\r\302\233\377\177.pid'
  )
  [ "$(find "$PID_DIR" -mindepth 1 -printf x | wc -c)" = 10000 ]
  live_run
  for command in list sweep cancel; do
    rm -f "$LOG"
    bounded 60 "$PODLEASH" $command "$PID_DIR"
    assert_status 0
    [ ! -s "$WORK/err" ] || explain 'something on stderr'
    [ $command != list ] || continue
    assert_plain "$LOG"
    [ "$(grep -c "not podleash's, or damaged; left alone" "$LOG")" = 33 ] || explain 'not 32 and a sum'
    grep -q ': 9968 more that are not' "$LOG" || explain 'not how many more'
  done
  assert_run_ended
}

@test "10,000 damaged records: 32 of them are named, and how many more; a live run is ended" {
  local command
  (cd "$PID_DIR" && seq -f '1-%.0f.run' 10000 | xargs touch)
  live_run
  for command in list sweep 'cancel --grace 0'; do
    rm -f "$LOG"
    # shellcheck disable=SC2086
    bounded 60 "$PODLEASH" $command "$PID_DIR"
    assert_status 1
    [ "$(wc -l <"$WORK/err")" -le 33 ] || explain 'more than 33 lines'
    if [ "$command" != list ]; then
      [ "$(wc -l <"$LOG")" -le 40 ] || explain 'more than 40 lines in the log'
      grep -q ': 9968 more' "$LOG" || explain 'not how many more'
    fi
  done
  assert_run_ended
}

# ---- files that change while they are read ----

@test "a file swapped during the read: nothing that it was never meant to be is read, nothing hangs" {
  local name command swap turn
  for name in 1-1.run 1-1.conmon.pid 1-1.pid cancelled.pids; do
    plant symlink "$PID_DIR/$name"
    (BYSTANDER=$DEAD && bait $name >"$WORK/good")
    "$BUILD/tests/swap_file" "$PID_DIR/$name" "$WORK/good" "$WORK/outside/$name" >/dev/null 2>&1 3>&- &
    disown
    swap=$(identity $!)
    OURS+=("$swap")
    for turn in {1..15}; do
      for command in list sweep 'cancel --grace 0 --timeout 2'; do
        # shellcheck disable=SC2086
        bounded 20 "$PODLEASH" $command "$PID_DIR"
        [ "$STATUS" -le 1 ] || explain "$command: turn $turn"
        alive "$BYSTANDER" || explain "$command: turn $turn: the bystander was signalled"
      done
    done
    alive "$swap"
    kill_now "$swap"
    wait_until 5 gone "$swap"
    assert_untouched
    rm -rf "${PID_DIR:?}"/* "${WORK:?}/outside"/*
  done
  assert_plain "$LOG"
}

# ---- the directory itself ----

@test "a directory renamed, removed or replaced under a guard: cancel and a holder's death end the run" {
  live_run
  mv "$PID_DIR" "$WORK/renamed"
  bounded 20 "$PODLEASH" cancel --grace 0 "$WORK/renamed"
  assert_status 0
  assert_run_ended
  mv "$WORK/renamed" "$PID_DIR"
  rm "$PID_DIR"/cancelled.*

  live_run
  mv "$PID_DIR" "$WORK/renamed"
  mkdir -m 0700 "$PID_DIR"
  bounded 20 "$PODLEASH" cancel --grace 0 "$PID_DIR"
  assert_status 0
  assert_run_ended
  rm "$PID_DIR"/cancelled.*

  live_run
  rm -rf "$PID_DIR"
  mkdir -m 0700 "$PID_DIR"
  bounded 20 "$PODLEASH" cancel --grace 0 "$PID_DIR"
  assert_status 0
  assert_run_ended
  rm "$PID_DIR"/cancelled.*

  live_run
  rm -rf "$PID_DIR"
  kill_now "$PODMAN"
  wait_until 5 gone "$PODMAN"
  assert_run_ended
  bounded 20 "$PODLEASH" cancel "$PID_DIR"
  assert_status 1
}

@test "a directory named by a relative path: the guard that sweep gives knows it by its whole path" {
  live_run
  kill_now "$GUARD"
  wait_until 5 gone "$GUARD"
  (cd "$WORK" && bounded 20 "$PODLEASH" sweep pids)
  is_guarded "${PODMAN%,*}"
  OURS+=("$GUARD")
  [ "$(words "${GUARD%,*}" | tail -n 1)" = "$RECORD" ]
}

# in_namespace COMMANDS: runs them with all that is known here, in a mount namespace of their own.
in_namespace() {
  unshare -m bash -c "set -eu; $(declare -f); $(declare -p BUILD WORK PID_DIR LOG PODLEASH BYSTANDER DEAD)
    OURS=(); trap 'for process in \"\${OURS[@]}\"; do kill_now \"\$process\"; done' EXIT
    $1" 3>&-
}

# bats test_tags=root
@test "a directory that is read-only: cancel has no tombstone, says so, and ends what runs; sweep names what stays" {
  # The guard has it open for writing: read-only is a mount on top of it.
  # shellcheck disable=SC2016 # for the inner shell
  in_namespace '
    live_run
    mount --bind "$PID_DIR" "$PID_DIR"
    mount -o remount,bind,ro "$PID_DIR"
    bounded 20 "$PODLEASH" cancel --grace 0 "$PID_DIR"
    assert_status 1
    [ "$(wc -l <"$WORK/err")" = 1 ]
    grep -q "no tombstone could be written: Read-only file system; " "$WORK/err" || explain "no reason"
    assert_run_ended'
  # shellcheck disable=SC2016 # for the inner shell
  in_namespace '
    mount -t tmpfs -o mode=0700 none "$PID_DIR"
    live_run
    kill_now "$GUARD"
    wait_until 5 gone "$GUARD"
    mount -o remount,bind,ro "$PID_DIR"
    bounded 20 "$PODLEASH" list "$PID_DIR"
    assert_status 0
    bounded 20 "$PODLEASH" cancel --grace 0 "$PID_DIR"
    assert_status 1
    assert_run_ended
    rm "$LOG"
    bounded 20 "$PODLEASH" sweep "$PID_DIR"
    assert_status 1
    grep -q "${RUN##*/}.cid cannot be removed: Read-only file system" "$LOG" || explain "not named"
    grep -q "run ${RUN##*/}: something is left" "$WORK/out" || explain "not reported"'
}

# bats test_tags=root
@test "a directory that is full: cancel has no tombstone, says so, and ends what runs; a job starts all the same" {
  # shellcheck disable=SC2016 # for the inner shell
  in_namespace '
    mount -t tmpfs -o mode=0700,size=64k none "$PID_DIR"
    live_run
    head -c 1M /dev/zero >"$PID_DIR/fill" 2>/dev/null || true
    bounded 20 "$PODLEASH" cancel --grace 0 "$PID_DIR"
    assert_status 1
    grep -q "no tombstone could be written: No space left on device; " "$WORK/err" || explain "no reason"
    assert_run_ended
    ! compgen -G "$RUN.*"
    head -c 1M /dev/zero >"$PID_DIR/more" 2>/dev/null || true
    rm -f "$WORK/go" "$WORK/called" "$LOG"
    timeout 20 env LD_PRELOAD="$BUILD/libpodleash.so" PODLEASH_HELPER="$PODLEASH" env "$WORK/bin/podman" run image </dev/null
    grep -q "^run image" "$WORK/called"
    grep -q "No space left on device; podman is started without a leash" "$LOG"
    bounded 20 "$PODLEASH" sweep "$PID_DIR"
    assert_status 0'
}

# ---- who may lead whom ----

# users_directory: a directory of the test user's, as SHARED/home/pids, with a stand-in that he can run.
users_directory() {
  USER_ID=$(id -u podleash-test)
  SHARED=$(mktemp -d /tmp/attack.XXXXXX)
  chmod 0755 "$SHARED"
  install -d -m 0700 -o podleash-test "$SHARED/home" "$SHARED/home/pids"
  mkdir -m 0700 "$SHARED/root" "$SHARED/root/pids"
  unset RECEPTOR_PID_DIRECTORY PODLEASH_LOG
}

# bats test_tags=root
@test "root on a user's directory: as that user from the first open on, and what is root's alone is not reached" {
  local command
  users_directory
  record "$SHARED/home/pids" 1-1 >"$SHARED/root/secret"
  chmod 0600 "$SHARED/root/secret"
  ln -s "$SHARED/root/secret" "$SHARED/home/pids/1-1.run"
  ln "$SHARED/root/secret" "$SHARED/home/pids/1-2.run"
  ln "$SHARED/root/secret" "$SHARED/home/pids/.1-3.run"
  ln -s "$SHARED/root/secret" "$SHARED/home/pids/1-4.pid"
  touch -h -d '2 minutes ago' "$SHARED/home/pids"/.1-3.run
  install -m 0 -o podleash-test "$SHARED/root/secret" "$SHARED/home/pids/1-5.run"
  snapshot "$SHARED/root" >"$WORK/before"
  for command in list sweep 'cancel --grace 0'; do
    # shellcheck disable=SC2086
    bounded 30 strace -f -qq -y -o "$WORK/trace" "$PODLEASH" $command "$SHARED/home/pids"
    assert_status 1
    grep -q ' setuid('"$USER_ID"') *= 0' "$WORK/trace" || explain "$command: did not become the user"
    if sed '/ setuid(/q' "$WORK/trace" | grep -E 'unlink|rename|kill|pidfd_send|'"$SHARED" | grep -v O_PATH |
      grep -vE 'newfstatat|fstat|readlinkat|close|execve'; then
      fail "$command: as root"
    fi
    if sed '1,/ setuid(/d' "$WORK/trace" | grep -E ' set(re|res|fs)?[ug]id\('; then fail "$command: became another one"; fi
    if grep -E 'openat.*secret.*= [0-9]' "$WORK/trace"; then fail "$command: opened it"; fi
    snapshot "$SHARED/root" | diff "$WORK/before" -
    alive "$BYSTANDER"
  done
}

# bats test_tags=root
@test "root is not led by a user: neither by his link, nor by a directory of his above" {
  local path command
  users_directory
  ln -s "$SHARED/root" "$SHARED/home/link"
  ln -s ../root "$SHARED/home/relative"
  ln -s home/link "$SHARED/through"
  ln -s "$SHARED/root" "$SHARED/ours"
  install -d -m 0700 "$SHARED/home/rootly"
  for path in root/pids home/rootly; do
    record "$SHARED/$path" 1-1 >"$SHARED/$path/1-1.run"
  done
  snapshot "$SHARED" >"$WORK/before"
  for path in home/link/pids home/relative/pids through/pids home/../home/link/pids home/rootly home/pids/../link/pids; do
    for command in list sweep 'cancel --grace 0'; do
      echo "$command $path"
      # shellcheck disable=SC2086
      bounded 20 "$PODLEASH" $command "$SHARED/$path"
      assert_status 1
      grep -q '; nothing was touched$' "$WORK/err" || explain 'not refused'
      # shellcheck disable=SC2086
      (cd "$SHARED/home" && bounded 20 "$PODLEASH" $command "../$path" && [ "$STATUS" = 1 ])
    done
  done
  snapshot "$SHARED" | diff "$WORK/before" -
  alive "$BYSTANDER"
  # Links of root's own lead on.
  bounded 20 "$PODLEASH" list "$SHARED/ours/pids"
  assert_status 0
  grep -q '^U1 ' "$WORK/out" || explain 'not listed'
}

# bats test_tags=root
@test "root's sweep gives a user's run a guard with nothing of root's environment" {
  users_directory
  local -a as=(setpriv --reuid podleash-test --regid podleash-test --init-groups)
  mkfifo "$SHARED/go"
  chmod 0666 "$SHARED/go"
  printf '#!/bin/sh\ncase $* in *--help | *ps* | completion*) exit 0 ;; esac\nread -r _ <%s\n' "$SHARED/go" >"$SHARED/podman"
  chmod 0755 "$SHARED/podman"
  PID_DIR=$SHARED/home/pids
  "${as[@]}" env RECEPTOR_PID_DIRECTORY="$PID_DIR" LD_PRELOAD="$BUILD/libpodleash.so" PODLEASH_HELPER="$PODLEASH" \
    env "$SHARED/podman" run image </dev/null >/dev/null 2>&1 3>&- &
  disown
  PODMAN=$(identity $!)
  OURS+=("$PODMAN")
  wait_until 10 is_guarded $!
  local old=$GUARD
  kill_now "$old"
  wait_until 5 gone "$old"
  PODLEASH_GRACE=77 OF_ROOT=77 PODLEASH_LOG=$LOG bounded 20 "$PODLEASH" sweep "$PID_DIR"
  assert_status 0
  grep -q ': guarded$' "$WORK/out" || explain 'no guard'
  is_guarded "${PODMAN%,*}"
  OURS+=("$GUARD")
  [ "$GUARD" != "$old" ]
  tr '\0' '\n' <"/proc/${GUARD%,*}/environ" | sort >"$WORK/environ"
  cat "$WORK/environ"
  grep -qx "HOME=$(getent passwd podleash-test | cut -d : -f 6)" "$WORK/environ"
  if grep -E '77|^PODLEASH_|^RECEPTOR_' "$WORK/environ"; then fail "root's"; fi
  bounded 20 "$PODLEASH" cancel --grace 0 "$PID_DIR"
  assert_status 0
  assert_run_ended
}

# bats test_tags=root
@test "a user's directory or file that he may not read or write: said, and what can be ended is ended" {
  users_directory
  local -a as=(setpriv --reuid podleash-test --regid podleash-test --init-groups)
  local command mode
  install -m 0 -o podleash-test /dev/null "$SHARED/home/pids/1-1.run"
  for mode in 0000 0400 0500 0300; do
    chmod $mode "$SHARED/home/pids"
    for command in list sweep 'cancel --grace 0'; do
      echo "$command: $mode"
      # shellcheck disable=SC2086
      bounded 20 "${as[@]}" "$PODLEASH" $command "$SHARED/home/pids"
      assert_status 1
      grep -q 'Permission denied' "$WORK/err" || [ -s "$WORK/out" ] || [ "$mode" = 0500 ] || explain 'no reason'
    done
  done
}

# ---- every open ----

@test "every open below the pid directory has O_NOFOLLOW, O_NONBLOCK, O_NOCTTY and O_CLOEXEC" {
  local command
  mkfifo "$WORK/go"
  # -ff: a file for each process, or one would break the lines of another.
  strace -ff -qq -y -e trace=open,openat,openat2,creat -e signal=none -o "$WORK/trace.run" \
    env LD_PRELOAD="$BUILD/libpodleash.so" PODLEASH_HELPER="$PODLEASH" env "$WORK/bin/podman" run image \
    </dev/null >/dev/null 2>&1 3>&- &
  disown
  OURS+=("$(identity $!)")
  is_there() { RECORD=$(compgen -G "$PID_DIR/*.run") && grep -q '^guard=' "$RECORD"; }
  wait_until 20 is_there
  PODMAN=$(record_value podman "$RECORD") GUARD=$(record_value guard "$RECORD")
  OURS+=("$PODMAN" "$GUARD")
  make_socket
  plant fifo "$PID_DIR"/{2-1.run,2-1.pid,my.pid,cancelled.old,.2-1.run}
  local unit=$PID_DIR/U2
  mkdir -m 0700 "$unit"
  : >"$unit/.podleash-run"
  for command in list 'sweep --dry-run' sweep 'cancel --grace 0 --timeout 10'; do
    # shellcheck disable=SC2086
    bounded 30 strace -ff -qq -y -e trace=open,openat,openat2,creat -e signal=none -o "$WORK/trace.${command%% *}" "$PODLEASH" $command "$PID_DIR"
  done
  wait_until 10 gone "$GUARD"
  for command in run list sweep cancel; do
    # The podman of this test writes its id there as well.
    grep -h "$PID_DIR" "$WORK/trace.$command".* | grep -v '\.cid".*O_TRUNC' >"$WORK/opens"
    [ "$(wc -l <"$WORK/opens")" -ge 3 ] || fail "$command: no opens were seen"
    if grep -v O_PATH "$WORK/opens" | grep -vE 'O_NOCTTY.*O_NONBLOCK.*O_NOFOLLOW.*O_CLOEXEC'; then fail "$command: a flag is missing"; fi
    if grep O_PATH "$WORK/opens" | grep -v 'O_NOFOLLOW.*O_CLOEXEC'; then fail "$command: a flag is missing"; fi
  done
}
