# SPDX-License-Identifier: Apache-2.0
# fish completion for podleash(1).

# Those in the directory that the line names before, else those that podleash finds.
function __podleash_units
    set -l directory
    for word in (commandline -opc)[3..-1]
        set word (string replace -r '^--[a-z-]*=' '' -- $word | string replace -r '^~/' $HOME/)
        test -d "$word"; and set directory $word/
    end
    podleash list --json $directory 2>/dev/null | string replace -rf '.*"unit": "([^"]*)".*' '$1' | sort -u
end

# Whether the word to complete is of that command; behind COMMAND of `podleash run` it is of another.
function __podleash_is
    set -l words (commandline -opc)
    set -l value no
    test "$words[2]" = $argv[1]; or return
    test $argv[1] = run; or return 0
    for word in $words[3..-1]
        if test $value = yes
            set value no
        else if not string match -qr '^--.' -- $word
            return 1
        else if not string match -q '*=*' -- $word
            set value yes
        end
    end
end

complete -c podleash -f
for command in \
    run:'Run a command; its containers end with it' \
    cancel:'End all containers of a unit, and any that it is about to start' \
    sweep:'End what dead jobs left behind; give runs that lost their guard a new one' \
    list:'Show the runs and who holds them' \
    doctor:'Check what the leash needs, and say how to fix it' \
    version:'Print the version' \
    help:'Print the usage of all commands, or of one'
    set -l both (string split -m 1 : $command)
    complete -c podleash -n "__fish_use_subcommand; or __podleash_is help" -a $both[1] -d $both[2]
end

complete -c podleash -n '__podleash_is run' -l pid-dir -x -a '(__fish_complete_directories)' -d 'Where the runs are recorded'
complete -c podleash -n '__podleash_is run' -l unit -x -a '(__podleash_units)' -d 'The name of the unit'
complete -c podleash -n '__podleash_is run' -l grace -x -d 'Seconds from the stop signal to SIGKILL'
complete -c podleash -n '__podleash_is run' -l kill-after -x -d 'Seconds from the first signal to SIGKILL of the command'
# A short option first: fish would take long ones there for its own.
complete -c podleash -n '__fish_seen_subcommand_from run' \
    -a '(__fish_complete_subcommand --fcs-skip=2 -h --pid-dir --unit --grace --kill-after)'

complete -c podleash -n '__podleash_is cancel' -l unit -x -a '(__podleash_units)' -d 'Only that unit'
complete -c podleash -n '__podleash_is cancel' -l grace -x -d 'Seconds from the stop signal to SIGKILL'
complete -c podleash -n '__podleash_is cancel' -l timeout -x -d 'Seconds to wait for the end'
complete -c podleash -n '__podleash_is cancel' -l json -d 'One JSON object per run'
complete -c podleash -n '__podleash_is sweep' -l dry-run -d 'Only say what would be done'
complete -c podleash -n '__podleash_is sweep' -l json -d 'One JSON object per run'
complete -c podleash -n '__podleash_is list' -l json -d 'One JSON object per run'
complete -c podleash -n '__podleash_is list' -l tree -d 'Show all their processes'
complete -c podleash -n '__podleash_is cancel; or __podleash_is list' -a '(__podleash_units)'
complete -c podleash -n '__podleash_is cancel; or __podleash_is list; or __podleash_is sweep' \
    -a '(__fish_complete_directories)'
complete -c podleash -n '__podleash_is doctor' -l probe -d 'Also leash a real container, and end it'
complete -c podleash -n '__podleash_is doctor' -l json -d 'One JSON object per check'
complete -c podleash -n '__podleash_is doctor' -l receptor-conf -r -F -d 'Receptor\'s configuration'
