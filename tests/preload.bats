#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# libpodleash.so: which starts of a program become `podleash hold`, and that it
# leaves every other start as it is. The helper here prints its words, one a
# line; podman is a program that does the same with its own.
#
# PODLEASH_EMULATOR (tests/cross), also an empty one, says that the library is for another machine or C
# library than this one's: what runs tests/start. What that starts is of this machine, and static, since
# it cannot load the library; so is the shell.

# Each test is a process of its own, and the variables that it exports end with it.
# shellcheck disable=SC2030,SC2031

# What tests/start can start a program by.
EXECVEATS="execveat execveat-dir execveat-fd"
EXECS="execve execv execvp execvpe execl execlp execle $EXECVEATS fexecve"
SPAWNS="posix_spawn posix_spawnp"
SHELLS="system popen"
[ ! -v PODLEASH_EMULATOR ] || SHELLS=
# Those that the C library itself has, and those whose caller sees a failure: in qemu the child of a
# vfork(2) has memory of its own, and posix_spawn(3) returns 0.
OWN_EXECS="${EXECS/$EXECVEATS /} ${NO_EXECVEAT-$EXECVEATS}"
SEEING_SPAWNS=$SPAWNS
[ -z "${PODLEASH_EMULATOR-}" ] || SEEING_SPAWNS=
# Those that search PATH, those that get an environment, and those that take one word at a time.
SEARCHES="execvp execvpe execlp posix_spawnp"
HANDED="execve execvpe execle fexecve ${NO_EXECVEAT-$EXECVEATS} $SEEING_SPAWNS"
INHERITED="execv execvp execl execlp"

setup_file() {
  local dir=$BATS_FILE_TMPDIR
  local here=("${CC:-cc}")

  # Two directories whose names are equally long, so that the environment is as
  # large with our library as with one that does nothing.
  mkdir "$dir/preload" "$dir/nothing"
  cp "${PODLEASH_BUILD:-$BATS_TEST_DIRNAME/../build}/libpodleash.so" "$dir/preload/lib.so"
  "${CC:-cc}" -shared -fPIC -x c /dev/null -o "$dir/nothing/lib.so"
  [ ! -v PODLEASH_EMULATOR ] || here=(cc -static)
  cat > "$dir/words.c" << 'END'
#include <stdio.h>

int main(int argc, char **argv)
{
	for (int i = FIRST; i < argc; i++)
		puts(argv[i]);
	return 0;
}
END
  "${here[@]}" -DFIRST=0 "$dir/words.c" -o "$dir/words"
  "${here[@]}" -DFIRST=1 "$dir/words.c" -o "$dir/helper"
  # musl has no execveat(3), and qemu no execveat(2) before 8.0
  if [ -v PODLEASH_EMULATOR ]; then
    set_start
    [[ $("${START[@]}" execveat -- "$dir/words") != *ENOSYS ]] || export NO_EXECVEAT=
  fi
}

set_start() {
  read -r -a EMULATOR <<< "${PODLEASH_EMULATOR-}"
  START=("${EMULATOR[@]}" "${PODLEASH_BUILD:-$BATS_TEST_DIRNAME/../build}/tests/start")
}

setup() {
  set_start
  LIBRARY=$BATS_FILE_TMPDIR/preload/lib.so
  NOTHING=$BATS_FILE_TMPDIR/nothing/lib.so
  PYTHON=${PYTHON:-/usr/bin/python3}
  cd "$BATS_TEST_TMPDIR" || return
  mkdir bin pids
  cp "$BATS_FILE_TMPDIR/words" bin/podman
  ln bin/podman bin/docker
  ln bin/podman bin/podman4
  ln bin/podman bin/podman-remote
  PODMAN=$PWD/bin/podman
  PATH=$PWD/bin:$PATH
  cp "$BATS_FILE_TMPDIR/helper" helper

  unset CONTAINER_HOST CONTAINER_CONNECTION PODLEASH_STRICT PODLEASH_EXECUTABLES
  export PODLEASH_HELPER=$PWD/helper RECEPTOR_PID_DIRECTORY=$PWD/pids
}

# collect COMMAND…: runs it; its status, its output, and the file stderr.
collect() {
  status=0
  output=$("$@" 2> stderr) || status=$?
}

# with_library WORD…: `start WORD…` below the library; without_library: below an empty one.
with_library() {
  LD_PRELOAD=$LIBRARY "${START[@]}" "$@"
}

without_library() {
  LD_PRELOAD=$NOTHING "${START[@]}" "$@"
}

# run_name: the run's name in the output, which must be the same in both flags.
run_name() {
  local conmon pid
  conmon=$(sed -n "s|^--conmon-pidfile=$RECEPTOR_PID_DIRECTORY/\(.*\)\.conmon\.pid\$|\1|p" <<< "$output" | head -n 1)
  pid=$(sed -n "s|^--pidfile=$RECEPTOR_PID_DIRECTORY/\(.*\)\.pid\$|\1|p" <<< "$output" | head -n 1)
  [[ $pid =~ ^[0-9]+-[0-9a-f]+$ ]] || fail "no run's name: $output"
  [ "$conmon" = "$pid" ] || fail "two names of one run: $conmon $pid"
  printf '%s\n' "$pid"
}

fail() {
  printf '%s\n' "$@" >&2
  return 1
}

# lines WORD…: the words one a line; FLAGS stands for our two.
lines() {
  local word name
  name=$(run_name) || return
  for word in "$@"; do
    if [ "$word" = FLAGS ]; then
      echo "--conmon-pidfile=$RECEPTOR_PID_DIRECTORY/$name.conmon.pid"
      echo "--pidfile=$RECEPTOR_PID_DIRECTORY/$name.pid"
    else
      printf '%s\n' "$word"
    fi
  done
}

# printed WORD…: the program ended well and printed exactly these words.
printed() {
  local expected
  [ "$status" -eq 0 ] || fail "${WHAT-}: status $status: $output" || return
  [ ! -s stderr ] || fail "${WHAT-}: printed on stderr: $(< stderr)" || return
  case " $* " in
  *" FLAGS "*) expected=$(lines "$@") || return ;;
  *) expected=$(printf '%s\n' "$@") ;;
  esac
  [ "$output" = "$expected" ] ||
    fail "${WHAT-}: printed:" "$output" "instead of:" "$expected"
}

# unchanged WORD…: `start WORD…` prints the same and ends the same with and without the library.
unchanged() {
  local before
  collect without_library "$@"
  before="$status $output"
  collect with_library "$@"
  [ "$status $output" = "$before" ] ||
    fail "start $*: with the library:" "$status $output" "without:" "$before"
}

# system_calls LIBRARY WORD…: the names of the system calls that `start WORD…` makes, from its
# call of the function to the program's start.
system_calls() {
  local library=$1
  shift
  if [ -z "${PODLEASH_EMULATOR-}" ]; then
    strace -f -o trace -E "LD_PRELOAD=$library" "${START[@]}" "$@" > strace.out 2>&1
  else
    # strace would show the emulator's own; it prints parent and child into one line at times
    rm -f trace
    QEMU_STRACE=1 QEMU_LOG_FILENAME=trace LD_PRELOAD=$library "${START[@]}" "$@" > strace.out 2>&1
  fi
  # A spawn goes on in its child; what the parent does next to it is not in any order.
  awk -v emulated="${PODLEASH_EMULATOR-}" '
    /close\(-1\)/ { start = $1; next }
    !start || (child && $1 != child) { next }
    cloned && !child { if ($1 == start) next; child = $1 }
    !/resumed>/ && match($0, /[a-z_0-9]+\(/) {
      name = substr($0, RSTART, RLENGTH - 1)
      print name
      if (name ~ /clone|fork/ && emulated) exit
      if (name ~ /clone|fork/) cloned = 1
    }
    /execve(at)?(\(| resumed>).* = 0$/ { exit }
  ' trace
  [ -s trace ]
}

# no_system_call_more WORD…: the library costs `start WORD…` nothing.
no_system_call_more() {
  local before after
  before=$(system_calls "$NOTHING" "$@")
  after=$(system_calls "$LIBRARY" "$@")
  [[ $before =~ exec|clone ]] || fail "start $*: strace shows no start: $before" || return
  [ "$before" = "$after" ] ||
    fail "start $*: system calls with the library:" "$after" "without:" "$before"
}

# passes_through WORD…: every function starts WORD… as it is, at no cost.
passes_through() {
  local function
  for function in $OWN_EXECS $SPAWNS; do
    unchanged "$function" -- "$@" || return
    [[ $output != *--pidfile=* ]] || fail "$function $*: has our flags" || return
    no_system_call_more "$function" -- "$@" || return
  done
  for function in $SHELLS; do
    unchanged "$function" -- "$@" || return
  done
}

# --- a podman run is given to the helper -----------------------------------

@test "each function gives a podman run to the helper" {
  local function
  for function in $EXECS $SPAWNS $SHELLS; do
    WHAT=$function
    collect with_library "$function" -- "$PODMAN" run --rm image 'a  b' ''
    printed hold "$PODMAN" "$PODMAN" run FLAGS --rm image 'a  b' ''
  done
}

@test "each function keeps an argv[0] that is not the path" {
  local function
  for function in $EXECS $SPAWNS; do
    WHAT=$function
    collect with_library --argv0 a-name "$function" -- "$PODMAN" run image
    printed hold "$PODMAN" a-name run FLAGS image
  done
}

@test "functions that search PATH give the helper the file that they found" {
  local function
  mkdir first directory
  echo > first/podman # not executable: the search goes on
  mkdir directory/podman
  for function in $SEARCHES $SHELLS; do
    WHAT=$function
    PATH=$PWD/missing:$PWD/first:$PWD/directory:$PATH collect with_library "$function" -- podman run image
    printed hold "$PODMAN" podman run FLAGS image
  done
}

@test "an empty element of PATH is the working directory" {
  local function path
  cd bin
  for function in $SEARCHES; do
    for path in :/missing /missing::/missing /missing:; do
      WHAT="$function, PATH=$path"
      PATH=$path collect with_library "$function" -- podman run image
      printed hold podman podman run FLAGS image
    done
  done
}

@test "a podman of a size and a time that 32 bits do not hold is given to the helper" {
  truncate --size=3G bin/podman
  touch --date=2100-01-01 bin/podman
  collect with_library execve -- "$PODMAN" run image
  printed hold "$PODMAN" "$PODMAN" run FLAGS image
}

@test "functions that do not search PATH take a relative path as it is" {
  local function
  for function in execve execv execl execle execveat posix_spawn $SEARCHES; do
    WHAT=$function
    collect with_library "$function" -- bin/podman run image
    printed hold bin/podman bin/podman run FLAGS image
  done
}

@test "the run's name starts with the pid of the caller, which becomes the helper" {
  local function
  # shellcheck disable=SC2016 # for the helper's shell
  printf '#!%s sh\necho $$\nprintf "%%s\\n" "$@"\n' "$(command -v busybox)" > helper
  for function in $EXECS; do
    collect with_library "$function" -- "$PODMAN" run image
    [[ $(run_name) == "$(head -n 1 <<< "$output")"-* ]]
  done
}

@test "two runs have two names" {
  local one other
  collect with_library posix_spawn -- "$PODMAN" run image
  one=$(run_name)
  collect with_library posix_spawn -- "$PODMAN" run image
  other=$(run_name)
  [ "$one" != "$other" ]
}

@test "a relative path is meant where the file actions of a spawn take the child" {
  collect with_library posix_spawn-chdir -- "$PODMAN" run image
  [[ $output != *ENOSYS ]] || skip 'this C library cannot'
  printed hold ./podman "$PODMAN" run FLAGS image
}

@test "global flags may stand before run and behind container" {
  local function=execve
  collect with_library $function -- "$PODMAN" --syslog --root /r --log-level=info run -it image
  printed hold "$PODMAN" "$PODMAN" --syslog --root /r --log-level=info run FLAGS -it image
  collect with_library $function -- "$PODMAN" container run image
  printed hold "$PODMAN" "$PODMAN" container run FLAGS image
  collect with_library $function -- "$PODMAN" --root /r container --runtime runc --syslog run image
  printed hold "$PODMAN" "$PODMAN" --root /r container --runtime runc --syslog run FLAGS image
  collect with_library $function -- "$PODMAN" --log-level run run image
  printed hold "$PODMAN" "$PODMAN" --log-level run run FLAGS image
  collect with_library $function -- "$PODMAN" --remote=false run image
  printed hold "$PODMAN" "$PODMAN" --remote=false run FLAGS image
}

@test "words behind run are left as they are, ours among them" {
  collect with_library execve -- "$PODMAN" run --pidfile=/mine image run --pidfile=/p --conmon-pidfile /c --remote
  printed hold "$PODMAN" "$PODMAN" run FLAGS --pidfile=/mine image run --pidfile=/p --conmon-pidfile /c --remote
}

@test "PODLEASH_EXECUTABLES names the programs that count" {
  local function name
  export PODLEASH_EXECUTABLES=docker:podman4
  for function in $OWN_EXECS $SPAWNS $SHELLS; do
    for name in docker podman4; do
      WHAT="$function $name"
      collect with_library "$function" -- "$PWD/bin/$name" run image
      printed hold "$PWD/bin/$name" "$PWD/bin/$name" run FLAGS image
    done
    WHAT="$function podman"
    collect with_library "$function" -- "$PODMAN" run image
    printed "$PODMAN" run image
  done
}

@test "an empty PODLEASH_EXECUTABLES is podman alone" {
  export PODLEASH_EXECUTABLES=
  collect with_library execve -- "$PODMAN" run image
  printed hold "$PODMAN" "$PODMAN" run FLAGS image
  collect with_library execve -- "$PWD/bin/docker" run image
  printed "$PWD/bin/docker" run image
}

@test "an argv of any length is handed on whole" {
  local function count words
  for function in $EXECS $SPAWNS; do
    # around the length from which the library maps memory, and far above it
    for count in 1018 1019 1020 1023 1024 1025 1026 1030 5000; do
      [[ $function == execl* ]] && [ "$count" -eq 5000 ] && count=1190
      with_library --words "$count" "$function" -- "$PODMAN" run image > output
      words=$(wc -l < output)
      # hold PATH, and our two flags
      [ "$words" -eq $((count + 4)) ] || fail "$function: $words lines for $count words"
      output=$(head -n 7 output)
      status=0
      : > stderr
      WHAT=$function
      printed hold "$PODMAN" "$PODMAN" run FLAGS image
      [ "$(tail -n +8 output | sort -u)" = "$(printf 'x%.0s' {1..63})" ]
    done
  done
}

# --- callers ---------------------------------------------------------------

@test "a vfork child's podman run is given to the helper" {
  local function
  for function in $EXECS $SPAWNS; do
    WHAT=$function
    collect with_library --in vfork "$function" -- "$PODMAN" run image
    printed hold "$PODMAN" "$PODMAN" run FLAGS image
  done
}

@test "a signal handler's podman run is given to the helper" {
  local function
  for function in $EXECS $SPAWNS; do
    WHAT=$function
    collect with_library --in signal "$function" -- "$PODMAN" run image
    printed hold "$PODMAN" "$PODMAN" run FLAGS image
  done
}

@test "a stack of 32 KiB is enough for a podman run" {
  local function
  for function in $EXECS $SPAWNS; do
    WHAT=$function
    collect with_library --in small-stack "$function" -- "$PODMAN" run image
    printed hold "$PODMAN" "$PODMAN" run FLAGS image
  done
  for function in $SEARCHES; do
    WHAT=$function
    collect with_library --in small-stack "$function" -- podman run image
    printed hold "$PODMAN" podman run FLAGS image
  done
}

@test "a signal handler's stack of 8 KiB is enough for a podman run, and for any other program" {
  local function
  for function in $EXECS; do
    WHAT=$function
    collect with_library --in signal-stack "$function" -- "$PODMAN" run image
    printed hold "$PODMAN" "$PODMAN" run FLAGS image
  done
  for function in $OWN_EXECS; do
    WHAT=$function
    collect with_library --in signal-stack "$function" -- "$PWD/bin/docker" run image
    printed "$PWD/bin/docker" run image
  done
}

@test "vfork children with many words leave no memory mapped in their parent" {
  local function
  for function in execve execvp posix_spawn; do
    collect with_library --words 5000 --in children "$function" -- "$PODMAN" run image
    [ "$status" -eq 0 ]
    [ "$(grep '^left mapped' <<< "$output")" = 'left mapped: 0 KiB' ] || fail "$function: $(grep left <<< "$output")"
  done
}

@test "vfork children of many threads at once do not take each other's words" {
  local words
  collect with_library --words 3000 --in threads execve -- "$PODMAN" run image
  [ "$status" -eq 0 ]
  [ "$(grep -c '^--pidfile=' <<< "$output")" -eq 16 ]
  words=$(grep -c '^x*$' <<< "$output")
  [ "$words" -eq $((16 * 2997)) ] || fail "$words words"
}

@test "a stack of 32 KiB is enough for a podman run without the helper" {
  local function
  export PODLEASH_HELPER=$PWD/missing
  for function in $OWN_EXECS $SEEING_SPAWNS; do
    WHAT=$function
    collect with_library --in small-stack "$function" -- "$PODMAN" run image
    printed "$PODMAN" run image
  done
}

@test "a stack of 32 KiB is enough for a podman run of 5,000 words" {
  local function
  for function in $EXECS $SPAWNS; do
    [[ $function != execl* ]] || continue
    with_library --in small-stack --words 5000 "$function" -- "$PODMAN" run image > output
    [ "$(wc -l < output)" -eq 5004 ] || fail "$function: $(wc -l < output) lines"
  done
}

@test "16 threads at once start 16 runs of 16 names" {
  local function names
  for function in $EXECS $SPAWNS; do
    collect with_library --in threads "$function" -- "$PODMAN" run image
    [ "$status" -eq 0 ]
    names=$(sed -n 's|^--pidfile=.*/||p' <<< "$output" | sort -u | wc -l)
    [ "$names" -eq 16 ] || fail "$function: $names names"
    [ "$(grep -c -x hold <<< "$output")" -eq 16 ]
  done
}

python() {
  LD_PRELOAD=$LIBRARY "$PYTHON" -c "$@"
}

# bats test_tags=python
@test "python's subprocess by fork gives a podman run to the helper" {
  collect python 'import subprocess, sys
subprocess.run(sys.argv[1:], preexec_fn=lambda: None, check=True)' "$PODMAN" run image
  printed hold "$PODMAN" "$PODMAN" run FLAGS image
}

# bats test_tags=python
@test "python's subprocess by vfork gives a podman run to the helper" {
  collect python 'import subprocess, sys
subprocess.run(sys.argv[1:], check=True)' podman run image
  printed hold "$PODMAN" podman run FLAGS image
}

# bats test_tags=python
@test "python's subprocess by posix_spawn gives a podman run to the helper" {
  collect python 'import subprocess, sys
subprocess.run(sys.argv[1:], close_fds=False, restore_signals=False, check=True)' "$PODMAN" run image
  printed hold "$PODMAN" "$PODMAN" run FLAGS image
}

# bats test_tags=python
@test "python's os.posix_spawn and os.posix_spawnp give a podman run to the helper" {
  local function
  for function in posix_spawn posix_spawnp; do
    WHAT=$function
    collect python 'import os, sys
spawn = getattr(os, sys.argv[1])
_, status = os.waitpid(spawn(sys.argv[2], sys.argv[2:], os.environ), 0)
sys.exit(os.waitstatus_to_exitcode(status))' "$function" "$PODMAN" run image
    printed hold "$PODMAN" "$PODMAN" run FLAGS image
  done
}

# bats test_tags=python
@test "python's subprocess hands the environment that the library reads" {
  collect python 'import os, subprocess, sys
env = dict(os.environ)
del os.environ["RECEPTOR_PID_DIRECTORY"]
subprocess.run(sys.argv[1:], env=env, check=True)' "$PODMAN" run image
  printed hold "$PODMAN" "$PODMAN" run FLAGS image
  collect python 'import os, subprocess, sys
env = dict(os.environ)
del env["RECEPTOR_PID_DIRECTORY"]
subprocess.run(sys.argv[1:], env=env, check=True)' "$PODMAN" run image
  printed "$PODMAN" run image
}

# bats test_tags=python
@test "python's subprocess reports a podman that is not there as ever" {
  collect python 'import subprocess, sys
try:
    subprocess.run(sys.argv[1:])
except FileNotFoundError as error:
    print(error.errno, error.filename)' "$PWD/missing/podman" run image
  printed "2 $PWD/missing/podman"
}

# bats test_tags=python
@test "pexpect gives a podman run to the helper" {
  PYTHON=${PODLEASH_TEST_DIR:-/opt/podleash-test}/runner-2.4.3/bin/python
  collect python 'import pexpect, sys
child = pexpect.spawn(sys.argv[1], sys.argv[2:], encoding="utf-8", timeout=20)
child.expect(pexpect.EOF)
child.close()
print(child.before.replace("\r\n", "\n"), end="")
sys.exit(child.exitstatus)' "$PODMAN" run image
  printed hold "$PODMAN" "$PODMAN" run FLAGS image
}

# --- what is not a local podman run passes through, at no cost ---------------

@test "RECEPTOR_PID_DIRECTORY unset: passes through, no system call more" {
  unset RECEPTOR_PID_DIRECTORY
  passes_through "$PODMAN" run image
}

@test "RECEPTOR_PID_DIRECTORY empty: passes through, no system call more" {
  export RECEPTOR_PID_DIRECTORY=
  passes_through "$PODMAN" run image
}

@test "another program: passes through, no system call more" {
  passes_through "$PWD/bin/docker" ps
}

@test "another program's run: passes through" {
  local function
  for function in $OWN_EXECS $SPAWNS $SHELLS; do
    unchanged "$function" -- "$PWD/bin/docker" run image
    [[ $output != *--pidfile=* ]]
  done
}

@test "another program's run, by its path or by its name in a directory: no system call more" {
  local function
  for function in $OWN_EXECS $SPAWNS; do
    # a descriptor alone has to be looked up
    [[ $function != execveat-fd && $function != fexecve ]] || continue
    no_system_call_more "$function" -- "$PWD/bin/docker" run image
  done
}

@test "podman-remote: passes through" {
  local function
  for function in $OWN_EXECS $SPAWNS $SHELLS; do
    unchanged "$function" -- "$PWD/bin/podman-remote" run image
    [[ $output != *--pidfile=* ]]
  done
}

@test "another subcommand: passes through, no system call more" {
  passes_through "$PODMAN" ps
  passes_through "$PODMAN" container exec run
}

@test "no subcommand: passes through, no system call more" {
  passes_through "$PODMAN"
  passes_through "$PODMAN" --version
}

@test "run as a flag's value: passes through, no system call more" {
  passes_through "$PODMAN" --log-level run ps
}

@test "podman --remote run: passes through, no system call more" {
  passes_through "$PODMAN" --remote run image
}

@test "podman -r run: passes through, no system call more" {
  passes_through "$PODMAN" -r run image
}

@test "podman -c NAME run: passes through, no system call more" {
  passes_through "$PODMAN" -c x run image
}

@test "podman --connection=NAME run: passes through, no system call more" {
  passes_through "$PODMAN" --connection=x run image
}

@test "podman --url URL run: passes through, no system call more" {
  passes_through "$PODMAN" --url x run image
}

@test "CONTAINER_HOST: passes through, no system call more" {
  export CONTAINER_HOST=ssh://there
  passes_through "$PODMAN" run image
}

@test "CONTAINER_CONNECTION: passes through, no system call more" {
  export CONTAINER_CONNECTION=there
  passes_through "$PODMAN" run image
}

@test "an unknown global flag: no system call more where there is no run behind it" {
  passes_through "$PODMAN" --not-a-flag ps
}

@test "an unknown global flag before run: the helper gets the words as they are" {
  local function
  for function in $EXECS $SPAWNS; do
    WHAT=$function
    collect with_library "$function" -- "$PODMAN" --log-level=error --not-a-flag run image
    printed hold "$PODMAN" "$PODMAN" --log-level=error --not-a-flag run image
  done
}

@test "execveat that must not follow a link is left alone" {
  unchanged execveat-nofollow -- "$PODMAN" run image
  [ -v NO_EXECVEAT ] || printed "$PODMAN" run image
  ln -s bin/podman podman
  unchanged execveat-nofollow -- "$PWD/podman" run image
}

@test "execveat with flags that no kernel knows fails with EINVAL" {
  unchanged execveat-invalid -- "$PODMAN" run image
  [ -v NO_EXECVEAT ] || [[ $output == *errno=EINVAL ]]
}

@test "execveat that only asks whether a program may be started does not start it" {
  unchanged execveat-check -- "$PODMAN" run image
  [[ $output == execveat-check:* ]]
}

# --- failures are the caller's own -----------------------------------------

# cannot_start WORD…: every function fails as it does without the library, from every place,
# for podman and another program, whatever the helper. PROGRAM stands for the name.
cannot_start() {
  local function name helper place
  for helper in "$PWD/helper" "$PWD/missing"; do
    for name in podman docker; do
      for function in $OWN_EXECS $SPAWNS $SHELLS; do
        PODLEASH_HELPER=$helper unchanged "$function" -- "${@//PROGRAM/$name}" || return
        [ "$status" -ne 0 ] || fail "$function ${*//PROGRAM/$name}: did start" || return
        PODLEASH_STRICT=1 PODLEASH_HELPER=$helper unchanged "$function" -- "${@//PROGRAM/$name}" || return
      done
      for place in vfork signal small-stack; do
        for function in $OWN_EXECS $SPAWNS; do
          PODLEASH_HELPER=$helper unchanged --in "$place" "$function" -- "${@//PROGRAM/$name}" || return
        done
      done
    done
  done
}

@test "no such file: the caller gets ENOENT" {
  cannot_start "$PWD/missing/PROGRAM" run image
  [[ $(with_library execve -- "$PWD/missing/podman" run image) == *errno=ENOENT ]]
}

@test "no such file in PATH: the caller gets ENOENT" {
  mkdir empty
  local PATH=$PWD/empty:/proc/self
  cannot_start PROGRAM run image
  [[ $(with_library execvp -- podman run image) == *errno=ENOENT ]]
}

@test "not executable: the caller gets EACCES" {
  mkdir plain
  echo > plain/podman
  echo > plain/docker
  cannot_start "$PWD/plain/PROGRAM" run image
  [[ $(with_library execve -- "$PWD/plain/podman" run image) == *errno=EACCES ]]
}

@test "not executable, in PATH: the caller gets EACCES" {
  mkdir plain
  echo > plain/podman
  echo > plain/docker
  local PATH=$PWD/plain:/proc/self
  cannot_start PROGRAM run image
  [[ $(with_library execvp -- podman run image) == *errno=EACCES ]]
}

@test "a directory: the caller gets EACCES" {
  mkdir -p directory/podman directory/docker
  cannot_start "$PWD/directory/PROGRAM" run image
  [[ $(with_library execve -- "$PWD/directory/podman" run image) == *errno=EACCES ]]
}

@test "a file as a directory: the caller gets ENOTDIR" {
  cannot_start "$PODMAN/PROGRAM" run image
  [[ $(with_library execve -- "$PODMAN/podman" run image) == *errno=ENOTDIR ]]
}

@test "a loop of links: the caller gets ELOOP" {
  mkdir loop
  ln -s podman loop/podman
  ln -s docker loop/docker
  cannot_start "$PWD/loop/PROGRAM" run image
  [[ $(with_library execve -- "$PWD/loop/podman" run image) == *errno=ELOOP ]]
}

@test "too long a name: the caller gets ENAMETOOLONG" {
  local long
  long=$(printf 'x%.0s' {1..300})
  cannot_start "$PWD/$long/PROGRAM" run image
  [[ $(with_library execve -- "$PWD/$long/podman" run image) == *errno=ENAMETOOLONG ]]
}

@test "no program that the kernel knows: the caller gets ENOEXEC, or the shell" {
  local function name
  export PODLEASH_HELPER=$PWD/missing
  mkdir odd
  # shellcheck disable=SC2016 # for the shell that execvp(3) starts
  echo 'echo "a shell: $*"' | tee odd/podman odd/docker > odd/words
  chmod +x odd/podman odd/docker
  for function in $OWN_EXECS $SPAWNS; do
    for name in podman docker; do
      WHAT="$function $name"
      RECEPTOR_PID_DIRECTORY='' unchanged "$function" -- "$PWD/odd/$name" run image
      unchanged "$function" -- "$PWD/odd/$name" run image
    done
  done
  [[ $(with_library execve -- "$PWD/odd/podman" run image) == *errno=ENOEXEC ]]
}

@test "too long a word: the caller gets E2BIG" {
  local function name
  for function in $OWN_EXECS $SEEING_SPAWNS; do
    for name in podman docker; do
      unchanged --huge "$function" -- "$PWD/bin/$name" run image
      [[ $output == *E2BIG ]] || fail "$function $name: $output"
      unchanged --in vfork --huge "$function" -- "$PWD/bin/$name" run image
      [[ $output == *E2BIG ]] || fail "$function $name: $output"
    done
  done
}

@test "too many words, more than the library has room for: the caller gets E2BIG" {
  local function count
  ulimit -S -s 512 # execve(2): a quarter of it, but 128 KiB at least
  for function in $OWN_EXECS $SEEING_SPAWNS; do
    count=5999
    [[ $function != execl* ]] || count=1198
    # the words that execl(3) can be given here fit; the last one does not
    unchanged --huge --words $((count - 1)) "$function" -- "$PODMAN" run image
    [[ $output == *E2BIG ]] || fail "$function: $output"
  done
}

@test "a command line that our own words make too long starts as it was" {
  local function low=100 high=3000 middle
  ulimit -S -s 512
  while [ $((high - low)) -gt 1 ]; do
    middle=$(((low + high) / 2))
    if without_library --words "$middle" execve -- "$PODMAN" run image > /dev/null 2>&1 &&
      ! without_library --words "$middle" execve -- "$PODMAN" run image | grep -q E2BIG; then
      low=$middle
    else
      high=$middle
    fi
  done
  [ "$low" -lt 2999 ]
  for function in $OWN_EXECS $SEEING_SPAWNS; do
    [[ $function != execl* ]] || continue
    with_library --words "$low" "$function" -- "$PODMAN" run image > output
    [ "$(head -n 3 output | tr '\n' ' ')" = "$PODMAN run image " ] || fail "$function: $(head -n 3 output)"
    mapfile -t lines < output # no wc(1): some need more stack
    [ ${#lines[@]} -eq "$low" ]
  done
}

# --- without the helper ----------------------------------------------------

@test "no helper: podman gets its own words" {
  local function helper
  echo > not-executable
  for helper in "$PWD/missing" "$PWD/not-executable" "$PWD/bin"; do
    export PODLEASH_HELPER=$helper
    for function in $OWN_EXECS $SEEING_SPAWNS $SHELLS; do
      WHAT="$function, $helper"
      collect with_library "$function" -- "$PODMAN" run --rm image
      printed "$PODMAN" run --rm image
    done
  done
}

@test "no helper: podman keeps its argv[0]" {
  export PODLEASH_HELPER=$PWD/missing
  collect with_library --argv0 a-name execve -- "$PODMAN" --syslog run image
  printed a-name --syslog run image
}

@test "a directory of any length is handed on whole" {
  local count
  for count in 800 2000 20000; do
    RECEPTOR_PID_DIRECTORY=$PWD/$(printf 'x/%.0s' $(seq $count))x
    export RECEPTOR_PID_DIRECTORY
    collect with_library execve -- "$PODMAN" run image
    printed hold "$PODMAN" "$PODMAN" run FLAGS image
  done
}

@test "no helper, strict: an exec ends with status 125, a spawn fails, and one line is on stderr" {
  local function place
  export PODLEASH_HELPER=$PWD/missing PODLEASH_STRICT=1
  for place in process vfork signal small-stack; do
    for function in $EXECS; do
      collect with_library --in "$place" "$function" -- "$PODMAN" run image
      [ "$status" -eq 125 ] || fail "$place $function: status $status"
      [ -z "$output" ] || fail "$place $function: $output"
      # shellcheck disable=SC2154 # collect sets it
      [ "$(wc -l < stderr)" -eq 1 ]
      [[ $(< stderr) == podleash:*PODLEASH_HELPER* ]]
    done
  done
  for function in $SHELLS; do
    collect with_library "$function" -- "$PODMAN" run image
    [ "$status" -eq 125 ]
    [ "$(wc -l < stderr)" -eq 1 ]
  done
  for function in $SEEING_SPAWNS; do
    collect with_library "$function" -- "$PODMAN" run image
    [ "$output" = "$function: result=ENOENT" ]
    [ "$(wc -l < stderr)" -eq 1 ]
    [[ $(< stderr) == podleash:*PODLEASH_HELPER* ]]
  done
}

@test "strict is 1 and nothing else, and means nothing to other programs" {
  export PODLEASH_HELPER=$PWD/missing
  PODLEASH_STRICT=0 collect with_library execve -- "$PODMAN" run image
  printed "$PODMAN" run image
  PODLEASH_STRICT='' collect with_library execve -- "$PODMAN" run image
  printed "$PODMAN" run image
  PODLEASH_STRICT=1 collect with_library execve -- "$PODMAN" ps
  printed "$PODMAN" ps
  PODLEASH_STRICT=1 collect with_library execve -- "$PWD/bin/docker" run image
  printed "$PWD/bin/docker" run image
}

# --- whose environment -----------------------------------------------------

@test "a variable that only the call's environment has counts" {
  local function pids=$RECEPTOR_PID_DIRECTORY
  for function in $HANDED; do
    WHAT=$function
    collect env -u RECEPTOR_PID_DIRECTORY -u PODLEASH_HELPER "LD_PRELOAD=$LIBRARY" "${START[@]}" \
      --env "RECEPTOR_PID_DIRECTORY=$pids" --env "PODLEASH_HELPER=$PWD/helper" \
      "$function" -- "$PODMAN" run image
    printed hold "$PODMAN" "$PODMAN" run FLAGS image
    collect with_library --env CONTAINER_HOST=ssh://there "$function" -- "$PODMAN" run image
    printed "$PODMAN" run image
    collect with_library --env PODLEASH_EXECUTABLES=docker "$function" -- "$PODMAN" run image
    printed "$PODMAN" run image
    collect with_library --env "PODLEASH_HELPER=$PWD/missing" "$function" -- "$PODMAN" run image
    printed "$PODMAN" run image
    collect with_library --env "PODLEASH_HELPER=$PWD/missing" --env PODLEASH_STRICT=1 "$function" -- "$PODMAN" run image
    [ "$status" -ne 0 ]
  done
}

@test "a variable that only the caller's environment has does not count" {
  local function
  for function in $HANDED; do
    WHAT=$function
    collect with_library --unset RECEPTOR_PID_DIRECTORY "$function" -- "$PODMAN" run image
    printed "$PODMAN" run image
    CONTAINER_HOST=ssh://there collect with_library --unset CONTAINER_HOST "$function" -- "$PODMAN" run image
    printed hold "$PODMAN" "$PODMAN" run FLAGS image
    PODLEASH_EXECUTABLES=docker collect with_library --unset PODLEASH_EXECUTABLES "$function" -- "$PODMAN" run image
    printed hold "$PODMAN" "$PODMAN" run FLAGS image
    PODLEASH_HELPER=$PWD/missing PODLEASH_STRICT=1 \
      collect with_library --env PODLEASH_STRICT=0 "$function" -- "$PODMAN" run image
    printed "$PODMAN" run image
  done
}

@test "functions without an environment read the caller's" {
  local function
  for function in $INHERITED; do
    WHAT=$function
    collect with_library --unset RECEPTOR_PID_DIRECTORY "$function" -- "$PODMAN" run image
    printed hold "$PODMAN" "$PODMAN" run FLAGS image
  done
}

@test "PATH is searched in the caller's environment, as execvp(3) says" {
  local function
  for function in execvpe posix_spawnp; do
    WHAT=$function
    collect with_library --env PATH=/missing "$function" -- podman run image
    printed hold "$PODMAN" podman run FLAGS image
  done
}

# --- other libraries that stand in the same place ---------------------------

# counter LIBRARY FUNCTION...: one that notes each call of these, and hands it on.
counter() {
  local library=$1 function
  shift
  {
    printf '#include <dlfcn.h>\n#include <unistd.h>\n'
    for function in "$@"; do
      printf 'int %s(const char *file, char *const argv[]%s)\n{\n' "$function" "$([[ $function != *e ]] || echo ', char *const envp[]')"
      printf '\t__typeof__(&%s) next = (__typeof__(&%s))dlsym(RTLD_NEXT, "%s");\n\n' "$function" "$function" "$function"
      printf '\t(void)!write(2, "%s\\n", %d);\n' "$function" $((${#function} + 1))
      printf '\treturn next(file, argv%s);\n}\n' "$([[ $function != *e ]] || echo ', envp')"
    done
  } | "${CC:-cc}" -D_GNU_SOURCE -shared -fPIC -x c - -o "$library" -ldl
}

@test "a library behind ours, or before it, sees each call by its own name" {
  local function place seen
  counter "$PWD/other.so" execve execv execvp execvpe
  for place in "$LIBRARY:$PWD/other.so" "$PWD/other.so:$LIBRARY"; do
    for function in execve execv execvp execvpe execl execlp execle; do
      seen=$function
      case $function in
        execl) seen=execv ;;
        execlp) seen=execvp ;;
        execle) seen=execve ;;
      esac
      # before ours it does not see what a list became
      [[ $function != execl* || $place != "$PWD"* ]] || seen=
      WHAT="$function, $place"
      LD_PRELOAD=$place collect "${START[@]}" "$function" -- "$PWD/bin/docker" ps
      [ "$output" = "$PWD/bin/docker"$'\n'ps ] || fail "$WHAT: $output"
      [ "$(< stderr)" = "$seen" ] || fail "$WHAT: $(< stderr)"
      LD_PRELOAD=$place collect "${START[@]}" "$function" -- "$PODMAN" run image
      : > stderr
      printed hold "$PODMAN" "$PODMAN" run FLAGS image
    done
  done
}

# --- the library itself ----------------------------------------------------

@test "opened by dlopen(3), as podleash run does, it starts podman runs and other programs" {
  "${CC:-cc}" -x c -D_GNU_SOURCE - -o opener -ldl << 'END'
#include <dlfcn.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	__typeof__(&execvp) start = library ? (__typeof__(&execvp))dlsym(library, "execvp") : 0;

	return argc > 2 && start ? start(argv[2], argv + 2) : 1;
}
END
  collect "${EMULATOR[@]}" ./opener "$LIBRARY" "$PODMAN" run image
  printed hold "$PODMAN" "$PODMAN" run FLAGS image
  collect "${EMULATOR[@]}" ./opener "$LIBRARY" "$PODMAN" ps
  printed "$PODMAN" ps
}

@test "the library exports the eleven functions and nothing else" {
  collect nm -D --defined-only --format=posix "$LIBRARY"
  [ "$status" -eq 0 ]
  [ "$(awk '{ print $1 }' <<< "$output" | sed 's/@.*//' | LC_ALL=C sort | tr '\n' ' ')" = \
    "execl execle execlp execv execve execveat execvp execvpe fexecve posix_spawn posix_spawnp " ]
}

@test "the library calls async-signal-safe functions only" {
  local allowed name
  # what it is written with
  allowed="__environ environ __errno_location _exit access clock_gettime close dlsym getpid memcmp memcpy mmap
    munmap readlink sendmsg socket stat strchr strcmp strcspn strlen strncmp strrchr syscall write"
  # what compilers and older C libraries make of the same
  allowed+=" __stack_chk_fail __stack_chk_guard __memcpy_chk __xstat __readlink_chk memset strlcpy mmap64 stat64
    __stat64_time64 __clock_gettime64"
  # at load time alone: libgcc's, of an aarch64 that has its atomic instructions or not
  allowed+=" __getauxval"
  collect nm -D --undefined-only --format=posix "$LIBRARY"
  [ "$status" -eq 0 ]
  while read -r name kind _; do
    name=${name%%@*}
    # weak: _ITM_*, __gmon_start__, __cxa_finalize of the C runtime's start files, musl's ___environ
    [[ $kind != [wv] ]] || continue
    [[ " ${allowed//$'\n'/ } " =~ [[:space:]]"$name"[[:space:]] ]] || fail "the library calls $name"
  done <<< "$output"
}

@test "the library is bound at load time, so that no child has to look symbols up" {
  collect readelf --dynamic --wide "$LIBRARY"
  [[ $output == *BIND_NOW* || $output == *"Flags: NOW"* ]]
}
