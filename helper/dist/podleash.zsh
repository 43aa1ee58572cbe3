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
    'sweep:end what dead jobs left behind; give live ones their guard back'
    'list:show the runs and who holds them'
    'doctor:check what the leash needs, and say how to mend it'
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
        '--unit=[the unit that they are of]:unit:_podleash_units' \
        '--grace=[from a container'\''s first signal to SIGKILL]:seconds: ' \
        '--kill-after=[from the command'\''s first signal to SIGKILL]:seconds: ' \
        '(-)1:command: _command_names -e' \
        '*::argument: _normal'
      ;;
    cancel)
      _arguments \
        '--unit=[that unit alone]:unit:_podleash_units' \
        '--grace=[from a container'\''s first signal to SIGKILL]:seconds: ' \
        '--timeout=[how long to wait for the end]:seconds: ' \
        '--json[an object a line for each run]' \
        '1: :_podleash_units_or_directories'
      ;;
    sweep)
      _arguments \
        '--dry-run[say what would be done, and do nothing]' \
        '--json[an object a line for each run]' \
        '1:directory:_directories'
      ;;
    list)
      _arguments \
        '(--tree)--json[an object a line for each run]' \
        '(--json)--tree[all their processes]' \
        '*: :_podleash_units_or_directories'
      ;;
    doctor)
      _arguments \
        '--probe=-[leash a real container as well, and end it]::image: ' \
        '--json[an object a line for each check]' \
        '--receptor-conf=[receptor'\''s configuration]:file:_files'
      ;;
    help)
      _describe command names
      ;;
  esac
}

_podleash "$@"
