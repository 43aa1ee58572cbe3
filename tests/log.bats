#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Where the log goes, and what the journal is told besides the line. The journal and syslog are sockets in a
# mount namespace here: never those of this machine.
# shellcheck disable=SC2153 # STATUS is set in disorder.bash
# shellcheck disable=SC2016 # a script for another shell

load test_helper.bash
load disorder.bash

CID=$(printf '%064d' 7)

setup() {
  mkdir -m 0700 "$PID_DIR"
  stand_in
  DEAD=$(dead)
  # listen.py SOCKET... -- COMMAND...: runs the command where these sockets are; then prints what they got, a
  # JSON object a datagram. Whoever asks for `full` gets sockets that take nothing any more.
  cat >"$WORK/listen.py" <<'PYTHON'
import json, os, socket, subprocess, sys

split = sys.argv.index("--")
listening = {}
for path in sys.argv[1:split]:
    full, path = path.startswith("full:"), path.removeprefix("full:")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    listener.setblocking(False)
    try:
        # A sender each: the buffer of one alone may be full before the listener's queue is.
        while full:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(b"FULL=1\n", path)
    except BlockingIOError:
        pass
    listening[path] = listener
with open("/dev/null") as null:
    status = subprocess.call(sys.argv[split + 1:], stdin=null, stdout=sys.stderr)
for path, listener in listening.items():
    try:
        while True:
            text = listener.recv(65536).decode()
            entry = {"socket": path, "text": text}
            if path.startswith("/run"):
                entry["fields"] = dict(line.split("=", 1) for line in text.splitlines())
            print(json.dumps(entry))
    except BlockingIOError:
        pass
sys.exit(status)
PYTHON
}

teardown() {
  local process
  for process in "${OURS[@]}"; do
    kill_now "$process"
  done
}

JOURNAL=/run/systemd/journal/socket
SYSLOG=/dev/log

# logged SOCKET... -- COMMAND...: where there are these sockets and no other; what they got is in $WORK/out.
logged() {
  local -a namespace=(unshare --mount)
  [ "$(id -u)" = 0 ] || namespace=(unshare --user --map-root-user --mount)
  mkdir -p "$WORK/dev"
  bounded 60 "${namespace[@]}" sh -ec '
    mount -t tmpfs none "$1"
    touch "$1/null"
    mount --bind /dev/null "$1/null"
    mount --rbind "$1" /dev
    mount -t tmpfs none /run
    shift
    exec /usr/bin/python3 "$@"' sh "$WORK/dev" "$WORK/listen.py" "$@"
}

# fields FILTER: the fields of podleash's own, as the journal got them, of the entries that jq selects so.
fields() {
  jq -r --arg cid "$CID" "select(.socket == \"$JOURNAL\") | .fields | select($1) |
    [.PODLEASH_UNIT, .PODLEASH_RUN, .PODLEASH_CONTAINER_ID, .PODLEASH_REASON] | map(. // \"-\") | join(\" \")" "$WORK/out"
}

# leashed UNIT COMMAND...: prints a command line that podleash comes into.
leashed() {
  printf '%q ' env "LD_PRELOAD=$BUILD/libpodleash.so" "RECEPTOR_PID_DIRECTORY=$PID_DIR" "PODLEASH_HELPER=$BUILD/podleash" \
    "PODLEASH_UNIT=$1" env "${@:2}"
}

# record_of_unit UNIT: whether it has a record whose guard is there.
record_of_unit() {
  local record
  record=$(grep -lsx "unit=$1" "$PID_DIR"/*.run) && grep -qs '^guard=' "$record" && [ -s "${record%.run}.cid" ]
}

@test "the journal gets each line, with unit, run and container as fields" {
  BYSTANDER=$DEAD record "$PID_DIR" 1-1 remove=1 "cid=$CID" >"$PID_DIR/1-1.run"
  : >"$WORK/known"
  logged $JOURNAL $SYSLOG -- "$BUILD/podleash" sweep "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ "$(jq -r 'select(.socket == "/dev/log")' "$WORK/out")" = '' ] || explain 'syslog got it as well'
  [ -n "$(jq --arg cid "$CID" 'select(.fields == {
    MESSAGE: "unit U1, run 1-1: podman container cleanup \($cid): status 0",
    PRIORITY: "5", SYSLOG_FACILITY: "3", SYSLOG_IDENTIFIER: "podleash",
    PODLEASH_UNIT: "U1", PODLEASH_RUN: "1-1", PODLEASH_CONTAINER_ID: $cid
  })' "$WORK/out")" ] || explain 'no such entry'
}

@test "the journal gets the reason why a run is ended: a cancel, or who is gone" {
  mkfifo "$WORK/go"
  logged $JOURNAL -- bash -ec "
    $(declare -p PID_DIR; declare -f record_of_unit now_ms wait_until)
    $(leashed U1 "$WORK/bin/podman" run image) 3>&- &
    wait_until 10 record_of_unit U1
    '$BUILD/podleash' cancel '$PID_DIR'
    wait \$! || true
    # An owner of the same tick counts as earlier.
    since=\$(now_ms); later() { [ \$(now_ms) -gt \$since ]; }; wait_until 5 later
    $(leashed U2 sh -c "$WORK/bin/podman run image; :") 3>&- &
    wait_until 10 record_of_unit U2
    kill -KILL \$!
    wait \$! || true
    wait_until 10 eval '! record_of_unit U2'" bash
  [ "$STATUS" = 0 ] || explain 'not status 0'
  fields '.MESSAGE | contains("ending it")' | sort >"$WORK/reasons"
  sed -E 's/ [0-9]+-[0-9a-f]+ / RUN /' "$WORK/reasons" | diff - <(printf '%s\n' "U1 RUN $ID cancelled" "U2 RUN $ID sh is gone")
}

@test "the journal gets the reason why podman is not started, or without a leash" {
  logged $JOURNAL -- sh -c "
    RECEPTOR_PID_DIRECTORY='$PID_DIR' '$BUILD/podleash' cancel --unit U1 '$PID_DIR'
    $(leashed U1 "$WORK/bin/podman" run image)
    chmod 0777 '$PID_DIR'
    $(leashed U1 "$WORK/bin/podman" run image)"
  fields '.MESSAGE | contains("podman is ")' >"$WORK/reasons"
  sed -E 's/ [0-9]+-[0-9a-f]+ / RUN /' "$WORK/reasons" |
    diff - <(printf '%s\n' 'U1 RUN - it was cancelled' 'U1 RUN - writable by others; chmod 0700 it')
}

@test "no journal: syslog gets the line" {
  good_record 1-1
  mkdir "$PID_DIR/1-1.pid"
  logged $SYSLOG -- "$BUILD/podleash" sweep "$PID_DIR"
  jq -r .text "$WORK/out" >"$WORK/lines"
  grep -qE '^<29>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} podleash\[[0-9]+\]: unit U1, run 1-1: 1-1.pid cannot be removed: ' "$WORK/lines" ||
    explain 'no such line'
}

@test "nobody takes the line: nobody waits, and the work is done" {
  local -a sockets
  for sockets in '' "full:$JOURNAL" "full:$JOURNAL full:$SYSLOG"; do
    echo "sockets: $sockets"
    BYSTANDER=$DEAD record "$PID_DIR" 1-1 remove=1 "cid=$CID" >"$PID_DIR/1-1.run"
  : >"$WORK/known"
    # shellcheck disable=SC2086 # they are words
    logged $sockets -- "$BUILD/podleash" sweep "$PID_DIR"
    [ "$STATUS" = 0 ] || explain 'not status 0'
    [ ! -e "$PID_DIR/1-1.run" ] || explain 'it is not ended'
    if grep podleash "$WORK/out"; then fail 'somebody took it'; fi
  done
}

@test "a journal that is full, and syslog: syslog gets the line" {
  BYSTANDER=$DEAD record "$PID_DIR" 1-1 remove=1 "cid=$CID" >"$PID_DIR/1-1.run"
  : >"$WORK/known"
  logged "full:$JOURNAL" $SYSLOG -- "$BUILD/podleash" sweep "$PID_DIR"
  jq -r 'select(.socket == "/dev/log") | .text' "$WORK/out" | grep -q 'unit U1, run 1-1: podman container cleanup' || explain 'it did not'
}

# bats test_tags=root
@test "root's PODLEASH_LOG leads through a directory or a link of another user's: the journal gets the line" {
  [ "$(id -u)" = 0 ] || skip 'only root may be led'
  local way
  mkdir "$WORK/target" "$WORK/theirs"
  ln -s "$WORK/target" "$WORK/theirs/link"
  ln -s "$WORK/target" "$WORK/link"
  chown -h 65534:65534 "$WORK/theirs" "$WORK/theirs/link" "$WORK/link"
  for way in theirs theirs/link link; do
    echo "$way"
    BYSTANDER=$DEAD record "$PID_DIR" 1-1 remove=1 "cid=$CID" >"$PID_DIR/1-1.run"
    : >"$WORK/known"
    PODLEASH_LOG=$WORK/$way/log logged $JOURNAL -- "$BUILD/podleash" sweep "$PID_DIR"
    [ ! -e "$WORK/target/log" ] && [ ! -e "$WORK/theirs/log" ] || explain 'it was led'
    grep -q 'unit U1, run 1-1: podman container cleanup' "$WORK/out" || explain 'not in the journal'
  done
}

@test "what is left: the line names the log: what prints it from the journal, the file, or syslog" {
  BYSTANDER=$DEAD record "$PID_DIR" 1-1 remove=1 "cid=$CID" >"$PID_DIR/1-1.run"
  echo 125 >"$WORK/broken"
  # assert_named WHERE SOCKET...: both commands say that it is there, of the unit where they know one.
  assert_named() {
    logged "${@:2}" -- "$BUILD/podleash" sweep "$PID_DIR"
    grep -qx "unit U1, run 1-1: something is left; see $1" "$WORK/err" || explain "sweep: not $1"
    logged "${@:2}" -- "$BUILD/podleash" cancel --unit U1 "$PID_DIR"
    grep -qx "podleash cancel: $PID_DIR: not all of it is ended; see $1; cancel may be repeated" "$WORK/err" || explain "cancel: not $1"
  }
  assert_named 'journalctl -t podleash PODLEASH_UNIT=U1' $JOURNAL $SYSLOG
  logged $JOURNAL -- "$BUILD/podleash" cancel "$PID_DIR"
  grep -q 'see journalctl -t podleash; ' "$WORK/err" || explain 'not of all units'
  assert_named syslog $SYSLOG
  PODLEASH_LOG=$LOG assert_named "$LOG" $JOURNAL
  PODLEASH_LOG=relative assert_named 'journalctl -t podleash PODLEASH_UNIT=U1' $JOURNAL
}

@test "who only names the log makes none; where none can be made, the line names the journal" {
  BYSTANDER=$DEAD record "$PID_DIR" 1-1 uid=54321 >"$PID_DIR/1-1.run"
  PODLEASH_LOG=$LOG logged $JOURNAL -- "$BUILD/podleash" sweep --dry-run "$PID_DIR"
  grep -qx "unit U1, run 1-1: something is left; see $LOG" "$WORK/err" || explain 'not the file'
  [ ! -e "$LOG" ] || fail 'it was made'
  PODLEASH_LOG=$WORK/missing/log logged $JOURNAL -- "$BUILD/podleash" sweep --dry-run "$PID_DIR"
  grep -qx 'unit U1, run 1-1: something is left; see journalctl -t podleash PODLEASH_UNIT=U1' "$WORK/err" || explain 'not the journal'
}

@test "no helper: the library tells syslog, and podman is started as it was asked for" {
  logged $SYSLOG -- env LD_PRELOAD="$BUILD/libpodleash.so" RECEPTOR_PID_DIRECTORY="$PID_DIR" PODLEASH_HELPER="$WORK/missing" \
    env "$WORK/bin/podman" run --rm image
  [ "$STATUS" = 0 ] || explain 'not as podman'
  [ "$(jq -r .text "$WORK/out")" = "<29>podleash: $WORK/missing: cannot be started; podman is started without a leash" ] ||
    explain 'not that line'
  [ "$(<"$WORK/called")" = 'run --rm image' ] || fail "$(<"$WORK/called")"
  [ -z "$(ls -A "$PID_DIR")" ]
}

@test "PODLEASH_LOG: the file gets the line, and neither the journal nor syslog" {
  BYSTANDER=$DEAD record "$PID_DIR" 1-1 remove=1 "cid=$CID" >"$PID_DIR/1-1.run"
  : >"$WORK/known"
  PODLEASH_LOG=$LOG logged $JOURNAL $SYSLOG -- "$BUILD/podleash" sweep "$PID_DIR"
  grep -q 'unit U1, run 1-1: podman container cleanup' "$LOG" || explain 'not in the file'
  [ ! -s "$WORK/out" ] || explain 'somebody else got it'
}
