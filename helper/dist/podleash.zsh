#compdef podleash
# SPDX-License-Identifier: Apache-2.0
# zsh completion for podleash(1).

# Those in the directory that the line names before, else those that podleash finds.
_podleash_units() {
  local word directory
  local -a units expl
  for word in $words[2,CURRENT-1]; do
    word=${~${(Q)word#--*=}}
    [[ -d $word ]] && directory=$word
  done
  units=(${(f)"$(podleash list --json ${directory:+$directory/} 2>/dev/null | sed -n 's/.*"unit": "\([^"]*\)".*/\1/p')"})
  _wanted units expl unit compadd -a units
}

_podleash_units_or_directories() {
  _alternative 'units:unit:_podleash_units' 'directories:directory:_directories'
}

_podleash() {
  local curcontext=$curcontext state
  local -a line names=(
    'run:run a command; its containers end with it'
    'cancel:end all containers of a unit, and any that it is about to start'
    'sweep:end what dead jobs left behind; give runs that lost their guard a new one'
    'list:show the runs and who holds them'
    'doctor:check what the leash needs, and say how to fix it'
    'version:print the version'
    'help:print the usage of all commands, or of one'
  )
  local -A opt_args

  _arguments -C '1: :->command' '*:: :->argument'
  if [[ $state = command ]]; then
    _describe command names
    return
  fi
  case $words[1] in
    run)
      _arguments -S \
        '--pid-dir=[where the runs are recorded]:directory:_directories' \
        '--unit=[the name of the unit]:unit:_podleash_units' \
        '--grace=[seconds from the stop signal to SIGKILL]:seconds: ' \
        '--kill-after=[seconds from the first signal to SIGKILL of the command]:seconds: ' \
        '(-)1:command: _command_names -e' \
        '*::argument: _normal'
      ;;
    cancel)
      _arguments \
        '--unit=[only that unit]:unit:_podleash_units' \
        '--grace=[seconds from the stop signal to SIGKILL]:seconds: ' \
        '--timeout=[seconds to wait for the end]:seconds: ' \
        '--json[one JSON object per run]' \
        '1: :_podleash_units_or_directories'
      ;;
    sweep)
      _arguments \
        '--dry-run[only say what would be done]' \
        '--json[one JSON object per run]' \
        '1:directory:_directories'
      ;;
    list)
      _arguments \
        '(--tree)--json[one JSON object per run]' \
        '(--json)--tree[show all their processes]' \
        '*: :_podleash_units_or_directories'
      ;;
    doctor)
      _arguments \
        '--probe=-[also leash a real container, and end it]::image: ' \
        '--json[one JSON object per check]' \
        '--receptor-conf=[receptor'\''s configuration]:file:_files'
      ;;
    help)
      _describe command names
      ;;
  esac
}

_podleash "$@"
