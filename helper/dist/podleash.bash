# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# bash completion for podleash(1). Where it has nothing to offer, bash completes file names.

# _podleash_options COMMAND
_podleash_options() {
  case $1 in
    run) echo --pid-dir --unit --grace --kill-after ;;
    cancel) echo --grace --timeout --json --unit ;;
    sweep) echo --dry-run --json ;;
    list) echo --json --tree ;;
    doctor) echo --probe --json --receptor-conf ;;
  esac
}

# _podleash_units: those in the directory that the line names before, else those that podleash finds.
# Behind a slash: a word without one is a unit.
_podleash_units() {
  local word directory=
  for word in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
    word=${word/#\~\//$HOME/}
    [ ! -d "$word" ] || directory=$word
  done
  podleash list --json ${directory:+"$directory/"} 2>/dev/null | sed -n 's/.*"unit": "\([^"]*\)".*/\1/p' | sort -u
}

# _podleash_in_command: whether the word to complete stands behind COMMAND of `podleash run`.
_podleash_in_command() {
  local i
  [ "${COMP_WORDS[1]}" = run ] || return
  for ((i = 2; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --) [ $((i + 1)) -lt "$COMP_CWORD" ] && return ;;
      --*) i=$((i + 1)) ;;
      *) return 0 ;;
    esac
  done
  return 1
}

_podleash() {
  local word=${COMP_WORDS[COMP_CWORD]} offer='' commands='run cancel sweep list doctor version help'
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then
    offer=$commands
  elif _podleash_in_command; then
    return
  else
    case ${COMP_WORDS[COMP_CWORD - 1]},${COMP_WORDS[1]},$word in
      --unit,*) offer=$(_podleash_units) ;;
      --pid-dir,* | --grace,* | --kill-after,* | --timeout,* | --receptor-conf,*) ;;
      *,-*) offer=$(_podleash_options "${COMP_WORDS[1]}") ;;
      *,run,*) offer=$(compgen -c -- "$word" | grep -vxF -e "$(compgen -A keyword -A alias -A function)") ;;
      *,cancel,* | *,list,*) offer=$(_podleash_units) ;;
      *,help,*) offer=$commands ;;
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$offer" -- "$word")
}

complete -o default -F _podleash podleash
