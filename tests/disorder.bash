# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For the tests of what podleash makes of a directory in disorder: commands with what they say, records that
# would end an innocent, and a podman that is a stand-in.
# shellcheck disable=SC2034 # what is set here is for the tests

# stand_in: a podman in $WORK/bin that writes down how it was called, and whose run waits where there is a FIFO `go`. It
# gives each container the id ID, and knows of none but where there is a file `known`, until it cleans up, and of one in
# its storage alone where there is `stored`; where there is a file `broken` it ends as that says instead.
stand_in() {
  ID=$(sha256sum <<<"$WORK" | cut -c -64)
  mkdir "$WORK/bin"
  cat >"$WORK/bin/podman" <<END
#!/bin/sh
case " \$*" in
  *' --help') exit 0 ;;
  ' completion '*) exit 125 ;;
  *' container '*) [ ! -e "$WORK/broken" ] || exit "\$(cat "$WORK/broken")" ;;
esac
case " \$*" in
  *' container exists --external '*) [ -e "$WORK/known" ] || [ -e "$WORK/stored" ]; exit ;;
  *' container exists '*) [ -e "$WORK/known" ]; exit ;;
  *' container cleanup '*) rm -f "$WORK/known" ;;
  *' container inspect '*) exit 125 ;;
esac
for word; do
  case \$word in
    --cidfile=*) printf %s $ID >"\${word#*=}" ;;
  esac
done
echo "\$*" >>"$WORK/called"
case " \$*" in
  *' run '*) [ ! -p "$WORK/go" ] || read -r _ <"$WORK/go" ;;
esac
END
  chmod +x "$WORK/bin/podman"
}

# collect COMMAND...: its STATUS; what it prints is in the files out and err.
collect() {
  STATUS=0
  "$@" >"$WORK/out" 2>"$WORK/err" </dev/null 3>&- 4>&- 5>&- || STATUS=$?
}

# explain: shows what the last `collect` did, and fails.
explain() {
  echo "status $STATUS"
  sed 's/^/stdout: /' "$WORK/out"
  sed 's/^/stderr: /' "$WORK/err"
  fail "$*"
}

# snapshot: all of $WORK that a command may not touch.
snapshot() {
  find "$@" -printf '%p %y %i %m %U %G %s %T@ %l\n' | sort
}

# bounded SECONDS COMMAND...: `collect` with that bound.
bounded() {
  collect timeout --signal=KILL "$@"
  if [ $STATUS = 124 ] || [ $STATUS = 137 ]; then explain "no end within $1 s"; fi
}

# bystander: a process that has nothing to do with any of this, as BYSTANDER.
bystander() {
  sleep 600 >/dev/null 2>&1 3>&- &
  disown
  BYSTANDER=$(identity $!)
  OURS+=("$BYSTANDER")
}

# dead: the identity of a process that has ended.
dead() {
  local ended
  sleep 600 >/dev/null 2>&1 3>&- &
  disown
  ended=$(identity $!)
  kill -KILL "${ended%,*}"
  wait_until 5 gone "$ended"
  echo "$ended"
}

# record DIR RUN [LINE...]: prints a record whose podman is the bystander and whose holder has ended: who
# takes it for one ends the bystander.
record() {
  cat <<END
podleash=1
boot=$(</proc/sys/kernel/random/boot_id)
unit=U1
created=1
podman=$BYSTANDER
holder=$DEAD,sh
cidfile=$1/$2.cid
conmon_pidfile=$1/$2.conmon.pid
pidfile=$1/$2.pid
cwd=/
detach=0
remove=0
name=
executable=$WORK/bin/podman
END
  [ $# = 2 ] || printf '%s\n' "${@:3}"
}

# good_record RUN [LINE...]: a record of a run that is over and was not tidied up.
good_record() {
  local BYSTANDER=$DEAD
  record "$PID_DIR" "$@" >"$PID_DIR/$1.run"
}

# removed_record RUN: the same of a --rm run, for which podman is asked whether the container is there.
removed_record() {
  good_record "$1" remove=1 "cid=$(sha256sum <<<"$PID_DIR/$1" | cut -c -64)"
}

# start_conmon ID WORD...: what podman would have started for that container; sets CONMON.
start_conmon() {
  _OCI_SYNCPIPE=3 setsid "$BUILD/tests/idle" --api-version 1 -c "$1" -u "$1" "${@:2}" \
    --exit-command "$WORK/bin/podman" --exit-command-arg container --exit-command-arg cleanup \
    --exit-command-arg --rm --exit-command-arg "$1" </dev/null >/dev/null 2>&1 3>&- &
  disown
  CONMON=$(identity $!)
  OURS+=("$CONMON")
  wait_until 5 runs_program "${CONMON%,*}" "$BUILD/tests/idle"
}

# runs_program PID PATH
runs_program() {
  [ "$(readlink "/proc/$1/exe")" = "$2" ]
}

# old FILE...: has not been touched for two minutes.
old() {
  touch -d '2 minutes ago' "${@/#/$PID_DIR/}"
}
