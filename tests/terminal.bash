# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A terminal for a command.

# start_in_terminal COMMAND...: starts it as the first process of a terminal. TERMINAL is the process that has its other
# end: when that is killed, the terminal is lost. What is written to $WORK/keys is typed, what it prints is in
# $WORK/screen.
start_in_terminal() {
  rm -f "$WORK/keys"
  mkfifo "$WORK/keys"
  # Both ends: it never comes to its end. A background job of a script would ignore SIGINT.
  setsid env --default-signal /usr/bin/python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' "$@" \
    <>"$WORK/keys" >"$WORK/screen" 2>&1 3>&- &
  TERMINAL=$(identity $!)
  OURS+=("$TERMINAL")
}

# press_ctrl_c
press_ctrl_c() {
  printf '\003' >"$WORK/keys"
}

# press_ctrl_z
press_ctrl_z() {
  printf '\032' >"$WORK/keys"
}

# type_line WORD...
type_line() {
  echo "$*" >"$WORK/keys"
}
