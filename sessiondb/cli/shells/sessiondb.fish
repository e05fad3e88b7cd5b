# Completions of sessiondb for fish, as `sessiondb completions fish` prints them.
function __sessiondb_complete
    set -l line (commandline -cp)
    set -l program (commandline -opc)[1]
    for row in ($program __complete "$line" 2>/dev/null)
        set -l parts (string split -m 2 \t -- $row)
        if test "$parts[1]" = file
            __fish_complete_path (commandline -ct)
        else
            printf '%s\t%s\n' $parts[2] "$parts[3]"
        end
    end
end
complete -c sessiondb -f -k -a '(__sessiondb_complete)'
