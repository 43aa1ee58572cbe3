# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# `podleash doctor` on real containers: its probe, and the guards of runs.
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2153 # STATUS is set by collect, IMAGE in test_helper.bash

# bats file_tags=root

load test_helper.bash
load disorder.bash

setup() {
  mkdir -m 0700 "$PID_DIR"
  mkdir "$WORK/bin"
  PODMAN_PATH=$(command -v podman)
  export PODLEASH_LOG=$LOG RECEPTOR_PID_DIRECTORY=$PID_DIR
  echo '- local-only' >"$WORK/receptor.conf"
  DOCTOR=("$BUILD/podleash" doctor --json --receptor-conf "$WORK/receptor.conf")
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# line CHECK: what doctor says of it, as `RESULT TEXT`.
line() {
  jq -r --arg check "$1" 'select(.check == $check) | .result + " " + .text' "$WORK/out"
}

# assert_well: nothing is wrong, but for what other runs on this machine lack: root looks at those of all users.
assert_well() {
  [ -z "$(jq -r --arg own "$PID_DIR" 'select(.result == "fail" and (.check != "guards" or (.text | contains($own)))) | .text' "$WORK/out")" ] ||
    explain 'not all is well'
}

# nothing_of_probe: no file, process or container of it is left.
nothing_of_probe() {
  [ -z "$(ls -A "$PID_DIR")" ] || explain "files are left: $(ls -AR "$PID_DIR")"
  none_carries "$PID_DIR/" || explain 'processes are left'
  assert_no_container_of_ours
}

# wrapped COMMANDS: a podman that runs these before it is what it is called to be.
wrapped() {
  cat >"$WORK/bin/podman" <<END
#!/bin/sh
$1
exec $PODMAN_PATH "\$@"
END
  chmod +x "$WORK/bin/podman"
  PATH=$WORK/bin:$PATH
}

@test "a probe leashes a real container, kills its holder and sees the end of all; nothing is left" {
  local image
  for image in --probe "--probe=$IMAGE"; do
    collect "${DOCTOR[@]}" "$image"
    assert_well
    [[ $(line probe) =~ ^ok\ .*': a container ran, its holder was killed, after '[0-9]+' ms nothing was left'$ ]] || explain 'not that line'
    [ ! -s "$WORK/err" ] || explain 'something on stderr'
    ! grep -s "not podleash's" "$LOG" || explain 'a file of its own is strange to it'
    nothing_of_probe
  done
}

@test "a probe of an image that is not there, or has no sleep: fail with podman's own words; nothing is left" {
  # shellcheck disable=SC2016
  tar -C "$WORK/bin" -c . | podman import - localhost/podleash-empty >/dev/null 2>&1
  for image in localhost/podleash-nonesuch localhost/podleash-empty; do
    collect "${DOCTOR[@]}" --probe=$image
    [ "$STATUS" = 1 ] || explain 'not status 1'
    [[ $(line probe) == "fail $image: no container started: Error: "* ]] || explain 'not that line'
    nothing_of_probe
  done
  podman image rm localhost/podleash-empty >/dev/null
}

@test "a probe whose container cannot be leashed does not start it, and says why" {
  mkdir "$WORK/copy"
  cp "$BUILD/podleash" "$WORK/copy"
  echo 'no library' >"$WORK/copy/libpodleash.so"
  # shellcheck disable=SC2016
  wrapped 'case " $* " in *" --pull=never "*) case " $* " in *" --help "*) ;; *) : >"'"$WORK"'/started" ;; esac ;; esac'
  collect "$WORK/copy/podleash" doctor --json --probe="$IMAGE"
  [ "$STATUS" = 1 ] || explain 'not status 1'
  [[ $(line probe) == "fail $IMAGE: no container started: podleash run: "*"libpodleash.so: not an ELF file; the unit cannot be leashed"* ]] || explain 'not that line'
  [ ! -e "$WORK/started" ] || explain 'it was started'
  nothing_of_probe
}

# start_probe: a probe whose podman is held back, in the background, as PROBE.
start_probe() {
  # shellcheck disable=SC2016
  wrapped 'case "$* " in run*" --help "*) ;; run*) : >"'"$WORK"'/called"; until [ -e "'"$WORK"'/go" ]; do sleep 0.02; done ;; esac'
  "${DOCTOR[@]}" "--probe=$IMAGE" >"$WORK/out" 2>"$WORK/err" </dev/null 3>&- &
  PROBE=$(identity $!)
  OURS+=("$PROBE")
  wait_until 20 test -e "$WORK/called"
}

# learned_container: the guard has written down the container of the probe; sets RECORD.
learned_container() {
  RECORD=$(compgen -G "$PID_DIR/*/*.run") && grep -q '^container=' "$RECORD"
}

@test "a probe whose guard was killed: fail; what was left is ended" {
  local guard
  start_probe
  # It must not kill the holder before its guard is out of the way.
  kill -STOP "${PROBE%,*}"
  : >"$WORK/go"
  wait_until 20 learned_container
  guard=$(record_value guard "$RECORD" | tail -n 1)
  kill_now "$guard"
  wait_until 5 gone "$guard"
  kill -CONT "${PROBE%,*}"
  wait_until 60 gone "$PROBE" || fail 'it goes on'
  grep -q . "$WORK/out" || fail "$(<"$WORK/err")"
  [ "$(line probe)" = "fail $IMAGE: the container, or what guards it, ended by itself" ] || fail "$(line probe)"
  nothing_of_probe
}

@test "a probe waits for a slow podman beyond any bound" {
  local later
  # 4 s are 100.
  FAST_CLOCK=25 FAST_SINCE=$(now_ms) LD_PRELOAD=$BUILD/tests/fast_clock.so start_probe
  later=$(($(now_ms) + 4000))
  is_later() { [ "$(now_ms)" -ge $later ]; }
  wait_until 10 is_later
  : >"$WORK/go"
  wait_until 60 gone "$PROBE" || fail 'it goes on'
  [[ $(line probe) == ok* ]] || fail "$(line probe)"
  nothing_of_probe
}

@test "a probe that is told to end, ends; nothing is left" {
  local signal status
  for signal in TERM HUP; do
    start_probe
    kill -s $signal "${PROBE%,*}"
    wait_until 20 gone "$PROBE" || explain 'it goes on'
    status=0
    wait "${PROBE%,*}" || status=$?
    [ $status = $((128 + $(kill -l $signal))) ] || explain "status $status"
    : >"$WORK/go"
    nothing_of_probe
    rm "$WORK/called" "$WORK/go"
  done
}

@test "a doctor that is killed takes its probe along" {
  start_probe
  kill_now "$PROBE"
  : >"$WORK/go"
  wait_until 20 none_carries "$PID_DIR/" || explain 'processes are left'
  assert_no_container_of_ours
}

@test "a run with its guard is well; without one it is named, and the fix gives it another" {
  local guard
  start_script U1 env <<END
podman run --rm --network=none $IMAGE sleep 600
END
  wait_running
  collect "${DOCTOR[@]}"
  assert_well
  line guards | grep -q '^ok [1-9][0-9]* runs, none without its guard$' || explain 'not that line'
  kill_now "$GUARD"
  wait_until 5 gone "$GUARD"
  collect "${DOCTOR[@]}"
  [ "$STATUS" = 1 ] || explain 'not status 1'
  line guards | grep -qxF "fail $RECORD, unit U1: it has no guard" || explain 'not that line'
  bash -c "$(jq -r --arg record "$RECORD" 'select(.check == "guards" and (.text | startswith($record))) | .fix' "$WORK/out")"
  collect "${DOCTOR[@]}"
  assert_well
  guard=$(record_value guard "$RECORD" | tail -n 1)
  OURS+=("$guard")
  [ "$guard" != "$GUARD" ]
  GUARD=$guard
  kill_now "$RUNNER"
  assert_job_ends
}
