#!/bin/sh
# check_embed_lua.sh - tests of build-aux/embed-lua, in TAP.
set -u
embed=${srcdir:-.}/build-aux/embed-lua
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0

is()
{
    n=$((n + 1))
    if test "$2" = "$3"; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        printf '%s\n' "got:" "$2" "want:" "$3" | sed 's/^/# /'
    fi
}

lua()
{
    cat >"$dir/$1.lua"
}

# The text of crq_script_$1, as it is sent to Redis.
sent()
{
    sed -n "/crq_script_$1 = {/,/^};/s/^        \"\(.*\)\"\$/\1/p" "$dir/out.c"
}

run()
{
    sh "$embed" "$dir/out" "$@" 2>&1 | sed "s:$dir/::g"
}

lua piece <<'EOT'
-- only for inclusion
local one = 1
EOT
lua claim <<'EOT'
-- claim.lua - a comment
-- include piece.lua
  -- an indented one
local q = "a\"?" -- a trailing one stays
return {one, q}
EOT
lua other <<'EOT'
return 2
EOT

is "files are embedded" "$(run "$dir/claim.lua" "$dir/other.lua")" ""
is "comments leave empty lines, pieces take the place of their line" \
    "$(sent claim)" '\n
\n
local one = 1\n
\n
local q = \"a\\\"\?\" -- a trailing one stays\n
return {one, q}\n'
is "the header declares every script" \
    "$(grep -o 'crq_script_[a-z]*;' "$dir/out.h" | tr '\n' ' ')" \
    "crq_script_claim; crq_script_other; "
is "the SHA-1 is that of the text" \
    "$(sed -n '/crq_script_other/,$s/.*, "\(.*\)"/\1/p' "$dir/out.c")" \
    "$(printf 'return 2\n' | sha1sum | cut -c1-40)"
is "no script at all is fine" "$(run)" ""

lua bad <<'EOT'
return 1
-- include nothing.lua
EOT
is "a missing piece is named" "$(run "$dir/bad.lua")" \
    "bad.lua:2: cannot read nothing.lua"
lua bad <<'EOT'
local text = [[
-- no comment
]]
EOT
is "long brackets are refused" "$(run "$dir/bad.lua")" \
    "bad.lua:1: long brackets cannot be embedded"
is "nothing half done is left" "$(find "$dir" -mindepth 1 -name '*tmp*' | wc -l)" 0
echo "1..$n"
