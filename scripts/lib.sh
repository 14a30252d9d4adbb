# Sourced, never run, under `set -euo pipefail`: words and options of all scripts; and for those that install (with the
# repository root as working directory) what finds or installs what is missing, and makes .venv with geovision in it.

say() { printf '==> %s\n' "$*" >&2; }
# fail CODE TEXT
fail() { printf 'error: %s\n' "$2" >&2; exit "$1"; }
die() { fail 3 "$*"; }

# parse_options VALUED SWITCHES ARGUMENTS...: --at-once 3 sets at_once=3, the switch --dry-run sets dry_run=1. Other words
# go into words, what follows "--" into extra. With leading=1 the first word ends the options. Needs a function usage.
parse_options() {
    local valued=" $1 " switches=" $2 " name
    shift 2
    words=() extra=()
    while [ $# -gt 0 ]; do
        name=${1#--}
        case $1 in
        -h | --help) usage; exit 0 ;;
        --) extra=("${@:2}"); return ;;
        -*)
            if [[ $valued == *" $1 "* ]]; then
                [ $# -ge 2 ] || fail 2 "$1 needs a value"
                printf -v "${name//-/_}" %s "$2"
                shift
            elif [[ $switches == *" $1 "* ]]; then
                printf -v "${name//-/_}" 1
            else
                fail 2 "unknown option $1; see --help"
            fi
            ;;
        *)
            if [ "${leading:-0}" = 1 ]; then words=("$@"); return; fi
            words+=("$1")
            ;;
        esac
        shift
    done
}

# Sets run to the whole name of the folder that words names, which has to hold a plan.
planned_run() {
    [ ${#words[@]} -gt 0 ] || fail 2 "which RUN? See --help"
    [ ${#words[@]} = 1 ] || fail 2 "one RUN, not ${words[*]}"
    [ -f "${words[0]}/plan.json" ] || fail 2 "${words[0]} has no plan.json: make it with geovision batch plan"
    run=$(cd "${words[0]}" && pwd)
}

# counts NUMBER...: each is a whole number above 0
counts() {
    local number
    for number in "$@"; do
        [[ $number =~ ^[1-9][0-9]*$ ]] || fail 2 "$number is no number above 0"
    done
}

# Installs Debian packages where that is possible without asking; otherwise says the command and stops.
need_packages() {
    local reason=$1
    shift
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        say "$reason; installing: $*"
        apt-get install -y -qq "$@" >&2 || { apt-get update -qq >&2 && apt-get install -y -qq "$@" >&2; } ||
            die "apt-get could not install $*"
    elif command -v apt-get >/dev/null; then
        die "$reason. Run: sudo apt-get install -y $*"
    else
        die "$reason. Install the equivalent of '$*' with your system's package manager."
    fi
}

python_fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

# Prints the interpreter to use: $PYTHON if given, else the first that fits.
find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null || die "PYTHON=$PYTHON is not a command"
        python_fits "$PYTHON" || die "PYTHON=$PYTHON is $("$PYTHON" -V 2>&1); geovision needs Python 3.11 to 3.13"
        printf '%s\n' "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && python_fits "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die "no Python 3.11 to 3.13 found. Install one, or name it: PYTHON=/path/to/python3.12 $0"
}

ensure_compiler() {
    local candidate
    for candidate in "${CXX:-}" c++ g++ clang++; do
        if [ -n "$candidate" ] && command -v "${candidate%% *}" >/dev/null; then
            return
        fi
    done
    need_packages "no C++ compiler found" g++
}

ensure_venv() {
    local python
    if [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1; then
        # A clone that was moved carries a .venv whose scripts point at the old place.
        if [ "$(.venv/bin/python -c 'import sys; print(sys.prefix)')" -ef .venv ] && python_fits .venv/bin/python &&
            { [ -z "${PYTHON:-}" ] || same_python; }; then
            return
        fi
        say "making .venv anew: it was made by another Python or for another place"
        rm -rf .venv
    fi
    python=$(find_python)
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        need_packages "$python has no venv module" \
            "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    say "making .venv with $("$python" -V)"
    rm -rf .venv
    "$python" -m venv .venv
}

same_python() {
    local show='import sys; print(sys.version_info[:3])'
    [ "$("$PYTHON" -c "$show")" = "$(.venv/bin/python -c "$show")" ]
}

cmake_fits() {
    local version
    version=$(cmake --version 2>/dev/null | sed -n '1s/[^0-9]*\([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
    [ -n "$version" ] || return 1
    set -- $version
    [ "$1" -gt 3 ] || { [ "$1" = 3 ] && [ "$2" -ge 21 ]; }
}

# CMake and Ninja from the system where they do, else their wheels inside .venv.
ensure_build_tools() {
    local wanted=()
    cmake_fits || wanted+=("cmake>=3.21")
    command -v ninja >/dev/null || wanted+=("ninja")
    if [ ${#wanted[@]} -gt 0 ]; then
        say "not found on this system, installing into .venv: ${wanted[*]}"
        pip_install "${wanted[@]}"
    fi
}

# Compiling all that comes along would take minutes; Python compiles what is imported.
pip_install() { python -m pip install --quiet --disable-pip-version-check --no-compile "$@"; }

# What decides whether the install is up to date. Sources are not in it: Python ones are read in place,
# and C++ ones are rebuilt by the import hook of the editable install.
install_stamp() { { cat pyproject.toml CMakeLists.txt; python -V; printf '%s\n' "$1"; } | python -c '
import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'; }

# setup [EXTRA]: .venv with geovision installed in it (editable, so nothing is ever tested stale).
setup() {
    local extra=${1:-} target=. stamp
    ensure_compiler
    ensure_venv
    PATH=$PWD/.venv/bin:$PATH
    hash -r
    ensure_build_tools
    [ -z "$extra" ] || target=".[$extra]"
    stamp=$(install_stamp "$extra")
    if [ "$(cat ".venv/installed-$extra" 2>/dev/null)" != "$stamp" ]; then
        say "installing geovision and its dependencies into .venv (compiles the kernel; the first time takes minutes)"
        # Without build isolation, because the import hook needs the same tools again at every rebuild.
        pip_install "scikit-build-core>=0.10" "pybind11>=2.13"
        pip_install --no-build-isolation --editable "$target"
        printf '%s\n' "$stamp" >".venv/installed-$extra"
    fi
    python -c 'from geovision import _kernel' || die "the kernel does not build; the compiler's message is above"
}
