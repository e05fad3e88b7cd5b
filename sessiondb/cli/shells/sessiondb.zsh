#compdef sessiondb
# Completions of sessiondb for zsh, as `sessiondb completions zsh` prints them.
_sessiondb() {
    local line="${(j: :)words[1,CURRENT-1]} ${compstate[quote]}${PREFIX}" kind value about
    local -a values shown open open_shown
    while IFS=$'\t' read -r kind value about; do
        if [[ $kind == file ]]; then
            _files
        elif [[ $value == *[:=] ]]; then
            open+=("$value")
            open_shown+=("$value${about:+  -- $about}")
        else
            values+=("$value")
            shown+=("$value${about:+  -- $about}")
        fi
    done < <(${~words[1]} __complete "$line" 2>/dev/null)
    (( $#values )) && compadd -V sessiondb -l -d shown -a -- values
    (( $#open )) && compadd -V sessiondb-fields -l -S '' -d open_shown -a -- open
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _sessiondb "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef _sessiondb sessiondb
fi
