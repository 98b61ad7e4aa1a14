# crq.bash - completes the command line of crq in bash.
#
# Verbs and options are those that this very crq's --help names, so that there
# is no second list of them. Redis is not asked: a key press must not wait.

_crq_words() {
    "$@" --help 2>/dev/null
}

_crq_verbs() {
    _crq_words "$1" | sed -n '/^Verbs:/,$s/^  \([a-z-][a-z-]*\) .*/\1/p'
}

# Only what stands where options do, not what texts speak of.
_crq_options() {
    _crq_words "$@" |
        sed -n 's/^ \{1,8\}\(-[A-Za-z?], *\)\{0,1\}\(--[a-z-]*\).*/\2/p'
}

# Of these words those that begin as the one that is being typed.
_crq_offer() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word")
}

_crq() {
    local crq=$1 word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local i verb='' eq=''
    COMPREPLY=()

    # bash makes a word of "=", too.
    if [[ $word == = ]]; then
        word='' eq=1
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD-2]} eq=1
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -u | --url) ((i++)) && [[ ${COMP_WORDS[i]} == = ]] && ((i++)) ;;
        -*) ;;
        *) verb=${COMP_WORDS[i]} && break ;;
        esac
    done

    case $verb:$before in
    *:-s | *:--status)
        _crq_offer 'queued started finished failed stopped
            deferred scheduled canceled' ;;
    *:-u | *:--url)
        _crq_offer 'redis:// rediss:// unix://' ;;
    enqueue:--serializer | schedule:--serializer)
        _crq_offer 'pickle json msgpack' ;;
    *)
        if [[ $word == -* ]]; then
            _crq_offer "$(_crq_options "$crq" ${verb:+"$verb"})"
        elif [[ -z $verb && -z $eq ]]; then
            _crq_offer "$(_crq_verbs "$crq")"
        elif [[ $verb == app && $before == app ]]; then
            _crq_offer 'check'
        elif [[ $verb == app || $verb == worker || $verb == up ]]; then
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
        fi ;;
    esac
}

complete -F _crq crq
