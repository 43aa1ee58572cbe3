#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The order of steps in tests/model/leash.pml: as it is it holds, and each step in another order fails.

load test_helper.bash

check() {
  STATUS=0
  MODEL_BUILD=$WORK/model nice "$TESTS/model/check" "$@" >"$WORK/out" 2>&1 || STATUS=$?
  cat "$WORK/out"
}

# breaks SWITCH CLAIM CONFIGURATION: with that switch that very claim fails.
breaks() {
  check --only "claims $3" "-D$1"
  [ $STATUS = 1 ] || fail "status $STATUS"
  grep -qF "FAILED: $2" "$WORK/out"
}

# The others are for `make model`: three minutes.
@test "the model: no order of steps breaks a claim" {
  check --quick
  [ $STATUS = 0 ]
  [ "$(grep -c ' ok$' "$WORK/out")" = 4 ]
}

@test "the model: a tombstone that is looked for before the record is published" {
  breaks RECORD_AFTER_TOMBSTONE 'no podman starts after cancel has returned' '-DKILLS=0 -DCANCELS'
}

@test "the model: a cancel that looks for records before it writes its tombstone" {
  breaks CANCEL_LOOKS_FIRST 'no podman starts after cancel has returned' '-DKILLS=0 -DCANCELS'
}

@test "the model: a run without a guard whose record is removed" {
  breaks NO_GUARD_NO_RECORD 'no podman starts after cancel has returned' '-DKILLS=1 -DGUARDS_KILLED -DCANCELS'
}

@test "the model: a guard without the lock" {
  breaks GUARD_WITHOUT_LOCK 'one reaper at a time' '-DKILLS=0 -DSWEEPS'
}

@test "the model: a lock that is taken of a record that was removed" {
  breaks NO_LINK_CHECK 'one reaper at a time' '-DKILLS=1 -DGUARDS_KILLED -DSWEEPS'
}

@test "the model: a record that is removed before the end" {
  breaks REMOVE_BEFORE_END 'who signals has the lock' '-DKILLS=0'
}

@test "the model: a run that is looked at once" {
  breaks ONE_ROUND 'a guard that lives leaves nothing' '-DKILLS=0 -DCANCELS'
}

@test "the model: a parent that is not looked at" {
  breaks NO_PARENT_CHECK 'a guard that lives leaves nothing' '-DKILLS=0'
}

@test "the model: a sweep that takes every lock for a guard's" {
  breaks SWEEP_TRUSTS_LOCK 'nothing is left of it after a sweep' '-DKILLS=1 -DGUARDS_KILLED -DSWEEPS'
}

@test "the model: a record that is removed before the pid files" {
  breaks RECORD_REMOVED_FIRST 'nothing is left of it after a sweep' '-DKILLS=1 -DGUARDS_KILLED -DSWEEPS'
}

@test "the model: a container whose id nobody had time to write taken for none" {
  breaks NO_ID_NO_CONTAINER 'a guard that lives leaves nothing' '-DKILLS=0'
}

@test "the model: a second conmon of a foreground run that is adopted" {
  breaks EVERY_CONMON_OURS 'what its owner has started is not signalled' '-DKILLS=0 -DSTAYS -DSTARTS'
}

@test "the model: a run that is never over" {
  breaks NEVER_OVER 'what its owner has started is not signalled' '-DKILLS=0 -DDETACH -DSTAYS -DSTARTS'
}

@test "the model: a container with --rm that was restarted taken for its owner's" {
  breaks RESTARTED_IS_ANOTHERS 'a guard that lives leaves nothing' '-DKILLS=0 -DDETACH -DSTARTS'
}

@test "the model: a run that is over while its podman lives" {
  breaks OVER_AT_ONCE 'a guard that lives lets nothing run without its podman' '-DKILLS=0 -DSTAYS'
}

@test "the model: a detached run that its parent holds" {
  breaks HELD_BY_PARENT 'a run that is held is not ended' '-DKILLS=0 -DDETACH'
}

@test "the model: a container that stays and ended unseen taken for none" {
  breaks UNSEEN_IS_NONE 'a run that is held is not ended' '-DKILLS=0 -DDETACH -DSTAYS -DSTARTS'
}

@test "the model: a cleanup that is not looked for before one is begun" {
  breaks CLEANUP_NOT_LOOKED_FOR 'no cleanup is begun beside one' '-DKILLS=1'
}

@test "the model: a podman stop of what its owner has started" {
  breaks STOP_NOT_LOOKED_FOR 'what its owner has started is not signalled' '-DKILLS=0 -DSTAYS -DSTARTS'
}

@test "the model: a policy that starts the container again in its cleanup" {
  breaks POLICY_FORGOTTEN 'a guard that lives leaves nothing' '-DKILLS=0 -DDETACH -DRESTARTS'
}
