#!/usr/bin/env bash
# A batch on a remote box: files by rsync, the run in tmux, gone on with after any loss of line or box.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: remote.sh [OPTIONS] HOST COMMAND [ARGUMENTS...]

Commands:
  push FOLDER [TARGET]     copy a folder to the box; what is there already is not sent again
  plan CONFIG RUN          geovision batch plan, on the box
  start RUN [ARGUMENTS]    geovision batch run in tmux: it goes on when the line is cut. After the box was lost,
                           start again does what is left
  follow RUN               wait for the end, through lost lines; the exit code is that of the run
  status RUN               geovision batch status
  attach RUN               the run's own terminal (leave it with Ctrl-b d)
  stop RUN                 ask the run to end its tiles and stop; start goes on from there
  fetch RUN TARGET         copy the results back

FOLDER and TARGET of fetch are here; everything else is a path on the box.

Options:
  --geovision PATH   the command on the box (default geovision)
  --every S          seconds between two looks of follow (default 10)
  --tries N          looks in a row that may fail before follow gives up (default 360)
  -h, --help         this text

HOST is whatever ssh takes; keys and ports belong into ~/.ssh/config.

Examples:
  remote.sh box push county
  remote.sh box plan county/county.toml run
  remote.sh box start run --workers 16 && remote.sh box follow run
  remote.sh box fetch run results

Exit code: that of the command on the box; 2 usage; 3 the box cannot be reached, or lacks tmux.
TEXT
}

geovision=geovision every=10 tries=360 leading=1
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
parse_options "--geovision --every --tries" "" "$@"
set -- "${words[@]}"
[ $# -ge 2 ] || fail 2 "HOST and COMMAND are needed; see --help"
host=$1 command=$2
shift 2
[[ $host != -* ]] || fail 2 "$host is no host"

need() { [ "$1" -ge "$2" ] || fail 2 "$command needs $3; see --help"; }

# Words as one line that the shell on the box splits into the same words.
quoted() { printf '%q ' "$@"; }

on_box() {
    local code=0
    ssh -o ServerAliveInterval=15 -o ServerAliveCountMax=4 "$host" "$@" || code=$?
    [ "$code" != 255 ] || fail 3 "$host cannot be reached"
    return "$code"
}

# tmux takes neither dots nor colons in a name.
session() { printf 'geovision-%s' "$(basename -- "$1" | tr -c 'A-Za-z0-9_\n-' '_')"; }

start() {
    local run=$1 name inner place
    shift
    name=$(session "$run") place=$(printf %q "$run")
    # The code is written last and in one step, so that it is there exactly when the run has ended.
    inner="$(quoted "$geovision" batch run "$run" "$@"); code=\$?; cd $place &&
        printf '%s\\n' \"\$code\" >.exit.tmp && mv .exit.tmp exit_code"
    on_box "command -v tmux >/dev/null || { echo 'error: the box has no tmux' >&2; exit 3; }
        if tmux has-session -t =$name 2>/dev/null; then echo 'it is running already' >&2; exit 0; fi
        [ -f $place/plan.json ] || { echo 'error: no such run; plan it first' >&2; exit 2; }
        rm -f $place/exit_code && tmux new-session -d -s $name $(quoted "$inner")"
}

follow() {
    local run=$1 left=$tries said name
    name=$(session "$run")
    while true; do
        # A lost line is waited out; a box that is there says whether the run is.
        if said=$(ssh -o ConnectTimeout=10 -o BatchMode=yes "$host" "cd $(quoted "$run") || { echo none; exit 0; }
            if [ -f exit_code ]; then cat exit_code
            elif tmux has-session -t =$name 2>/dev/null; then echo running
            elif [ -f exit_code ]; then cat exit_code
            else echo lost; fi"); then
            left=$tries
            case $said in
            running) ;;
            lost) fail 75 "the run is not there any more (was the box restarted?): start it again, it goes on" ;;
            none) fail 2 "$run does not exist on $host" ;;
            *) return "$said" ;;
            esac
        else
            left=$((left - 1))
            [ "$left" -gt 0 ] || fail 3 "$host cannot be reached"
            printf 'no answer from %s; trying again\n' "$host" >&2
        fi
        sleep "$every"
    done
}

case $command in
push)
    need $# 1 "a folder"
    [ -d "$1" ] || fail 2 "$1 is no folder"
    target=${2:-$(basename -- "$(cd "$1" && pwd)")}
    rsync --archive --partial --human-readable "${1%/}/" "$host:$target/"
    ;;
plan) need $# 2 "CONFIG and RUN"; on_box "$(quoted "$geovision" batch plan "$1" -o "$2" "${@:3}")" ;;
start) need $# 1 "RUN"; start "$@" ;;
follow) need $# 1 "RUN"; follow "$1" ;;
status) need $# 1 "RUN"; on_box "$(quoted "$geovision" batch status "$@")" ;;
attach) need $# 1 "RUN"; exec ssh -t "$host" "tmux attach -t =$(session "$1")" ;;
stop) need $# 1 "RUN"; on_box "tmux send-keys -t =$(session "$1"): C-c" ;;
fetch)
    need $# 2 "RUN and TARGET"
    mkdir -p "$2"
    rsync --archive --partial --human-readable --exclude='*.tmp' "$host:${1%/}/" "${2%/}/"
    ;;
*) fail 2 "unknown command $command; see --help" ;;
esac
