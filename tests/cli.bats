#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What podleash says and does on its own command line, and what it makes of a directory in disorder.
# podman is a stand-in here: the containers are in leash_*.bats.
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2016 # scripts for another shell

load test_helper.bash
load disorder.bash
load room.bash
load terminal.bash
load tree.bash

setup() {
  PODLEASH=$BUILD/podleash
  mkdir -m 0700 "$PID_DIR"
  stand_in
  # Never the directory of this machine.
  export PODLEASH_LOG=$LOG RECEPTOR_PID_DIRECTORY=$PID_DIR
}

teardown() {
  local process
  for process in "${OURS[@]}"; do
    kill_now "$process"
  done
  [ -z "${SHARED-}" ] || rm -rf "$SHARED"
}

# ---- command lines ----

@test "a wrong command line: one line on stderr and where the help is, status 2, nothing is touched" {
  local -a words
  local line lines
  echo '1,1' >"$PID_DIR/1-1.run"
  snapshot "$PID_DIR" >"$WORK/before"
  while read -r line; do
    echo "podleash $line"
    eval "words=($line)"
    collect "$PODLEASH" "${words[@]}"
    [ "$STATUS" = 2 ] || explain 'not status 2'
    [ ! -s "$WORK/out" ] || explain 'something on stdout'
    [ "$(tail -n 1 "$WORK/err")" = "try podleash ${words[0]} --help" ] || explain 'it does not say where'
    lines=$(wc -l <"$WORK/err")
    # What only podleash itself and its library call says no more than that.
    case ${words[0]} in
      hold | guard) [ "$lines" -le 2 ] ;;
      *) [ "$lines" = 2 ] && [[ $(head -n 1 "$WORK/err") == "podleash ${words[0]}: "* ]] ;;
    esac || explain 'not one line before it'
    snapshot "$PID_DIR" | diff "$WORK/before" -
    [ ! -e "$LOG" ]
    [ ! -e "$WORK/called" ]
  done <<'END'
run
run --
run --unit U1
run --unit
run --unit a/b -- true
run --unit .. -- true
run --unit '' -- true
run --pid-dir '' -- true
run --grace soon -- true
run --grace -1 -- true
run --grace 3601 -- true
run --grace '' -- true
run --nonsense -- true
run -x true
cancel
cancel --json
cancel --nonsense "$PID_DIR"
cancel --json=yes "$PID_DIR"
cancel --grace
cancel --grace '' "$PID_DIR"
cancel --grace 1.5 "$PID_DIR"
cancel --timeout 3601 "$PID_DIR"
cancel --timeout -1 "$PID_DIR"
cancel --unit
cancel --unit a/b
cancel --unit '' "$PID_DIR"
cancel "$PID_DIR" "$PID_DIR"
sweep --nonsense
sweep --dry-run=yes
sweep "$PID_DIR" "$PID_DIR"
list --nonsense
list --tree=x
list --json --tree
list "$PID_DIR" "$PID_DIR"
doctor --nonsense
doctor --json=yes
doctor --receptor-conf
doctor "$PID_DIR"
doctor --probe localhost/image
hold
hold podman
hold podman podman
hold podman podman run
hold podman podman run image
hold podman podman ps --conmon-pidfile="$PID_DIR/1-1.conmon.pid" --pidfile="$PID_DIR/1-1.pid"
hold podman podman run --pidfile="$PID_DIR/1-1.pid" --conmon-pidfile="$PID_DIR/1-1.conmon.pid" image
hold podman podman run --conmon-pidfile=1-1.conmon.pid --pidfile=1-1.pid image
hold podman podman run --conmon-pidfile="$PID_DIR/x.conmon.pid" --pidfile="$PID_DIR/x.pid" image
guard
guard "$PID_DIR/1-1.run"
guard "$PID_DIR/1-1.run" more
version more
help run more
END
}

@test "an unknown command: one line on stderr and where the help is; none: one line and the whole usage; status 2" {
  local word
  for word in '' frob --frob Run runs doctor-who; do
    echo "podleash $word"
    collect "$PODLEASH" ${word:+"$word"}
    [ "$STATUS" = 2 ] || explain 'not status 2'
    [ ! -s "$WORK/out" ] || explain 'something on stdout'
    grep -q '^podleash: ' <(head -n 1 "$WORK/err") || explain 'no message'
    sed 1d "$WORK/err" | diff <([ -n "$word" ] && echo 'try podleash --help' || "$PODLEASH" help) - || explain 'not that behind it'
  done
  collect "$PODLEASH" help sweap
  [ "$STATUS" = 2 ] || explain 'not status 2'
  diff <(printf '%s\n' 'podleash help: sweap: no such command; did you mean sweep?' 'try podleash --help') "$WORK/err" || explain 'not that'
}

@test "a misspelt command: the nearest one is named; what is near none is not" {
  local word meant
  while read -r word meant; do
    collect "$PODLEASH" "$word"
    [ "$(head -n 1 "$WORK/err")" = "podleash: $word: no such command${meant:+; did you mean $meant?}" ] || explain "not $meant"
  done <<'END'
runn run
Run run
cancle cancel
sweap sweep
lst list
docter doctor
verison version
kill
ps
x
END
}

@test "COMMAND --help, COMMAND -h and help COMMAND: usage, options and an example on stdout, status 0, and nothing is done" {
  local command words usage
  while read -r command usage; do
    for words in "$command --help" "$command -h" "help $command"; do
      # shellcheck disable=SC2086 # several words
      collect "$PODLEASH" $words
      [ "$STATUS" = 0 ] || explain 'not status 0'
      [ ! -s "$WORK/err" ] || explain 'something on stderr'
      grep -q "^Usage: podleash $command" <(head -n 1 "$WORK/out") || explain 'no usage'
      [[ $command =~ ^(hold|guard)$ ]] || diff <(grep -oE -e '--[a-z][a-z-]+' <<<"$usage --help" | sort) \
        <(sed -n '/^Options:$/,/^$/s/.*\(--[a-z-]*\).*/\1/p' "$WORK/out" | sort) || explain 'not its options'
      grep -A1 -x 'Example:' "$WORK/out" | grep -q '^  podleash ' || explain 'no example'
    done
  done < <("$PODLEASH" help | sed -n 's/^  podleash //p')
  [ ! -e "$LOG" ]
  collect leash sh -c 'echo "$@"' sh --help
  [ "$(<"$WORK/out")" = --help ] || explain 'taken from its command'
}

@test "--help and -h behind other words of a command, too" {
  local words
  for words in 'run --unit U1 --help' "cancel --unit U1 $PID_DIR -h" "sweep $PID_DIR --help" "list --tree -h" 'doctor --json --help'; do
    # shellcheck disable=SC2086 # several words
    collect "$PODLEASH" $words
    [ "$STATUS" = 0 ] || explain "$words: not status 0"
    [ ! -s "$WORK/err" ] || explain "$words: something on stderr"
    grep -q "^Usage: podleash ${words%% *} " <(head -n 1 "$WORK/out") || explain "$words: no usage"
  done
  [ ! -e "$LOG" ] && [ -z "$(ls -A "$PID_DIR")" ]
}

@test "cancel takes a word without a slash for a unit, whatever is called so where it is typed" {
  DEAD=$(dead)
  good_record 1-1
  good_record 1-2
  sed -i s/^unit=.*/unit=pids/ "$PID_DIR/1-2.run"
  # Another user may have made it, where root stands.
  cd "$WORK"
  collect "$PODLEASH" cancel pids ./pids
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ "$(<"$WORK/out")" = 'unit pids, run 1-2: ended' ] || explain 'not that unit'
  [ -e "$PID_DIR/1-1.run" ]
  collect "$PODLEASH" cancel ./pids
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ "$(<"$WORK/out")" = 'unit U1, run 1-1: ended' ] || explain 'not that directory'
}

@test "help, --help and -h print the usage of every command" {
  local word command
  for word in help --help -h; do
    collect "$PODLEASH" "$word"
    [ "$STATUS" = 0 ] || explain 'not status 0'
    [ ! -s "$WORK/err" ] || explain 'something on stderr'
    for command in run cancel sweep list doctor hold guard version help; do
      grep -q "^  podleash $command\b" "$WORK/out" || explain "no $command"
    done
  done
}

@test "version, --version and -V print one line" {
  local word
  for word in version --version -V; do
    collect "$PODLEASH" "$word"
    [ "$STATUS" = 0 ] || explain 'not status 0'
    [ ! -s "$WORK/err" ] || explain 'something on stderr'
    grep -qxE 'podleash [0-9]+\.[0-9]+\.[0-9]+.*' "$WORK/out" || explain 'no version'
    [ "$(wc -l <"$WORK/out")" = 1 ]
  done
}

@test "what stdout does not take: one line on stderr, status 1" {
  local words
  local -a alone
  DEAD=$(dead)
  for words in version help 'doctor --json' "list $PID_DIR" "list --json $PID_DIR" "list --tree $PID_DIR" "sweep --dry-run --json $PID_DIR" \
    "sweep --json $PID_DIR" "cancel --json $PID_DIR" "cancel $PID_DIR"; do
    good_record 1-1
    good_record 1-2
    echo "$words"
    STATUS=0
    alone=()
    [ "$words" != 'doctor --json' ] || alone=("${ALONE[@]}") # it looks at all users, who have a line each
    # shellcheck disable=SC2086 # several words
    "${alone[@]}" "$PODLEASH" $words >/dev/full 2>"$WORK/err" </dev/null || STATUS=$?
    : >"$WORK/out"
    [ "$STATUS" = 1 ] || explain 'not status 1'
    grep -qxE "podleash ${words%% *}: standard output: "'(No space left on device|a write failed); not all could be printed' "$WORK/err" || explain 'it does not say so'
    [ "$(wc -l <"$WORK/err")" = 1 ] || explain 'not one line'
  done
  no_records
}

# ---- podleash run ----

# leash COMMAND...: podleash run, in a directory of its own.
leash() {
  "$PODLEASH" run --pid-dir "$WORK/unit" --unit U1 "$@"
}

@test "podleash run exits as its command did" {
  local status
  for status in 0 1 3 126 255; do
    collect leash sh -c "exit $status"
    [ "$STATUS" = $status ] || explain "not status $status"
  done
  # A status alone does not tell a signal from an exit.
  for status in 15 9 6 1; do
    collect /usr/bin/python3 -c 'import subprocess, sys; print(subprocess.call(sys.argv[1:]))' \
      "$PODLEASH" run --pid-dir "$WORK/unit" sh -c "kill -$status \$\$"
    [ "$(<"$WORK/out")" = -$status ] || explain "not ended by signal $status"
    [ ! -s "$WORK/err" ] || explain 'something on stderr'
  done
}

@test "podleash run: a command that is not there is 127, one that cannot be started 126, with one line" {
  echo 'true' >"$WORK/plain"
  collect leash "$WORK/missing"
  [ "$STATUS" = 127 ] || explain 'not 127'
  [ "$(<"$WORK/err")" = "podleash run: $WORK/missing: No such file or directory" ] || explain 'not that line'
  # A place that may not be entered would make it 126.
  PATH=/usr/bin:/bin collect leash no-such-command-anywhere
  [ "$STATUS" = 127 ] || explain 'not 127'
  for command in "$WORK/plain" "$WORK"; do
    collect leash "$command"
    [ "$STATUS" = 126 ] || explain 'not 126'
    [ "$(<"$WORK/err")" = "podleash run: $command: Permission denied" ] || explain 'not that line'
  done
  [ ! -s "$WORK/out" ]
}

@test "podleash run passes stdin, stdout and stderr through, and prints nothing of its own" {
  echo in | leash -- sh -c 'cat; echo err >&2' >"$WORK/out" 2>"$WORK/err"
  [ "$(<"$WORK/out")" = in ]
  [ "$(<"$WORK/err")" = err ]
  [ ! -e "$LOG" ]
}

@test "podleash run: flags behind the command are the command's" {
  collect leash echo --unit x --grace
  [ "$(<"$WORK/out")" = '--unit x --grace' ] || explain 'not what echo was told'
  collect leash -- echo -- --unit
  [ "$(<"$WORK/out")" = '-- --unit' ] || explain 'not what echo was told'
}

# value NAME: that variable in the environment that the command printed.
value() {
  sed -n "s/^$1=//p" "$WORK/out"
}

@test "podleash run sets the environment of the leash" {
  # a stale one of another installation's among them
  LD_PRELOAD=libm.so.6:libresolv.so.2 PODLEASH_HELPER=$WORK/missing collect leash --grace 7 env
  [ "$(value LD_PRELOAD)" = "libm.so.6:libresolv.so.2:$BUILD/libpodleash.so" ] || explain 'LD_PRELOAD'
  [ "$(value RECEPTOR_PID_DIRECTORY)" = "$WORK/unit" ] || explain 'RECEPTOR_PID_DIRECTORY'
  [ "$(value PODLEASH_UNIT)" = U1 ] || explain 'PODLEASH_UNIT'
  [ "$(value PODLEASH_HELPER)" = "$BUILD/podleash" ] || explain 'PODLEASH_HELPER'
  [ "$(value PODLEASH_GRACE)" = 7 ] || explain 'PODLEASH_GRACE'
  collect leash env
  [ "$(value LD_PRELOAD)" = "$BUILD/libpodleash.so" ] || explain 'LD_PRELOAD'
  ! grep -q PODLEASH_GRACE "$WORK/out" || explain 'PODLEASH_GRACE'
}

@test "podleash run: a bad PODLEASH_GRACE is said once, on a terminal as well, and its podmans get none" {
  local said='PODLEASH_GRACE=abc: not a number of seconds from 0 to 3600; ignored' command="$WORK/bin/podman run --rm image"
  export PODLEASH_GRACE=abc
  collect leash sh -c "$command; $command; echo \${PODLEASH_GRACE-none}"
  [ "$(<"$WORK/out")" = none ] && [ ! -s "$WORK/err" ] || explain 'not as its command'
  [ "$(grep -cF ": $said" "$LOG")" = 1 ] || fail "$(<"$LOG")"
  grep -q "unit U1: $said\$" "$LOG" || fail "$(<"$LOG")"
  on_terminal "$PODLEASH run --pid-dir $WORK/unit $command" | tr -d '\r' >"$WORK/out"
  [ "$(<"$WORK/out")" = "podleash run: $said" ] || fail "$(<"$WORK/out")"
  rm "$LOG"
  [ -z "$(on_terminal "$PODLEASH run --grace 1 --pid-dir $WORK/unit $command")" ]
  [ ! -e "$LOG" ] || fail "$(<"$LOG")"
}

@test "podleash run: a service manager's word to its pid (LISTEN_PID, WATCHDOG_PID) is its command's; to another it stays" {
  local command='echo $$ $LISTEN_PID $WATCHDOG_PID ${LISTEN_PIDFDID-none}'
  collect sh -c 'export LISTEN_PID=$$ WATCHDOG_PID=$$ LISTEN_PIDFDID=5; exec "$0" run --pid-dir "$1" sh -c "$2"' \
    "$PODLEASH" "$WORK/unit" "$command"
  read -r pid words <"$WORK/out"
  [ "$words" = "$pid $pid none" ] || explain 'not its own pid'
  collect env LISTEN_PID=1 WATCHDOG_PID=1 LISTEN_PIDFDID=5 "$PODLEASH" run --pid-dir "$WORK/unit" sh -c "$command"
  read -r pid words <"$WORK/out"
  [ "$words" = '1 1 5' ] || explain 'changed'
}

@test "podleash run within podleash run: the library is named once, and what was there stays" {
  LD_PRELOAD="libm.so.6 libresolv.so.2" collect leash "$PODLEASH" run --pid-dir "$WORK/inner" env
  [ "$(value LD_PRELOAD)" = "libm.so.6 libresolv.so.2:$BUILD/libpodleash.so" ] || explain 'LD_PRELOAD'
  [ "$(value ASAN_OPTIONS)" = verify_asan_link_order=0 ] || explain 'ASAN_OPTIONS'
}

@test "podleash run: ASan's options stay, and its link order is not verified" {
  ASAN_OPTIONS=detect_leaks=0:verbosity=0 collect leash env
  [ "$(value ASAN_OPTIONS)" = detect_leaks=0:verbosity=0:verify_asan_link_order=0 ] || explain 'ASAN_OPTIONS'
  ASAN_OPTIONS=verify_asan_link_order=1 collect leash env
  [ "$(value ASAN_OPTIONS)" = verify_asan_link_order=1 ] || explain 'ASAN_OPTIONS'
}

@test "podleash run: podman's own ASAN_OPTIONS are the caller's" {
  local given
  printf '#!/bin/sh\ncase " $* " in *" --help "*) exit ;; " run "*) echo "<${ASAN_OPTIONS-unset}>" ;; *) exit 1 ;; esac\n' \
    >"$WORK/bin/podman"
  for given in '' ASAN_OPTIONS= ASAN_OPTIONS=a=1 ASAN_OPTIONS=a=1:b=2:verify_asan_link_order=1; do
    # shellcheck disable=SC2086 # none or one
    collect env -u ASAN_OPTIONS $given "$PODLEASH" run --pid-dir "$WORK/unit" "$WORK/bin/podman" run --rm image
    [ "$(<"$WORK/out")" = "<$([[ ${given#*=} = "" ]] && echo unset || echo "${given#*=}")>" ] || explain "$given"
  done
}

@test "podleash run: where directory and unit come from" {
  # --pid-dir and --unit, then the variables, then the command-runner's unitdir=.
  collect env PODLEASH_UNIT=U2 "$PODLEASH" run --pid-dir "$WORK/given" --unit U3 env
  [ "$(value RECEPTOR_PID_DIRECTORY),$(value PODLEASH_UNIT)" = "$WORK/given,U3" ] || explain 'not as given'
  collect env PODLEASH_UNIT=U2 "$PODLEASH" run env
  [ "$(value RECEPTOR_PID_DIRECTORY),$(value PODLEASH_UNIT)" = "$PID_DIR,U2" ] || explain 'not the variables'
  collect env PODLEASH_UNIT=a/b "$PODLEASH" run env
  [[ "$(value PODLEASH_UNIT)" =~ ^run-[0-9]+-[0-9a-f]+$ ]] || explain 'not a unit of its own'
  collect sh -c '"$0" run env; exit $?' "$PODLEASH" --command-runner command=x params=y unitdir=/data/node/U4
  [ "$(value PODLEASH_UNIT)" = U4 ] || explain "not the command-runner's unit"
}

# podman_runs DIRECTORY: whether the stand-in was called for `podman run --rm`, with which files and which name.
podman_runs() {
  local run='([0-9]+-[0-9a-f]+)'
  grep -qE "^run --cidfile=$1/$run\.cid --name=podleash-\1 --conmon-pidfile=$1/\1\.conmon\.pid --pidfile=$1/\1\.pid --rm image\$" \
    "$WORK/called"
}

# sanitized COMPILER-WORD...: builds a program that starts another one, as these words have it.
sanitized() {
  cat >"$WORK/starts.c" <<'END'
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	int status = 1;
	pid_t pid;

	if (argv[1][0] == 's') {
		if (posix_spawn(&pid, argv[2], NULL, NULL, argv + 2, environ) || waitpid(pid, &status, 0) < 0)
			return 1;
		return WEXITSTATUS(status);
	}
	(void)argc;
	execvp(argv[2], argv + 2);
	return 1;
}
END
  "$@" -o "$WORK/starts" "$WORK/starts.c"
}

# bats test_tags=plain
@test "podleash run: a program built with a sanitizer runs, and its podman run is leashed" {
  local compiler sanitizer way
  # What a machine lacks, and what does not start without podleash either, is left out.
  for compiler in gcc clang 'clang -shared-libasan'; do
    command -v "${compiler%% *}" >/dev/null || continue
    export LD_LIBRARY_PATH=
    [[ $compiler != clang* ]] || LD_LIBRARY_PATH=$(clang -print-resource-dir)/lib/linux
    for sanitizer in address thread undefined leak; do
      # shellcheck disable=SC2086 # several words
      sanitized $compiler -fsanitize=$sanitizer && "$WORK/starts" exec /bin/true || continue
      for way in exec spawn; do
        collect leash "$WORK/starts" $way "$WORK/bin/podman" run --rm image
        [ "$STATUS" = 0 ] || explain "$compiler $sanitizer $way: not status 0"
        [ ! -s "$WORK/err" ] || explain "$compiler $sanitizer $way: not silent"
        podman_runs "$WORK/unit" || fail "$compiler $sanitizer $way: $(<"$WORK/called")"
        rm "$WORK/called"
      done
      [ "$compiler $sanitizer" != 'gcc address' ] || touch "$WORK/tried"
    done
  done
  [ -e "$WORK/tried" ]
}

# bats test_tags=plain
@test "podleash run: a sanitizer's runtime that is preloaded stays the first library" {
  local name runtime
  for name in libasan.so libubsan.so; do
    runtime=$(realpath "$(gcc -print-file-name=$name)")
    LD_PRELOAD=$runtime ASAN_OPTIONS=detect_leaks=0 collect leash sh -c '"$0" run --rm image' "$WORK/bin/podman"
    [ "$STATUS" = 0 ] || explain "$name: not status 0"
    [ ! -s "$WORK/err" ] || explain "$name: not silent"
    podman_runs "$WORK/unit" || fail "$name: $(<"$WORK/called")"
    rm "$WORK/called"
  done
}

@test "podleash run: a relative directory is the same to a command that goes elsewhere" {
  local way
  cd "$WORK"
  for way in "RECEPTOR_PID_DIRECTORY=unit $PODLEASH run --" "$PODLEASH run --pid-dir unit"; do
    # shellcheck disable=SC2086 # several words
    collect env $way sh -c "cd / && $WORK/bin/podman run --rm image"
    [ "$STATUS" = 0 ] || explain 'not status 0'
    podman_runs "$WORK/unit" || fail "$(<"$WORK/called")"
    rm "$WORK/called"
  done
}

@test "podleash run: a container that stays is known by its id alone: podman would write the pid files ever again" {
  collect "$PODLEASH" run --pid-dir "$WORK/unit" "$WORK/bin/podman" run image
  [ "$STATUS" = 0 ] || explain 'not status 0'
  grep -qE "^run --cidfile=$WORK/unit/[0-9]+-[0-9a-f]+\.cid image\$" "$WORK/called" || fail "$(<"$WORK/called")"
}

@test "podleash run: what its command left behind starts no podman once it has ended" {
  local directory
  for directory in "$WORK/unit" "$PID_DIR"; do
    mkfifo "$WORK/start"
    collect "$PODLEASH" run --pid-dir "$directory" sh -c '
      { read -r _ <"$1/start"; "$1/bin/podman" run image 2>"$1/said"; echo $? >"$1/status"; } >/dev/null 2>&1 &' sh "$WORK"
    [ "$STATUS" = 0 ] || explain 'not status 0'
    echo go >"$WORK/start"
    wait_until 10 grep -q . "$WORK/status"
    [ "$(<"$WORK/status")" = 125 ]
    grep -q ': its podleash run has ended; podman is not started$' "$WORK/said" || fail "$(<"$WORK/said")"
    [ ! -e "$WORK/called" ]
    rm "$WORK"/{start,status}
  done
}

@test "podleash run: who was to adopt orphans passes that on to the command, and only he" {
  local asks='import ctypes; set = ctypes.c_int(); ctypes.CDLL(None).prctl(37, ctypes.byref(set)); print(set.value)'
  collect python3 -c "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1); os.execv(sys.argv[1], sys.argv[1:])" \
    "$PODLEASH" run --pid-dir "$WORK/unit" python3 -c "$asks"
  [ "$(<"$WORK/out")" = 1 ] || explain 'the command is none'
  collect "$PODLEASH" run --pid-dir "$WORK/unit" python3 -c "$asks"
  [ "$(<"$WORK/out")" = 0 ] || explain 'the command is one'
}

@test "podleash run: a podman in its background that begins as its command ends leaves no directory" {
  # podleash run looks at what is left while the record is about to be published.
  collect "$PODLEASH" run --pid-dir "$WORK/unit" sh -c '
    strace -f -qq -o /dev/null -e trace=rename,renameat,renameat2 -e inject=rename,renameat,renameat2:delay_enter=50000 \
      "$1/bin/podman" run image >"$1/said" 2>&1 &
    until ls -A "$1/unit" | grep -q "^\.[0-9].*\.run$"; do sleep 0.001; done' sh "$WORK"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ ! -e "$WORK/unit" ] || fail "$(ls -A "$WORK/unit")"
}

# leftover: the podman that a command left to init has a record, and its holders.
leftover() {
  record_of_one && [ "$(record_value podman "$RECORD")" = "$(identity "$(<"$WORK/pid")")" ]
}

@test "podleash run: what its command left to init is its own to hold: it ends with it" {
  local run
  mkfifo "$WORK/go" "$WORK/end"
  "$PODLEASH" run --pid-dir "$PID_DIR" sh -c '
    setsid sh -c "echo \$\$ >$1/pid; exec $1/bin/podman run image" &
    read -r _ <"$1/end"' sh "$WORK" </dev/null >"$WORK/out" 2>"$WORK/err" 3>&- &
  run=$(identity $!)
  OURS+=("$run")
  wait_until 10 leftover
  OURS+=("$GUARD" "$(record_value podman "$RECORD")")
  record_value holder "$RECORD" >"$WORK/holders"
  tail -n 1 "$WORK/holders" | grep -qx "$run,podleash" || fail "$(<"$WORK/holders")"
  kill_now "$run"
  wait_until 10 gone "$(record_value podman "$RECORD" || true)"
  wait_until 10 [ ! -e "$RECORD" ]
}

# start_orphan SCRIPT: podleash run with that script, whose podman waits for `go` and has its stderr in `said`; sets RUN.
start_orphan() {
  rm -f "$WORK"/{said,called,end,asked,orphaned} "$LOG"
  "$PODLEASH" run --pid-dir "$PID_DIR" sh -c "$1
    until [ -e $WORK/end ]; do sleep 0.02; done" sh "$WORK" </dev/null >"$WORK/out" 2>"$WORK/err" 3>&- &
  RUN=$(identity $!)
  OURS+=("$RUN")
}

# podman_started: it waits, or was refused.
podman_started() {
  grep -q . "$WORK/called" || grep -q . "$WORK/said"
} 2>/dev/null

# assert_held_by_run: podman is held by podleash run and by nobody who has ended, and ends by itself.
assert_held_by_run() {
  local holder
  wait_until 20 podman_started || fail "$1: podman was not started"
  wait_until 10 record_of_one || fail "$1: no record: $(<"$WORK/said")"
  OURS+=("$GUARD" "$(record_value podman "$RECORD")")
  [ "$(record_value holder "$RECORD" | tail -n 1)" = "$RUN,podleash" ] || fail "$1: $(record_value holder "$RECORD")"
  for holder in $(record_value holder "$RECORD"); do
    alive "${holder%,*}" || fail "$1: held by $holder, which has ended"
  done
  timeout 10 sh -c "echo go >$WORK/go" || fail "$1: podman has ended before"
  wait_until 10 [ ! -e "$RECORD" ] || fail "$1: the record is left"
  [ ! -s "$LOG" ] || fail "$1: not silent: $(<"$LOG")"
}

# end_run: its command ends, and it.
end_run() {
  : >"$WORK/end"
  wait_until 10 gone "$RUN"
}

@test "podleash run: a podman in its background is its own to hold, whenever the parent ends while hold looks at it" {
  local call
  mkfifo "$WORK/go"
  printf '#!/bin/sh\nexec env LD_PRELOAD=%s "LOSE_AT=$CALL" %s "$@"\n' "$BUILD/tests/lose_parent.so" "$PODLEASH" >"$WORK/helper"
  chmod +x "$WORK/helper"
  for call in 1 2 3 4; do
    export CALL=$call
    start_orphan 'sh -c "PODLEASH_HELPER=\$1/helper \$1/bin/podman run image 2>\$1/said; :" sh "$1"; : >"$1/orphaned"'
    assert_held_by_run "call $call"
    [ -e "$WORK/orphaned" ] || fail "call $call: the parent has not ended"
    end_run
  done
}

# slow_to_answer STATUS: podman, which says with that status whether it knows our flags, says so when its caller has lost the
# parent.
slow_to_answer() {
  sed -i "2i case \" \$*\" in *'pidfile=/dev/null --help') : >$WORK/asked; until [ -e $WORK/orphaned ]; do sleep 0.02; done; exit $1 ;; esac" \
    "$WORK/bin/podman"
}

# Its podman's parent ends once podman is asked for its flags.
IN_BACKGROUND='("$1/bin/podman" run image 2>"$1/said" & until [ -e "$1/asked" ]; do sleep 0.02; done); : >"$1/orphaned"'

@test "podleash run: a podman in its background is its own to hold where the parent ends before there is a guard" {
  mkfifo "$WORK/go"
  slow_to_answer 0
  start_orphan "$IN_BACKGROUND"
  assert_held_by_run background
  end_run
}

@test "podleash run: a podman in its background that cannot be leashed is started without where the parent ends meanwhile" {
  slow_to_answer 1
  start_orphan "$IN_BACKGROUND"
  wait_until 20 podman_started
  [ "$(<"$WORK/called")" = 'run image' ] || fail "$(<"$WORK/said")"
  grep -q 'podman is started without a leash$' "$LOG"
  end_run
}

@test "podleash run in a pid or time namespace that is not its own: podman is started" {
  local ns
  for ns in '--pid' '--time --boottime 100000'; do
    rm -f "$WORK/called"
    # shellcheck disable=SC2086 # several words
    collect leash ${UNSHARE_USER-} unshare --user --map-root-user $ns --fork "$WORK/bin/podman" run image
    [ "$STATUS" = 0 ] || explain "$ns: not status 0"
    grep -q '^run .*image$' "$WORK/called" || fail "$ns: not started"
  done
}

@test "podleash run without a descriptor of its own: the command runs in its place, leashed, and with its own signal mask" {
  collect strace -qq -o "$WORK/trace" -e trace=signalfd4 -e inject=signalfd4:error=EMFILE \
    "$PODLEASH" run --pid-dir "$WORK/unit" sh -c 'grep SigBlk /proc/self/status; exec "$0" run --rm image' "$WORK/bin/podman"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [[ "$(<"$WORK/out")" =~ ^SigBlk:[[:space:]]0+$ ]] || explain 'signals are blocked'
  podman_runs "$WORK/unit" || fail "$(<"$WORK/called")"
  grep -q 'Too many open files; sh is started without anyone above it to cancel it$' "$LOG"
}

@test "podleash run with few descriptors: the command runs, and a directory that was made for it is one that a sweep removes" {
  local count
  for count in 4 5 6 7 8 10; do
    collect bash -c 'ulimit -n "$1"; exec "${@:2}"' bash $count "$PODLEASH" run --pid-dir "$WORK/unit" true
    [ "$STATUS" = 0 ] || explain "$count: not status 0"
    [ ! -e "$WORK/unit" ] || [ -e "$WORK/unit/.podleash-run" ] || explain "$count: it is left, and has no mark"
    rm -rf "$WORK/unit"
  done
}

# without_fd N COMMAND...: with that descriptor closed.
without_fd() {
  case $1 in
    0) "${@:2}" <&- ;;
    1) "${@:2}" >&- ;;
    2) "${@:2}" 2>&- ;;
  esac
}

@test "stdin, stdout or stderr closed: the run is guarded all the same, and podman has it closed" {
  local fd
  mkfifo "$WORK/go"
  sed -i "/^echo/i for fd in 0 1 2; do [ ! -e /proc/\$\$/fd/\$fd ] || fds=\"\$fds \$fd\"; done; echo \"\$fds\" >$WORK/fds" "$WORK/bin/podman"
  for fd in 0 1 2; do
    (exec 3>&- 4>&- 5>&-; without_fd $fd env LD_PRELOAD="$BUILD/libpodleash.so" PODLEASH_HELPER="$PODLEASH" env "$WORK/bin/podman" run image) &
    wait_until 10 record_of_one
    OURS+=("$GUARD" "$(record_value podman "$RECORD")")
    # A guard has the lock on its record, and the directory.
    if flock --nonblock "$RECORD" true; then fail "$fd: nobody has the lock"; fi
    "$PODLEASH" list --json "$PID_DIR" >"$WORK/list"
    [ "$(jq -r .state "$WORK/list")" = starting ] || fail "$fd: $(<"$WORK/list")"
    wait_until 5 [ -s "$WORK/fds" ]
    if grep -q $fd "$WORK/fds"; then fail "$fd is open"; fi
    echo go >"$WORK/go"
    wait_until 10 [ ! -e "$RECORD" ]
    rm "$WORK/fds"
  done
}

@test "podleash run passes signals on, and ends with its command" {
  local signal run
  cat >"$WORK/command" <<'END'
#!/bin/bash
for signal in HUP QUIT USR1 USR2; do trap "echo $signal" $signal; done
trap 'echo TERM; kill %1; exit 5' TERM
trap 'echo INT; kill %1; exit 6' INT
sleep 600 &
echo ready
while kill -0 %1; do wait %1; done 2>/dev/null
END
  chmod +x "$WORK/command"
  for last in TERM INT; do
    # A background job of a script would ignore SIGINT and SIGQUIT.
    setsid env --default-signal=INT,QUIT "$PODLEASH" run --pid-dir "$WORK/unit" "$WORK/command" >"$WORK/out" 2>"$WORK/err" </dev/null 3>&- &
    run=$(identity $!)
    OURS+=("$run")
    wait_until 10 grep -qx ready "$WORK/out"
    for signal in HUP QUIT USR1 USR2; do
      kill -s $signal "${run%,*}"
      wait_until 10 grep -qx $signal "$WORK/out" || fail "SIG$signal was not passed on"
    done
    alive "$run"
    kill -s $last "${run%,*}"
    wait_until 10 gone "$run"
    STATUS=0
    wait "${run%,*}" || STATUS=$?
    grep -qx $last "$WORK/out" || explain "SIG$last was not passed on"
    [ "$(wc -l <"$WORK/out")" = 6 ] || explain 'a signal came twice'
    [ "$STATUS" = "$([ $last = TERM ] && echo 5 || echo 6)" ] || explain 'not the status of its command'
  done
}

# listener SIGNAL...: makes $WORK/listener, a command that says `ready`, then which of these it gets, until it is killed.
listener() {
  cat >"$WORK/listener" <<END
#!/usr/bin/python3
import signal

def say(number, _):
    print(signal.Signals(number).name, flush=True)

for name in "$*".split():
    signal.signal(signal.Signals[name], say)
print("ready", flush=True)
while True:
    signal.pause()
END
  chmod +x "$WORK/listener"
}

# ours_with_command: the podleash run whose pid is $! is ours, as RUN, and so is its command, which may not end with it.
ours_with_command() {
  RUN=$(identity $!)
  OURS+=("$RUN")
  wait_until 10 heard ready
  COMMAND=$(identity "$(children "${RUN%,*}")")
  OURS+=("$COMMAND")
}

# heard LINE [COUNT]: whether the listener has said that so often.
heard() {
  [ "$(grep -cx "$1" "$WORK/heard")" = "${2-1}" ]
}

@test "podleash run passes every signal on that can be passed on" {
  local signal
  local signals=(HUP INT QUIT ABRT USR1 USR2 ALRM TERM STKFLT URG XCPU VTALRM PROF WINCH IO PWR TSTP TTIN TTOU CONT RTMIN RTMAX)
  listener "${signals[@]/#/SIG}"
  setsid env --default-signal "$PODLEASH" run --pid-dir "$WORK/unit" "$WORK/listener" >"$WORK/heard" </dev/null 3>&- &
  ours_with_command
  for signal in "${signals[@]}"; do
    kill -s "$signal" "${RUN%,*}"
    wait_until 10 heard "SIG$signal" || fail "SIG$signal was not passed on"
  done
  [ "$(wc -l <"$WORK/heard")" = $((1 + ${#signals[@]})) ] || fail 'a signal came twice'
}

@test "podleash run: an alarm that was set for its command comes to it" {
  bounded 30 python3 -c 'import os, signal, sys; signal.alarm(1); os.execvp(sys.argv[1], sys.argv[1:])' \
    "$PODLEASH" run --pid-dir "$WORK/unit" sh -c 'trap "exit 7" ALRM; while :; do sleep 0.1; done'
  [ "$STATUS" = 7 ] || explain 'SIGALRM was not passed on'
}

@test "podleash run: what its command sends to its whole process group comes to it once" {
  cat >"$WORK/command" <<'END'
#!/usr/bin/python3
import os, signal

# Real-time signals are counted, and the lower number comes first.
ours = {signal.SIGRTMIN, signal.SIGRTMAX}
signal.pthread_sigmask(signal.SIG_BLOCK, ours)
os.kill(0, signal.SIGRTMIN)
print("ready", flush=True)
while signal.sigwait(ours) == signal.SIGRTMIN:
    print("once", flush=True)
END
  chmod +x "$WORK/command"
  setsid "$PODLEASH" run --pid-dir "$WORK/unit" "$WORK/command" >"$WORK/heard" </dev/null 3>&- &
  RUN=$(identity $!)
  OURS+=("$RUN")
  wait_until 10 heard once
  kill -s RTMAX "${RUN%,*}"
  wait_until 10 gone "$RUN"
  heard once || fail "$(<"$WORK/heard")"
}

# start_ignoring SIGNAL WORD...: `podleash run WORD... $WORK/listener`, as RUN, where SIGNAL is ignored on entry.
start_ignoring() {
  setsid env --default-signal --ignore-signal="$1" "$PODLEASH" run --pid-dir "$WORK/unit" "${@:2}" "$WORK/listener" \
    >"$WORK/heard" </dev/null 3>&- &
  ours_with_command
}

@test "podleash run: a signal that was ignored on entry, as by script's &, is ignored by a command that does not listen" {
  local signal
  listener SIGUSR2
  for signal in HUP INT QUIT TERM USR1; do
    start_ignoring $signal
    kill -s $signal "${RUN%,*}"
    # What came after it has arrived twice.
    kill -USR2 "${RUN%,*}"
    wait_until 10 heard SIGUSR2
    kill -USR2 "${RUN%,*}"
    wait_until 10 heard SIGUSR2 2
    kill_now "$RUN"
    wait_until 10 gone "$RUN"
  done
}

@test "podleash run: a signal that was ignored on entry is passed on to a command that listens, which is not killed for it" {
  local signal process
  local -a living
  for signal in HUP INT QUIT TERM USR1; do
    listener SIG$signal
    start_ignoring $signal --kill-after 1
    kill -s $signal "${RUN%,*}"
    wait_until 10 heard SIG$signal || fail "SIG$signal was not passed on"
    living+=("$RUN" "$COMMAND")
  done
  # A look behind the time in which they would have been killed.
  sleep 2
  for process in "${living[@]}"; do
    alive "$process" || fail "$process was killed"
  done
}

# on_screen WORD
on_screen() {
  grep -q "$1" "$WORK/screen"
}

# at_prompt COMMAND...: types it behind podleash run at the prompt of an interactive shell.
at_prompt() {
  start_in_terminal bash --norc --noprofile -i
  type_line "$PODLEASH" run --pid-dir "$WORK/unit" "$@"
}

# prompt_is_back: whether the shell takes a line; what is typed is on the screen as well, and so not what is looked for.
prompt_is_back() {
  type_line "echo prompt-\$((40 + 2))"
  wait_until 10 on_screen prompt-42
}

# nothing_stopped: whether all that is below the terminal runs.
nothing_stopped() {
  local process
  for process in $(descendants "${TERMINAL%,*}"); do
    ! stopped "$process" || return 1
  done
}

# bring_back: types fg, and waits until it has continued the job.
bring_back() {
  type_line fg
  wait_until 10 nothing_stopped
}

@test "a command of podleash run that stops itself: its shell has the prompt back, and fg continues both" {
  at_prompt "sh -c 'kill -STOP \$\$; echo resumed-\$((1 + 1))'"
  wait_until 10 on_screen Stopped || fail "$(<"$WORK/screen")"
  prompt_is_back || fail "$(<"$WORK/screen")"
  bring_back
  wait_until 10 on_screen resumed-2 || fail "$(<"$WORK/screen")"
}

@test "a command of podleash run that stops itself in the terminal's process group, its own: fg gives it the terminal again" {
  cat >"$WORK/command" <<'END'
#!/usr/bin/python3
import os, signal

os.setpgid(0, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
os.tcsetpgrp(0, os.getpid())
os.kill(0, signal.SIGSTOP)
print("read-" + input().upper(), flush=True)
END
  chmod +x "$WORK/command"
  at_prompt "$WORK/command"
  wait_until 10 on_screen Stopped || fail "$(<"$WORK/screen")"
  prompt_is_back || fail "$(<"$WORK/screen")"
  bring_back
  type_line words
  wait_until 10 on_screen read-WORDS || fail "$(<"$WORK/screen")"
}

@test "Ctrl-Z stops podleash run with its command, below a script as well; fg continues them" {
  local words
  printf '"$@"\n' >"$WORK/script"
  for words in '' "sh $WORK/script $PODLEASH run"; do
    at_prompt "$words sh -c 'echo begins-\$((1 + 1)); read -r line; echo \"\$line-\$((1 + 1))\"'"
    wait_until 10 on_screen begins-2
    press_ctrl_z
    wait_until 10 on_screen Stopped || fail "$words: $(<"$WORK/screen")"
    prompt_is_back || fail "$words: $(<"$WORK/screen")"
    bring_back
    type_line words
    wait_until 10 on_screen words-2 || fail "$words: $(<"$WORK/screen")"
    kill_now "$TERMINAL"
  done
}

@test "Ctrl-Z that a command of podleash run takes for itself comes to it once, and nothing is stopped" {
  listener SIGTSTP SIGCONT SIGRTMAX
  start_in_terminal bash --norc --noprofile -ic '"$@"; :' bash "$PODLEASH" run --pid-dir "$WORK/unit" "$WORK/listener"
  wait_until 10 on_screen ready
  press_ctrl_z
  wait_until 10 on_screen SIGTSTP
  RUN=$(identity "$(children "$(children "${TERMINAL%,*}")")")
  kill -s RTMAX "${RUN%,*}"
  wait_until 10 on_screen SIGRTMAX || fail 'podleash run has stopped'
  [ "$(grep -c SIGTSTP "$WORK/screen")" = 1 ] || fail "$(<"$WORK/screen")"
}

@test "SIGSTOP to a command whose podleash run no shell waits for, as of cpulimit: podleash run goes on" {
  listener SIGIO
  setsid "$PODLEASH" run --pid-dir "$WORK/unit" "$WORK/listener" >"$WORK/heard" </dev/null 3>&- &
  ours_with_command
  kill -STOP "${COMMAND%,*}"
  wait_until 10 stopped "$COMMAND"
  # Its number is above SIGCHLD's: it is read after the news of the stop.
  kill -IO "${RUN%,*}"
  kill -CONT "${COMMAND%,*}"
  wait_until 10 heard SIGIO || fail 'podleash run has stopped'
}

@test "podleash run kills no command that goes on for longer than receptor waits: told to end, Ctrl-C at a prompt, setsid" {
  local -a living
  local process setsid
  listener SIGINT SIGTERM
  setsid "$PODLEASH" run --pid-dir "$WORK/unit" "$WORK/listener" >"$WORK/heard" </dev/null 3>&- &
  RUN=$(identity $!)
  OURS+=("$RUN")
  wait_until 10 heard ready
  kill -TERM "${RUN%,*}"
  wait_until 10 heard SIGTERM
  living=("$RUN" "$(identity "$(children "${RUN%,*}")")")
  # The terminal knows nothing of a session that is another's.
  for setsid in '' setsid; do
    # shellcheck disable=SC2086 # a word or none
    start_in_terminal "$PODLEASH" run --pid-dir "$WORK/unit" $setsid "$WORK/listener"
    wait_until 10 on_screen ready
    press_ctrl_c
    wait_until 10 on_screen SIGINT
    for process in $(descendants "${TERMINAL%,*}"); do
      living+=("$(identity "$process")")
    done
  done
  OURS+=("${living[@]}")
  # A look behind the time in which they would have been killed.
  sleep 10
  [ ${#living[@]} = 6 ]
  for process in "${living[@]}"; do
    alive "$process" || fail "$process: $(grep -H . "$WORK/screen" "$WORK/heard")"
  done
  [ ! -e "$LOG" ] || fail "$(<"$LOG")"
}

@test "podleash run --kill-after kills a command that goes on for so long; 0 is never" {
  local seconds
  listener SIGTERM
  for seconds in 0 1; do
    setsid "$PODLEASH" run --pid-dir "$WORK/unit" --kill-after $seconds "$WORK/listener" >"$WORK/heard" </dev/null 3>&- &
    RUN=$(identity $!)
    OURS+=("$RUN")
    wait_until 10 heard ready
    kill -TERM "${RUN%,*}"
    wait_until 10 heard SIGTERM
    if [ $seconds = 0 ]; then
      sleep 2
      alive "$RUN"
      kill_now "$(identity "$(children "${RUN%,*}")")"
    fi
    wait_until 10 gone "$RUN"
    STATUS=0
    wait "${RUN%,*}" || STATUS=$?
    [ $STATUS = 137 ] || fail "status $STATUS"
  done
}

@test "podleash run as the first process of a container collects its orphans" {
  bounded 30 unshare --user --map-root-user --pid --fork --mount-proc "$PODLEASH" run --pid-dir "$WORK/unit" sh -c '
    for i in 1 2 3; do (true &); done
    until ! grep -hsE "^[0-9]+ [(][^)]*[)] Z 1 " /proc/[0-9]*/stat; do sleep 0.1; done
    exit 3'
  [ "$STATUS" = 3 ] || explain 'not the status of its command'
}

@test "a podleash run inside another: nothing in the log, and the outer one removes their directory" {
  collect leash "$PODLEASH" run true
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ ! -e "$WORK/unit" ] || explain 'its directory is left'
  [ ! -e "$LOG" ] || fail "$(<"$LOG")"
}

@test "two podleash runs of one unit, or of units in one directory: each ends what it started" {
  local first second
  mkfifo "$WORK/go"
  while IFS=, read -r first second; do
    echo "$first, $second"
    # shellcheck disable=SC2086 # several words
    FIRST=$first SECOND=$second collect with_own_root sh -c '
      "$1" run $FIRST "$2/bin/podman" run image &
      until [ -s "$2/called" ]; do sleep 0.02; done
      "$1" run $SECOND sh -c "exit 5"
      echo second $?
      "$1" list --json "${FIRST#*--pid-dir }" | jq -r .state
      timeout 10 sh -c "echo go >$2/go" # it may have ended
      wait $!
      echo first $?' sh "$PODLEASH" "$WORK"
    printf '%s\n' 'second 5' starting 'first 0' | diff - "$WORK/out" || explain 'not so'
    rm "$WORK/called"
    [ ! -e "$LOG" ] || fail "$(<"$LOG")"
  done <<END
--unit U7 --pid-dir $WORK/unit,--unit U7 --pid-dir $WORK/unit
--unit V --pid-dir $PID_DIR,--unit ${PID_DIR##*/} --pid-dir $PID_DIR
END
}

@test "a run that starts after cancel has returned starts, in the same clock tick too, and in a process that is older" {
  local try
  for try in {1..20}; do
    "$PODLEASH" cancel --unit U1 "$PID_DIR"
    collect "$PODLEASH" run --pid-dir "$PID_DIR" --unit U1 "$WORK/bin/podman" run image
    [ "$STATUS" = 0 ] || explain "$try: podleash run: not started"
    "$PODLEASH" cancel --unit U1 "$PID_DIR"
    PODLEASH_UNIT=U1 PODLEASH_HELPER=$PODLEASH collect sh -c 'LD_PRELOAD=$0 env "$1" run image; exit $?' \
      "$BUILD/libpodleash.so" "$WORK/bin/podman"
    [ "$STATUS" = 0 ] || explain "$try: podman: not started"
  done
  collect sh -c '"$0" cancel --unit U1 "$1"; exec "$0" run --pid-dir "$1" --unit U1 sh -c "\"$2\" run image; exit \$?"' \
    "$PODLEASH" "$PID_DIR" "$WORK/bin/podman"
  [ "$STATUS" = 0 ] || explain 'an older process: not started'
}

@test "podleash run: a library that cannot be loaded: the command runs without a leash; strict: it does not" {
  mkdir "$WORK/copy"
  cp "$PODLEASH" "$WORK/copy"
  # ld.so would take it apart.
  mkdir "$WORK/a b"
  cp "$PODLEASH" "$BUILD/libpodleash.so" "$WORK/a b"
  collect "$WORK/a b/podleash" run --pid-dir "$WORK/unit" sh -c 'echo "<${LD_PRELOAD-}>"'
  [ "$(<"$WORK/out")" = '<>' ] && [ ! -s "$WORK/err" ] || explain 'not as without a leash'
  grep -q 'has a blank or a colon, .*; sh is started without a leash$' "$LOG"
  rm "$LOG"
  echo 'no library' >"$WORK/copy/libpodleash.so"
  collect "$WORK/copy/podleash" run --pid-dir "$WORK/unit" sh -c 'echo "<${LD_PRELOAD-}>"; exit 3'
  [ "$STATUS" = 3 ] || explain 'not the status of its command'
  [ "$(<"$WORK/out")" = '<>' ] || explain 'not what the command printed'
  [ ! -s "$WORK/err" ] || explain 'something on stderr'
  [ "$(wc -l <"$LOG")" = 1 ]
  grep -q "libpodleash.so: .*; sh is started without a leash\$" "$LOG" || fail "$(<"$LOG")"
  on_terminal "$WORK/copy/podleash run --pid-dir $WORK/unit true 2>/dev/null; echo end" | tr -d '\r' | diff <(echo end) -
  on_terminal "$WORK/copy/podleash run --pid-dir $WORK/unit true" | tr -d '\r' >"$WORK/out"
  grep -qx "podleash run: .*/libpodleash.so: .*; true is started without a leash; podleash doctor says more" "$WORK/out" ||
    fail "$(<"$WORK/out")"
  collect env PODLEASH_STRICT=1 "$WORK/copy/podleash" run --pid-dir "$WORK/unit" touch "$WORK/started"
  assert_strict
}

assert_strict() {
  [ "$STATUS" = 125 ] || explain 'not status 125'
  [ ! -s "$WORK/out" ] || explain 'something on stdout'
  [ "$(wc -l <"$WORK/err")" = 1 ] || explain 'not one line'
  grep -q '^podleash run: ' "$WORK/err" || explain 'not a line of podleash'
  [ ! -e "$WORK/started" ] || explain 'it was started'
}

@test "podleash run: a directory that cannot be used: the command runs without a leash; strict: it does not" {
  local directory
  mkdir -m 0777 "$WORK/open"
  chmod 0777 "$WORK/open"
  ln -s pids "$WORK/link"
  : >"$WORK/file"
  for directory in "$WORK/open" "$WORK/link" "$WORK/link/" "$WORK/file" "$WORK/missing/below" "/$(printf '%05000d' 0)"; do
    echo "${directory:0:100}"
    collect "$PODLEASH" run --pid-dir "$directory" sh -c 'echo "<${LD_PRELOAD-}>"; exit 3'
    [ "$STATUS" = 3 ] || explain 'not the status of its command'
    [ "$(<"$WORK/out")" = '<>' ] || explain 'it is leashed'
    [ ! -s "$WORK/err" ] || explain 'something on stderr'
    [ "$(wc -l <"$LOG")" = 1 ] || fail "$(<"$LOG")"
    rm "$LOG"
    collect env PODLEASH_STRICT=1 "$PODLEASH" run --pid-dir "$directory" touch "$WORK/started"
    assert_strict
  done
  [ -z "$(find "$PID_DIR" "$WORK/open" -mindepth 1)" ]
}

# with_own_root COMMAND...: where the default root is $ROOT and nothing is there yet. It must not be
# this machine's own.
with_own_root() {
  unset RECEPTOR_PID_DIRECTORY
  if [ "$(id -u)" = 0 ]; then
    ROOT=/run/podleash
    unshare --mount sh -c 'mount -t tmpfs none /run && exec "$@"' sh env ROOT=$ROOT "$@"
  else
    mkdir -p "$WORK/xdg"
    ROOT=$WORK/xdg/podleash
    XDG_RUNTIME_DIR=$WORK/xdg ROOT=$ROOT "$@"
  fi
}

@test "podleash run makes the unit's directory below the root, for its user alone, and removes it" {
  with_own_root sh -ec '
    umask 0
    "$0" run --unit U7 sh -c "echo \$RECEPTOR_PID_DIRECTORY; stat -c %a \$RECEPTOR_PID_DIRECTORY \$RECEPTOR_PID_DIRECTORY/.."
    ls -A "$ROOT"; echo failed
    "$0" run --unit U7 false || ls -A "$ROOT"
    echo leashed
    "$0" run --unit U7 "$1" run image
    ls "$ROOT"
    echo killed
    "$0" run --unit U7 sh -c "kill -9 \$\$" || ls "$ROOT"
  ' "$PODLEASH" "$WORK/bin/podman" >"$WORK/out" 2>/dev/null
  printf '%s\n' "$ROOT/U7" 700 700 failed leashed killed >"$WORK/expected"
  diff "$WORK/expected" "$WORK/out"
  grep -q '^run ' "$WORK/called"
}

@test "podleash run: what one unit learned of podman the next one knows" {
  sed -i "2i case \$* in *' --help') echo asked >>$WORK/asked ;; esac" "$WORK/bin/podman"
  with_own_root sh -ec '
    for unit in U1 U2 U3; do
      "$0" run --unit $unit "$1" run image
    done' "$PODLEASH" "$WORK/bin/podman"
  [ "$(wc -l <"$WORK/asked")" = 1 ] || fail "$(<"$WORK/asked")"
  [ "$(wc -l <"$WORK/called")" = 3 ]
}

@test "a podman that is out of order when it is asked for its flags is asked again by the next run" {
  sed -i "2i [ ! -e $WORK/broken ] || exit 125" "$WORK/bin/podman"
  : >"$WORK/broken"
  collect leash "$WORK/bin/podman" run --rm image
  [ "$STATUS" = 125 ] || explain 'not as podman'
  rm "$WORK/broken"
  collect leash "$WORK/bin/podman" run --rm image
  [ "$STATUS" = 0 ] || explain 'not as podman'
  podman_runs "$WORK/unit" || fail "$(<"$WORK/called")"
}

@test "a podman in the working directory, by its path or by PATH, and a script without #!, is leashed" {
  local name way
  cd "$WORK/bin"
  export PODLEASH_STRICT=1
  for name in with without; do
    [ $name = with ] || sed -i 1d podman
    for way in ./podman ../bin/podman 'env PATH=:/usr/bin:/bin podman' "$WORK/bin/podman"; do
      # shellcheck disable=SC2086 # several words
      collect leash $way run --rm image
      [ "$STATUS" = 0 ] || explain "$name #!, $way: not status 0"
      podman_runs "$WORK/unit" || fail "$name #!, $way: $(<"$WORK/called")"
      rm "$WORK/called"
    done
  done
  [ ! -e "$LOG" ] || fail "$(<"$LOG")"
}

# elsewhere: the stand-in works on another machine where its containers.conf says so.
elsewhere() {
  sed -i "2i if grep -qs '^ *remote *= *true' \"\$CONTAINERS_CONF\"; then case \"\$*\" in *--syslog*) exit 125 ;; esac; fi" "$WORK/bin/podman"
}

@test "a podman that works elsewhere, by containers.conf, is started as it was asked for, under strict as well" {
  local strict
  elsewhere
  printf '[engine]\n  remote = true\n' >"$WORK/containers.conf"
  for strict in 0 1; do
    collect env CONTAINERS_CONF="$WORK/containers.conf" PODLEASH_STRICT=$strict "$PODLEASH" run --pid-dir "$WORK/unit" \
      "$WORK/bin/podman" --log-level error run --rm image
    [ "$STATUS" = 0 ] || explain 'not as podman'
    [ ! -s "$WORK/err" ] || explain 'not silent'
    [ "$(<"$WORK/called")" = '--log-level error run --rm image' ] || fail "$(<"$WORK/called")"
    rm "$WORK/called"
  done
  [ ! -e "$LOG" ] || fail "$(<"$LOG")"
}

@test "a podman that only a comment, or another option, sends elsewhere is leashed" {
  elsewhere
  printf '[engine]\n#remote = true\nremote = false\nx = "remote true"\n' >"$WORK/containers.conf"
  CONTAINERS_CONF=$WORK/containers.conf collect leash "$WORK/bin/podman" run --rm image
  [ "$STATUS" = 0 ] || explain 'not as podman'
  podman_runs "$WORK/unit" || fail "$(<"$WORK/called")"
}

@test "containers.conf is looked for where podman looks" {
  local place
  local -a given
  elsewhere
  sed -i "s|\"\$CONTAINERS_CONF\"|-r \"$WORK/home\" \"$WORK/xdg\"|" "$WORK/bin/podman"
  for place in home/.config/containers/containers.conf home/.config/containers/containers.conf.d/x.conf \
    xdg/containers/containers.conf "xdg/containers/containers.rootless.conf.d/$(id -u)/x.conf"; do
    mkdir -p "$WORK/${place%/*}"
    printf '[engine]\nremote = true\n' >"$WORK/$place"
    given=()
    [[ $place != xdg* ]] || given=("XDG_CONFIG_HOME=$WORK/xdg")
    collect env -u CONTAINERS_CONF -u XDG_CONFIG_HOME HOME="$WORK/home" "${given[@]}" "$PODLEASH" run --pid-dir "$WORK/unit" \
      "$WORK/bin/podman" run --rm image
    [ "$(<"$WORK/called")" = 'run --rm image' ] || fail "$place: $(<"$WORK/called")"
    rm "$WORK/called" "$WORK/$place"
  done
}

@test "a program that takes neither flag is started without, and the log says so; strict refuses" {
  local time
  cp "$WORK/bin/podman" "$WORK/bin/docker"
  sed -i '2i case "$*" in *pidfile*) exit 125 ;; esac' "$WORK/bin/docker"
  export PODLEASH_EXECUTABLES=docker:podman
  for time in first second; do
    collect leash "$WORK/bin/docker" run --rm image
    [ "$STATUS" = 0 ] || explain "$time: not status 0"
    [ "$(<"$WORK/called")" = 'run --rm image' ] || fail "$time: $(<"$WORK/called")"
    rm "$WORK/called"
    grep -q ": $WORK/bin/docker: takes no --conmon-pidfile; it is no podman, or one for other machines; podman is started without a leash\$" \
      "$LOG" || fail "$time: $(<"$LOG")"
    rm "$LOG"
  done
  PODLEASH_STRICT=1 collect leash "$WORK/bin/docker" run --rm image
  [ "$STATUS" = 125 ] || explain 'not refused'
  [ ! -e "$WORK/called" ]
}

@test "a hundred global flags, and variables of any length, are leashed" {
  local -a globals variables
  local i
  for ((i = 0; i < 60; i++)); do
    globals+=(--log-level error)
  done
  for ((i = 0; i < 90; i++)); do
    variables+=("XDG_X$i=$(printf '%03000d' 0)")
  done
  collect env "${variables[@]}" "$PODLEASH" run --pid-dir "$WORK/unit" "$WORK/bin/podman" "${globals[@]}" run --rm image
  [ "$STATUS" = 0 ] || explain 'not status 0'
  grep -q ' run --cidfile=' "$WORK/called" || fail "$(<"$WORK/called")"
  [ ! -e "$LOG" ] || fail "$(<"$LOG")"
}

@test "what no record takes runs without a leash, and the log says why; strict refuses" {
  local -a globals
  local i
  for ((i = 0; i < 100; i++)); do
    globals+=(--log-level error)
  done
  collect leash "$WORK/bin/podman" "${globals[@]}" run --rm image
  [ "$STATUS" = 0 ] || explain 'not status 0'
  grep -q ' run --rm image$' "$WORK/called" || fail "$(<"$WORK/called")"
  grep -q ": $WORK/unit: too many global flags of podman's; podman is started without a leash\$" "$LOG" || fail "$(<"$LOG")"
  rm "$LOG" "$WORK/called"
  collect env CONTAINERS_X="$(printf '%0100000d' 0)" CONTAINERS_Y="$(printf '%0100000d' 0)" "$PODLEASH" run --pid-dir "$WORK/unit" "$WORK/bin/podman" run --rm image
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ "$(<"$WORK/called")" = 'run --rm image' ] || fail "$(<"$WORK/called")"
  grep -q ": $WORK/unit: too long flags and variables of podman's; podman is started without a leash\$" "$LOG" || fail "$(<"$LOG")"
  rm "$WORK/called"
  PODLEASH_STRICT=1 collect leash "$WORK/bin/podman" "${globals[@]}" run --rm image
  [ "$STATUS" = 125 ] || explain 'not refused'
  [ ! -e "$WORK/called" ]
}

@test "an unknown global flag before run: it is started as it is, and the log says so; strict refuses" {
  collect leash "$WORK/bin/podman" --log-level error --new-one x run --rm image
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ "$(<"$WORK/called")" = '--log-level error --new-one x run --rm image' ] || fail "$(<"$WORK/called")"
  grep -q ": unit U1: $WORK/bin/podman: a global flag before run that podleash does not know; podman is started without a leash\$" \
    "$LOG" || fail "$(<"$LOG")"
  rm "$WORK/called"
  PODLEASH_STRICT=1 collect leash "$WORK/bin/podman" --new-one x run --rm image
  [ "$STATUS" = 125 ] || explain 'not refused'
  [ "$(wc -l <"$WORK/err")" = 1 ] || explain 'not one line'
  [ ! -e "$WORK/called" ]
  PODLEASH_STRICT=1 collect leash "$WORK/bin/podman" --new-one x ps
  [ "$STATUS" = 0 ] || explain 'it is no run'
}

# unit_directory NAME=VALUE...: where `podleash run` puts a unit's directory for an ordinary user.
unit_directory() {
  # shellcheck disable=SC2016 # for the inner shell
  setpriv --reuid 54321 --clear-groups env -u RECEPTOR_PID_DIRECTORY -u XDG_RUNTIME_DIR PODLEASH_LOG="$SHARED/own/log" "$@" \
    "$SHARED/podleash" run --unit U7 sh -c 'echo "$RECEPTOR_PID_DIRECTORY"'
}

# bats test_tags=root
@test "an ordinary user's root is the session's, else the service's, else one in /tmp" {
  SHARED=$(mktemp -d /tmp/cli.XXXXXX)
  chmod 0755 "$SHARED"
  install "$PODLEASH" "$BUILD/libpodleash.so" "$SHARED"
  install -d -o 54321 -m 0700 "$SHARED"/{own,session,service}
  [ "$(unit_directory XDG_RUNTIME_DIR="$SHARED/session" RUNTIME_DIRECTORY="$SHARED/service")" = "$SHARED/session/podleash/U7" ]
  [ "$(unit_directory RUNTIME_DIRECTORY="$SHARED/service:/other")" = "$SHARED/service/U7" ]
  [ "$(unit_directory XDG_RUNTIME_DIR=session RUNTIME_DIRECTORY=service)" = /tmp/podleash-54321/U7 ]
  rmdir /tmp/podleash-54321
}

@test "a session's or service's directory that is not there, or another user's, is passed over" {
  [ "$(id -u)" = 0 ] || skip 'only root can become another user'
  local session
  SHARED=$(mktemp -d /tmp/cli.XXXXXX)
  chmod 0755 "$SHARED"
  install "$PODLEASH" "$BUILD/libpodleash.so" "$SHARED"
  install -d -o 54321 -m 0700 "$SHARED"/{own,service}
  install -d -m 0777 "$SHARED/roots"
  for session in "$SHARED/missing" "$SHARED/roots" "$SHARED/podleash"; do
    [ "$(unit_directory XDG_RUNTIME_DIR="$session" RUNTIME_DIRECTORY="$SHARED/service")" = "$SHARED/service/U7" ]
    [ "$(unit_directory XDG_RUNTIME_DIR="$session" RUNTIME_DIRECTORY="$session")" = /tmp/podleash-54321/U7 ]
    rmdir /tmp/podleash-54321
  done
  [ ! -e "$SHARED/own/log" ] || fail "$(<"$SHARED/own/log")"
}

@test "a path with too long a name, or too many links: list says so" {
  local i
  ln -s "$PID_DIR" "$WORK/link0"
  for ((i = 1; i <= 50; i++)); do
    ln -s "link$((i - 1))" "$WORK/link$i"
  done
  collect "$PODLEASH" list "$WORK/link50/below"
  [ "$STATUS" = 1 ] || explain 'not status 1'
  grep -q 'Too many levels of symbolic links; nothing was touched$' "$WORK/err" || explain 'not why'
  collect "$PODLEASH" list "$WORK/$(printf '%0300d' 0)/below"
  [ "$STATUS" = 1 ] || explain 'not status 1'
  grep -q 'File name too long; nothing was touched$' "$WORK/err" || explain 'not why'
}

# ---- directories of others ----

# assert_refuses DIR COMMAND...: each of the commands says so in one line and touches nothing.
assert_refuses() {
  local directory=$1 command
  for command in cancel sweep list 'sweep --dry-run' 'cancel --unit U1' 'list --json'; do
    echo "$command $directory"
    # shellcheck disable=SC2086
    collect "${@:2}" "$PODLEASH" $command "$directory"
    [ "$STATUS" = 1 ] || explain 'not status 1'
    [ ! -s "$WORK/out" ] || explain 'something on stdout'
    [ "$(wc -l <"$WORK/err")" = 1 ] || explain 'not one line'
    grep -qF "podleash ${command%% *}: $directory: " "$WORK/err" || explain 'the directory is not named'
    grep -q '; nothing was touched$' "$WORK/err" || explain 'not what was touched'
  done
}

@test "a directory that is a symlink, writable by others, missing or none is refused, nothing is touched" {
  local directory
  mkdir -m 0777 "$WORK/others" "$WORK/group"
  chmod 0777 "$WORK/others"
  chmod 0770 "$WORK/group"
  bystander
  for directory in "$PID_DIR" "$WORK/others" "$WORK/group"; do
    record "$directory" 1-1 >"$directory/1-1.run"
    echo "${BYSTANDER%,*}" >"$directory/conmon.pid"
  done
  ln -s pids "$WORK/link"
  : >"$WORK/file"
  mkfifo "$WORK/fifo"
  snapshot "$WORK" ! -name out ! -name err ! -name before ! -path "$WORK" >"$WORK/before"
  for directory in "$WORK/link" "$WORK/link/" "$WORK/others" "$WORK/group" "$WORK/missing" "$WORK/file" "$WORK/fifo"; do
    assert_refuses "$directory"
  done
  snapshot "$WORK" ! -name out ! -name err ! -name before ! -path "$WORK" | diff "$WORK/before" -
  alive "$BYSTANDER"
}

@test "another user's directory is refused to an ordinary user" {
  local -a as=()
  [ "$(id -u)" != 0 ] || as=(setpriv --reuid 54321 --regid 54321 --clear-groups)
  assert_refuses /usr "${as[@]}"
}

# bats test_tags=root
@test "root acts on a user's directory as that user" {
  local uid gid
  uid=$(id -u podleash-test)
  gid=$(id -g podleash-test)
  SHARED=$(mktemp -d /tmp/cli.XXXXXX)
  chmod 0755 "$SHARED"
  # The directory's group may be anyone's.
  install -d -m 0700 -o "$uid" -g 54322 "$SHARED/pids"
  unset PODLEASH_LOG
  export RECEPTOR_PID_DIRECTORY=$SHARED/pids
  collect strace -f -qq -y -e trace=setgroups,setgid,setuid,openat,renameat -o "$WORK/trace" "$PODLEASH" cancel "$SHARED/pids"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ "$(stat -c %u:%g "$SHARED/pids/cancelled.pids")" = "$uid:$gid" ]
  [ "$(grep -oE 'set(groups|gid|uid)\([^)]*\)' "$WORK/trace" | paste -sd ' ')" = "setgroups(0, NULL) setgid($gid) setuid($uid)" ]
  # Before that the path was only looked at.
  if sed '/ setuid(/q' "$WORK/trace" | grep "$SHARED" | grep -v O_PATH; then fail 'opened as root'; fi
  # What is root's in there is not the user's.
  echo 'podleash=1' >"$SHARED/pids/1-1.run"
  chmod 0600 "$SHARED/pids/1-1.run"
  collect "$PODLEASH" sweep "$SHARED/pids"
  [ "$STATUS" = 1 ] || explain 'not status 1'
  grep -q 'Permission denied' "$WORK/err" || explain 'it was read as root'
}

# bats test_tags=root
@test "root does not act on the directory of a user that nobody knows, and says so" {
  install -d -m 0700 -o 54321 "$WORK/foreign"
  assert_refuses "$WORK/foreign"
  ! grep -q Success "$WORK/err" || explain 'that is no reason'
  [ -z "$(ls -A "$WORK/foreign")" ]
}

# foreign_tree DIR: a directory with files and directories of someone else's in it, as /etc is one.
foreign_tree() {
  mkdir -p "$1"/{apt,cron.d,ssl/certs}
  chmod -R 0755 "$1"
  echo name >"$1/hostname"
  : >"$1/cancelled.txt"
  echo "$$" >"$1/crond.pid"
  dead >"$1/2-1.pid"
  touch -d '2 minutes ago' "$1"/*
}

@test "a directory that is not podleash's is refused: nothing in it or below it is written, removed or logged" {
  foreign_tree "$WORK/etc"
  snapshot "$WORK/etc" >"$WORK/before"
  assert_refuses "$WORK/etc"
  grep -qx "podleash [a-z]*: $WORK/etc: not a pid directory; nothing was touched" "$WORK/err" || explain 'not that line'
  snapshot "$WORK/etc" | diff "$WORK/before" -
  [ ! -e "$LOG" ]
  # This machine's own, which are only listed: who took such an advice for /tmp would break it.
  for directory in /etc /tmp; do
    collect "$PODLEASH" list $directory
    [ "$STATUS" = 1 ] || explain 'not status 1'
    [ "$(id -u)" != 0 ] || grep -qx "podleash [a-z]*: $directory: not a pid directory; nothing was touched" "$WORK/err" || explain 'not that line'
    if grep chmod "$WORK/err"; then fail 'it tells to break the machine'; fi
  done
}

@test "an empty directory is a pid directory where RECEPTOR_PID_DIRECTORY names it, and one below it is none" {
  mkdir -m 0700 "$PID_DIR/U5" "$WORK/own"
  assert_refuses "$WORK/own"
  assert_refuses "$PID_DIR/U5"
  collect "$PODLEASH" cancel "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ -s "$PID_DIR/cancelled.${PID_DIR##*/}" ] || fail 'no tombstone'
  [ -z "$(ls -A "$PID_DIR/U5")" ] || fail 'something was put below it'
}

# evidence FILE: puts there what podleash leaves under such a name.
evidence() {
  case $1 in
    */cancelled.*) printf '%s 9 -1\n' "$(</proc/sys/kernel/random/boot_id)" >"$1" ;;
    *) : >"$1" ;;
  esac
}

@test "a directory that holds a file of podleash's is its own; those below it that hold none are left alone" {
  local name
  export RECEPTOR_PID_DIRECTORY=$WORK/another
  for name in .podleash-run cancelled.U9 .podman-1-2-3-4.5; do
    echo "$name"
    rm -rf "$WORK/own"
    mkdir -m 0700 "$WORK/own" "$WORK/own/U5"
    foreign_tree "$WORK/own/etc"
    evidence "$WORK/own/$name"
    evidence "$WORK/own/U5/$name"
    snapshot "$WORK/own/etc" >"$WORK/before"
    collect "$PODLEASH" cancel "$WORK/own"
    [ "$STATUS" = 0 ] || explain 'not status 0'
    [ ! -s "$WORK/err" ] || explain 'something on stderr'
    [ -s "$WORK/own/cancelled.own" ] || fail 'no tombstone'
    [ -s "$WORK/own/U5/cancelled.U5" ] || fail 'no tombstone for the unit'
    collect "$PODLEASH" cancel --unit etc "$WORK/own"
    [ "$STATUS" = 0 ] || explain 'not status 0'
    collect "$PODLEASH" sweep "$WORK/own"
    [ "$STATUS" = 0 ] || explain 'not status 0'
    snapshot "$WORK/own/etc" | diff "$WORK/before" -
    if grep "$WORK/own/etc/" "$LOG"; then fail 'logged'; fi
  done
}

@test "a directory that holds others' files alone is none: a living conmon's pid file, .podman-desktop, 2026-11.run, 2026-11.cid" {
  export RECEPTOR_PID_DIRECTORY=$WORK/another
  mkdir -m 0700 "$WORK/own"
  start_conmon "$ID" --conmon-pidfile "$WORK/own/job.pid"
  echo "${CONMON%,*}" >"$WORK/own/job.pid"
  assert_refuses "$WORK/own"
  alive "$CONMON"
  rm "$WORK/own/job.pid"
  mkdir "$WORK/own/.podman-desktop"
  assert_refuses "$WORK/own"
  rmdir "$WORK/own/.podman-desktop"
  echo mine >"$WORK/own/2026-11.run"
  echo mine >"$WORK/own/2026-11.cid"
  touch -d yesterday "$WORK/own"/*
  assert_refuses "$WORK/own"
  [ "$(cat "$WORK/own"/*)" = $'mine\nmine' ]
}

# ---- where a unit is ----

# stones_written: how often the last `cancel --unit U1` put a tombstone into each directory.
stones_written() {
  sed -nE 's/.*renameat[2]?\([0-9]+<([^>]*)>, "\.cancelled-[^"]*", [^,]*, "cancelled\.U1".*\) = 0$/\1/p' "$WORK/trace" | sort | uniq -c |
    awk '{ print $1, $2 }'
}

@test "cancel --unit ends the unit's runs in the directory and in its own below that, with one tombstone in each" {
  local own process
  mkfifo "$WORK/go"
  for own in '' U1; do
    : >"$WORK/expected"
    # As a podleash run leaves it that was killed.
    [ -z "$own" ] || mkdir -m 0700 "$PID_DIR/U1"
    for directory in "$PID_DIR" ${own:+"$PID_DIR/U1"}; do
      RECEPTOR_PID_DIRECTORY=$directory PODLEASH_UNIT=U1 LD_PRELOAD=$BUILD/libpodleash.so PODLEASH_HELPER=$PODLEASH \
        env "$WORK/bin/podman" run image </dev/null 3>&- &
      OURS+=("$(identity $!)")
      (PID_DIR=$directory && wait_until 10 record_of_one)
      echo "1 $directory" >>"$WORK/expected"
    done
    collect strace -qq -y -e trace=renameat,renameat2 -e signal=none -o "$WORK/trace" "$PODLEASH" cancel --unit U1 "$PID_DIR"
    [ "$STATUS" = 0 ] || explain 'not status 0'
    for process in "${OURS[@]}"; do
      gone "$process" || explain 'not all are ended'
    done
    stones_written | diff "$WORK/expected" -
    rm "$PID_DIR/cancelled.U1"
  done
}

# ---- bounds ----

# cancel_in_time WORD...: that cancel says what is left when its time-out of one second is over, and not when all has
# ended; its output goes through a pipe, which those that go on must not keep open.
cancel_in_time() {
  # shellcheck disable=SC2016 # for the inner shell
  bounded 60 bash -o pipefail -c '"$@" | cat' bash "$PODLEASH" cancel --timeout 1 "$@" "$PID_DIR"
  [ "$STATUS" = 1 ] || explain 'not status 1'
  [ "$(<"$WORK/err")" = "podleash cancel: $PID_DIR: not all of it is ended; see $LOG; cancel may be repeated" ] ||
    explain 'it does not say so'
}

no_records() {
  ! compgen -G "$PID_DIR/*.run" >/dev/null
}

few_records() {
  compgen -G "$PID_DIR/*.run" >"$WORK/records" && [ "$(wc -l <"$WORK/records")" -le "$1" ]
}

@test "cancel returns within its time-out, however many runs have no guard; what it has started goes on" {
  local i
  DEAD=$(dead)
  for ((i = 10; i < 50; i++)); do
    removed_record 1-$i
  done
  # None of them ends as long as that is there.
  sed -i "2i case \" \$*\" in *' exists '*) while [ -e $WORK/slow ]; do sleep 0.1; done ;; esac" "$WORK/bin/podman"
  : >"$WORK/slow"
  cancel_in_time
  [ "$(grep -c "run 1-[0-9]*: something is left; see $LOG\$" "$WORK/out")" = 40 ] || explain 'not each is named'
  rm "$WORK/slow"
  # As many as are ended at once (reapers.c).
  wait_until 30 few_records 8
  collect "$PODLEASH" cancel "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  no_records
}

@test "cancel and sweep of a root end its units at the same time" {
  local i command
  # Each of them waits for all the others.
  sed -i "2i case \" \$*\" in *' exists '*) echo >>$WORK/asked; while [ -e $WORK/asked ] \&\& [ \$(wc -l <$WORK/asked) -lt 8 ]; do sleep 0.1; done ;; esac" "$WORK/bin/podman"
  for command in cancel sweep; do
    DEAD=$(dead)
    for i in 1 2 3 4 5 6 7 8; do
      [ -d "$PID_DIR/U$i" ] || mkdir -m 0700 "$PID_DIR/U$i"
      (PID_DIR=$PID_DIR/U$i && removed_record 1-$i)
    done
    : >"$WORK/asked"
    bounded 60 "$PODLEASH" $command "$PID_DIR"
    [ "$STATUS" = 0 ] || explain "$command: not status 0"
    [ "$(grep -c '^unit U1, run 1-[1-8]: ended$' "$WORK/out")" = 8 ] || explain "$command: not all are named"
    [ "$(wc -l <"$WORK/asked")" = 8 ] || explain "$command: podman was not asked"
    ! compgen -G "$PID_DIR/U*/*.run" || fail "$command: records are left"
  done
}

# plain_container: a conmon with the pid files job.pid and init.pid, and its container, which does not end on SIGTERM.
plain_container() {
  local program cid
  mkdir "$WORK/plain" "$WORK/plain/exits"
  for program in podman conmon; do
    cp "$BUILD/tests/stand_in" "$WORK/plain/$program"
  done
  printf '#!/bin/sh\ntrap : TERM\nwhile :; do sleep 0.1; done\n' >"$WORK/plain/container"
  chmod +x "$WORK/plain/container"
  cid=$("$WORK/plain/podman" id)
  _OCI_SYNCPIPE=3 setsid "$WORK/plain/conmon" --api-version 1 -c "$cid" -u "$cid" -p "$PID_DIR/init.pid" \
    --conmon-pidfile "$PID_DIR/job.pid" --exit-command "$WORK/bin/podman" --exit-command-arg container \
    --exit-command-arg cleanup --exit-command-arg --rm --exit-command-arg "$cid" </dev/null >/dev/null 2>&1 3>&- &
  disown
  CONMON=$(identity $!)
  OURS+=("$CONMON")
  wait_until 5 grep -qs . "$PID_DIR/job.pid"
  CONTAINER=$(identity "$(<"$PID_DIR/init.pid")")
  OURS+=("$CONTAINER")
}

@test "cancel returns within its time-out, also where a container without a record takes its grace" {
  plain_container
  cancel_in_time --grace 20
  alive "$CONTAINER"
  # It was told, and is ended when the grace is over.
  wait_until 60 gone "$CONTAINER"
  # One is removed after the other.
  wait_until 15 [ ! -e "$PID_DIR/job.pid" ]
  wait_until 15 [ ! -e "$PID_DIR/init.pid" ]
  gone "$CONMON"
  collect "$PODLEASH" cancel "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
}

# ---- disorder ----

# make_mess: damaged records, and pid files that all name the bystander. DAMAGED: what must be named.
make_mess() {
  local name
  bystander
  DEAD=$(dead)
  pushd "$PID_DIR" >/dev/null || return
  : >1-1.run
  record . 1-2 | sed s/podleash=1/podleash=2/ >1-2.run
  record . 1-3 | head -c 100 >1-3.run
  { record . 1-4; printf 'cwd=/\0\n'; } >1-4.run
  record . 1-5 >1-5.run
  truncate -s 100M 1-5.run
  mkfifo 1-6.run
  /usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("1-7.run")'
  mkdir 1-8.run
  record . 1-9 >elsewhere
  ln -s elsewhere 1-9.run
  record . 1-b 'conmon=-1,1' >1-b.run
  record . 1-c 'cid=--all' >1-c.run
  record . 1-d | grep -v holder= >1-d.run
  { record . 1-e; yes bundle=/x | head -c 300000; } >1-e.run
  head -c 65536 /dev/urandom >1-f.run
  DAMAGED='1-1 1-2 1-3 1-4 1-5 1-6 1-7 1-8 1-9 1-b 1-c 1-d 1-e 1-f'
  record . a-a >hard
  ln hard 1-a.run
  # None of them a run's.
  for name in x.run $'1-1\n.run' $'\n1-2.run' 1-1A.run 1-1.run.bak '1-1 .run' '*.run'; do
    record . 1-1 >"$name"
  done
  for name in 2-1.pid 2-1.conmon.pid conmon.pid my.pid $'a\nb.pid' $'\n.pid' '-rf.pid' '%s%n.pid'; do
    echo "${BYSTANDER%,*}" >"./$name"
  done
  : >empty.pid
  echo "-${BYSTANDER%,*}" >group.pid
  echo -1 >everyone.pid
  echo 0 >zero.pid
  echo "${BYSTANDER%,*} 1" >two.pid
  echo "$((${BYSTANDER%,*} + 4294967296))" >wide.pid
  echo "${BYSTANDER%,*}" >huge.pid
  truncate -s 100M huge.pid
  mkfifo fifo.pid 2-2.pid 2-3.conmon.pid
  mkdir directory.pid
  ln -s my.pid link.pid
  ln -s /dev/zero zeros.pid
  ln my.pid hard.pid
  : >cancelled.damaged
  mkfifo cancelled.fifo .9-9.run
  popd >/dev/null || return
}

# assert_named FILE: it names every damaged record.
assert_named() {
  local run
  for run in $DAMAGED; do
    grep -qE "(^|[ /])$run(\.run)?: " "$1" || explain "$run is not named"
  done
}

@test "a directory in disorder: list names what is damaged and shows the rest" {
  make_mess
  good_record 9-1
  snapshot "$PID_DIR" >"$WORK/before"
  bounded 20 "$PODLEASH" list "$PID_DIR"
  [ "$STATUS" = 1 ] || explain 'not status 1'
  assert_named "$WORK/err"
  grep -qE '^U1 +9-1 +unguarded ' "$WORK/out" || explain 'the good one is not shown'
  bounded 20 "$PODLEASH" list --json "$PID_DIR"
  [ "$(jq -r 'select(.run == "9-1") | .unit + " " + .state' "$WORK/out")" = 'U1 unguarded' ]
  snapshot "$PID_DIR" | diff "$WORK/before" -
  alive "$BYSTANDER"
}

@test "a directory in disorder: sweep names what is damaged, signals nobody, and ends the rest" {
  make_mess
  snapshot "$PID_DIR" ! -path "$PID_DIR" ! -name cancelled.damaged ! -name cancelled.fifo >"$WORK/before"
  good_record 9-1
  bounded 60 "$PODLEASH" sweep "$PID_DIR"
  [ "$STATUS" = 1 ] || explain 'not status 1'
  assert_named "$WORK/err"
  assert_named "$LOG"
  grep -q '/1-a.run: ' "$WORK/err" || explain 'the hard link is not named'
  [ "$(<"$WORK/out")" = 'unit U1, run 9-1: ended' ] || explain 'the good one was not ended'
  snapshot "$PID_DIR" ! -path "$PID_DIR" | diff "$WORK/before" -
  alive "$BYSTANDER"
}

@test "a directory in disorder: cancel names what is damaged, signals nobody, and ends the rest" {
  make_mess
  good_record 9-1
  bounded 60 "$PODLEASH" cancel --grace 0 --timeout 10 "$PID_DIR"
  [ "$STATUS" = 1 ] || explain 'not status 1'
  assert_named "$LOG"
  [ "$(wc -l <"$WORK/err")" = 1 ] || explain 'not one line'
  [ "$(<"$WORK/out")" = 'unit U1, run 9-1: ended' ] || explain 'the good one was not ended'
  [ ! -e "$PID_DIR/9-1.run" ]
  [ -s "$PID_DIR/my.pid" ]
  alive "$BYSTANDER"
}

@test "sweep deletes the files of an earlier boot and signals nobody, and so does cancel" {
  local command file
  bystander
  DEAD=$BYSTANDER
  for command in sweep cancel; do
    record "$PID_DIR" 1-1 "conmon=$BYSTANDER" "container=$BYSTANDER" |
      sed 's/^boot=.*/boot=00000000-0000-0000-0000-000000000000/' >"$PID_DIR/1-1.run"
    for file in 1-1.pid 1-1.conmon.pid; do
      echo "${BYSTANDER%,*}" >"$PID_DIR/$file"
    done
    collect "$PODLEASH" $command "$PID_DIR"
    [ "$STATUS" = 0 ] || explain 'not status 0'
    [ "$(<"$WORK/out")" = 'unit U1, run 1-1: ended' ] || explain 'it does not say so'
    ! compgen -G "$PID_DIR/1-1.*" || explain 'files are left'
    alive "$BYSTANDER"
    [ ! -e "$WORK/called" ] || fail 'podman was called'
  done
}

@test "sweep starts no process for the files of an earlier boot" {
  local i
  bystander
  DEAD=$BYSTANDER
  for i in 1 2 3; do
    record "$PID_DIR" 1-$i | sed 's/^boot=.*/boot=00000000-0000-0000-0000-000000000000/' >"$PID_DIR/1-$i.run"
  done
  strace -f -qq -e trace=process -o "$WORK/strace" "$PODLEASH" sweep "$PID_DIR"
  ! grep -E 'fork|clone' "$WORK/strace" || fail 'it has started some'
  ! compgen -G "$PID_DIR/1-*" || fail 'files are left'
}

# tombstone UNIT AGE-IN-SECONDS [BOOT]
tombstone() {
  local now _
  read -r now _ </proc/uptime
  # Before this boot, where that is younger: the number is then a very large one.
  printf '%s %u -1\n' "${3:-$(</proc/sys/kernel/random/boot_id)}" $(((${now%.*} - $2) * 1000000000)) >"$PID_DIR/cancelled.$1"
}

# make_old_things: what sweep removes, in $REMOVED, among what it keeps.
make_old_things() {
  local dead
  bystander
  DEAD=$(dead)
  dead=${DEAD%,*}
  tombstone old 90000
  tombstone other-boot 0 00000000-0000-0000-0000-000000000000
  : >"$PID_DIR/cancelled.damaged"
  tombstone fresh 60
  tombstone day 86000
  echo "$dead" >"$PID_DIR/3-1.pid"
  echo "$dead" >"$PID_DIR/3-2.conmon.pid"
  : >"$PID_DIR/.3-3.run"
  echo "$dead" >"$PID_DIR/3-4.pid"
  : >"$PID_DIR/.3-5.run"
  # What runc and conmon leave where they are killed while they write a pid file, and what a live run may be writing.
  : >"$PID_DIR/.3-9.pid"
  : >"$PID_DIR/3-9.conmon.pid.A1B2C3"
  : >"$PID_DIR/.3-10.pid"
  echo "${BYSTANDER%,*}" >"$PID_DIR/3-6.pid"
  echo "$dead" >"$PID_DIR/my.pid"
  : >"$PID_DIR/notes"
  : >"$PID_DIR/.podman-1-2-3-4.5"
  old 3-1.pid 3-2.conmon.pid .3-3.run 3-6.pid .3-9.pid 3-9.conmon.pid.A1B2C3 my.pid notes
  mkdir "$PID_DIR/empty" "$PID_DIR/full" "$PID_DIR/foreign" "$PID_DIR/.hidden" "$PID_DIR/swept" "$PID_DIR/no unit"
  # What podleash run made, it marked.
  touch "$PID_DIR"/{empty,full,.hidden,swept,'no unit'}/.podleash-run
  : >"$PID_DIR/full/notes"
  (PID_DIR=$PID_DIR/swept && good_record 3-7)
  good_record 3-8
  {
    printf '%s\n' .3-3.run .3-9.pid 3-8.run 3-9.conmon.pid.A1B2C3 cancelled.damaged cancelled.old cancelled.other-boot empty swept
    # From another pid namespace than the machine's own nobody's pid is known to be dead.
    [ "$(readlink /proc/self/ns/pid)" != 'pid:[4026531836]' ] || printf '%s\n' 3-1.pid 3-2.conmon.pid
  } | LC_ALL=C sort >"$WORK/removed"
}

names_in() {
  find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort
}

# bats test_tags=root
@test "sweep removes old tombstones, files of nobody and empty units, and keeps what may be someone's" {
  make_old_things
  names_in "$PID_DIR" >"$WORK/before"
  collect "$PODLEASH" sweep "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  names_in "$PID_DIR" | diff <(LC_ALL=C comm -23 "$WORK/before" "$WORK/removed") -
  [ "$(sort "$WORK/out")" = $'unit U1, run 3-7: ended\nunit U1, run 3-8: ended' ] || explain 'not what was done'
  [ ! -s "$WORK/err" ] || explain 'something on stderr'
  alive "$BYSTANDER"
}

@test "sweep --dry-run says what sweep would do and touches nothing" {
  make_old_things
  snapshot "$PID_DIR" >"$WORK/before"
  collect "$PODLEASH" sweep --dry-run "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ "$(sort "$WORK/out")" = $'unit U1, run 3-7: would end\nunit U1, run 3-8: would end' ] || explain 'not what sweep does'
  snapshot "$PID_DIR" | diff "$WORK/before" -
  collect "$PODLEASH" sweep --dry-run --json "$PID_DIR"
  [ "$(jq -r '.unit + " " + .run + " " + .result' "$WORK/out" | sort)" = $'U1 3-7 would-end\nU1 3-8 would-end' ] || explain 'no JSON'
  snapshot "$PID_DIR" | diff "$WORK/before" -
  [ ! -e "$WORK/called" ]
}

@test "sweep --dry-run leaves a record as it is whose conmon is not known yet" {
  bystander
  DEAD=$BYSTANDER
  start_conmon "$ID" --conmon-pidfile "$PID_DIR/1-1.conmon.pid"
  echo "${CONMON%,*}" >"$PID_DIR/1-1.conmon.pid"
  printf %s "$ID" >"$PID_DIR/1-1.cid"
  record "$PID_DIR" 1-1 >"$PID_DIR/1-1.run"
  snapshot "$PID_DIR" >"$WORK/before"
  collect "$PODLEASH" sweep --dry-run "$PID_DIR"
  [ "$(<"$WORK/out")" = 'unit U1, run 1-1: would guard' ] || explain 'it is not seen'
  snapshot "$PID_DIR" | diff "$WORK/before" -
  collect "$PODLEASH" list --json "$PID_DIR"
  [ "$(jq .conmon "$WORK/out")" = "${CONMON%,*}" ] || explain 'conmon is not seen'
}

is_zombie() { [ "$(stat_field 3 "$1")" = Z ]; }

@test "the pid file of a container that stays goes with the run where its process has ended, waited for or not; one of a later start stays" {
  local sleeper zombie headless
  # shellcheck disable=SC2016 # sh's
  sh -c 'sleep 600 & echo $! >"$0"; exec sleep 600' "$WORK/zombie" </dev/null >/dev/null 2>&1 3>&- &
  sleeper=$(identity $!)
  OURS+=("$sleeper")
  wait_until 5 runs_program "${sleeper%,*}" "$(realpath "$(command -v sleep)")"
  # Who became sleep waits for nobody.
  zombie=$(<"$WORK/zombie")
  kill -KILL "$zombie"
  wait_until 5 is_zombie "$zombie"
  # One that lives: of its threads the first alone has ended.
  python3 -c 'import ctypes, threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
ctypes.CDLL(None).pthread_exit(None)' </dev/null >/dev/null 2>&1 3>&- &
  headless=$(identity $!)
  OURS+=("$headless")
  wait_until 10 is_zombie "${headless%,*}"
  DEAD=$(dead)
  good_record 9-1
  good_record 9-2
  good_record 9-3
  echo "$zombie" >"$PID_DIR/9-1.pid"
  echo "${sleeper%,*}" >"$PID_DIR/9-2.pid"
  echo "${headless%,*}" >"$PID_DIR/9-3.pid"
  collect "$PODLEASH" sweep "$PID_DIR"
  [ "$(sort "$WORK/out")" = $'unit U1, run 9-1: ended\nunit U1, run 9-2: ended\nunit U1, run 9-3: ended' ] || explain 'they are not ended'
  [ "$(names_in "$PID_DIR" | grep '^9-')" = $'9-2.pid\n9-3.pid' ] || explain 'not the files that should be left'
  alive "$sleeper"
}

@test "sweep waits for a run without holders whose lock somebody has, and ends what that one leaves" {
  local sweep
  DEAD=$(dead)
  good_record 9-1
  mkfifo "$WORK/go"
  flock --no-fork "$PID_DIR/9-1.run" sh -c 'echo >"$0.ready"; read -r _ <"$0"' "$WORK/go" </dev/null 3>&- &
  OURS+=("$(identity $!)")
  wait_until 10 [ -e "$WORK/go.ready" ]
  "$PODLEASH" sweep "$PID_DIR" >"$WORK/out" </dev/null 3>&- &
  sweep=$(identity $!)
  OURS+=("$sweep")
  wait_until 10 eval "[ \"\$(stat_field 3 ${sweep%,*})\" = S ]"
  echo go >"$WORK/go"
  wait "${sweep%,*}"
  [ "$(<"$WORK/out")" = 'unit U1, run 9-1: ended' ]
  [ ! -e "$PID_DIR/9-1.run" ]
}

@test "sweep leaves an empty unit that a podleash run uses" {
  local run
  mkfifo "$WORK/go"
  "$PODLEASH" run --pid-dir "$PID_DIR/U1" sh -c 'echo >"$1.ready"; read -r _ <"$1"' sh "$WORK/go" </dev/null 3>&- &
  run=$(identity $!)
  OURS+=("$run")
  wait_until 10 [ -e "$WORK/go.ready" ]
  mkdir "$PID_DIR/U2"
  : >"$PID_DIR/U2/.podleash-run"
  collect "$PODLEASH" sweep "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ -d "$PID_DIR/U1" ]
  [ ! -e "$PID_DIR/U2" ]
  echo go >"$WORK/go"
  wait_until 10 gone "$run"
  [ ! -e "$PID_DIR/U1" ]
}

# record_of_one: sets RECORD, of the only run in the directory, once a guard stands in it.
record_of_one() {
  RECORD=$(compgen -G "$PID_DIR/*.run") && GUARD=$(record_value guard "$RECORD" | tail -n 1) && [ -n "$GUARD" ]
}

@test "sweep and cancel do all that they should where nobody reads what they print" {
  local command
  DEAD=$(dead)
  for command in sweep cancel; do
    good_record 1-1
    good_record 1-2
    collect /usr/bin/python3 -c 'import os, subprocess, sys
ours, theirs = os.pipe()
os.close(ours)
sys.exit(subprocess.call(sys.argv[1:], stdout=theirs))' "$PODLEASH" $command "$PID_DIR"
    [ "$STATUS" = 0 ] || explain "$command: not status 0"
    if compgen -G "$PID_DIR/*.run"; then fail "$command: not all are ended"; fi
  done
}

# assert_over_when_podman_answers: a sweep of the run 1-1 leaves its record while podman fails.
assert_over_when_podman_answers() {
  echo 125 >"$WORK/broken"
  collect "$PODLEASH" sweep "$PID_DIR"
  [ "$STATUS" = 1 ] || explain 'not status 1'
  [ -e "$PID_DIR/1-1.run" ]
  rm "$WORK/broken"
  collect "$PODLEASH" sweep "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ ! -e "$PID_DIR/1-1.run" ]
}

@test "a podman that cannot tell of its containers: the run is not over" {
  DEAD=$(dead)
  removed_record 1-1
  assert_over_when_podman_answers
}

@test "a podman that cannot tell of the container whose id is in a file of the user's own: the run is not over" {
  DEAD=$(dead)
  printf %s "$ID" >"$WORK/own.cid"
  good_record 1-1 "cidfile=$WORK/own.cid"
  assert_over_when_podman_answers
}

@test "an id file that podman had no time to write, and no container: the run is over" {
  DEAD=$(dead)
  good_record 1-1
  : >"$PID_DIR/1-1.cid"
  collect "$PODLEASH" sweep "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ ! -e "$PID_DIR/1-1.run" ] && [ ! -e "$PID_DIR/1-1.cid" ]
}

@test "podman has storage of a name of the user's own and nothing else of it: the log says so, once, and it is left" {
  DEAD=$(dead)
  good_record 1-1 remove=1 name=own
  : >"$WORK/stored"
  collect "$PODLEASH" sweep "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ ! -e "$PID_DIR/1-1.run" ]
  [ "$(grep -c 'run 1-1: .*podman rm --force own' "$LOG")" = 1 ] || fail "$(<"$LOG")"
  if grep -E '(rm|cleanup) ' "$WORK/called"; then fail 'it was removed'; fi
}

# bats test_tags=root
@test "a guard whose directory is another one of the same path, in a container, is told nothing" {
  local user=() inner
  [ "$(id -u)" = 0 ] || user=(--user --map-current-user)
  mkfifo "$WORK/go"
  # shellcheck disable=SC2016 # for the shell in there
  PODLEASH_HELPER=$PODLEASH unshare "${user[@]}" --mount sh -c 'mount -t tmpfs -o mode=0700 none "$1" && LD_PRELOAD=$2 exec env "$3" run image' sh \
    "$PID_DIR" "$BUILD/libpodleash.so" "$WORK/bin/podman" </dev/null 3>&- &
  inner=$(identity $!)
  OURS+=("$inner")
  wait_until 10 [ -e "$WORK/called" ]
  collect "$PODLEASH" cancel "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  alive "$inner"
  echo go >"$WORK/go"
  wait_until 10 gone "$inner"
}

gave_up_often() {
  [ "$(grep -c 'podman does not clean up after it' "$LOG")" -ge 4 ]
}

@test "a guard that could not end its run, and pauses, tries again when it is told to" {
  mkfifo "$WORK/go"
  echo 9 >"$WORK/broken"
  export PODLEASH_LOG=$LOG
  env LD_PRELOAD="$BUILD/libpodleash.so" PODLEASH_HELPER="$PODLEASH" env "$WORK/bin/podman" run --rm image </dev/null 3>&- &
  wait_until 10 record_of_one
  OURS+=("$GUARD" "$(record_value podman "$RECORD")")
  wait_until 5 grep -qs . "${RECORD%.run}.cid"
  kill_now "$(record_value podman "$RECORD")"
  # The next pause takes eight seconds.
  wait_until 30 gave_up_often
  rm "$WORK/broken"
  collect "$PODLEASH" cancel --timeout 6 "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ ! -e "$RECORD" ]
}

@test "sweep gives a run whose holders live another guard, which ends it as it should" {
  local old podman
  mkfifo "$WORK/go"
  env LD_PRELOAD="$BUILD/libpodleash.so" PODLEASH_HELPER="$PODLEASH" env "$WORK/bin/podman" run image </dev/null 3>&- &
  wait_until 10 record_of_one
  old=$GUARD
  podman=$(record_value podman "$RECORD")
  OURS+=("$old" "$podman")
  [ "$podman" = "$(identity $!)" ]

  # With a guard there is nothing to do.
  collect "$PODLEASH" sweep "$PID_DIR"
  [ "$STATUS" = 0 ] && [ ! -s "$WORK/out" ] || explain 'it did something'
  kill_now "$old"
  wait_until 5 gone "$old"
  collect "$PODLEASH" list --json "$PID_DIR"
  [ "$(jq -r .state "$WORK/out")" = unguarded ] || explain 'not unguarded'
  collect "$PODLEASH" sweep "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  grep -q ': guarded$' "$WORK/out" || explain 'no guard'
  record_of_one
  OURS+=("$GUARD")
  [ "$GUARD" != "$old" ]
  alive "$GUARD"
  alive "$podman"
  collect "$PODLEASH" list --json "$PID_DIR"
  [ "$(jq -r .state "$WORK/out")" = starting ] || explain 'not starting'
  echo go >"$WORK/go"
  wait_until 10 gone "$podman"
  wait_until 10 gone "$GUARD"
  [ ! -e "$RECORD" ]
}
