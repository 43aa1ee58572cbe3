#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# `podleash list`, its tree and its JSON, and how far cancel and sweep say they are. podman, conmon and the
# container are stand-ins here: real ones are in leash_tree.bats.
# shellcheck disable=SC2016 # scripts for another shell
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2034,SC2153 # for the helpers, and from them

load test_helper.bash
load disorder.bash
load tree.bash

setup() {
  PODLEASH=$BUILD/podleash
  SHARED=$(mktemp -d /tmp/podleash-list.XXXXXX)
  mkdir -m 0700 "$PID_DIR"
  stand_in
  export PODLEASH_LOG=$LOG RECEPTOR_PID_DIRECTORY=$PID_DIR PODLEASH_HELPER=$PODLEASH PODLEASH_GRACE=0 LC_ALL=C
  unset NO_COLOR COLUMNS
}

teardown() {
  local process
  for process in "${OURS[@]}"; do
    kill_now "$process"
  done
  rm -rf "$SHARED"
}

# make_programs NAME: a podman, a conmon and a container of its own in $SHARED/NAME.
make_programs() {
  local program
  mkdir "$SHARED/$1"
  for program in podman conmon container; do
    cp "$BUILD/tests/stand_in" "$SHARED/$1/$program"
  done
}

# start_unit_of RUNS...: a unit U1 under podleash run, whose shell starts a podman of each of these names; sets
# LEASH, STARTER, and by name PODMAN_OF, CONMON_OF, CONTAINER_OF, GUARD_OF and RECORD_OF.
start_unit_of() {
  local name record
  declare -gA PODMAN_OF=() CONMON_OF=() CONTAINER_OF=() GUARD_OF=() RECORD_OF=()
  for name; do
    [ -e "$SHARED/$name" ] || make_programs "$name"
  done
  # shellcheck disable=SC2086 # the names
  "$PODLEASH" run --pid-dir "$PID_DIR" --unit U1 sh -c \
    'for name; do "$0/$name/podman" run --rm image & done; wait' "$SHARED" "$@" >"$WORK/job" 2>&1 </dev/null 3>&- &
  LEASH=$(identity $!)
  OURS+=("$LEASH")
  wait_until 20 all_known $# || fail "$(cat "$WORK/job" "$LOG" "$PID_DIR"/*.run)"
  STARTER=$(identity "$(children "${LEASH%,*}")")
  OURS+=("$STARTER")
  for record in "$PID_DIR"/*.run; do
    name=$(record_value executable "$record")
    name=${name%/podman} name=${name##*/}
    RECORD_OF[$name]=$record
    PODMAN_OF[$name]=$(record_value podman "$record")
    CONMON_OF[$name]=$(record_value conmon "$record")
    CONTAINER_OF[$name]=$(record_value container "$record")
    GUARD_OF[$name]=$(record_value guard "$record")
    OURS+=("${PODMAN_OF[$name]}" "${CONMON_OF[$name]}" "${CONTAINER_OF[$name]}" "${GUARD_OF[$name]}")
  done
}

# all_known N: whether N records name a container.
all_known() {
  local -a known
  mapfile -t known < <(grep -ls '^container=' "$PID_DIR"/*.run)
  [ ${#known[@]} = "$1" ]
}

# edges_of NAME: what the tree must show of that run, from its podman down.
edges_of() {
  edge "${PODMAN_OF[$1]}" "$STARTER"
  edge "${GUARD_OF[$1]}" "${PODMAN_OF[$1]}" joined
  edge "${CONMON_OF[$1]}" "${PODMAN_OF[$1]}" joined
  edge "${CONTAINER_OF[$1]}" "${CONMON_OF[$1]}"
}

# names_by_record NAME...: the names of runs in the order of their records.
names_by_record() {
  local name
  for name; do
    echo "${RECORD_OF[$name]} $name"
  done | sort -V | cut -d ' ' -f 2
}

# ---- the tree ----

@test "list --tree: one tree for a unit, its runs share the lines of their holders, conmon is joined to podman" {
  local name
  start_unit_of a b
  collect "$PODLEASH" list --tree "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ ! -s "$WORK/err" ] || explain 'something on stderr'
  {
    edge "$LEASH" unit:U1
    edge "$STARTER" "$LEASH"
    for name in $(names_by_record a b); do
      edges_of "$name"
    done
  } | diff - <(edges <"$WORK/out") || explain 'not that tree'
}

@test "list --tree: units of several directories have a tree each, one that is spread over two has one" {
  local directory DEAD BYSTANDER
  bystander
  DEAD=$(dead)
  for directory in U1 U2 other; do
    mkdir -m 0700 "$PID_DIR/$directory"
    record "$PID_DIR/$directory" 1-1 | sed "s/^unit=.*/unit=${directory/other/U1}/" >"$PID_DIR/$directory/1-1.run"
  done
  collect "$PODLEASH" list --tree "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ "$(sed -n 's/^ *unit //p' "$WORK/out")" = $'U1\nU2' ] || explain 'not a tree each'
}

@test "list --tree: a holder that died stays in it, dead, and what it leaves is joined to it" {
  start_unit_of a
  # Its guard would end the run.
  kill -STOP "${GUARD_OF[a]%,*}"
  # podleash run takes its command along.
  kill_now "$LEASH"
  wait_until 5 gone "$STARTER"
  collect "$PODLEASH" list --tree "$PID_DIR"
  {
    edge "$LEASH" unit:U1
    edge "$STARTER" "$LEASH"
    edges_of a | sed "s/^${PODMAN_OF[a]%,*} .*/& joined/"
  } | diff - <(edges <"$WORK/out") || explain 'not that tree'
  [ "$(grep -cE "^ *(${LEASH%,*}|${STARTER%,*})  dead " "$WORK/out")" = 2 ] || explain 'they are not dead'
  kill_now "${CONMON_OF[a]}"
  wait_until 5 gone "${CONMON_OF[a]}"
  collect "$PODLEASH" list --tree "$PID_DIR"
  grep -qE "^ *${CONMON_OF[a]%,*}  dead " "$WORK/out" || explain 'conmon is not dead'
}

@test "list --tree: a record that lies about podman and conmon: nothing that descends from those is shown" {
  local DEAD BYSTANDER child
  sh -c 'sleep 600 & wait' >/dev/null 2>&1 3>&- &
  BYSTANDER=$(identity $!)
  DEAD=$BYSTANDER
  OURS+=("$BYSTANDER")
  wait_until 5 has_child "${BYSTANDER%,*}"
  child=$(identity "$(children "${BYSTANDER%,*}")")
  OURS+=("$child")
  record "$PID_DIR" 1-1 "conmon=$BYSTANDER" "container=$BYSTANDER" >"$PID_DIR/1-1.run"
  collect "$PODLEASH" list --tree "$PID_DIR"
  [ "$STATUS" = 0 ] || explain 'not status 0'
  grep -q "^ *${BYSTANDER%,*} " "$WORK/out" || explain 'what the record says is not shown'
  if grep -q "^ *${child%,*} " "$WORK/out"; then explain 'a process of nobody here'; fi
}

has_child() {
  [ -n "$(children "$1")" ]
}

# deep_container: in $SHARED/a/container a chain of 100 processes below the first one; the last writes the pids.
deep_container() {
  cat >"$SHARED/a/container" <<END
#!/usr/bin/python3
import os, signal
pids = []
while len(pids) < 100 and os.fork() == 0:
    pids.append(os.getpid())
if len(pids) == 100:
    with open("$SHARED/deep.new", "w") as file:
        print(*pids, sep="\n", file=file)
    os.rename("$SHARED/deep.new", "$SHARED/deep")
signal.pause()
END
}

@test "list --tree: all that the container starts is below it, however deep" {
  local process
  make_programs a
  deep_container
  start_unit_of a
  wait_until 20 [ -e "$SHARED/deep" ]
  collect "$PODLEASH" list --tree "$PID_DIR"
  edges <"$WORK/out" | cut -d ' ' -f 1 | grep -xF -f "$SHARED/deep" | sort | diff <(sort "$SHARED/deep") - || explain 'not all of them'
  # There are 64 levels (tree.c), and above these processes the unit and five more. What is deeper says that this
  # is not where the kernel has it.
  [ "$(edges <"$WORK/out" | grep -xcE "($(paste -sd '|' "$SHARED/deep")) [0-9]+ joined")" = $((100 - (64 - 6))) ] ||
    explain 'not that many beside each other'
  in_columns 40 "$PODLEASH list --tree $PID_DIR"
  grep -oE '^ *[0-9]+' "$WORK/out" | tr -d ' ' | grep -xF -f "$SHARED/deep" | sort | diff <(sort "$SHARED/deep") - ||
    explain 'not all of them in 40 columns'
  for process in $(<"$SHARED/deep"); do
    OURS+=("$process")
  done
}

@test "list: names that command a terminal are shown as plain text" {
  local hostile=$'\e]0;x\a\xff'
  cat >"$WORK/bin/podman" <<END
#!/bin/bash
case \$* in
  *--help* | *ps*) exit 0 ;;
  completion*) exit 125 ;;
esac
(printf '%s' "$hostile" >/proc/\$BASHPID/comm; : >"$WORK/ready"; read -r _ <"$WORK/go") &
wait
END
  mkfifo "$WORK/go"
  cat >"$WORK/holder" <<END
printf '%s' "$hostile" >/proc/\$\$/comm
"$WORK/bin/podman" run image
exit
END
  LD_PRELOAD=$BUILD/libpodleash.so bash "$WORK/holder" </dev/null >"$WORK/job" 2>&1 3>&- &
  OURS+=("$(identity $!)")
  wait_until 10 record_of_one
  wait_until 10 [ -e "$WORK/ready" ]
  OURS+=("$GUARD")
  collect "$PODLEASH" list --tree "$PID_DIR"
  [ "$(grep -c '?]0;x??$' "$WORK/out")" = 2 ] || explain 'not both of them'
  if LC_ALL=C grep -q '[^ -~]' "$WORK/out"; then explain 'more than plain text'; fi
  echo >"$WORK/go"
}

# record_of_one: sets RECORD and GUARD, of the only run in the directory, once a guard stands in it.
record_of_one() {
  RECORD=$(compgen -G "$PID_DIR/*.run") && GUARD=$(record_value guard "$RECORD" | tail -n 1) && [ -n "$GUARD" ]
}

# ---- the states ----

# assert_state STATE: the table, the tree and the JSON say this of the only run.
assert_state() {
  collect "$PODLEASH" list --json "$PID_DIR"
  [ "$(jq -r .state "$WORK/out")" = "$1" ] || explain "not $1 in JSON"
  collect "$PODLEASH" list "$PID_DIR"
  [ "$(awk 'NR == 2 { print $3 }' "$WORK/out")" = "$1" ] || explain "not $1 in the table"
  collect "$PODLEASH" list --tree "$PID_DIR"
  [ "$(sed -nE 's/.* ([a-z]+) .*, run [0-9]+-[0-9a-f]+$/\1/p' "$WORK/out")" = "$1" ] || explain "not $1 in the tree"
}

@test "list tells the state, in the same word everywhere: running, orphaned, ending, unguarded" {
  start_unit_of a
  assert_state running
  kill -STOP "${GUARD_OF[a]%,*}"
  kill_now "$LEASH"
  wait_until 5 gone "$LEASH"
  assert_state orphaned
  kill_now "${CONTAINER_OF[a]}"
  wait_until 5 gone "${CONTAINER_OF[a]}"
  assert_state ending
  kill_now "${GUARD_OF[a]}"
  wait_until 5 gone "${GUARD_OF[a]}"
  assert_state unguarded
}

@test "list: a run without its conmon, or without its podman, is orphaned" {
  local name victim
  for name in podman conmon; do
    start_unit_of $name
    # Neither its guard nor who started it may end it for that.
    kill -STOP "${GUARD_OF[$name]%,*}" "${STARTER%,*}"
    case $name in
      podman) victim=${PODMAN_OF[$name]} ;;
      conmon) victim=${CONMON_OF[$name]} ;;
    esac
    kill_now "$victim"
    wait_until 5 gone "$victim"
    assert_state orphaned
    collect "$PODLEASH" cancel "$PID_DIR"
    [ "$STATUS" = 0 ] || explain 'it does not end'
    kill_now "$LEASH"
    rm "$PID_DIR"/cancelled.*
  done
}

@test "list: a run that was cancelled is ending, as is each one of a directory that was" {
  local unit
  start_unit_of a
  kill -STOP "${GUARD_OF[a]%,*}"
  for unit in U1 pids; do
    printf '%s %u -1\n' "$(</proc/sys/kernel/random/boot_id)" "$(($(now_ms) * 1000000))" >"$PID_DIR/cancelled.$unit"
    assert_state ending
    rm "$PID_DIR/cancelled.$unit"
    assert_state running
  done
  # Of another unit, or of before it began.
  printf '%s %u -1\n' "$(</proc/sys/kernel/random/boot_id)" "$(($(now_ms) * 1000000))" >"$PID_DIR/cancelled.U2"
  printf '%s 1 -1\n' "$(</proc/sys/kernel/random/boot_id)" >"$PID_DIR/cancelled.U1"
  assert_state running
}

@test "list: a run without a container yet is starting" {
  mkfifo "$WORK/go"
  LD_PRELOAD=$BUILD/libpodleash.so env "$WORK/bin/podman" run image </dev/null >"$WORK/job" 2>&1 3>&- &
  OURS+=("$(identity $!)")
  wait_until 10 record_of_one
  OURS+=("$GUARD")
  assert_state starting
  echo go >"$WORK/go"
}

@test "list: a run is starting while it is hold that has not started a guard yet, and unguarded when that died" {
  local hold DEAD BYSTANDER
  bystander
  DEAD=$BYSTANDER
  # A hold that goes no further; it has the lock on the record, as it publishes that.
  cp "$BUILD/tests/idle" "$SHARED/podleash"
  : >"$PID_DIR/1-1.run"
  flock --no-fork "$PID_DIR/1-1.run" "$SHARED/podleash" hold "$WORK/bin/podman" podman run \
    "--conmon-pidfile=$PID_DIR/1-1.conmon.pid" image </dev/null >/dev/null 2>&1 3>&- &
  hold=$(identity $!)
  OURS+=("$hold")
  wait_until 5 eval "[ \"\$(readlink /proc/${hold%,*}/exe)\" = $SHARED/podleash ]"
  record "$PID_DIR" 1-1 | sed "s/^podman=.*/podman=$hold/" >>"$PID_DIR/1-1.run"
  assert_state starting
  kill_now "$hold"
  wait_until 5 gone "$hold"
  assert_state unguarded
}

@test "list: a run of an earlier boot is rebooted, and of no age; no process of now is taken for one of then" {
  local BYSTANDER DEAD
  bystander
  DEAD=$BYSTANDER
  record "$PID_DIR" 1-1 "conmon=$BYSTANDER" "container=$BYSTANDER" |
    sed 's/^boot=.*/boot=00000000-0000-0000-0000-000000000000/' >"$PID_DIR/1-1.run"
  assert_state rebooted
  collect "$PODLEASH" list --json "$PID_DIR"
  [ "$(jq .age "$WORK/out")" = 0 ] || explain 'it has an age'
  collect "$PODLEASH" list --tree "$PID_DIR"
  [ "$(grep -c ' dead ' "$WORK/out")" = 3 ] || explain 'not all are dead'
}

@test "list: nothing there is no line, in the table, the tree and the JSON" {
  local format
  for format in '' --tree --json; do
    collect "$PODLEASH" list ${format:+"$format"} "$PID_DIR"
    [ "$STATUS" = 0 ] || explain 'not status 0'
    [ ! -s "$WORK/out" ] && [ ! -s "$WORK/err" ] || explain "$format: lines"
  done
}

@test "list, cancel, sweep and doctor --json: exactly the keys of docs/json.md, of the types that it says" {
  local DEAD BYSTANDER
  start_unit_of a
  collect "$PODLEASH" list --json "$PID_DIR"
  diff <(documented list) <(keys_and_types) || explain 'list: not what is documented'
  [ "$(jq -r '[.podman, .conmon, .container, .guard] | map(tostring) | join(" ")' "$WORK/out")" = \
    "${PODMAN_OF[a]%,*} ${CONMON_OF[a]%,*} ${CONTAINER_OF[a]%,*} ${GUARD_OF[a]%,*}" ] || explain 'not those processes'
  collect "$PODLEASH" cancel --json "$PID_DIR"
  diff <(documented cancel) <(keys_and_types) || explain 'cancel: not what is documented'
  DEAD=$(dead)
  good_record 9-1
  collect "$PODLEASH" sweep --json "$PID_DIR"
  diff <(documented sweep) <(keys_and_types) || explain 'sweep: not what is documented'
  collect "$PODLEASH" doctor --json
  diff <(documented doctor | sort) <(keys_and_types | sort -u) || explain 'doctor: not what is documented'
}

# keys_and_types: of the object in the file out.
keys_and_types() {
  jq -r 'to_entries[] | .key + " " + (.value | type)' "$WORK/out"
}

# documented COMMAND: the keys and types in the section of that command.
documented() {
  sed -nE "/^## .*\`podleash $1\b/,/^## /s/^\| \`([a-z]+)\` \| (string|number) \|.*/\1 \2/p" "$TESTS/../docs/json.md"
}

# ---- the order, the names, the width ----

# units UNIT...: a record of each, RUN and container named after it.
units() {
  local unit DEAD BYSTANDER run=0
  bystander
  DEAD=$(dead)
  for unit; do
    run=$((run + 1))
    record "$PID_DIR" $run-1 "cid=$(sha256sum <<<"$unit" | cut -c -64)" |
      sed "s/^unit=.*/unit=$unit/; s/^name=.*/name=name_of_$unit/" >"$PID_DIR/$run-1.run"
  done
}

@test "list: units in the order of their numbers, in the table and the tree, each with its container's name" {
  units job-11 job-2 job-10 job-1
  collect "$PODLEASH" list "$PID_DIR"
  awk '{ print $1, $NF }' "$WORK/out" | diff - <(printf '%s\n' 'UNIT NAME' 'job-1 name_of_job-1' 'job-2 name_of_job-2' \
    'job-10 name_of_job-10' 'job-11 name_of_job-11') || explain 'not that order'
  collect "$PODLEASH" list --tree "$PID_DIR"
  sed -n 's/^ *unit //p' "$WORK/out" | diff - <(printf '%s\n' job-1 job-2 job-10 job-11) || explain 'not that order'
  collect "$PODLEASH" list --json "$PID_DIR"
  [ "$(jq -r 'select(.unit == "job-10").name' "$WORK/out")" = name_of_job-10 ] || explain 'no name'
}

# in_columns N COMMAND: what is printed to a terminal of that width; fails where a line is wider.
in_columns() {
  on_terminal "stty cols $1; $2" | tr -d '\r' | sed 's/\x1b\[[0-9]*m//g' >"$WORK/out"
  [ "$(LC_ALL=C.UTF-8 wc -L <"$WORK/out")" -le "$1" ] || fail "$1: $(cat "$WORK/out")"
}

# titles: of the columns that there are.
titles() {
  head -n 1 "$WORK/out" | tr -s ' ' | sed 's/^ //'
}

@test "list fits the terminal: what an operator can do without goes first, then ends of names" {
  units U1 "$(printf 'a%.0s' {1..60})"
  in_columns 300 "$PODLEASH list $PID_DIR"
  [ "$(titles)" = 'UNIT RUN STATE AGE PODMAN CONMON CONTAINER CID NAME' ] || fail "$(titles)"
  cp "$WORK/out" "$WORK/whole"
  "$PODLEASH" list "$PID_DIR" | diff "$WORK/whole" - || fail 'not the same in a pipe'
  COLUMNS=80 "$PODLEASH" list "$PID_DIR" >"$WORK/watched"
  in_columns 80 "$PODLEASH list $PID_DIR"
  diff "$WORK/watched" "$WORK/out" || fail 'not the same where COLUMNS says so, as watch(1) does'
  [ "$(titles)" = 'UNIT STATE AGE NAME' ] || fail "$(titles)"
  grep -qE '^U1 +unguarded +[0-9a-z]+ name_of_U1$' "$WORK/out" || fail "$(cat "$WORK/out")"
  grep -qE '^a+[+] +unguarded +[0-9a-z]+ name_of_a+[+]$' "$WORK/out" || fail "$(cat "$WORK/out")"
  in_columns 40 "$PODLEASH list $PID_DIR"
  in_columns 30 "$PODLEASH list $PID_DIR"
  rm "$PID_DIR/2-1.run"
  in_columns 80 "$PODLEASH list $PID_DIR"
  [ "$(titles)" = 'UNIT RUN STATE AGE PODMAN CONMON CONTAINER CID NAME' ] || fail "$(titles)"
  in_columns 55 "$PODLEASH list $PID_DIR"
  [ "$(titles)" = 'UNIT STATE AGE CONTAINER CID NAME' ] || fail "$(titles)"
}

@test "list --tree fits the terminal: STATE goes first, then ends of lines; who is dead is told still" {
  local locale titles width
  start_unit_of a
  for locale in C C.UTF-8; do
    while read -r width titles; do
      LC_ALL=$locale in_columns "$width" "$PODLEASH list --tree $PID_DIR"
      [ "$(titles)" = "$titles" ] || fail "$width: $(cat "$WORK/out")"
      grep -qE "^ *${CONTAINER_OF[a]%,*} .*container" "$WORK/out" || fail "$width: $(cat "$WORK/out")"
    done <<END
120 PID AGE STATE PROCESS
70 PID AGE PROCESS
40 PID AGE PROCESS
END
  done
  kill -STOP "${GUARD_OF[a]%,*}"
  kill_now "$LEASH"
  wait_until 5 gone "$LEASH"
  in_columns 40 "$PODLEASH list --tree $PID_DIR"
  grep -qE "^ *${LEASH%,*}  dead  " "$WORK/out" || fail "$(cat "$WORK/out")"
}

@test "list: no runs: one line on a terminal, that names the directory" {
  local format
  for format in '' --tree; do
    [ "$(on_terminal "$PODLEASH list $format $PID_DIR" | tr -d '\r')" = "podleash list: no runs in $PID_DIR" ]
  done
  [ -z "$(on_terminal "$PODLEASH list --json $PID_DIR")" ]
  [ -z "$(on_terminal "$PODLEASH list $PID_DIR | cat")" ]
}

# ---- the terminal ----

@test "the tree is drawn in Unicode where the locale is UTF-8, else in ASCII, and is the same" {
  start_unit_of a b
  LC_ALL=C.UTF-8 collect "$PODLEASH" list --tree "$PID_DIR"
  grep -q '╘═ conmon' "$WORK/out" || explain 'no Unicode'
  sed 's/├─/|-/; s/└─/`-/; s/╞═/|=/; s/╘═/`=/; s/│/|/g' "$WORK/out" | edges >"$WORK/unicode"
  collect "$PODLEASH" list --tree "$PID_DIR"
  if LC_ALL=C grep -q '[^ -~]' "$WORK/out"; then explain 'more than ASCII'; fi
  edges <"$WORK/out" | diff "$WORK/unicode" -
  LC_ALL='' LC_CTYPE='' LANG='' collect "$PODLEASH" list --tree "$PID_DIR"
  if LC_ALL=C grep -q '[^ -~]' "$WORK/out"; then explain 'more than ASCII without a locale'; fi
}

@test "colour is for terminals: none in a pipe, where NO_COLOR is set, or where TERM is dumb" {
  local format
  start_unit_of a
  for format in '' --tree; do
    on_terminal "$PODLEASH list $format $PID_DIR" >"$WORK/out"
    grep -q $'\e\[32mrunning' "$WORK/out" || fail 'no colour on a terminal'
    NO_COLOR='' on_terminal "$PODLEASH list $format $PID_DIR" >"$WORK/out"
    grep -q $'\e\[32mrunning' "$WORK/out" || fail 'no colour where NO_COLOR is empty'
    NO_COLOR=1 on_terminal "$PODLEASH list $format $PID_DIR" >"$WORK/out"
    if grep $'\e' "$WORK/out"; then fail 'colour where NO_COLOR is set'; fi
    grep -q running "$WORK/out"
    TERM_OF_TEST=dumb on_terminal "$PODLEASH list $format $PID_DIR" >"$WORK/out"
    if grep $'\e' "$WORK/out"; then fail 'colour on a dumb terminal'; fi
    on_terminal "$PODLEASH list $format $PID_DIR | cat" >"$WORK/out"
    if grep $'\e' "$WORK/out"; then fail 'colour in a pipe'; fi
  done
}

# start_slow: a run whose podman does not hear SIGTERM: to end it takes the two seconds that podman is given.
start_slow() {
  export PODLEASH_GRACE=5
  cat >"$WORK/bin/podman" <<END
#!/bin/sh
case \$* in
  *--help | *ps*) exit 0 ;;
  completion*) exit 125 ;;
  run*) trap '' TERM; : >"$WORK/ready"; read -r _ <"$WORK/go" ;;
esac
END
  rm -f "$WORK/ready"
  [ -p "$WORK/go" ] || mkfifo "$WORK/go"
  LD_PRELOAD=$BUILD/libpodleash.so sh -c '"$@"; exit $?' sh "$WORK/bin/podman" run image </dev/null >"$WORK/job" 2>&1 3>&- &
  HOLDER=$(identity $!)
  OURS+=("$HOLDER")
  wait_until 10 [ -e "$WORK/ready" ]
  record_of_one
  OURS+=("$GUARD" "$(record_value podman "$RECORD")")
}

# start_swept: the same, left to a sweep: nobody holds or guards it.
start_swept() {
  start_slow
  kill_now "$GUARD"
  kill_now "$HOLDER"
  wait_until 5 gone "$HOLDER"
}

# as_seen: what stands on the screen at the end of the output on stdin.
as_seen() {
  /usr/bin/python3 -c '
import sys
for line in sys.stdin.buffer.read().decode().split("\n"):
    screen = ""
    for part in line.split("\r"):
        screen = part + screen[len(part):]
    if screen.strip():
        print(screen.rstrip())'
}

# assert_progress COMMAND: it counts on the terminal, and erases that before it says what it did.
assert_progress() {
  on_terminal "$1" >"$WORK/out"
  grep -q '0 of 1 runs done, ' "$WORK/out" || fail "no progress: $(cat -v "$WORK/out")"
  [ "$(as_seen <"$WORK/out")" = "$2" ] || fail "not erased: $(cat -v "$WORK/out")"
  [ ! -e "$RECORD" ]
}

@test "cancel and sweep count on a terminal when they take over a second, and erase that" {
  start_slow
  assert_progress "$PODLEASH cancel $PID_DIR" "unit pids, run $(basename "$RECORD" .run): ended"
  start_swept
  assert_progress "$PODLEASH sweep $PID_DIR" "unit pids, run $(basename "$RECORD" .run): ended"
  # stdout may go elsewhere.
  start_slow
  assert_progress "$PODLEASH cancel $PID_DIR >$WORK/result" ''
  grep -q ': ended$' "$WORK/result"
}

@test "cancel and sweep: no progress where stderr is no terminal, nor beside JSON" {
  start_slow
  on_terminal "$PODLEASH cancel $PID_DIR 2>$WORK/err" >"$WORK/out"
  [ ! -s "$WORK/err" ]
  if grep 'runs done' "$WORK/out"; then fail 'progress'; fi
  start_swept
  on_terminal "$PODLEASH sweep --json $PID_DIR" >"$WORK/out"
  [ "$(tr -d '\r' <"$WORK/out" | jq -r .result)" = ended ]
  if grep 'runs done' "$WORK/out"; then fail 'progress'; fi
}
