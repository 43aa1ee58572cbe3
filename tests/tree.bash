# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For the tests of `podleash list --tree`: what it draws, as words; and a terminal for it.
# shellcheck disable=SC2034 # what is set here is for the tests

# edges: of the ASCII tree on stdin, each process with who it hangs below, in the order of the lines:
#
#     PID PARENT          a child of PARENT, which is a pid or unit:NAME
#     PID PARENT joined   put there, while the kernel has it elsewhere
edges() {
  awk '
    { text = substr($0, 27) }
    NR == 1 { next }
    text ~ /^unit / { at[0] = "unit:" substr(text, 6); next }
    {
      branch = match(text, /[|`][-=] /)
      level = (branch - 1) / 3
      at[level + 1] = $1
      print $1, at[level] (substr(text, branch + 1, 1) == "=" ? " joined" : "")
    }'
}

# edge PROCESS PARENT [joined]: the line of `edges` that these give; PARENT as well is a PID,START or unit:NAME.
edge() {
  echo "${1%,*} ${2%,*}${3:+ $3}"
}

# on_terminal COMMAND: what the shell command prints to a terminal of its own, as the terminal is told it.
on_terminal() {
  TERM=${TERM_OF_TEST-xterm} script -qec "$1" /dev/null </dev/null 3>&- 4>&- 5>&-
}
