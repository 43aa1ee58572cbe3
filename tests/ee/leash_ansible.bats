#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Jobs with a real ansible-core below a real init: forks, async tasks that left their process groups, a
# pause. `make check EE=1` runs them; SEED=n repeats the random points.
# shellcheck disable=SC2153 # the variables of wait_running

load ../test_helper.bash
load job.bash

setup() {
  jobs=0
  RANDOM=${SEED:=$RANDOM}
  echo "SEED=$SEED"
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# start_play MODE: no SIGKILL comes of podleash before a test has failed.
start_play() {
  local -a grace=(PODLEASH_GRACE=600)
  [ "$1" != run ] || grace=(--grace 600)
  start_job "U$((++jobs))" 2.4.3 "$1" "${grace[@]}"
}

# wait_random_point: waits until the play has come to a random event before the end of its pause; sets POINT.
wait_random_point() {
  wait_running
  pin_container
  POINT=$((RANDOM % EVENTS_TO_PAUSE + 1))
  wait_event $POINT
  cp "$UNITDIR/stdout" "$WORK/seen"
  echo "at event $POINT, with $(in_container | wc -l) processes"
}

# assert_play_ends: the job ends, and with it all that its play started.
assert_play_ends() {
  assert_job_ends 30
  [ -z "$(in_container)" ] || fail "$UNIT: processes of its container go on: $(in_container | xargs ps -f -p)"
  exec {NAMESPACE}<&-
}

# assert_asked_to_end: the init passed on a signal that asks, and nobody had to send SIGKILL. The terminal of a
# podman whose runner is dead hangs up, and podman passes that on: SIGHUP may come before SIGTERM.
assert_asked_to_end() {
  [[ $(exit_status) == @(129|143) ]] || fail "$UNIT: the container ended with status $(exit_status)"
}

# process_stream: what receptor's caller makes of the result stream, in $PROCESSED; the status is the job's.
process_stream() {
  PROCESSED=$WORK/processed-$UNIT/artifacts
  "$RUNNER_24" process "$WORK/processed-$UNIT" <"$UNITDIR/stdout" >/dev/null || [ $? -le 2 ]
}

# events: those of $PROCESSED in their order, one a line. A killed runner leaves the half of one, which it would have
# put into the whole.
events() {
  find "$PROCESSED/job_events" -name '*.json' ! -name '*-partial.json' -exec jq -s -c 'sort_by(.counter)[]' {} +
}

# text_of_events [N]: what all or the first N of them print.
text_of_events() {
  events | head -n "${1:-1000}" | jq -r '.stdout | select(. != "")' | tr -d '\r'
}

# assert_artifacts_intact: what had come before the kill is still there, no event is torn or missing, and the
# text beside them, in the node's directory or sent from there, is theirs.
assert_artifacts_intact() {
  local count all text
  cmp -n "$(stat -c %s "$WORK/seen")" "$WORK/seen" "$UNITDIR/stdout"
  process_stream
  count=$(events | wc -l)
  [ "$count" -ge "$(grep -ac '^{.*"counter": .*}$' "$WORK/seen")" ]
  events | jq -r .counter | diff - <(seq "$count")
  text=$(cat "$WORK"/tmp/*/artifacts/*/stdout "$PROCESSED/stdout" 2>/dev/null | tr -d '\r')
  rm -rf "$WORK"/tmp/*
  all=$(text_of_events)
  [[ $all == "$text"* ]] || fail "$UNIT: the text is not that of the events"
  # It is written behind the event.
  [[ $text == "$(text_of_events $((POINT - 1)))"* ]] || fail "$UNIT: text is missing"
}

# results: what a play came to, but for what differs from run to run: who comes first, how often the backup was
# asked for, and the hundredths of a second of the pause.
results() {
  cat "$PROCESSED/rc" "$PROCESSED/status"
  echo
  events | jq -c 'select(.event != "runner_retry") |
    [.event, .event_data.task, .event_data.host, .event_data.res.rc, .event_data.res.stdout, .stdout]' |
    sed 's/Paused for [0-9.]* seconds/paused/' | sort
  grep -v RETRYING "$PROCESSED/stdout" | sort
}

@test "a play that nobody ends: its results are those without podleash" {
  local mode
  setup_play 1
  for mode in bare env run; do
    start_job "U$((++jobs))" 2.4.3 $mode
    wait_running
    wait_until 120 gone "$COMMAND_RUNNER"
    job_status
    [ "$STATUS" = 0 ]
    assert_job_ends
    process_stream
    results >"$WORK/results.$mode"
  done
  [ "$(head -n 1 "$WORK/results.bare")" = 0successful ]
  grep -q '"web1 is saved"' "$WORK/results.bare"
  diff "$WORK/results.bare" "$WORK/results.env"
  diff "$WORK/results.bare" "$WORK/results.run"
}

# kills MODE PROCESS...: a play whose PROCESSes are killed at one blow.
kills() {
  local mode=$1 name
  local -a victims=()
  shift
  start_play "$mode"
  wait_random_point
  for name; do
    victims+=("${!name%,*}")
  done
  echo "$mode: killed: $*"
  kill -KILL "${victims[@]}"
  assert_play_ends
  assert_asked_to_end
  assert_artifacts_intact
}

hung_up() {
  [ "$(exit_status)" = 129 ]
}

@test "without podleash: killing the runner alone hangs its terminal up, which ends this play by SIGHUP" {
  setup_play 600
  start_job U1 2.4.3 bare
  wait_running
  wait_event 1
  kill_now "$RUNNER"
  wait_until 30 hung_up
  gone "$CONTAINER"
}

@test "killed at a random point: all processes end on a signal that asks, what had come is intact" {
  setup_play 600
  kills env RUNNER
  kills run PODMAN
  kills env COMMAND_RUNNER RUNNER PODMAN
}

@test "the same where podman's own init is the first process" {
  setup_play 600 --init --entrypoint=
  kills run RUNNER PODMAN
}

@test "cancelled by receptor at a random point: all processes end, what had come is intact" {
  local mode
  setup_play 600
  for mode in env run; do
    start_play $mode
    wait_random_point
    echo "$mode: cancelled"
    kill -INT "${COMMAND_RUNNER%,*}"
    assert_play_ends
    # Without podleash run it is the runner that ends its container, by SIGKILL.
    [ $mode = env ] || assert_asked_to_end
    assert_artifacts_intact
  done
}
