# shellcheck shell=bash disable=SC2034 # most of it is for the figures
# SPDX-License-Identifier: Apache-2.0
# What the figures share: the peers, samples and their file, and containers of their own.
#
# A figure takes its samples by turns, so that the n-th of each series belong to one round, and ends
# with `publish`. What it measures, from which event to which, is said at its top. Clocks and events
# are those of turns.c, calls.c and until.c.

set -eu -o pipefail
BENCH=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
# The tests' helpers keep everything below this directory.
BATS_TEST_TMPDIR=$(mktemp -d /tmp/podleash-bench.XXXXXX)
trap 'end_containers; cleanup_job; rm -rf "$BATS_TEST_TMPDIR"' EXIT
trap 'exit 1' INT TERM
# shellcheck source=tests/test_helper.bash
source "$BENCH/../test_helper.bash"

RESULTS=$BUILD/bench
TURNS=$RESULTS/turns CALLS=$RESULTS/calls UNTIL=$RESULTS/until NOTHING=$RESULTS/nothing STAND_IN=$RESULTS/stand_in
LIBRARY=$BUILD/libpodleash.so EMPTY=$RESULTS/empty.so
LABEL=podleash-bench=${WORK##*.}
HOLDERS=() INITS=() DIRECTORIES=() CIDS=()
mkdir -m 0700 "$PID_DIR"

# peer NAME PACKAGE: NAME=PATH of the library that Debian's package preloads.
peer() {
  local path
  path=$(dpkg -L "$2" | grep -m 1 '\.so$') || fail "$1 is not here: run tests/setup bench" || return
  echo "$1=$path"
}

# find_peers: sets PEERS to those of all libraries that are compared.
find_peers() {
  PEERS=("$(peer libeatmydata libeatmydata1)")
  PEERS+=("$(peer libfakechroot libfakechroot)")
  PEERS+=("$(peer libsnoopy snoopy)")
}

# runs NUMBER: how often, of what a whole `make bench` does: RUNS percent of it, and at least once.
runs() {
  local n=$(($1 * ${RUNS:-100} / 100))
  echo $((n < 1 ? 1 : n))
}

# ---- samples ----

# sample GROUP SERIES VALUE
sample() {
  printf '%s\t%s\t%s\n' "$@" >>"$WORK/samples"
}

# publish UNIT [FIGURE]: the samples, their medians and their ratios, as $RESULTS/FIGURE.json; the
# figure is called as the script unless it has several.
publish() {
  local figure=${2:-${0##*/}}
  jq -Rn --arg figure "$figure" --arg unit "$1" -f "$BENCH/summary.jq" "$WORK/samples" >"$RESULTS/$figure.json"
  jq -r '.groups[] | . as $group | .series[] | "\($group.name): \(.name): \(.median) \($group.unit)"' "$RESULTS/$figure.json"
}

# ---- containers ----

# container_home: where podman keeps a directory for each container that it knows.
container_home() {
  podman info --format '{{.Store.GraphRoot}}/{{.Store.GraphDriverName}}-containers' 2>/dev/null
}

# running MODE: how many of the containers of start_containers run; of leashed ones, how many guards
# know theirs and sleep.
running() {
  if [ "$1" = leashed ]; then
    cat "$PID_DIR"/*.run 2>/dev/null | grep -c '^container=' || true
  else
    find "$WORK/bare" -name '*.pid' -size +0 2>/dev/null | wc -l # one may be written by a rename
  fi
}

at_least() {
  [ "$(running "$1")" -ge "$2" ]
}

# start_containers COUNT MODE INIT [OPTION...]: COUNT times `podman run --rm`, each below a shell of its
# own, which is its holder.
#   MODE  leashed, or bare: without podleash
#   INIT  default: its init takes SIGTERM's default action, so does not see it; term: ends on SIGTERM
# Sets HOLDERS (PID,START), INITS (pids), CIDS, and DIRECTORIES, which podman keeps as long as it knows them.
start_containers() {
  local count=$1 mode=$2 home i
  local -a environment=() own=() command=(sleep 100000)
  [ "$3" = default ] || command=(sh -c 'trap "exit 0" TERM; sleep 100000 & wait $!')
  HOLDERS=() INITS=() CIDS=() DIRECTORIES=()
  rm -rf "$WORK/bare"
  mkdir "$WORK/bare"
  for ((i = 1; i <= count; i++)); do
    # Of many at once, podman's own lock is what each would wait for.
    wait_until 60 at_least "$mode" $((i - 4)) || fail "$i containers: they do not start"
    if [ "$mode" = leashed ]; then
      environment=(LD_PRELOAD="$LIBRARY" RECEPTOR_PID_DIRECTORY="$PID_DIR" PODLEASH_HELPER="$BUILD/podleash"
        PODLEASH_LOG="$LOG" PODLEASH_UNIT="unit$i")
    else
      own=(--pidfile="$WORK/bare/$i.pid")
    fi
    # In a shell that ends: this one would tell of each that is killed.
    HOLDERS+=("$(
      env "${environment[@]}" sh -c '"$@"; :' sh podman run --rm --network=none --label="$LABEL" \
        --cidfile="$WORK/bare/$i.cid" "${own[@]}" "${@:4}" $IMAGE "${command[@]}" </dev/null >/dev/null 2>&1 &
      identity $!
    )")
  done
  wait_until 60 at_least "$mode" "$count" || fail "$count containers: they do not start"
  home=$(container_home)
  for ((i = 1; i <= count; i++)); do
    CIDS+=("$(<"$WORK/bare/$i.cid")")
    DIRECTORIES+=("$home/${CIDS[-1]}")
    if [ "$mode" = leashed ]; then
      INITS+=("$(<"$(grep -lx "cid=${CIDS[-1]}" "$PID_DIR"/*.run | sed 's/run$/pid/')")")
    else
      INITS+=("$(<"$WORK/bare/$i.pid")")
    fi
  done
}

all_gone() {
  local process
  for process; do
    gone "$process" || return
  done
}

# no_run: whether all files of runs are gone. The tombstone of a cancel stays, and comes again at a unit's end.
no_run() {
  rm -f "$PID_DIR"/cancelled.*
  no_files
}

# measure_end ACTION...: does what `until` knows to do to the containers of start_containers, and sets
# DIED, GONE and ENDED: the microseconds until the last init was dead, the last directory gone, and a
# command itself at its end.
measure_end() {
  local -a what=()
  local i event time
  for i in "${!INITS[@]}"; do
    what+=(--dies "${INITS[i]}" --goes "${DIRECTORIES[i]}")
  done
  DIED='' GONE='' ENDED=''
  "$UNTIL" "${what[@]}" "$@" >"$WORK/times" 2>"$WORK/error" || fail "$*: $(tail -n 1 "$WORK/error")"
  while read -r event time; do
    case $event in
      died) DIED=$time ;;
      gone) GONE=$time ;;
      ended) ENDED=$time ;;
    esac
  done <"$WORK/times"
  wait_until 60 all_gone "${HOLDERS[@]}" || fail "$*: not all holders end"
  HOLDERS=()
  wait_until 60 no_run || fail "$*: files are left in $PID_DIR: $(ls "$PID_DIR")"
}

# ---- stand-ins ----

# start_stand_ins COUNT: so many runs in $PID_DIR, each with a holder and a guard, whose podman, conmon
# and container are the tests' stand-ins. Sets GUARDS (pids).
start_stand_ins() {
  local i bin program
  mkdir "$WORK/stand-ins"
  for ((i = 1; i <= $1; i++)); do
    wait_until 60 at_least leashed $((i - 16)) || fail "$i stand-ins: they do not start"
    bin=$WORK/stand-ins/$i
    mkdir "$bin"
    for program in podman conmon container; do
      ln "$STAND_IN" "$bin/$program"
    done
    HOLDERS+=("$(
      env LD_PRELOAD="$LIBRARY" RECEPTOR_PID_DIRECTORY="$PID_DIR" PODLEASH_HELPER="$BUILD/podleash" \
        PODLEASH_LOG="$LOG" PODLEASH_UNIT="unit$i" sh -c '"$@"; :' sh "$bin/podman" run --rm image </dev/null >/dev/null 2>&1 &
      identity $!
    )")
  done
  wait_until 60 at_least leashed "$1" || fail "$1 stand-ins: they do not start"
  mapfile -t GUARDS < <(cat "$PID_DIR"/*.run | sed -n 's/^guard=\(.*\),.*/\1/p')
}

# end_stand_ins: all at once, guards first, so that none of them has to look for the rest.
end_stand_ins() {
  local key
  for key in guard podman conmon container; do
    mapfile -t -O ${#OURS[@]} OURS < <(cat "$PID_DIR"/*.run 2>/dev/null | sed -n "s/^$key=//p")
  done
  kill_now "${OURS[@]}" "${HOLDERS[@]}"
  OURS=() HOLDERS=()
  rm -rf "$WORK/stand-ins" "$PID_DIR"
  mkdir -m 0700 "$PID_DIR"
}

# end_containers: whatever start_containers has left.
end_containers() {
  local -a left
  kill_now "${HOLDERS[@]}"
  [ ! -d "$WORK/stand-ins" ] || end_stand_ins
  mapfile -t left < <(podman ps -a -q --filter "label=$LABEL" 2>/dev/null)
  [ ${#left[@]} = 0 ] || podman rm --force --time 0 --ignore "${left[@]}" >/dev/null
}
