# ground.sh - what ./check and ./start both stand on: Debian packages, a
# Python with RQ, a Redis of their own. Sourced by bash, never run.
# shellcheck shell=bash

# To build crq. "a|b" means: the first of them that apt knows.
# shellcheck disable=SC2034 # for those who source this
BUILD_PACKAGES=(
    build-essential autoconf automake libtool pkg-config autoconf-archive
    libev-dev libhiredis-dev libssl-dev liburiparser-dev
    "libmsgpack-c-dev|libmsgpack-dev" zlib1g-dev libcurl4-openssl-dev
    libmicrohttpd-dev libwslay-dev tzdata
)

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "need root or sudo for: $*"
    fi
}

is_installed() {
    dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'
}

# Is one of "a|b|/c" there already? /c is a command, from wherever: what
# Node.js's own packages bring, Debian's refuse to be installed beside.
any_installed() {
    local name names
    IFS='|' read -ra names <<<"$1"
    for name in "${names[@]}"; do
        case $name in
        /*) command -v "${name#/}" >/dev/null && return 0 ;;
        *) is_installed "$name" && return 0 ;;
        esac
    done
    return 1
}

# The first of "a|b" that apt knows; nothing, and status 1, when it knows none.
choose_package() {
    local name names
    IFS='|' read -ra names <<<"$1"
    for name in "${names[@]}"; do
        if apt-cache show "$name" 2>/dev/null | grep -q '^Package:'; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

# Install what is missing of the named packages. Asks the network only when
# something is.
need_packages() {
    local spec name missing=() found=()
    command -v dpkg-query >/dev/null ||
        die "this is not Debian: install these yourself: $*"
    for spec in "$@"; do
        any_installed "$spec" || missing+=("$spec")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    echo "installing: ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
        die "apt-get update failed"
    for spec in "${missing[@]}"; do
        name=$(choose_package "$spec") || die "apt knows no package $spec"
        found+=("$name")
    done
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${found[@]}" \
        >/dev/null || die "apt-get could not install ${found[*]}"
}

# A Python that is new enough for RQ and can make a venv.
find_python() {
    local python
    for python in python3 /usr/bin/python3 python3.{13,12,11,10,9}; do
        if "$python" -c 'import ensurepip, sys, venv
sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
            command -v "$python"
            return 0
        fi
    done
    return 1
}

need_python() {
    find_python >/dev/null || need_packages python3 python3-venv
    find_python >/dev/null || die "no Python 3.9 or newer that makes venvs"
}

# A venv in folder $1 with exactly the requirements of the other arguments.
# Kept, and made anew when the list changes.
make_venv() {
    local folder=$1 python
    shift
    if [ "$(cat "$folder/.made-of" 2>/dev/null)" = "$*" ]; then
        return 0
    fi
    need_python
    python=$(find_python)
    rm -rf "$folder"
    "$python" -m venv "$folder" || die "$python could not make $folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" ||
        die "pip could not install $*"
    echo "$*" >"$folder/.made-of"
}

# Makes ./configure, when it is missing or something it is made of is newer.
need_configure() {
    local source=$1
    if [ -e "$source/configure" ] && [ -e "$source/Makefile.in" ] &&
        [ -z "$(find "$source" \( -path "$source/.check" -o \
            -path "$source/build" -o -name .git \) -prune -o \
            \( -name configure.ac -o -name Makefile.am -o -name local.mk \) \
            -newer "$source/Makefile.in" -print)" ]; then
        return 0
    fi
    (cd "$source" && autoreconf -fi) && touch "$source/Makefile.in"
}

# A TCP port of 127.0.0.1 that is free at this moment.
free_port() {
    "${1:-python3}" -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}
