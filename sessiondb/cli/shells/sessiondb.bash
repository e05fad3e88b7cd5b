# Completions of sessiondb for bash, as `sessiondb completions bash` prints them.
_sessiondb() {
    local line=${COMP_LINE:0:COMP_POINT} kind value about quoted
    local -a values=() abouts=()
    COMPREPLY=()
    while IFS=$'\t' read -r kind value about; do
        if [[ $kind == file ]]; then
            compopt -o default 2>/dev/null
            continue
        fi
        if [[ $kind == plain ]]; then
            printf -v quoted %q "$value"
            value=$quoted
        elif [[ $value == *[\"\'\`\$\\!]* ]]; then
            continue # within quotes it would mean something else
        fi
        values+=("$value")
        abouts+=("$about")
    done < <("$1" __complete "$line" "$2" 2>/dev/null)

    compopt -o nosort 2>/dev/null
    if ((${#values[@]} == 1)); then
        COMPREPLY=("${values[0]}")
        [[ ${values[0]} == *[:=] ]] && compopt -o nospace 2>/dev/null
        return
    fi
    # Of several, only what they have in common is inserted: what they are can stand beside them. 37 is menu-complete.
    local index
    for index in "${!values[@]}"; do
        if [[ ${abouts[index]} && ${COMP_TYPE:-9} != 37 ]]; then
            COMPREPLY+=("${values[index]}  (${abouts[index]})")
        else
            COMPREPLY+=("${values[index]}")
        fi
    done
}
complete -F _sessiondb sessiondb
