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

_crq() {
    local crq=$1 word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local i verb= eq=
    COMPREPLY=()

    # bash makes a word of "=", too.
    if [[ $word == = ]]; then
        word= eq=1
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
        COMPREPLY=($(compgen -W 'queued started finished failed stopped
            deferred scheduled canceled' -- "$word")) ;;
    *:-u | *:--url)
        COMPREPLY=($(compgen -W 'redis:// rediss:// unix://' -- "$word")) ;;
    enqueue:--serializer | schedule:--serializer)
        COMPREPLY=($(compgen -W 'pickle json msgpack' -- "$word")) ;;
    *)
        if [[ $word == -* ]]; then
            COMPREPLY=($(compgen -W "$(_crq_options "$crq" $verb)" -- "$word"))
        elif [[ -z $verb && -z $eq ]]; then
            COMPREPLY=($(compgen -W "$(_crq_verbs "$crq")" -- "$word"))
        elif [[ $verb == app && $before == app ]]; then
            COMPREPLY=($(compgen -W 'check' -- "$word"))
        elif [[ $verb == app || $verb == worker || $verb == up ]]; then
            COMPREPLY=($(compgen -f -- "$word"))
        fi ;;
    esac
}

complete -F _crq crq
