#!/usr/bin/env bash
# Pictures of a page at phone and desktop width, light and dark, to be looked at by eye; and whether it scrolls sideways.
#
#     tests/browser/screenshots.sh checkpoints/flowers/report.html FOLDER [HEIGHT]
#
# Needs chromium (Debian: apt-get install chromium). Nothing leaves the machine.
set -euo pipefail
page="$(realpath "$1")"
mkdir -p "$2"
out="$(realpath "$2")"
height="${3:-6000}"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

browser() {
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$scratch/profile" "$@" 2>/dev/null
}

# A window may not be as narrow as a phone; a frame in it may.
for width in 390 1280; do
    cat >"$scratch/$width.html" <<HTML
<!doctype html><style>body{margin:0}iframe{border:0;display:block}</style>
<iframe id="f" src="file://$page" width="$width" height="$height"></iframe>
<script>f.onload = () => { const root = f.contentDocument.documentElement;
document.title = "$width px wide, content " + root.scrollWidth + " px wide, " + root.scrollHeight + " px high"; }</script>
HTML
    browser --allow-file-access-from-files --window-size=1280,"$height" --virtual-time-budget=3000 \
        --dump-dom "file://$scratch/$width.html" | grep -o '<title>[^<]*' | sed 's/<title>//'
    for scheme in light dark; do
        dark=1
        [ "$scheme" = dark ] && dark=0
        browser --allow-file-access-from-files --window-size="$((width < 500 ? 500 : width)),$height" \
            --blink-settings=preferredColorScheme=$dark --virtual-time-budget=3000 \
            --screenshot="$out/$width-$scheme.png" "file://$scratch/$width.html"
    done
done
