#!/usr/bin/env bash
# The systemd unit as systemd itself reads and rates it: service.sh UNIT PROGRAM
set -euo pipefail

unit=$1 program=$2 passed=0 failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# say CLAIM COMMAND..: counts the claim, and shows the command's words when it fails
say() {
    local claim=$1 words
    shift
    if words=$("$@" 2>&1); then
        passed=$((passed + 1))
        echo "ok   $claim"
    else
        failed=$((failed + 1))
        printf 'FAIL %s\n%s\n' "$claim" "$words"
    fi
}

# the program is where it was built, not where it will be installed
name=$(basename "$unit")
sed "s#/usr/bin/wm-server#$program#" "$unit" >"$folder/$name"
sed 's/^ProtectSystem=.*/ProtectSystm=strict/' "$folder/$name" >"$folder/misspelt.service"
# what systemd says of this unit; of the host's own ones it may say more
words_on() { systemd-analyze verify --man=no "$1" 2>&1 | grep -F "$(basename "$1")" || true; }
refuses() { [ -n "$(words_on "$1")" ]; }
silent() {
    local words
    words=$(words_on "$1")
    echo "$words"
    [ -z "$words" ]
}

say "systemd understands every line" silent "$folder/$name"
say "control: a misspelt line is noticed" refuses "$folder/misspelt.service"
say "its exposure is at most 1.5 of 10" systemd-analyze security --offline=yes --threshold=15 "$folder/$name"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
