# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Whatever podleash lacks, the job runs as if it were not there, and the log says why; and a leashed
# podman is the process that the runner asked for, with all that it was given.
# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load test_helper.bash

setup() {
  mkdir -m 0700 "$PID_DIR"
  # Not podman's, in the runs without podleash.
  [ -z "${PODLEASH_BUILD-}" ] || export -n PODLEASH_BUILD
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
  [ -z "${SHARED-}" ] || rm -rf "$SHARED"
}

# What the runs below print and end with.
REAL=(podman run --rm --network=none "$IMAGE" sh -c 'echo out; echo err >&2; exit 7')

# stand_in DIR: a podman in DIR, where a container is not the point: it leaves the file `started`.
stand_in() {
  mkdir -p "$1"
  cat >"$1/podman" <<'END'
#!/bin/sh
# Without a process of its own: one test has no room for any.
case $* in
  *--help | ps*) exit 0 ;;
  completion*) exit 125 ;;
esac
echo >"${0%/*}/started"
echo out
echo err >&2
exit 7
END
  chmod 0755 "$1/podman"
}

# collect NAME COMMAND...: what it prints and ends with, in the files NAME.out, NAME.err, NAME.status.
collect() {
  local status=0
  "${@:2}" >"$WORK/$1.out" 2>"$WORK/$1.err" </dev/null 3>&- || status=$?
  echo $status >"$WORK/$1.status"
}

# leashed [NAME=VALUE...] COMMAND...: below the library, as a runner would be.
leashed() {
  env LD_PRELOAD="$BUILD/libpodleash.so" RECEPTOR_PID_DIRECTORY="$PID_DIR" PODLEASH_HELPER="$BUILD/podleash" \
    PODLEASH_LOG="$LOG" env "$@"
}

# assert_same NAME: it went as the run `bare` did.
assert_same() {
  local part
  for part in status out err; do
    diff "$WORK/bare.$part" "$WORK/$1.$part" || fail "$1: not the same $part"
  done
}

# assert_log REGEX: the log is one line, and that is what it says of this run.
assert_log() {
  cat "$LOG"
  [ "$(wc -l <"$LOG")" = 1 ] || fail 'not one line in the log'
  grep -qE "^[0-9TZ:-]+ podleash\[[0-9]+\]: unit [^ ]+, run [0-9a-f-]+: ($1)\$" "$LOG" || fail "the log does not say $1"
}

no_record() {
  ! compgen -G "$PID_DIR/*.run" >/dev/null && ! compgen -G "$PID_DIR/.*.run" >/dev/null
}

# broken_helpers: paths of helpers that cannot be started, one a line.
broken_helpers() {
  mkdir "$WORK/directory"
  cp "$BUILD/podleash" "$WORK/not-executable"
  chmod 0644 "$WORK/not-executable"
  head -c 64 "$BUILD/podleash" >"$WORK/torn"
  chmod 0755 "$WORK/torn"
  ln -s loop "$WORK/loop"
  printf '%s\n' "$WORK/missing" "$WORK/directory" "$WORK/not-executable" "$WORK/torn" "$WORK/loop" "$WORK/torn/below"
}

# broken_directories: paths of directories that cannot be used, each with what the log says of it.
broken_directories() {
  mkdir -m 0700 "$WORK/own" "$WORK/group" "$WORK/others" "$WORK/foreign"
  chmod 0770 "$WORK/group"
  chmod 0707 "$WORK/others"
  ln -s own "$WORK/link"
  : >"$WORK/file"
  echo "$WORK/missing.d No such file or directory"
  echo "$WORK/file Not a directory"
  echo "$WORK/link a symbolic link;.*"
  echo "$WORK/link/ a symbolic link;.*"
  echo "$WORK/group writable by others;.*"
  echo "$WORK/others writable by others;.*"
  if [ "$(id -u)" = 0 ]; then
    chown 54321 "$WORK/foreign"
    echo "$WORK/foreign owned by another user, or below what is;.*"
  else
    mkdir -m 0500 "$WORK/unwritable"
    mkdir -m 0300 "$WORK/unreadable"
    mkdir -m 0600 "$WORK/unsearchable"
    echo "/usr owned by another user, or below what is;.*"
    echo "$WORK/unwritable Permission denied"
    echo "$WORK/unreadable Permission denied"
    echo "$WORK/unsearchable Permission denied"
  fi
}

@test "a helper that cannot be started: the job runs, and nothing is written" {
  local helper
  collect bare "${REAL[@]}"
  [ "$(<"$WORK/bare.status")" = 7 ]
  broken_helpers >"$WORK/list"
  while read -r helper; do
    echo "$helper"
    collect open leashed PODLEASH_HELPER="$helper" "${REAL[@]}"
    assert_same open
    [ -z "$(ls -A "$PID_DIR")" ]
  done <"$WORK/list"
}

@test "a directory that cannot be used: the job runs, and the log says why in one line" {
  local directory why
  collect bare "${REAL[@]}"
  broken_directories >"$WORK/list"
  while read -r directory why; do
    echo "$directory"
    find "$WORK/own" "$WORK/foreign" "$WORK/group" "$WORK/others" | sort >"$WORK/before"
    collect open leashed RECEPTOR_PID_DIRECTORY="$directory" "${REAL[@]}"
    assert_same open
    assert_log "$directory/?: $why; podman is started without a leash"
    find "$WORK/own" "$WORK/foreign" "$WORK/group" "$WORK/others" | sort | diff "$WORK/before" -
    rm "$LOG"
  done <"$WORK/list"
}

@test "no directory: the job runs, nothing is logged" {
  collect bare "${REAL[@]}"
  collect open leashed RECEPTOR_PID_DIRECTORY= "${REAL[@]}"
  assert_same open
  [ ! -e "$LOG" ]
  collect open leashed -u RECEPTOR_PID_DIRECTORY "${REAL[@]}"
  assert_same open
  [ ! -e "$LOG" ]
}

# in_namespace COMMAND...: with mounts of its own, as its root.
in_namespace() {
  if [ "$(id -u)" = 0 ]; then
    unshare --mount "$@"
  else
    unshare --user --map-root-user --mount "$@"
  fi
}

# on_mount OPTIONS COMMAND...: below the leash, with a file system on $PID_DIR that is as full as can be.
on_mount() {
  # shellcheck disable=SC2016 # for the inner shell
  in_namespace sh -c 'mount -t tmpfs -o "mode=0700,$2" none "$1" && { cat /dev/zero >"$1/fill" || :; } 2>/dev/null && shift 2 && exec "$@"' sh \
    "$PID_DIR" "$1" env LD_PRELOAD="$BUILD/libpodleash.so" RECEPTOR_PID_DIRECTORY="$PID_DIR" \
    PODLEASH_HELPER="$BUILD/podleash" PODLEASH_LOG="$LOG" env "${@:2}"
}

@test "a full or read-only file system: the job runs, and the log says why; strict: it does not" {
  local full=size=16k ro=ro,size=16k
  stand_in "$WORK/bin"
  collect bare "$WORK/bin/podman" run image
  [ "$(<"$WORK/bare.status")" = 7 ]

  collect open on_mount $full "$WORK/bin/podman" run image
  assert_same open
  assert_log "$PID_DIR: No space left on device; podman is started without a leash"
  rm "$LOG"
  collect open on_mount $ro "$WORK/bin/podman" run image
  assert_same open
  assert_log "$PID_DIR: Read-only file system; podman is started without a leash"
  rm "$LOG" "$WORK/bin/started"

  collect strict on_mount $full PODLEASH_STRICT=1 "$WORK/bin/podman" run image
  assert_refused
  grep -q 'No space left on device' "$WORK/strict.err"
  collect strict on_mount $ro PODLEASH_STRICT=1 "$WORK/bin/podman" run image
  assert_refused
  grep -q 'Read-only file system' "$WORK/strict.err"
}

# on_small_mount KIB COMMAND...: the same, where so much is left.
on_small_mount() {
  # shellcheck disable=SC2016 # for the inner shell
  in_namespace sh -c 'mount -t tmpfs -o mode=0700,size=64k none "$1" && head -c "$((60 - $2))k" /dev/zero >"$1/fill" && shift 2 && exec "$@"' sh \
    "$PID_DIR" "$1" env LD_PRELOAD="$BUILD/libpodleash.so" RECEPTOR_PID_DIRECTORY="$PID_DIR" \
    PODLEASH_HELPER="$BUILD/podleash" PODLEASH_LOG="$LOG" env "${@:2}"
}

@test "a file system with little room: the job runs, and the log says why; strict: it does not" {
  local left
  stand_in "$WORK/bin"
  collect bare "$WORK/bin/podman" run image
  for left in 4 8 20; do
    collect open on_small_mount $left "$WORK/bin/podman" run image
    assert_same open
    assert_log "$PID_DIR: No space left on device; podman is started without a leash"
    rm "$LOG" "$WORK/bin/started"
    collect strict on_small_mount $left PODLEASH_STRICT=1 "$WORK/bin/podman" run image
    assert_refused
  done
}

# long_path LENGTH: a path of so many bytes, below $WORK.
long_path() {
  local path=$WORK
  while [ ${#path} -lt $(($1 - 200)) ]; do
    path+=/$(printf 'x%.0s' {1..150})
  done
  printf '%s/%s\n' "$path" "$(printf 'x%.0s' $(seq $(($1 - ${#path} - 1))))"
}

@test "a pid directory with a long path is used; one where no file has room for its name is not, and the log says so" {
  local length
  collect bare "${REAL[@]}"
  for length in 1793 3900; do
    PID_DIR=$(long_path $length)
    [ ${#PID_DIR} = $length ]
    mkdir -p "$PID_DIR"
    chmod 0700 "$PID_DIR"
    collect open leashed PODLEASH_STRICT=1 "${REAL[@]}"
    assert_same open
    [ ! -e "$LOG" ] || fail "$(<"$LOG")"
    wait_until 10 no_record
    [ -n "$(ls -A "$PID_DIR")" ]
  done
  stand_in "$WORK/bin"
  collect bare "$WORK/bin/podman" run image
  for length in 4090 6000; do
    PID_DIR=$(long_path $length)
    collect open leashed "$WORK/bin/podman" run image
    assert_same open
    assert_log "$WORK/x[x/]*: File name too long; podman is started without a leash"
    rm "$LOG" "$WORK/bin/started"
    collect strict leashed PODLEASH_STRICT=1 "$WORK/bin/podman" run image
    assert_refused
  done
}

@test "a umask that leaves nothing: the run is leashed" {
  collect bare "${REAL[@]}"
  umask 0777
  collect open leashed "${REAL[@]}"
  umask 0022
  chmod 0644 "$WORK"/open.*
  assert_same open
  wait_until 10 no_record
  [ ! -e "$LOG" ] || fail "$(<"$LOG")"
  rm -f "$PID_DIR"/.podman-*
  [ -z "$(ls -A "$PID_DIR")" ]
}

@test "a file system that became read-only after a cancel: the job does not start, leashed or not" {
  stand_in "$WORK/bin"
  # shellcheck disable=SC2016 # for the inner shell
  collect cancelled in_namespace sh -c 'mount -t tmpfs -o mode=0700 none "$1" && RECEPTOR_PID_DIRECTORY=$1 "$2/podleash" cancel "$1" &&
    mount -o remount,bind,ro "$1" && shift 2 && "$@"; exit $?' sh "$PID_DIR" "$BUILD" \
    env LD_PRELOAD="$BUILD/libpodleash.so" RECEPTOR_PID_DIRECTORY="$PID_DIR" PODLEASH_HELPER="$BUILD/podleash" \
    env "$WORK/bin/podman" run image
  [ "$(<"$WORK/cancelled.status")" = 125 ]
  grep -q 'it was cancelled; podman is not started$' "$WORK/cancelled.err" || fail "$(<"$WORK/cancelled.err")"
  [ ! -e "$WORK/bin/started" ]
}

# assert_refused: the run `strict` ended with 125 and one line, and started nothing.
assert_refused() {
  cat "$WORK/strict.err"
  [ "$(<"$WORK/strict.status")" = 125 ]
  [ "$(wc -l <"$WORK/strict.err")" = 1 ]
  grep -q '^podleash: ' "$WORK/strict.err"
  [ ! -s "$WORK/strict.out" ]
  [ ! -e "$WORK/bin/started" ]
}

@test "strict: what cannot be leashed is not started, status 125, one line on stderr" {
  local path _
  stand_in "$WORK/bin"
  broken_helpers >"$WORK/helpers"
  broken_directories >"$WORK/directories"
  while read -r path; do
    echo "helper $path"
    collect strict leashed PODLEASH_STRICT=1 PODLEASH_HELPER="$path" "$WORK/bin/podman" run image
    assert_refused
    [ -z "$(ls -A "$PID_DIR")" ]
  done <"$WORK/helpers"
  while read -r path _; do
    echo "directory $path"
    collect strict leashed PODLEASH_STRICT=1 RECEPTOR_PID_DIRECTORY="$path" "$WORK/bin/podman" run image
    assert_refused
    grep -qF "$path" "$WORK/strict.err"
  done <"$WORK/directories"
  # Only 1 is strict.
  collect bare "$WORK/bin/podman" run image
  collect open leashed PODLEASH_STRICT=0 RECEPTOR_PID_DIRECTORY="$WORK/missing.d" "$WORK/bin/podman" run image
  assert_same open
}

@test "podman started by init: not as somebody's orphan; as the leader of a session, or of a leashed init, or a service" {
  # The first process of a pid namespace is the init of all others in it.
  local -a init=(unshare --pid --fork --mount-proc sh -c '"$@"; exit $?' sh) podman=("$WORK/bin/podman" run image)
  local -a leash=(env LD_PRELOAD="$BUILD/libpodleash.so" RECEPTOR_PID_DIRECTORY="$PID_DIR"
    PODLEASH_HELPER="$BUILD/podleash" PODLEASH_LOG="$LOG")
  [ "$(id -u)" = 0 ] || init=(unshare --user --map-root-user "${init[@]:1}")
  stand_in "$WORK/bin"
  collect bare "${podman[@]}"
  collect orphan "${init[@]}" "${leash[@]}" env "${podman[@]}"
  [ "$(<"$WORK/orphan.status")" = 125 ]
  grep -q 'has ended; podman is not started$' "$WORK/orphan.err"
  collect session "${init[@]}" setsid "${leash[@]}" env "${podman[@]}"
  assert_same session
  collect init "${leash[@]}" "${init[@]}" "${podman[@]}"
  assert_same init
  # As systemd says it of what it started, and of nobody else.
  # shellcheck disable=SC2016 # for the shell in there
  collect service "${init[@]}" sh -c 'SYSTEMD_EXEC_PID=$$ exec "$@"' sh "${leash[@]}" env "${podman[@]}"
  assert_same service
  collect other "${init[@]}" env SYSTEMD_EXEC_PID=1 "${leash[@]}" env "${podman[@]}"
  [ "$(<"$WORK/other.status")" = 125 ]
  # podleash run as the first process of a container.
  collect run "${init[@]:0:$((${#init[@]} - 4))}" env PODLEASH_LOG="$LOG" "$BUILD/podleash" run --pid-dir "$PID_DIR" "${podman[@]}"
  assert_same run
  # Neither of the others was started without a leash.
  if grep "without a leash" "$LOG"; then fail "started without a leash"; fi
}

@test "a log that is longer than the job may write: the job runs, with the signals that it was given" {
  # shellcheck disable=SC2016 # for the inner shell
  local -a limited=(bash -c 'trap "" CHLD; ulimit -f 1; exec "$@"' bash)
  stand_in "$WORK/bin"
  sed -i '2i grep SigIgn /proc/$$/status' "$WORK/bin/podman"
  collect bare "${limited[@]}" "$WORK/bin/podman" run image
  printf %02000d 0 >"$LOG"
  collect open leashed RECEPTOR_PID_DIRECTORY="$WORK/missing.d" "${limited[@]}" "$WORK/bin/podman" run image
  assert_same open
  PODLEASH_LOG=$LOG collect run "${limited[@]}" "$BUILD/podleash" run --pid-dir "$WORK/missing.d/below" "$WORK/bin/podman" run image
  assert_same run
  [ "$(stat -c %s "$LOG")" = 2000 ]
}

@test "strict: a run that can be leashed goes as it would have" {
  collect bare "${REAL[@]}"
  collect strict leashed PODLEASH_STRICT=1 "${REAL[@]}"
  assert_same strict
  wait_until 10 no_record
  [ ! -e "$LOG" ]
}

# shared_place: a place for an ordinary user, without capabilities: root is not bound by a limit.
shared_place() {
  SHARED=$(mktemp -d /tmp/leash-open.XXXXXX)
  mkdir -m 0700 "$SHARED/pids"
  stand_in "$SHARED"
  if [ "$(id -u)" = 0 ]; then chown -R 54321 "$SHARED"; fi
  chmod 0755 "$SHARED"
  LOG=$SHARED/podleash.log
  PID_DIR=$SHARED/pids
  collect bare "$SHARED/podman" run image
  rm "$SHARED/started"
}

# as_ordinary PROCESSES COMMAND...: with at most that many of them.
as_ordinary() {
  local -a as=()
  [ "$(id -u)" != 0 ] || as=(setpriv --reuid 54321 --clear-groups)
  # shellcheck disable=SC2016 # for the inner shell
  "${as[@]}" bash -c 'cd / && ulimit -S -u "$0" && exec "$@"' "$1" env LD_PRELOAD="$BUILD/libpodleash.so" \
    RECEPTOR_PID_DIRECTORY="$PID_DIR" PODLEASH_HELPER="$BUILD/podleash" PODLEASH_LOG="$LOG" env "${@:2}"
}

@test "no room for a guard: the job runs, and the log says why; strict: it does not" {
  shared_place
  # With room, for once: what this podman knows need not be asked again.
  collect first as_ordinary 4096 "$SHARED/podman" run image
  assert_same first
  wait_until 10 no_record
  rm -f "$LOG"
  collect open as_ordinary 1 "$SHARED/podman" run image
  assert_same open
  assert_log 'no guard: Resource temporarily unavailable; podman is started all the same, cancel and sweep end it'
  # A cancel that came meanwhile would have had nothing else to find it by.
  ! no_record || fail 'its record is gone'
  as_ordinary 4096 "$BUILD/podleash" sweep "$PID_DIR"
  no_record
  rm "$SHARED/started"
  collect strict as_ordinary 1 PODLEASH_STRICT=1 "$SHARED/podman" run image
  assert_refused
  [ ! -e "$SHARED/started" ]
  no_record
}

@test "no room to ask podman for its flags: the job runs, and cancel finds it" {
  shared_place
  collect open as_ordinary 1 "$SHARED/podman" run image
  assert_same open
  assert_log 'no guard: Resource temporarily unavailable; podman is started all the same, cancel and sweep end it'
  ! no_record || fail 'it has no record'
}

# learned KEY: whether the record of $UNIT tells it.
learned() {
  RECORD=$(record_path "$UNIT") && [ -n "$(record_value "$1" "$RECORD")" ]
}

# podman_that PATTERN COMMANDS: makes $WORK/old/podman, which does that where one of its words fits, and is
# podman otherwise.
podman_that() {
  mkdir "$WORK/old"
  cat >"$WORK/old/podman" <<END
#!/bin/sh
for word; do
  case \$word in
    $1) $2 ;;
  esac
done
exec "$(command -v podman)" "\$@"
END
  chmod +x "$WORK/old/podman"
}

# old_podman: one that does not know --pidfile.
old_podman() {
  podman_that '--pidfile | --pidfile=*' 'echo "Error: unknown flag: --pidfile" >&2; exit 125'
}

assert_leashed_by_conmon() {
  local process
  start_script U1 <<END
"$WORK/old/podman" run --rm --network=none --name "leash-open-$BASHPID" $IMAGE sleep 600
exit \$?
END
  wait_until 30 learned container || fail "$(cat "$LOG" "$UNITDIR/stdout")"
  RUN=${RECORD%.run}
  PODMAN=$(record_value podman "$RECORD")
  GUARD=$(record_value guard "$RECORD")
  CONMON=$(record_value conmon "$RECORD")
  CONTAINER=$(record_value container "$RECORD")
  OURS+=("$PODMAN" "$GUARD" "$CONMON" "$CONTAINER")
  for process in "$PODMAN" "$GUARD" "$CONMON" "$CONTAINER"; do
    alive "$process"
  done
  RUNNER=$(record_value holder "$RECORD" | head -n 1 | cut -d , -f 1,2)
  CID=$(record_value cid "$RECORD")
  OUR_CONTAINERS+=("$CID")
  words "${PODMAN%,*}" | grep -qxF -- "--conmon-pidfile=$RUN.conmon.pid"
  if words "${PODMAN%,*}" | grep -- '^--pidfile'; then fail 'podman was given --pidfile'; fi
  kill_now "$RUNNER"
  assert_nothing_left 10
}

@test "a podman that does not know --pidfile: the job is leashed by conmon's pid file alone" {
  old_podman
  assert_leashed_by_conmon
}

@test "a podman too slow to say which flags it knows: the job is leashed by conmon's pid file alone" {
  podman_that --help 'exec sleep 600'
  assert_leashed_by_conmon
}

@test "a podman that does not start when it is asked for its flags: the job runs, and the log says why" {
  podman_that --help 'exit 127'
  collect bare "${REAL[@]}"
  collect open leashed "$WORK/old/${REAL[0]}" "${REAL[@]:1}"
  assert_same open
  assert_log "$WORK/old/podman: does not start when it is asked for its flags; podman is started without a leash"
  no_record
}

# elsewhere COMMANDS: a podman in $WORK/bin that is a script, which enters a mount namespace of its own and does these there.
# It writes down what it is asked for.
elsewhere() {
  mkdir -p "$WORK/bin"
  cat >"$WORK/bin/podman" <<END
#!/bin/sh
echo "\$1" >>"$WORK/asked"
exec unshare --mount sh -c '$1; exec $(command -v podman) "\$@"' podman "\$@"
END
  chmod 0755 "$WORK/bin/podman"
}

# bats test_tags=root,pidfile
@test "a script in podman's place that does not see the directory: the job runs, and the log says why; strict: it does not" {
  local away
  # A user gets other mounts in a user namespace of his alone, where podman cannot make its own.
  [ "$(id -u)" = 0 ] || return 0
  local -a job=("$WORK/bin/podman" "${REAL[@]:1}")
  collect bare "${REAL[@]}"
  for away in "mount -t tmpfs none $WORK" "mount -t tmpfs none $PID_DIR" "mount -o bind,ro $PID_DIR $PID_DIR"; do
    elsewhere "$away"
    # What is kept of the first time is enough the second time.
    for _ in 1 2; do
      collect open leashed "${job[@]}"
      assert_same open
      assert_log ".*/bin/podman: cannot write into the directory; .*; podman is started without a leash"
      rm "$LOG"
    done
    [ "$(paste -sd ' ' "$WORK/asked")" = 'run completion completion run run' ] || fail "$(<"$WORK/asked")"
    collect open leashed PODLEASH_STRICT=1 "${job[@]}"
    [ "$(<"$WORK/open.status")" = 125 ]
    [ "$(wc -l <"$WORK/open.err")" = 1 ]
    rm -rf "$PID_DIR"/.podman-* "$WORK/asked"
  done
}

@test "a script in podman's place that sees the directory: the run is leashed, and podman itself is not asked for that" {
  mkdir "$WORK/bin"
  # shellcheck disable=SC2016 # for another shell
  printf '#!/bin/sh\necho "$1" >>%s\nexec %s "$@"\n' "$WORK/asked" "$(command -v podman)" >"$WORK/bin/podman"
  chmod 0755 "$WORK/bin/podman"
  setup_job_dir
  PATH=$WORK/bin:$PATH start_job U1
  wait_running
  kill_now "$RUNNER"
  assert_nothing_left
  [ "$(grep -c completion "$WORK/asked")" = 1 ]
  # Nothing of the question is left but the answer.
  [ "$(find "$PID_DIR" -name '.podman-*' -printf x)" = x ] || fail "$(ls -A "$PID_DIR")"
  # One that was killed before it had written the answer left it empty.
  : >"$(compgen -G "$PID_DIR/.podman-*")"
  collect open leashed "${REAL[@]}"
  [ "$(find "$PID_DIR" -name '.podman-*' -size +0 -printf x)" = x ] || fail 'the answer is empty'
  rm "$PID_DIR"/.podman-*
  collect open leashed strace -f -qq -s 128 -e trace=execve -o "$WORK/trace" "${REAL[@]}"
  grep -q -- --help "$WORK/trace"
  if grep completion "$WORK/trace"; then fail 'asked'; fi
}

@test "a podman that does not know --pidfile: a job that is over at once ends by itself" {
  old_podman
  collect bare "${REAL[@]}"
  collect open leashed "$WORK/old/${REAL[0]}" "${REAL[@]:1}"
  assert_same open
  wait_until 10 no_files
  [ ! -e "$LOG" ] || fail "$(cat "$LOG")"
}

@test "a command line of 5,000 words is leashed" {
  start_script U1 <<END
podman run --rm --network=none --name "leash-open-$BASHPID" \$(yes -- '-e A=1' | head -n 2500) $IMAGE sleep 600
exit \$?
END
  wait_running
  [ "$(words "${PODMAN%,*}" | wc -l)" -gt 5000 ]
  kill_now "$RUNNER"
  assert_nothing_left 10
}

@test "podman's environment has nothing of ours, and all of others" {
  # Any library will do that every machine has.
  collect bare env LD_PRELOAD=libm.so.6:libresolv.so.2 KEEP=1 podman run --rm --network=none --env-host "$IMAGE" env
  collect open env LD_PRELOAD="libm.so.6:$BUILD/libpodleash.so libresolv.so.2" RECEPTOR_PID_DIRECTORY="$PID_DIR" \
    PODLEASH_HELPER="$BUILD/podleash" PODLEASH_LOG="$LOG" PODLEASH_GRACE=4 PODLEASH_UNIT=U1 PODLEASH_STRICT=1 \
    PODLEASH_EXECUTABLES=podman KEEP=1 env podman run --rm --network=none --env-host "$IMAGE" env
  cat "$WORK/open.err"
  # A container's name of its own is its hostname.
  diff <(sed /^HOSTNAME=/d "$WORK/bare.out" | sort) <(sed /^HOSTNAME=/d "$WORK/open.out" | sort)
  grep -qx KEEP=1 "$WORK/open.out"
  grep -qx LD_PRELOAD=libm.so.6:libresolv.so.2 "$WORK/open.out"
  if grep -E 'PODLEASH|RECEPTOR_PID_DIRECTORY|libpodleash' "$WORK/open.out"; then fail 'that is ours'; fi
  wait_until 10 no_record
  [ ! -e "$LOG" ]
}

# dumping_podman: a stand-in that writes down what it is: all that a caller can give to a program.
dumping_podman() {
  mkdir "$WORK/bin"
  cat >"$WORK/bin/podman" <<'END'
#!/bin/sh
case $* in
  *--help | 'container '*) exit 0 ;;
esac
# The shell itself has no descriptor more while this runs.
ls -l /proc/$$/fd >"$DUMP.fds"
stat=$(cat /proc/$$/stat)
status=$(grep -E '^(Name|Umask|PPid|TracerPid|Uid|Gid|Groups|Sig(Pnd|Blk|Ign|Cgt)|ShdPnd|Cap.*|NoNewPrivs|Seccomp|Cpus_allowed_list):' /proc/$$/status)
{
  echo "pid $$"
  echo "$status"
  # Names, modes and targets; what a pipe is called differs.
  sed -n -E 's/^(.{10}).* ([0-9]+ -> .*)/\1 \2/; s/\[[0-9]+\]//; /->/p' "$DUMP.fds"
  # Process group, session, terminal, its foreground group; priority, nice.
  echo "${stat##*) }" | cut -d ' ' -f 3-6,16,17
  cat /proc/$$/limits /proc/$$/oom_score_adj /proc/$$/cgroup
  readlink /proc/$$/cwd /proc/$$/root
  tr '\0' '\n' </proc/$$/environ | grep -v '^_='
  tr '\0' '\n' </proc/$$/cmdline | grep -v -e '^--cidfile=' -e '^--conmon-pidfile=' -e '^--pidfile='
} >"$DUMP"
# Leashed: a guard has the lock on the record that the id's file tells of.
for word; do
  case $word in
    --cidfile=*)
      record=${word#*=}
      flock --nonblock "${record%.cid}.run" true
      [ $? != 1 ] || : >"$DUMP.leashed"
      ;;
  esac
done
END
  chmod +x "$WORK/bin/podman"
}

# A caller that is in no way ordinary, and becomes podman itself.
caller() {
  # shellcheck disable=SC2016
  bash -c '
    cd /usr && umask 0137 && ulimit -S -n 512 && ulimit -c 0 && ulimit -S -s 4096
    trap "" USR1 PIPE
    exec 5</etc/passwd 9>>"$DUMP.nine" 0</dev/null
    echo $$ >"$DUMP.pid"
    exec nice -n 3 env --block-signal=USR2,WINCH --ignore-signal=HUP "$@"
  ' bash "$WORK/bin/podman" --log-level=info run -d image --rm
}

@test "podman is the process that called exec, with all that it was given" {
  local session name
  dumping_podman
  for session in '' setsid; do
    export DUMP=$WORK/dump
    session_of() { if [ -n "$session" ]; then setsid --wait bash -c "$(declare -f caller); caller"; else caller; fi; }
    export WORK
    for name in bare open; do
      if [ $name = open ]; then
        export LD_PRELOAD=$BUILD/libpodleash.so RECEPTOR_PID_DIRECTORY=$PID_DIR PODLEASH_HELPER=$BUILD/podleash PODLEASH_LOG=$LOG
      fi
      collect $name session_of
      unset LD_PRELOAD RECEPTOR_PID_DIRECTORY PODLEASH_HELPER PODLEASH_LOG
      cat "$WORK/$name.err"
      [ $name = open ] || [ ! -e "$DUMP.leashed" ] || fail 'leashed'
      grep -qx "pid $(<"$DUMP.pid")" "$DUMP" || fail "$name: not the process that called exec"
      sed -E "s,/$name\.(out|err)\$,/\1,; s/\b($(<"$DUMP.pid")|$(sed -n 's/^PPid:\t//p' "$DUMP"))\b/PID/g" "$DUMP" >"$WORK/$name.dump"
    done
    diff -u "$WORK/bare.dump" "$WORK/open.dump"
    assert_same open
    grep -q '9 -> .*nine' "$WORK/open.dump"
    [ -e "$DUMP.leashed" ] || fail 'not leashed'
    rm "$DUMP.leashed"
    wait_until 10 no_record
  done
}

@test "no log, or one that cannot be written: the line goes to the journal or syslog, none to the job" {
  local log
  stand_in "$WORK/bin"
  collect bare "$WORK/bin/podman" run image
  mkdir "$WORK/directory"
  mkfifo "$WORK/fifo"
  ln -s target "$WORK/link"
  for log in '' relative "$WORK/directory" "$WORK/fifo" "$WORK/link" "$WORK/missing/log"; do
    echo "PODLEASH_LOG=$log"
    (
      cd "$WORK"
      collect open strace -f -qq -e trace=connect -e signal=none -o "$WORK/trace" \
        env LD_PRELOAD="$BUILD/libpodleash.so" RECEPTOR_PID_DIRECTORY="$WORK/missing" PODLEASH_HELPER="$BUILD/podleash" \
        PODLEASH_LOG="$log" env "$WORK/bin/podman" run image
    )
    assert_same open
    grep -qE '"/(dev/log|run/systemd/journal/socket)"' "$WORK/trace"
    [ ! -e "$WORK/relative" ]
    [ ! -e "$WORK/target" ]
  done
}

@test "a grace that is none is logged, and the job runs" {
  local grace
  stand_in "$WORK/bin"
  collect bare "$WORK/bin/podman" run image
  for grace in soon -1 3601 5s ' 5' 5.5 99999999999999999999; do
    collect open leashed PODLEASH_GRACE="$grace" "$WORK/bin/podman" run image
    assert_same open
    wait_until 10 no_record
    grep -qF "PODLEASH_GRACE=$grace: not a number of seconds from 0 to 3600; ignored" "$LOG" || fail "$(cat "$LOG")"
    rm "$LOG"
  done
  for grace in '' 0 5 3600; do
    collect open leashed PODLEASH_GRACE="$grace" "$WORK/bin/podman" run image
    assert_same open
    wait_until 10 no_record
    if grep PODLEASH_GRACE "$LOG"; then fail 'a good grace was logged'; fi
  done
}
