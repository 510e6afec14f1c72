#!/bin/sh
# Works in the real window for some minutes, with a real pointer and real keys on a display without a screen: paints, zooms, pans,
# goes through panels and the palette, takes steps back; then prints how long its frames took.
#
#   docs/session.sh PROGRAM [SECONDS]
#
# Needs Xvfb and xdotool. Mesa's software rasteriser draws, where there is no other.
set -eu
program=$1
seconds=${2:-300}
work=$(mktemp -d)
number=$((100 + $$ % 400))
Xvfb ":$number" -screen 0 1280x800x24 >/dev/null 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT
sleep 1
export DISPLAY=":$number" HOME="$work" WAYLAND_DISPLAY=
"$program" --frame-log "$work/frames.txt" >/dev/null 2>&1 &
window=$!
sleep 4
x() { xdotool "$@" 2>/dev/null || true; }
x windowfocus --sync "$(xdotool search --onlyvisible --name Terroir | head -n 1)"

drag() {
    x mousemove "$1" "$2" mousedown 1
    for part in 1 2 3 4 5 6 7 8 9 10; do
        x mousemove $(($1 + ($3 - $1) * part / 10)) $(($2 + ($4 - $2) * part / 10))
        sleep 0.03
    done
    x mouseup 1
}

round=0
end=$(($(date +%s) + seconds))
while [ "$(date +%s)" -lt "$end" ]; do
    round=$((round + 1))
    x key p
    for class in 1 2 3; do
        x key "alt+$class"
        left=$((330 + 40 * ((round + class) % 8)))
        top=$((220 + 50 * ((round * 3 + class) % 9)))
        drag $left $top $((left + 90)) $((top + 10))
        sleep 0.3
    done
    x mousemove 560 430
    for step in 1 2 3 4 5 6; do
        x click 4
        sleep 0.12
    done
    x key h
    drag 560 430 460 380
    drag 460 380 600 500
    for step in 1 2 3 4 5 6; do
        x click 5
        sleep 0.12
    done
    x key v
    sleep 0.5
    x key v
    for tab in 930 990 1050 1095 1137 1192; do
        x mousemove $tab 80 click 1
        sleep 0.4
    done
    x key ctrl+k
    x type --delay 40 zoom
    x key Escape
    x key ctrl+z ctrl+z ctrl+y
    sleep 0.3
done
grep -E "VmHWM|VmRSS" "/proc/$window/status"
# Nothing is left to be saved, so that the window closes without asking.
x key Escape
for step in $(seq 1 100); do
    x key ctrl+z ctrl+z ctrl+z ctrl+z ctrl+z ctrl+z ctrl+z ctrl+z
done
sleep 1
x key ctrl+q
wait "$window" || true
cat "$work/frames.txt"
