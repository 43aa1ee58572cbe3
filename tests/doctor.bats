#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# `podleash doctor` in an environment where one thing is wrong: it says so, and the command that it prints
# mends it. podman and receptor are stand-ins; a real container is leashed in leash_doctor.bats.
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2153 # STATUS is set by collect

# bats file_tags=root

load test_helper.bash
load disorder.bash
load room.bash

setup() {
  PODLEASH=$BUILD/podleash
  RECEPTOR=() AS=()
  mkdir -m 0700 "$PID_DIR" "$WORK/xdg"
  mkdir "$WORK/bin" "$WORK/lib"
  cp "$BUILD/tests/idle" "$WORK/bin/receptor"
  podman_says 'exit 0'
  conf ansible-runner "$PODLEASH" 'run ansible-runner worker'
  PATH=$WORK/bin:$PATH
  # Never what is of this machine.
  export PODLEASH_LOG=$LOG XDG_RUNTIME_DIR=$WORK/xdg
}

teardown() {
  local process
  for process in "${OURS[@]}"; do
    kill_now "$process"
  done
  [ -z "${SHARED-}" ] || rm -rf "$SHARED"
}

# podman_says COMMANDS: a podman that answers so when it is asked for its flags.
podman_says() {
  cat >"$WORK/bin/podman" <<END
#!/bin/sh
case \$* in
  --version) echo podman version 4.9.9 ;;
  run*--help) $1 ;;
esac
END
  chmod +x "$WORK/bin/podman"
}

# conf WORKTYPE COMMAND [PARAMS]: a configuration with that work command.
conf() {
  printf -- '- node:\n    id: a\n- work-command:\n    worktype: %s\n    command: %s\n    params: %s\n' \
    "$1" "$2" "'${3-}'" >"$WORK/receptor.conf"
}

# receptor [NAME=VALUE...]: from here on a receptor runs beside doctor, in that environment.
receptor() {
  RECEPTOR=(env -i "PATH=$PATH" "XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" "$@" "$WORK/bin/receptor" -c "$WORK/receptor.conf")
}

# leashing_receptor [NAME=VALUE...]: one whose environment leashes what it starts.
leashing_receptor() {
  receptor "LD_PRELOAD=$BUILD/libpodleash.so" "RECEPTOR_PID_DIRECTORY=$PID_DIR" "PODLEASH_HELPER=$PODLEASH" "$@"
}

# doctor WORD...: its STATUS and its lines, in the file out. What is not ok has a fix, and that is a command.
doctor() {
  {
    if [ ${#RECEPTOR[@]} != 0 ]; then
      printf '%q ' "${RECEPTOR[@]}" && echo '>/dev/null 2>&1 &'
      # shellcheck disable=SC2016
      echo 'pid=$!; until [ "$(cat /proc/$pid/comm)" = receptor ] || pgrep -x -P $pid receptor >/dev/null; do kill -0 $pid || exit 2; sleep 0.02; done'
    fi
    printf '%q ' "${AS[@]}" "$PODLEASH" doctor "$@"
    # shellcheck disable=SC2016
    echo '; status=$?; [ -z "${pid-}" ] || kill $pid; exit $status'
  } >"$WORK/script"
  bounded 60 "${ALONE[@]}" bash "$WORK/script"
  [ "$STATUS" -le 1 ] || explain 'neither 0 nor 1'
  [ ! -s "$WORK/err" ] || explain 'something on stderr'
}

# examine [WORD...]: the same in JSON.
examine() {
  doctor --json "$@"
  [ "$(jq -r 'select(.result == "fail") | "fail"' "$WORK/out" | sort -u)" = "$([ "$STATUS" = 0 ] || echo fail)" ] ||
    explain 'not the status that the lines say'
  [ -z "$(jq -r 'select((.result == "ok") != (.fix == ""))' "$WORK/out")" ] || explain 'a fix where all is well, or none'
  jq -r 'select(.fix != "") | .fix' "$WORK/out" >"$WORK/fixes"
  while read -r fix; do
    bash -n -c "$fix" || explain "no command: $fix"
    # A variable may stand before it; these may not be on this machine.
    [[ $fix =~ ^([A-Z_]+=[^ ]*\ )?([^ ]+) ]] || explain "no command: $fix"
    case ${BASH_REMATCH[2]} in
      systemctl | sudo | vi | dnf) ;;
      *) type "${BASH_REMATCH[2]}" >/dev/null || explain "no command: $fix" ;;
    esac
  done <"$WORK/fixes"
}

# says RESULT CHECK REGEX: whether one of its lines is that.
says() {
  [ "$(jq -r --arg result "$1" --arg check "$2" --arg regex "$3" \
    'select(.result == $result and .check == $check and (.text | test($regex))) | "yes"' "$WORK/out" | head -n 1)" = yes ]
}

# assert_says RESULT CHECK REGEX [WORD...]: examines, and one of the lines is that.
assert_says() {
  examine "${@:4}"
  says "$1" "$2" "$3" || explain "no line: $1 $2 $3"
}

# assert_mends RESULT CHECK REGEX [WORD...]: the same, and the fix of that line leaves nothing wrong with the check.
assert_mends() {
  local fix
  assert_says "$@"
  fix=$(jq -r --arg result "$1" --arg check "$2" --arg regex "$3" \
    'select(.result == $result and .check == $check and (.text | test($regex))) | .fix' "$WORK/out")
  echo "fix: $fix"
  (cd "$WORK" && bash -c "$fix")
  examine "${@:4}"
  [ -z "$(jq -r --arg check "$2" 'select(.check == $check and .result != "ok")' "$WORK/out")" ] ||
    explain "not mended by: $fix"
}

# with_arch FILE NUMBER: makes FILE a program of another machine, elf(5).
with_arch() {
  printf '\x%02x\x00' "$2" >"$WORK/machine"
  dd if="$WORK/machine" of="$1" bs=1 seek=18 conv=notrunc status=none
}

# as_stranger [COMMAND...]: from here on doctor is run, by that command, as a user who runs nothing else, in a place of his own.
as_stranger() {
  SHARED=${SHARED:-$(mktemp -d /tmp/doctor.XXXXXX)}
  chmod 0755 "$SHARED"
  cp "$BUILD/podleash" "$BUILD/libpodleash.so" "$WORK/bin/podman" "$SHARED"
  install -d -m 0700 -o 54321 "$SHARED/xdg"
  PODLEASH=$SHARED/podleash
  AS=("$@" setpriv --reuid 54321 --regid 54321 --clear-groups env -u PODLEASH_LOG "XDG_RUNTIME_DIR=$SHARED/xdg" "PATH=$SHARED:$PATH")
}

@test "all is well: every line is ok, status 0, nothing is written" {
  leashing_receptor
  examine
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ -z "$(jq -r 'select(.result != "ok")' "$WORK/out")" ] || explain 'not all is ok'
  [ "$(jq -r .check "$WORK/out" | uniq | paste -sd ' ')" = \
    'library environment helper directory podman kernel receptor work-command guards limits' ] || explain 'not these, in this order'
  [ -z "$(ls -A "$PID_DIR")$(ls -A "$WORK/xdg")" ]
  [ ! -e "$LOG" ]
}

@test "for people the same lines are text, each fix below its line" {
  conf x ansible-runner worker
  receptor
  chmod 0777 "$PID_DIR"
  RECEPTOR+=("RECEPTOR_PID_DIRECTORY=$PID_DIR")
  examine
  jq -r '((.result + "    ")[:5]) + " " + .check + ": " + .text, if .fix == "" then empty else "      fix: " + .fix end' \
    "$WORK/out" >"$WORK/expected"
  grep -q 'fix: ' "$WORK/expected"
  doctor
  diff <(sed -E 's/pid [0-9]+/pid/' "$WORK/expected") <(sed -E 's/pid [0-9]+/pid/' "$WORK/out")
}

# ---- the library ----

@test "the library is no library, torn, or of another architecture: fail, and podleash run leashes nothing" {
  local kind
  mkdir "$WORK/copy"
  cp "$PODLEASH" "$BUILD/libpodleash.so" "$WORK/copy"
  PODLEASH=$WORK/copy/podleash
  assert_says ok library 'can be loaded'
  for kind in text torn foreign program; do
    cp "$BUILD/libpodleash.so" "$WORK/copy"
    case $kind in
      text) echo 'no library' >"$WORK/copy/libpodleash.so" ;;
      torn) head -c 4096 "$BUILD/libpodleash.so" >"$WORK/copy/libpodleash.so" ;;
      foreign) with_arch "$WORK/copy/libpodleash.so" 243 ;;
      program) cp "$BUILD/podleash" "$WORK/copy/libpodleash.so" ;;
    esac
    echo "$kind"
    assert_says fail library "^$WORK/copy/libpodleash.so: "
    # shellcheck disable=SC2016
    [ "$("$PODLEASH" run --pid-dir "$WORK/unit" sh -c 'echo "<${LD_PRELOAD-}>"')" = '<>' ]
  done
}

@test "LD_PRELOAD names what is missing, no library or of another architecture: fail; mended by a copy" {
  local kind
  for kind in missing text foreign; do
    echo "$kind"
    rm -f "$WORK/lib/libpodleash.so"
    case $kind in
      missing) ;;
      text) echo 'no library' >"$WORK/lib/libpodleash.so" ;;
      foreign) cp "$BUILD/libpodleash.so" "$WORK/lib" && with_arch "$WORK/lib/libpodleash.so" 183 ;;
    esac
    conf x env "LD_PRELOAD=libm.so.6:$WORK/lib/libpodleash.so RECEPTOR_PID_DIRECTORY=$PID_DIR ansible-runner worker"
    assert_mends fail library "^$WORK/lib/libpodleash.so, which LD_PRELOAD names" --receptor-conf "$WORK/receptor.conf"
    cmp "$BUILD/libpodleash.so" "$WORK/lib/libpodleash.so"
  done
}

@test "LD_PRELOAD names a library that is not podleash run's, or that ld.so must find: warn, and it is not loaded" {
  local name
  # Who loads it leaves a file.
  echo "#include <fcntl.h>
__attribute__((constructor)) static void loaded(void) { (void)creat(\"$WORK/loaded\", 0600); }" >"$WORK/other.c"
  "${CC:-gcc}" -shared -fPIC -o "$WORK/lib/libpodleash.so" "$WORK/other.c"
  # shellcheck disable=SC2016
  for name in "$WORK/lib/libpodleash.so" libpodleash.so '/usr/$LIB/libpodleash.so'; do
    echo "$name"
    conf x env "LD_PRELOAD=\"$name\" RECEPTOR_PID_DIRECTORY=$PID_DIR ansible-runner worker"
    assert_says warn library "which LD_PRELOAD names, is not $BUILD/libpodleash.so" --receptor-conf "$WORK/receptor.conf"
    grep -qF "\"$name, which" "$WORK/out" || explain 'not that name'
    [ ! -e "$WORK/loaded" ] || explain 'it was loaded'
  done
  [ "$(grep -c LD_PRELOAD "$WORK/fixes")" = 1 ]
}

# ---- the environment of the service ----

@test "the service's environment: the leash, half of it, none" {
  leashing_receptor
  assert_says ok environment 'leashes all that it starts'
  receptor "LD_PRELOAD=$BUILD/libpodleash.so"
  assert_says warn environment 'LD_PRELOAD is set and RECEPTOR_PID_DIRECTORY is not'
  receptor "LD_PRELOAD=$BUILD/libpodleash.so" RECEPTOR_PID_DIRECTORY=
  assert_says warn environment 'LD_PRELOAD is set and RECEPTOR_PID_DIRECTORY is not'
  receptor "RECEPTOR_PID_DIRECTORY=$PID_DIR"
  assert_says ok environment 'leashes nothing'
  receptor LD_PRELOAD=libm.so.6 "RECEPTOR_PID_DIRECTORY=$PID_DIR"
  assert_says ok environment 'leashes nothing'
  RECEPTOR=()
  assert_says ok environment 'your own is looked at'
}

@test "the environment of the service is looked at, not that of the caller" {
  mkdir "$WORK/empty"
  leashing_receptor "PATH=$WORK/empty"
  RECEPTOR_PID_DIRECTORY=$WORK/missing assert_says fail podman "not found on PATH: $WORK/empty"
  says ok directory "^$PID_DIR: " || explain 'not its directory'
  ! grep -q "$WORK/missing" "$WORK/out" || explain "the caller's"
}

@test "a grace that is no number, and a log that is no absolute path, are ignored: warn, wherever they stand" {
  leashing_receptor PODLEASH_GRACE=abc PODLEASH_LOG=podleash.log
  assert_says warn environment '^PODLEASH_GRACE=abc: not a number of seconds from 0 to 3600; ignored$'
  says warn environment '^PODLEASH_LOG=podleash.log: not an absolute path; ignored, see journalctl -t podleash$' || explain 'not the log'
  grep -qx 'systemctl edit receptor' "$WORK/fixes" || explain 'no fix'
  conf x env "PODLEASH_GRACE=-1 PODLEASH_LOG=../x $PODLEASH run ansible-runner worker"
  leashing_receptor PODLEASH_GRACE=3 PODLEASH_LOG=/dev/null
  assert_says warn work-command '^x: PODLEASH_GRACE=-1: not a number'
  says warn work-command '^x: PODLEASH_LOG=../x: not an absolute path' || explain 'not the log'
  ! says warn environment . || explain 'more than that'
  RECEPTOR=()
  PODLEASH_GRACE=abc assert_says warn environment '^PODLEASH_GRACE=abc: not a number'
}

# ---- the helper ----

@test "the helper is missing or not executable: fail; mended by a copy; another program: warn" {
  local helper=$WORK/bin/helper
  leashing_receptor "PODLEASH_HELPER=$helper"
  assert_mends fail helper "^$helper: no such program"
  chmod 0644 "$helper"
  assert_mends fail helper "^$helper: no such program"
  cp /bin/true "$helper"
  assert_says warn helper "^$helper is not this program"
}

# ---- directories ----

@test "a directory that is missing, or writable or readable by others: said, and mended" {
  local name="a b'c; touch spoilt; \$(touch spoilt)"
  leashing_receptor "RECEPTOR_PID_DIRECTORY=$WORK/$name"
  assert_mends fail directory 'No such file'
  [ "$(stat -c %a "$WORK/$name")" = 700 ]
  for mode in 0777 0770 0702; do
    chmod $mode "$WORK/$name"
    assert_mends fail directory 'writable by others'
  done
  for mode in 0755 0750 0704; do
    chmod $mode "$WORK/$name"
    assert_mends warn directory 'others may look into it'
  done
  [ ! -e "$WORK/spoilt" ] || fail 'the name was not quoted'
}

@test "a session's directory that is not there, or another user's: it says which is used instead" {
  as_stranger
  mkdir -m 0777 "$SHARED/roots"
  AS+=(env "XDG_RUNTIME_DIR=$SHARED/missing")
  assert_says warn directory \
    "^$SHARED/missing, which XDG_RUNTIME_DIR names: No such file or directory; podleash run uses /tmp/podleash-54321 instead"
  says ok directory '^/tmp/podleash-54321 is not there: podleash run makes it' || explain 'not that root'
  AS+=("XDG_RUNTIME_DIR=$SHARED/roots" "RUNTIME_DIRECTORY=$SHARED/xdg:/other")
  assert_says warn directory "^$SHARED/roots, which XDG_RUNTIME_DIR names: owned by another user; podleash run uses $SHARED/xdg instead"
  AS+=("XDG_RUNTIME_DIR=$SHARED/xdg" "RUNTIME_DIRECTORY=/other")
  examine
  ! grep -q instead "$WORK/out" || explain 'nothing is passed over'
}

@test "a directory that all share, as they do /tmp, is not told to be closed" {
  chmod 1777 "$PID_DIR"
  leashing_receptor
  assert_says fail directory "^$PID_DIR: writable by others, who share it; name a directory of your own"
  if grep 'chmod' "$WORK/fixes"; then fail 'that would break it'; fi
}

@test "a directory that is a link, a file, or not the user's: fail" {
  ln -s pids "$WORK/link"
  : >"$WORK/file"
  leashing_receptor "RECEPTOR_PID_DIRECTORY=$WORK/link"
  assert_says fail directory "^$WORK/link: a symbolic link"
  leashing_receptor "RECEPTOR_PID_DIRECTORY=$WORK/file"
  assert_says fail directory "^$WORK/file: Not a directory"
  RECEPTOR=()
  as_stranger
  AS+=(RECEPTOR_PID_DIRECTORY=/usr)
  assert_says fail directory '^/usr: owned by another user'
  install -d -m 0500 -o 54321 "$SHARED/pids"
  AS+=("RECEPTOR_PID_DIRECTORY=$SHARED/pids")
  assert_mends fail directory "^$SHARED/pids: Permission denied"
}

@test "root looks at a user's directory: it says whose it is, and who is to run doctor" {
  chown 54321 "$PID_DIR"
  leashing_receptor
  assert_says warn directory "^$PID_DIR belongs to #54321"
  grep -q "runuser -u '#54321' -- $PODLEASH doctor" "$WORK/fixes"
}

@test "the directory that podleash run makes need not be there; where it is, it must be fit" {
  local root=$WORK/made
  conf x "$PODLEASH" "run --pid-dir $root -- ansible-runner worker"
  receptor
  assert_says ok directory "^$root is not there"
  mkdir -m 0777 "$root"
  chmod 0777 "$root"
  assert_mends fail directory "^$root: writable by others"
}

# ---- podman ----

@test "podman without --pidfile: warn; one that cannot be asked, or is not there: fail" {
  receptor
  assert_says ok podman "^$WORK/bin/podman: podman version 4.9.9, knows"
  # shellcheck disable=SC2016
  podman_says 'case $* in *\ --pidfile*) echo "unknown flag" >&2; exit 125 ;; esac'
  assert_says warn podman 'podman version 4.9.9 does not know --pidfile'
  podman_says 'exit 127'
  assert_says fail podman 'could not be asked'
  mkdir "$WORK/empty"
  rm "$WORK/bin/podman"
  receptor "PATH=$WORK/empty"
  assert_says fail podman 'not found on PATH'
}

# What a podman does that works elsewhere: it takes no --syslog.
ELSEWHERE='case $* in *--syslog*) exit 125 ;; esac'

@test "podman runs elsewhere, by the environment: warn" {
  podman_says "[ -z \"\${CONTAINER_HOST-}\${CONTAINER_CONNECTION-}\" ] || $ELSEWHERE"
  receptor CONTAINER_HOST=ssh://a/b
  assert_says warn podman '^CONTAINER_HOST is set: podman runs on another machine, and is not leashed$'
  receptor CONTAINER_CONNECTION=a
  assert_says warn podman '^CONTAINER_CONNECTION is set: podman runs on another machine'
  RECEPTOR=()
  CONTAINER_HOST=ssh://a/b assert_says warn podman '^CONTAINER_HOST is set: podman runs on another machine'
  [ "$(jq -r 'select(.check == "podman") | .result' "$WORK/out")" = warn ] || explain 'more than that is said of it'
}

@test "a podman 3 does not heed CONTAINER_HOST: it runs here, and is not leashed; warn" {
  receptor CONTAINER_HOST=ssh://a/b
  assert_says warn podman '^CONTAINER_HOST is set, which this podman does not heed: it runs here, and is not leashed$'
}

@test "podman runs elsewhere, by containers.conf, or is built for that: warn" {
  local conf
  podman_says "grep -q remote \"\${CONTAINERS_CONF-/dev/null}\" \"\${CONTAINERS_CONF_OVERRIDE-/dev/null}\" && $ELSEWHERE; exit 0"
  conf=$WORK/containers.conf
  printf '[engine]\n  remote = true\n' >"$conf"
  : >"$WORK/empty.conf"
  receptor "CONTAINERS_CONF=$conf"
  assert_says warn podman "^$conf says remote = true: podman runs on another machine, and is not leashed\$"
  receptor "CONTAINERS_CONF=$WORK/empty.conf" "CONTAINERS_CONF_OVERRIDE=$conf"
  assert_says warn podman "^$conf says remote = true"
  printf '#remote = true\n' >"$WORK/empty.conf"
  receptor "CONTAINERS_CONF=$WORK/empty.conf"
  examine
  ! grep -q 'another machine' "$WORK/out" || explain 'a comment'
  podman_says "$ELSEWHERE"
  assert_says warn podman "^$WORK/bin/podman is built for other machines alone, and is not leashed\$"
}

@test "a program that is no podman: fail" {
  podman_says 'case $* in *pidfile*) exit 125 ;; esac'
  receptor
  assert_says fail podman 'takes no --conmon-pidfile; nothing that it runs is leashed'
}

@test "podman fails as a whole: its own words, and no image is said to be missing" {
  podman_says ''
  sed -i 's/^esac/  images*) echo "level=warning of no use" >\&2; echo "Error: no space left" >\&2; exit 125 ;;\nesac/' "$WORK/bin/podman"
  receptor
  assert_says fail probe "^$WORK/bin/podman images fails: Error: no space left\$" --probe
  grep -qx "$WORK/bin/podman images" "$WORK/fixes" || explain 'no fix'
}

@test "a probe without an image or podman: fail, and how to get one" {
  receptor
  assert_says fail probe 'there is no image' --probe
  rm "$WORK/bin/podman"
  mkdir "$WORK/empty"
  receptor "PATH=$WORK/empty"
  assert_says fail probe 'no podman' --probe
}

@test "a doctor that is told to end while it looks from inside ends its probe, and ends so" {
  local signal
  podman_says 'exit 0'
  sed -i "s,^esac,  images*) echo x ;;\n  container*) exit 1 ;;\n  run*) : >$WORK/called; exec sleep 600 ;;\nesac," "$WORK/bin/podman"
  leashing_receptor
  for signal in INT TERM; do
    cat >"$WORK/interrupt" <<END
${RECEPTOR[@]@Q} >/dev/null 2>&1 &
until [ "\$(cat /proc/\$!/comm)" = receptor ]; do sleep 0.02; done
env --default-signal $PODLEASH doctor --json --probe &
until [ -e $WORK/called ]; do sleep 0.02; done
kill -s $signal \$!
wait \$!
status=\$?
ps -eo stat,comm | grep -v ^Z >$WORK/left
exit \$status
END
    bounded 120 "${ALONE[@]}" bash -m "$WORK/interrupt"
    [ "$STATUS" = $((128 + $(kill -l $signal))) ] || explain 'not by the signal'
    [ -z "$(ls -A "$PID_DIR")" ] || explain "files are left: $(ls -AR "$PID_DIR")"
    ! grep -E 'podleash|podman|sleep' "$WORK/left" || explain 'processes are left'
    rm "$WORK/called"
  done
}

@test "no pidfds: warn" {
  AS=("$BUILD/tests/without_pidfd")
  receptor
  assert_says warn kernel 'no pidfds'
}

# ---- receptor ----

@test "no receptor, or only command-runners and one of another root: warn" {
  assert_says warn receptor 'none runs here'
  RECEPTOR=(env -i "$WORK/bin/receptor" --node id=x --command-runner command=x params=y "unitdir=$WORK/U1")
  assert_says warn receptor 'none runs here'
  cat >"$WORK/elsewhere.py" <<'END'
import os, signal
comm = open("/proc/self/comm", "w")
os.chroot("/usr")
print("receptor", end="", file=comm, flush=True)
signal.pause()
END
  # shellcheck disable=SC2016
  RECEPTOR=(bash -c 'exec -a receptor /usr/bin/python3 "$0"' "$WORK/elsewhere.py")
  assert_says warn receptor 'none runs here'
}

# users_receptor [NAME=VALUE...]: from here on a receptor of another user's runs beside doctor, in mounts of its own, with
# that environment and a podman that tells who asks. Sets SHARED, below which it has its things, and for which @ stands.
users_receptor() {
  SHARED=$(mktemp -d /dev/shm/podleash.XXXXXX)
  chmod 0755 "$SHARED"
  cp "$WORK/bin/receptor" "$SHARED"
  cp "$WORK/receptor.conf" "$SHARED"
  install -d -m 0700 -o 54321 "$SHARED/pids" "$SHARED/hidden"
  # shellcheck disable=SC2016 # for podman
  podman_says 'id -u >>'"$SHARED"'/pids/asked'
  mv "$WORK/bin/podman" "$SHARED"
  cp "$BUILD/podleash" "$BUILD/libpodleash.so" "$SHARED"
  PODLEASH=$SHARED/podleash
  # shellcheck disable=SC2016 # for a shell
  RECEPTOR=(unshare --mount sh -c 'mount -t tmpfs none "$0"/hidden && : >"$0"/hidden/inside &&
      { mount -t proc -o subset=pid proc /proc || grep -qw 65536 /proc/self/uid_map; } && cd "$0" && exec "$@"' "$SHARED"
    setpriv --reuid 54321 --regid 54321 --groups 54322 env -i "PATH=$SHARED:/usr/bin:/bin" "${@/=@/=$SHARED/}"
    "$SHARED/receptor" --config receptor.conf)
}

@test "another user's receptor: root looks from inside its mounts, as its user" {
  conf x ansible-runner worker
  users_receptor "LD_PRELOAD=$BUILD/libpodleash.so" RECEPTOR_PID_DIRECTORY=@pids PODLEASH_HELPER=@hidden/inside
  assert_says ok receptor "is looked at from inside"
  says ok work-command '^x: leashed by its environment' || explain 'not leashed'
  says ok directory "^$SHARED/pids: yours alone" || explain 'not as its user'
  says ok podman "^$SHARED/podman: podman version" || explain 'not its PATH'
  [ "$(sort -u "$SHARED/pids/asked")" = 54321 ] || explain 'somebody else has asked podman'
  # It is there, and no program: from outside it is not there.
  says fail helper "^$SHARED/hidden/inside: no such program" || explain 'not its mounts'
  grep -q "^install -m 0755 $PODLEASH $SHARED/hidden/inside" "$WORK/fixes" || explain 'no fix for root'
  RECEPTOR=("${RECEPTOR[@]/: >/cp \/bin\/true }")
  assert_says warn helper "^$SHARED/hidden/inside is not this program"
  # What is the user's to do root does as he.
  grep -qx "runuser -u '#54321' -- $SHARED/hidden/inside version" "$WORK/fixes" || explain 'not as its user'
}

@test "with ProcSubset=pid a directory that a boot may leave fails" {
  local disk
  conf x ansible-runner worker
  if [ "$(stat --file-system --format %T "$WORK")" = tmpfs ]; then skip 'there is no disk'; fi
  disk=$(mktemp -d "$TESTS/../podleash.XXXXXX")
  chown 54321 "$disk"
  users_receptor "LD_PRELOAD=$BUILD/libpodleash.so" "RECEPTOR_PID_DIRECTORY=$disk"
  examine
  rm -r "$disk"
  says fail directory "^$disk: no boot id can be read" || explain 'not that line'
}

@test "a user's own receptor with mounts of its own is looked at from outside, and he is told" {
  conf x ansible-runner worker
  as_stranger
  cp "$WORK/bin/receptor" "$WORK/receptor.conf" "$SHARED"
  RECEPTOR=(unshare --mount "${AS[@]}" "$SHARED/receptor" -c "$SHARED/receptor.conf")
  assert_says warn receptor "#54321's, is looked at from outside its mounts: Operation not permitted"
  grep -qx "sudo $PODLEASH doctor" "$WORK/fixes"
}

# private_users COMMAND...: from here on that is the receptor, in a user namespace that root made, as PrivateUsers= has it.
private_users() {
  cat >"$WORK/private.py" <<'END'
import ctypes, os, sys
ready, go = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    assert ctypes.CDLL(None).unshare(0x10000000) == 0
    os.write(ready[1], b".")
    os.read(go[0], 1)
    os.execvp(sys.argv[1], sys.argv[1:])
os.read(ready[0], 1)
for kind in "uid", "gid":
    with open(f"/proc/{child}/{kind}_map", "w") as file:
        file.write("0 0 65536")
os.write(go[1], b".")
os.waitpid(child, 0)
END
  RECEPTOR=(/usr/bin/python3 "$WORK/private.py" "$@")
}

@test "a receptor that only root may look into: another user's, or in a user namespace of its own" {
  local -a as
  receptor
  as_stranger
  assert_says warn receptor "is root's, and only root may look into it"
  grep -qx "sudo $PODLEASH doctor" "$WORK/fixes"
  says ok environment 'your own is looked at'
  cp "$WORK/bin/receptor" "$SHARED"
  as=(setpriv --reuid 54321 --regid 54321 --clear-groups)
  private_users "${as[@]}" "$SHARED/receptor"
  assert_says warn receptor "is #54321's, and only root may look into it"
}

@test "PrivateUsers: root looks from inside, where podman tells what it makes of it" {
  conf x ansible-runner worker
  users_receptor
  private_users "${RECEPTOR[@]}"
  assert_says ok receptor "#54321's, is looked at from inside"
  [ "$(sort -u "$SHARED/pids/asked")" = 54321 ] || explain 'somebody else has asked podman'
}

@test "PrivatePIDs: root looks from inside" {
  conf x ansible-runner worker
  users_receptor "LD_PRELOAD=$BUILD/libpodleash.so"
  RECEPTOR=(unshare --pid --fork --kill-child "${RECEPTOR[@]}")
  assert_says ok receptor "#54321's, is looked at from inside"
}

# foreign N: N processes of other users that are called receptor, before ours starts.
foreign() {
  local script='' i
  cp "$WORK/bin/receptor" "$SHARED"
  for ((i = 0; i < $1; i++)); do
    script+="(setpriv --reuid $((54400 + i)) --regid 54400 --clear-groups env -i $SHARED/receptor &); "
  done
  echo "$script until [ \"\$(pgrep -c -x receptor)\" = $1 ]; do sleep 0.02; done;"
}

@test "however many receptors others have: each is named, and one's own is looked at" {
  local others
  SHARED=$(mktemp -d /tmp/doctor.XXXXXX)
  chmod 0755 "$SHARED"
  others=$(foreign 12)
  leashing_receptor
  RECEPTOR=(bash -c "${others} exec \"\$@\"" bash "${RECEPTOR[@]}")
  assert_says ok environment 'leashes all that it starts'
  says ok receptor "root's, is looked at from inside" || explain "not root's"
  [ "$(jq -r 'select(.check == "receptor").text' "$WORK/out" | grep -c "is #544[0-9]*'s, and only root may look into it")" = 12 ] ||
    explain 'not all of theirs'
}

@test "a set-user-id program that calls itself receptor is none" {
  SHARED=$(mktemp -d /tmp/doctor.XXXXXX)
  chmod 0755 "$SHARED"
  cp "$WORK/bin/receptor" "$SHARED"
  chmod 4755 "$SHARED/receptor"
  leashing_receptor
  RECEPTOR=("${RECEPTOR[@]/$WORK\/bin\/receptor/$SHARED/receptor}")
  assert_says warn receptor 'none runs here'
}

@test "where the configuration is: -c, --config, relative to receptor's directory, or as given" {
  local -a words
  conf found ansible-runner worker
  for words in "-c $WORK/receptor.conf" "--config $WORK/receptor.conf" "--config=$WORK/receptor.conf" '-c receptor.conf'; do
    echo "$words"
    # shellcheck disable=SC2206
    RECEPTOR=(env -i -C "$WORK" "PATH=$PATH" "XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" "$WORK/bin/receptor" --node id=x $words)
    assert_says warn work-command '^found: not leashed'
  done
  ln -s receptor.conf "$WORK/link"
  assert_says warn work-command '^found: not leashed' --receptor-conf "$WORK/link"
  mv "$WORK/receptor.conf" "$WORK/moved"
  assert_says warn work-command "^$WORK/receptor.conf: No such file"
  assert_says warn work-command '^found: not leashed' --receptor-conf "$WORK/moved"
  assert_says fail work-command "^$WORK/nowhere: No such file" --receptor-conf "$WORK/nowhere"
}

@test "however many directories the configuration names, each is looked at" {
  local i
  for ((i = 0; i < 200; i++)); do
    printf -- '- work-command:\n    worktype: w%d\n    command: %s\n    params: run --pid-dir %s ansible-runner worker\n' \
      $i "$PODLEASH" "$WORK/d$i"
  done >"$WORK/receptor.conf"
  doctor --receptor-conf "$WORK/receptor.conf"
  [ "$(grep -c "^ok    directory: $WORK/d[0-9]* is not there: podleash run makes it\$" "$WORK/out")" = 200 ] || explain 'not each'
}

# ---- work commands ----

@test "which work commands are leashed" {
  local word
  cat >"$WORK/receptor.conf" <<END
---
- node:
    id: a
- work-command:
    worktype: by-run
    command: $PODLEASH
    params: run ansible-runner worker
    allowruntimeparams: true
- work-command:
    worktype: by-env
    command: env
    params: >-
      LD_PRELOAD=$BUILD/libpodleash.so
      RECEPTOR_PID_DIRECTORY=$PID_DIR
      PODLEASH_HELPER=$PODLEASH
      ansible-runner worker
- work-command:
    worktype: half
    command: env
    params: LD_PRELOAD=$BUILD/libpodleash.so PODLEASH_HELPER=$PODLEASH ansible-runner worker
- work-command:
    worktype: runner
    command: /venv/bin/ansible-runner
    params: worker
- work-command:
    worktype: podman
    command: bash
    params: "-c \"exec podman run \$0\""
- work-command:
    worktype: other
    command: bash
    params: "-c \"echo\""
- work-command: {worktype: flow, command: ansible-runner}
END
  receptor
  examine
  says ok work-command '^by-run: leashed by podleash run$' || explain by-run
  says ok work-command '^by-env: leashed by its environment$' || explain by-env
  says fail work-command '^half: not leashed: LD_PRELOAD is set and RECEPTOR_PID_DIRECTORY is not' || explain half
  says warn work-command '^runner: not leashed; .* run /venv/bin/ansible-runner worker$' || explain runner
  says warn work-command '^podman: not leashed' || explain podman
  says ok work-command '^other: not leashed; its words start no container$' || explain other
  says warn work-command 'not understood' || explain flow
  [ "$(grep -c '"work-command"' "$WORK/out")" = 7 ]
  # What the service's environment adds.
  leashing_receptor
  examine
  for word in half runner podman other; do
    says ok work-command "^$word: leashed by its environment" || explain $word
  done
  receptor "RECEPTOR_PID_DIRECTORY=$PID_DIR"
  assert_says ok work-command '^half: leashed by its environment'
}

@test "a work command whose podleash is not there: fail; mended by a copy" {
  conf x "$WORK/bin/podleash" 'run ansible-runner worker'
  receptor
  assert_mends fail work-command "^x: $WORK/bin/podleash: no such program"
}

@test "podleash is not on receptor's PATH: fail" {
  conf x podleash 'run ansible-runner worker'
  receptor
  assert_says fail work-command '^x: podleash is not on PATH (.*); its jobs fail; write '"$PODLEASH"
  cp "$PODLEASH" "$WORK/bin/podleash"
  assert_says ok work-command '^x: leashed by podleash run'
}

@test "a work command that no library sees is not said to be leashed: podman itself, a Go program, a static one" {
  local leash="LD_PRELOAD=$BUILD/libpodleash.so RECEPTOR_PID_DIRECTORY=$PID_DIR PODLEASH_HELPER=$PODLEASH"
  local command
  leashing_receptor
  conf x podman 'run image'
  assert_says warn work-command '^x: not leashed: nothing that has the library starts podman; make podleash its command, and its params: run podman run image'
  receptor
  conf x env "$leash podman run image"
  assert_says warn work-command '^x: not leashed: nothing that has the library starts podman'
  leashing_receptor
  assert_says ok work-command '^x: leashed by its environment'
  conf x "$PODLEASH" 'run podman run image'
  assert_says ok work-command '^x: leashed by podleash run'
  ln -s "$(PATH=${PATH#*:} command -v podman)" "$WORK/bin/agent"
  for command in agent "env $leash agent" "$PODLEASH run --unit U1 --grace=1 agent" "$PODLEASH run -- agent"; do
    # shellcheck disable=SC2086
    set -- $command
    conf x "$1" "${command#"$1"}"
    assert_says warn work-command "^x: $WORK/bin/agent is a Go program, which calls execve.2. itself: no podman that it starts itself is leashed"
  done
  rm "$WORK/bin/agent"
  echo 'int main(void) { return 0; }' | "${CC:-gcc}" -static -x c -o "$WORK/bin/agent" -
  conf x agent
  assert_says warn work-command "^x: $WORK/bin/agent is linked statically, and loads no library: no podman"
}

@test "no work command: ok" {
  echo '- local-only' >"$WORK/receptor.conf"
  receptor
  assert_says ok work-command 'it has none'
}

# ---- guards ----

@test "a record without a guard, in the directory or a unit's own: fail; mended by sweep" {
  bystander
  DEAD=$(dead)
  leashing_receptor
  good_record 1-1
  mkdir -m 0700 "$PID_DIR/U2"
  BYSTANDER=$DEAD record "$PID_DIR/U2" 2-2 >"$PID_DIR/U2/2-2.run"
  assert_says fail guards "^$PID_DIR/U2/2-2.run, unit U1: it has no guard"
  assert_mends fail guards "^$PID_DIR/1-1.run, unit U1: it has no guard"
}

@test "a record of an earlier boot: warn; mended by sweep; a damaged one: fail" {
  bystander
  DEAD=$(dead)
  leashing_receptor
  good_record 1-1
  sed -i 's/^boot=.*/boot=00000000-0000-0000-0000-000000000000/' "$PID_DIR/1-1.run"
  assert_mends warn guards 'of an earlier boot'
  echo junk >"$PID_DIR/2-2.run"
  assert_mends fail guards "^$PID_DIR/2-2.run: not a record"
  [ -z "$(ls "$PID_DIR")" ]
  alive "$BYSTANDER"
}

# ---- limits ----

@test "processes: a limit that is near: warn; reached: fail; far: ok" {
  as_stranger prlimit --nproc=20
  assert_says warn limits '^processes and threads: 1 of 20 taken; the next job may not start'
  as_stranger prlimit --nproc=1
  assert_says fail limits '^processes and threads: 1 of 1 taken; the next job may not start'
  as_stranger prlimit --nproc=1000
  assert_says ok limits '^processes and threads: 1 of 1000 taken$'
}

@test "inotify instances: few that are left: warn; none: fail" {
  local most left
  most=$(</proc/sys/fs/inotify/max_user_instances)
  cat >"$BATS_TEST_TMPDIR/take.py" <<'END'
import ctypes, os, sys
libc = ctypes.CDLL(None)
for _ in range(int(sys.argv[1])):
    if libc.inotify_init1(0) < 0:
        sys.exit("inotify_init1")
os.execvp(sys.argv[2], sys.argv[2:])
END
  for left in 8 7 0; do
    as_stranger
    cp "$BATS_TEST_TMPDIR/take.py" "$SHARED"
    AS=(prlimit --nofile=$((most + 64)) "${AS[@]}" /usr/bin/python3 "$SHARED/take.py" $((most - left)))
    assert_says "$(case $left in 8) echo ok ;; 7) echo warn ;; 0) echo fail ;; esac)" limits "^inotify instances: $((most - left)) of $most taken"
  done
}

# ---- what others choose ----

@test "what commands a terminal is shown as ?" {
  leashing_receptor "RECEPTOR_PID_DIRECTORY=$WORK/a"$'\e[31m'
  doctor
  ! grep -q $'\e' "$WORK/out" || explain 'an escape'
  grep -q "^fail  directory: $WORK/a?\[31m: No such file" "$WORK/out" || explain 'no such line'
  examine
  ! grep -q $'\e' "$WORK/out" || explain 'an escape'
}
