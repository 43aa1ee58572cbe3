#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Which directories a command looks at that is given none, and as whom. podman is a stand-in.
# shellcheck disable=SC2016,SC2030,SC2031 # scripts for another shell; each test is a process of its own
# shellcheck disable=SC2034,SC2153 # for the helpers, and from them

load test_helper.bash
load disorder.bash
load room.bash
load tree.bash

setup() {
  [ "$(id -u)" = 0 ] || skip 'only root can make the namespaces'
  PODLEASH=$BUILD/podleash
  stand_in
  DEAD=$(dead)
  A=$(id -u podleash-test) B=$(id -u nobody)
  export PODLEASH_LOG=$LOG LC_ALL=C
  chmod a+x "$BATS_RUN_TMPDIR" "${WORK%/*}" "$WORK"
  make_room
}

teardown() {
  local process
  for process in "${OURS[@]}"; do
    kill_now "$process"
  done
}

# as UID COMMAND...: in there.
as() {
  in_room setpriv --reuid "$1" --regid "$1" --clear-groups env -u PODLEASH_LOG "${@:2}"
}

# orphan UID DIR UNIT: a run in there that is over and was not tidied up, in that user's directory.
orphan() {
  local directory=/proc/$ROOM/root$2 BYSTANDER=$DEAD
  [ -e "$directory" ] || install -d -m 0700 -o "$1" -g "$1" "$directory"
  record "$2" 1-1 | sed "s/^unit=.*/unit=$3/" >"$directory/1-1.run"
  chmod 0600 "$directory/1-1.run"
  chown "$1:$1" "$directory/1-1.run"
}

# everywhere: an orphan in each place, of three users.
everywhere() {
  orphan "$A" /run/podleash run-of-a
  in_room install -d -m 0700 -o "$A" "/run/user/$A"
  orphan "$A" "/run/user/$A/podleash" session-of-a
  orphan "$A" "/tmp/podleash-$A" tmp-of-a
  orphan "$B" "/tmp/podleash-$B" tmp-of-b
  orphan 0 /tmp/podleash-0 tmp-of-root
  orphan 0 /run/roots variable-of-root
}

# said RESULT: of text in the file out, the same of the units that have come to it.
said() {
  sed -nE "s/^(.*): unit ([^,]*), run 1-1: $1\$/\2 \1/p" "$WORK/out" | sort
}

# seen: of JSON in the file out, each unit with its directory.
seen() {
  jq -r '.unit + " " + .directory' "$WORK/out" | sort
}

OF_A="run-of-a /run/podleash
session-of-a /run/user/$(id -u podleash-test)/podleash
tmp-of-a /tmp/podleash-$(id -u podleash-test)"
OF_OTHERS="tmp-of-b /tmp/podleash-$(id -u nobody)
tmp-of-root /tmp/podleash-0
variable-of-root /run/roots"

# bats test_tags=root
@test "list without a directory: a user sees all of his, root those of all users, and where each run is" {
  everywhere
  export RECEPTOR_PID_DIRECTORY=/run/roots
  collect in_room "$PODLEASH" list --json
  [ "$STATUS" = 0 ] || explain 'not status 0'
  seen | diff <(echo "$OF_A"$'\n'"$OF_OTHERS") - || explain 'not these'
  collect in_room "$PODLEASH" list
  [ "$(awk '/:$/ { directory = $1 } !/:$|^UNIT/ { print $1, directory }' "$WORK/out" | tr -d : | sort)" = \
    "$OF_A"$'\n'"$OF_OTHERS" ] || explain 'not in these directories'
  collect in_room "$PODLEASH" list --tree
  [ "$(awk '/:$/ { directory = $1 } $1 == "unit" { print $2, directory }' "$WORK/out" | tr -d : | sort)" = \
    "$OF_A"$'\n'"$OF_OTHERS" ] || explain 'not in these directories'
  unset RECEPTOR_PID_DIRECTORY
  collect as "$A" "$PODLEASH" list --json
  [ "$STATUS" = 0 ] || explain 'not status 0'
  seen | diff <(echo "$OF_A") - || explain 'not his'
  # One directory needs no name.
  collect as "$B" "$PODLEASH" list
  [ "$(cut -c -4 "$WORK/out")" = $'UNIT\ntmp-' ] || explain 'not the table alone'
}

# bats test_tags=root
@test "root looks at another user's directories as that user: nothing of his is opened before" {
  local command uid trace other
  everywhere
  for command in 'list' 'sweep --dry-run'; do
    rm -f "$WORK"/trace.*
    # shellcheck disable=SC2086
    collect in_room strace -ff -qq -y -e trace=openat,open,setuid,setsid,unlinkat,renameat -o "$WORK/trace" "$PODLEASH" $command
    [ "$STATUS" = 0 ] || explain "$command: not status 0"
    for uid in $A $B; do
      trace=$(grep -l "^setuid($uid) *= 0" "$WORK"/trace.*) || explain "$command: not as $uid"
      for other in "$WORK"/trace.*; do
        [ "$other" != "$trace" ] || continue
        if grep -E "/tmp/podleash-$uid\b" "$other" | grep -v O_PATH; then fail "$command: by another"; fi
      done
      sed "/^setuid/,\$d" "$trace" >"$WORK/before"
      if grep -E "/tmp/podleash-$uid\b" "$WORK/before"; then fail "$command: before"; fi
      grep -qE "^openat\(.*/tmp/podleash-$uid\b.*= [0-9]" "$trace" || fail "$command: not looked at"
      # In a session without a terminal that could be typed into.
      grep -q '^setsid() *= [0-9]' "$WORK/before" || fail "$command: no session"
    done
  done
}

# bats test_tags=root
@test "sweep without a directory ends what is left everywhere; dry, it says what it would" {
  everywhere
  export RECEPTOR_PID_DIRECTORY=/run/roots
  collect in_room "$PODLEASH" sweep --dry-run
  [ "$STATUS" = 0 ] || explain 'not status 0'
  said 'would end' | diff <(echo "$OF_A"$'\n'"$OF_OTHERS") - || explain 'not these'
  [ "$(in_room find /run /tmp -xdev -name '1-1.run' | wc -l)" = 6 ] || fail 'something was removed'
  collect in_room "$PODLEASH" sweep
  [ "$STATUS" = 0 ] || explain 'not status 0'
  said ended | diff <(echo "$OF_A"$'\n'"$OF_OTHERS") - || explain 'not these'
  [ -z "$(in_room find /run /tmp -xdev -name '1-1.run')" ] || fail 'something is left'
  everywhere
  collect in_room "$PODLEASH" sweep --json
  seen | diff <(echo "$OF_A"$'\n'"$OF_OTHERS") - || explain 'not these as JSON'
  # One directory needs no name, but in JSON.
  orphan "$B" "/tmp/podleash-$B" tmp-of-b
  collect as "$B" "$PODLEASH" sweep --dry-run
  [ "$(<"$WORK/out")" = 'unit tmp-of-b, run 1-1: would end' ] || explain 'not that run alone'
  collect as "$B" "$PODLEASH" sweep --json
  [ "$(seen)" = "tmp-of-b /tmp/podleash-$B" ] || explain 'not that directory'
}

# bats test_tags=root
@test "cancel --unit finds the unit wherever it is; one that nobody has is none, status 1, and nothing is written" {
  everywhere
  collect in_room "$PODLEASH" cancel --unit missing
  [ "$STATUS" = 1 ] || explain 'not status 1'
  [ "$(<"$WORK/err")" = 'podleash cancel: missing: no such unit; name its directory as well where it has not begun' ] || explain 'not that line'
  collect as "$B" "$PODLEASH" cancel --unit tmp-of-a
  [ "$STATUS" = 1 ] || explain "another user's: not status 1"
  [ -z "$(in_room find /run /tmp -xdev -name 'cancelled.*')" ] || fail 'a tombstone'
  collect in_room "$PODLEASH" cancel --unit tmp-of-a
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ "$(<"$WORK/out")" = "/tmp/podleash-$A: unit tmp-of-a, run 1-1: ended" ] || explain 'not that run'
  # Nothing of it starts any more, in any directory of its user's.
  [ "$(in_room find /run /tmp -xdev -name cancelled.tmp-of-a -user "$A" | wc -l)" = 3 ] || explain 'not that tombstone'
  [ "$(in_room find /run /tmp -xdev -name 'cancelled.*' | wc -l)" = 3 ] || explain 'more'
  collect in_room "$PODLEASH" cancel --json --unit tmp-of-b
  [ "$(seen)" = "tmp-of-b /tmp/podleash-$B" ] || explain 'not that directory'
  # It may be repeated, and a unit that is still to come be stopped.
  collect in_room "$PODLEASH" cancel --unit tmp-of-a
  [ "$STATUS" = 0 ] || explain 'again: not status 0'
  collect in_room "$PODLEASH" cancel --unit to-come /run/podleash
  [ "$STATUS" = 0 ] || explain 'to come: not status 0'
  in_room test -s /run/podleash/cancelled.to-come
}

# bats test_tags=root
@test "list UNIT: the runs of these units alone; one that nobody has is named, status 1" {
  everywhere
  collect in_room "$PODLEASH" list --json tmp-of-a tmp-of-b
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ "$(seen | cut -d ' ' -f 1)" = $'tmp-of-a\ntmp-of-b' ] || explain 'not these'
  collect in_room "$PODLEASH" list --json missing tmp-of-b
  [ "$STATUS" = 1 ] || explain 'not status 1'
  [ "$(<"$WORK/err")" = 'podleash list: missing: no such unit' ] || explain 'not named'
  [ "$(seen)" = "tmp-of-b /tmp/podleash-$B" ] || explain 'not that one'
  collect in_room "$PODLEASH" list --json "/tmp/podleash-$B" tmp-of-a
  [ "$STATUS" = 1 ] || explain 'not in that directory: not status 1'
  [ ! -s "$WORK/out" ] || explain 'it is listed'
  collect in_room "$PODLEASH" list --tree tmp-of-b
  [ "$(sed -n 's/^ *unit //p' "$WORK/out")" = tmp-of-b ] || explain 'not that tree'
  collect in_room "$PODLEASH" list tmp-of-b ./other
  [ "$STATUS" = 2 ] || explain 'two directories: not status 2'
}

# bats test_tags=root
@test "a directory that a living guard has open is looked at, wherever it is; a unit's own is not twice" {
  local root=/proc/$ROOM/root
  chmod a+rx "$WORK/bin" && chmod a+rw "$WORK"
  mkfifo -m 0666 "$WORK/go"
  in_room install -d -m 0700 -o "$A" /run/far "/tmp/podleash-$A"
  for directory in --pid-dir=/run/far/own --unit=near; do
    as "$A" "$PODLEASH" run "$directory" "$WORK/bin/podman" run --rm image </dev/null >"$WORK/job" 2>&1 3>&- &
    OURS+=("$(identity $!)")
  done
  wait_until 20 eval "compgen -G '$root/run/far/own/*.run' && compgen -G '$root/tmp/podleash-$A/near/*.run'" || fail "$(<"$WORK/job")"
  collect in_room "$PODLEASH" list --json
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ "$(jq -r .directory "$WORK/out" | sort)" = "/run/far/own"$'\n'"/tmp/podleash-$A" ] || explain 'not these'
  collect in_room "$PODLEASH" cancel --grace 0 --unit near
  [ "$STATUS" = 0 ] || explain 'not status 0'
  collect in_room "$PODLEASH" list --json
  [ "$(jq -r .directory "$WORK/out")" = /run/far/own ] || explain 'not the other one'
  collect in_room "$PODLEASH" cancel --grace 0 /run/far/own
  [ "$STATUS" = 0 ] || explain 'it is not ended'
}

# private UID COMMAND...: as a service with PrivateTmp=yes has it: a /tmp of its own, below which its directories are.
private() {
  in_room unshare --mount --propagation private bash -c "$(declare -f clear_room); clear_room \"\$@\"" room \
    setpriv --reuid "$1" --regid "$1" --clear-groups env -u PODLEASH_LOG -u XDG_RUNTIME_DIR "${@:2}"
}

# bats test_tags=root
@test "a directory in a service's own /tmp: its runs are listed, and cancelled by their guards; what has none is for who is there" {
  local uid guard as command
  chmod a+rx "$WORK/bin" && chmod a+rw "$WORK"
  mkfifo -m 0666 "$WORK/go"
  for uid in "$A" 0; do
    echo "uid $uid"
    # shellcheck disable=SC2016 # for the inner shell
    private "$uid" sh -c 'mkdir -m 0700 "$0" && exec "$@"' "/tmp/podleash-$uid" "$PODLEASH" run --unit=U1 "--pid-dir=/tmp/podleash-$uid/U1" \
      "$WORK/bin/podman" run --rm image </dev/null >"$WORK/job" 2>&1 3>&- &
    OURS+=("$(identity $!)")
    wait_until 20 eval "in_room '$PODLEASH' list --json 2>/dev/null | grep -q U1" || fail "$(<"$WORK/job")"
    # shellcheck disable=SC2086 # words
    for as in in_room "as $uid"; do
      collect $as "$PODLEASH" list --json
      [ "$STATUS" = 0 ] && [ ! -s "$WORK/err" ] || explain "$as: not status 0 alone"
      [[ $(seen) =~ ^"U1 /proc/"[0-9]+"/root/tmp/podleash-$uid/U1"$ ]] || explain "$as: not that run"
      [ "$(jq -r .state "$WORK/out")" = starting ] || explain "$as: not its state"
      in_room test -e "$(jq -r '.directory + "/" + .run + ".run"' "$WORK/out")"
      guard=$(jq .guard "$WORK/out")
      for command in sweep doctor; do
        collect $as "$PODLEASH" $command
        ! grep "podleash-$uid/U1" "$WORK/out" "$WORK/err" || explain "$as, $command: it has something to say of it"
      done
    done
    # A copy has no guard: whoever ends it or gives it one has to find podman's storage, which may be in there as well.
    cp "/proc/$ROOM/root/proc/$guard/root/tmp/podleash-$uid/U1/"*.run "$WORK/copy"
    in_room install -m 0600 -o "$uid" -g "$uid" "$WORK/copy" "/proc/$guard/root/tmp/podleash-$uid/U1/1-1.run"
    # Nor is that path one of the same name here.
    orphan "$uid" "/tmp/podleash-$uid" other
    collect in_room "$PODLEASH" cancel "/proc/$guard/root/tmp/podleash-$uid"
    [ "$STATUS" = 1 ] && [ ! -s "$WORK/out" ] || explain 'by its path: not refused'
    rm -r "/proc/$ROOM/root/tmp/podleash-$uid"
    # shellcheck disable=SC2086 # words
    for command in 'sweep --dry-run' sweep 'cancel --grace 0 --unit U1'; do
      collect in_room "$PODLEASH" $command
      [ "$STATUS" = 1 ] || explain "$command: not status 1"
      grep -q 'unit U1, run 1-1: something is left' "$WORK/out" || explain "$command: it is not named"
    done
    grep -q 'unit U1, run [^,]*: ended' "$WORK/out" || explain 'the other one is not ended'
  done
}

# bats test_tags=root
@test "the name of a user's directory commands no terminal, and looks like no other line" {
  local path=$'/run/far\n/run/podleash:\e[2J'
  chmod a+rx "$WORK/bin" && chmod a+rw "$WORK"
  mkfifo -m 0666 "$WORK/go"
  in_room install -d -m 0700 -o "$A" "$path"
  as "$A" "$PODLEASH" run --pid-dir="$path" "$WORK/bin/podman" run --rm image </dev/null >"$WORK/job" 2>&1 3>&- &
  OURS+=("$(identity $!)")
  wait_until 20 eval "in_room find /run -name '*.run' | grep -q ." || fail "$(<"$WORK/job")"
  orphan "$A" "/tmp/podleash-$A" U1
  collect in_room "$PODLEASH" list
  [ "$STATUS" = 0 ] || explain 'not status 0'
  ! LC_ALL=C grep -q '[^ -~]' "$WORK/out" || explain 'not printable'
  grep -qx '/run/far?/run/podleash:?\[2J:' "$WORK/out" || explain 'not named'
  collect in_room "$PODLEASH" cancel --grace 0 "$path"
  [ "$STATUS" = 0 ] || explain 'it is not ended'
}

# bats test_tags=root
@test "what root has open is not for the programs that a user's record names" {
  chmod a+rx "$WORK"
  printf '#!/bin/sh\nls -l /proc/self/fd >>%q\n' "$WORK/seen" >"$WORK/podman"
  : >"$WORK/seen"
  chmod a+rx "$WORK/podman" && chmod a+rw "$WORK/seen"
  orphan "$A" "/tmp/podleash-$A" U1
  printf 'remove=1\ncid=%064d\nexecutable=%s\n' 1 "$WORK/podman" >>"/proc/$ROOM/root/tmp/podleash-$A/1-1.run"
  echo secret >"$WORK/secret"
  collect in_room "$PODLEASH" sweep 9<"$WORK/secret"
  [ -s "$WORK/seen" ] || explain 'it was not called'
  ! grep "$WORK/secret" "$WORK/seen" || explain 'it has that file'
}

# bats test_tags=root
@test "root's log is not made as another user, whom it would lock root out for" {
  orphan "$A" "/tmp/podleash-$A" U1
  printf 'remove=1\ncid=%064d\n' 1 >>"/proc/$ROOM/root/tmp/podleash-$A/1-1.run"
  chmod a+rx "$WORK/bin" && chmod a+rwx "$WORK"
  : >"$WORK/known"
  PODLEASH_LOG=/tmp/log collect in_room "$PODLEASH" sweep
  grep -q '^container cleanup ' "$WORK/called" || explain 'there was nothing to log'
  ! in_room test -e /tmp/log || fail "$(in_room ls -l /tmp/log)"
}

# bats test_tags=root
@test "another user's link in the place of root's directory makes none of what it leads to" {
  in_room install -d /run/etc
  in_room setpriv --reuid "$A" --clear-groups ln -s /run/etc /tmp/podleash-0
  for command in list cancel; do
    collect in_room "$PODLEASH" $command /run/etc
    [ "$STATUS" = 1 ] || explain "$command: not status 1"
    grep -q '/run/etc: not a pid directory; nothing was touched' "$WORK/err" || explain "$command: not that line"
  done
  [ -z "$(in_room ls -A /run/etc)" ] || fail 'something was written there'
}

# bats test_tags=root
@test "a user that stops what looks at his directories is named, and holds up nobody" {
  local hostile
  orphan "$A" "/tmp/podleash-$A" of-a
  orphan "$B" "/tmp/podleash-$B" of-b
  # His podman takes long: what was started for him is there to be stopped.
  printf 'remove=1\ncid=%064d\n' 1 >>"/proc/$ROOM/root/tmp/podleash-$B/1-1.run"
  sed -i "2i case \" \$*\" in *' exists '*) sleep 5 ;; esac" "$WORK/bin/podman"
  chmod a+rx "$WORK/bin"
  as "$B" bash -c 'while :; do for p in /proc/[0-9]*; do
    [ "$p" = /proc/$$ ] || [ "$(cat "$p/comm" 2>/dev/null)" != podleash ] || kill -STOP "${p#/proc/}" 2>/dev/null; done; done' \
    </dev/null >/dev/null 2>&1 3>&- &
  hostile=$(identity $!)
  OURS+=("$hostile")
  collect in_room timeout --signal=KILL 30 "$PODLEASH" sweep
  kill_now "$hostile"
  [ "$STATUS" = 1 ] || explain 'not status 1'
  grep -qx "podleash sweep: uid $B: podleash, as this user, was stopped, or took too long; not all of this user's runs were looked at" "$WORK/err" || explain 'he is not named'
  grep -qx "/tmp/podleash-$A: unit of-a, run 1-1: ended" "$WORK/out" || explain 'the other one is not ended'
}

# bats test_tags=root
@test "what others have made in their place is not theirs: it is refused to its user, and nothing to root" {
  orphan "$A" "/tmp/podleash-$A" of-a
  in_room install -d -m 0700 -o "$A" "/tmp/podleash-$B"
  in_room ln -s /run "/tmp/podleash-0"
  collect as "$B" "$PODLEASH" list
  [ "$STATUS" = 1 ] || explain 'not status 1'
  grep -qF "podleash list: /tmp/podleash-$B: Permission denied; nothing was touched" "$WORK/err" || explain 'not named'
  collect in_room "$PODLEASH" list --json
  [ "$(seen)" = "of-a /tmp/podleash-$A" ] || explain 'the other one is not listed'
}

# bats test_tags=root
@test "root of a user namespace looks as no user whom that has not" {
  orphan "$A" "/tmp/podleash-$A" of-a
  orphan 0 /tmp/podleash-0 of-root
  collect in_room unshare --user --map-root-user "$PODLEASH" list --json
  [ "$STATUS" = 0 ] || explain 'not status 0'
  [ "$(seen)" = 'of-root /tmp/podleash-0' ] || explain 'not that run'
}

# bats test_tags=root
@test "nobody has a directory: nothing was ever leashed, status 0; no unit is there, status 1" {
  local command
  for command in list 'list --json' 'list --tree' sweep; do
    # shellcheck disable=SC2086
    collect in_room "$PODLEASH" $command
    [ "$STATUS" = 0 ] || explain "$command: not status 0"
    [ ! -s "$WORK/out" ] && [ ! -s "$WORK/err" ] || explain "$command: it printed something"
  done
  for command in 'cancel --unit U1' 'list U1'; do
    # shellcheck disable=SC2086
    collect in_room "$PODLEASH" $command
    [ "$STATUS" = 1 ] || explain "$command: not status 1"
    grep -q 'U1: no such unit' "$WORK/err" || explain "$command: not that line"
  done
}

# bats test_tags=root
@test "no directory at all is said on a terminal: another user's may be meant" {
  local command
  for command in list sweep; do
    on_terminal "nsenter --target $ROOM --mount --pid --wd=/ $PODLEASH $command" >"$WORK/out" || fail "$command: not status 0"
    [ "$(tr -d '\r' <"$WORK/out")" = "podleash ${command%% *}: no runs: neither /run/podleash nor another directory of podleash's is there" ] || fail "$(cat "$WORK/out")"
    on_terminal "nsenter --target $ROOM --mount --pid --wd=/ setpriv --reuid $A --clear-groups $PODLEASH $command" >"$WORK/out" || fail "$command: not status 0"
    [ "$(tr -d '\r' <"$WORK/out")" = "podleash ${command%% *}: no runs: neither /tmp/podleash-$A nor another directory of podleash's is yours" ] || fail "$(cat "$WORK/out")"
  done
}

# bats test_tags=root
@test "doctor looks at the same directories, of all users" {
  everywhere
  export RECEPTOR_PID_DIRECTORY=/run/roots
  collect in_room "$PODLEASH" doctor --json
  for file in /run/podleash "/run/user/$A/podleash" "/tmp/podleash-$A" "/tmp/podleash-$B" /tmp/podleash-0 /run/roots; do
    jq -r 'select(.check == "guards" and .result == "fail") | .text' "$WORK/out" | grep -q "^$file/1-1.run, .*: it has no guard" || explain "not $file"
  done
  [ "$STATUS" = 1 ] || explain 'not status 1'
  collect in_room "$PODLEASH" sweep
  collect in_room "$PODLEASH" doctor --json
  jq -r 'select(.check == "guards" and .result == "ok") | .text' "$WORK/out" | sort | diff - <(
    echo '0 runs, none without its guard'
  ) || explain 'not all is well'
}

# bats test_tags=root
@test "cancel and sweep count all runs, of all users, in one line on the terminal" {
  local unit
  chmod a+rx "$WORK/bin"
  sed -i "2i case \" \$*\" in *' exists '*) sleep 2 ;; esac" "$WORK/bin/podman"
  for command in 'sweep' 'cancel --unit U1'; do
    for uid in "$A" "$B"; do
      orphan "$uid" "/tmp/podleash-$uid" U1
      printf 'remove=1\ncid=%064d\n' 1 >>"/proc/$ROOM/root/tmp/podleash-$uid/1-1.run"
    done
    on_terminal "nsenter --target $ROOM --mount --pid --wd=/ $PODLEASH $command" >"$WORK/out" || fail "$command: $(cat -v "$WORK/out")"
    grep -q '0 of 2 runs done, ' "$WORK/out" || fail "$command: $(cat -v "$WORK/out")"
    if grep -q 'of 1 runs' "$WORK/out"; then fail "$command: $(cat -v "$WORK/out")"; fi
  done
}
