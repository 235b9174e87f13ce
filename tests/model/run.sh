#!/usr/bin/env bash
# Runs every variant of handshake.pml through spin: the broken protocols must fail by the named claim, ours must hold
# over a complete search. Prints the attacks, the states explored and "N passed, N failed".
set -euo pipefail

model=$(realpath "$(dirname "${BASH_SOURCE[0]}")")/handshake.pml
memory_mb=1500
depth=10000

for tool in spin gcc; do
    if ! command -v "$tool" >/dev/null; then
        echo "model: $tool is not installed, so the handshake's models cannot be checked: apt-get install $tool" >&2
        echo "0 passed, 1 failed"
        exit 1
    fi
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
passed=0 failed=0

# search "FLAGS OF THE MODEL" "FLAGS OF THE SEARCH": generates, compiles and runs the search; what it says is in ./said
search() {
    local flags=() how=()
    read -ra flags <<<"$1"
    read -ra how <<<"$2"
    rm -f pan pan.* ./*.trail said
    spin "${flags[@]}" -a "$model" >spin.log 2>&1 &&
        gcc -O1 -w -DSAFETY -DNOREDUCE -DMEMLIM=$memory_mb "${how[@]}" -o pan pan.c >>spin.log 2>&1 &&
        ./pan -m$depth -b >said 2>&1
}

number_of() { sed -nE "$1" said | head -n 1; }
states() { number_of 's/^ *([0-9]+) states, stored.*/\1/p'; }
reached() { number_of 's/.*depth reached ([0-9]+),.*/\1/p'; }

verdict() {
    local is_good=$1 text=$2
    if [ "$is_good" = yes ]; then
        passed=$((passed + 1))
        printf 'ok   %s\n' "$text"
    else
        failed=$((failed + 1))
        printf 'FAIL %s\n' "$text"
        tail -n 40 spin.log said 2>/dev/null || true
    fi
}

# must_fail CLAIM "FLAGS" "WHAT" ["A LINE OF THE TRACE"..]: a control, the shortest attack found breadth first
must_fail() {
    local claim=$1 variant=$2 what=$3 good=yes line began=$SECONDS options=()
    shift 3
    read -ra options <<<"$variant"
    search "$variant" -DBFS || good=no
    [ "$(number_of 's/^pan:1: assertion violated ([a-z0-9_]+) .*/\1/p')" = "$claim" ] || good=no
    [ $good = no ] ||
        spin "${options[@]}" -t -k ./*.trail "$model" 2>/dev/null | sed -nE 's/^ *trace: //p' >trace || good=no
    for line in "$@"; do
        [ $good = no ] || grep -qE "$line" trace || good=no
    done
    verdict $good "fails by $claim, as it must: $what ($(states) states, $((SECONDS - began)) s)"
    [ ! -s trace ] || [ "$claim" = not_both_accept ] || sed 's/^/         /' trace
    rm -f trace
}

# must_hold "FLAGS" "WHAT": nothing found, and nothing left unexplored
must_hold() {
    local variant=$1 what=$2 good=yes began=$SECONDS
    search "$variant" "" || good=no
    grep -q '^Full statespace search for:' said || good=no
    grep -q ', errors: 0$' said || good=no
    if grep -qiE 'not completed|too small|out of memory|memory limit|truncat|error: ' said; then good=no; fi
    [ "$(states)" -gt 1000 ] && [ "$(reached)" -lt $depth ] || good=no
    verdict $good "holds: $what ($(states) states, depth $(reached), $((SECONDS - began)) s)"
}

all="-DCLAIM_AUTH -DCLAIM_MEANT -DCLAIM_PSK"

cat <<'TEXT'
Each attack is the shortest one. N0, N1, K0, K1, E0, E1: nonces, keys and ephemeral keys of the callers' runs
0 and 1; N2, N3, E2, E3: of the responders' runs 2 and 3; 4: made up by I, who is the network and a party of
its own.
TEXT
lowe=("^A \(run [01]\) calls I:" "^I makes an m1 \{N[01], A\} for B"
    "^I hands B's m2 to A" "I opens it and knows N[23]$")
must_fail n2_is_secret "-DNS -DTWICE -DCLAIM_SECRET" \
    "Needham-Schroeder of 1978, Lowe's attack" "${lowe[@]}"
must_fail b_authenticates_a "-DNS -DTWICE -DCLAIM_AUTH" \
    "Needham-Schroeder of 1978, Lowe's attack to its end" "${lowe[@]}" "^B \(run [23]\) believes to talk to A$"
must_fail key_was_meant_for_b "-DUNBOUND -DTWICE -DLEAKED=1 -DCLAIM_MEANT" \
    "a signature over K_S alone, B's key leaked" \
    "^B .* believes to talk to A, with key K[01], which A made for I$"
must_fail b_authenticates_a "-DOURS -DTWICE -DNO_HASH -DNO_NAMES -DCLAIM_AUTH" "ours without names and hashes"
must_fail psk_is_secret "-DOURS -DTWICE -DNO_HASH -DLEAKED=1 -DCLAIM_PSK" \
    "ours without hashes, B's key leaked, the intruder's ephemeral key gets in"
must_fail a_authenticates_b "-DOURS -DTWICE -DLEAKED=1 -DCLAIM_AUTH -DCLAIM_TOO_MUCH" \
    "ours, the limit: a thief of B's key answers for B"
for runs in BOTH TWICE; do
    must_fail not_both_accept "-DOURS -D$runs -DCLAIM_NEVER" "ours, control: two calls at once do complete ($runs)"
done

must_hold "-DUNBOUND -DTWICE -DCLAIM_SECRET -DCLAIM_AUTH -DCLAIM_MEANT" \
    "Lowe's repair with the unbound signature, no key leaked"
must_hold "-DOURS -DTWICE -DNO_HASH -DCLAIM_SECRET $all" "ours on its names alone, no key leaked"
must_hold "-DOURS -DTWICE -DNO_HASH -DLEAKED=2 -DCLAIM_MEANT" \
    "ours on its names alone, both keys leaked: no key is taken that was meant for another"
must_hold "-DOURS -DTWICE -DNO_NAMES -DCLAIM_SECRET $all" "ours on its hashes alone, no key leaked"
for runs in BOTH TWICE; do
    words="two calls that cross"
    [ $runs = BOTH ] || words="two calls in one direction"
    must_hold "-DOURS -D$runs -DCLAIM_SECRET $all" "ours, $words"
    must_hold "-DOURS -D$runs -DLEAKED=1 $all" "ours, $words, B's key leaked"
    must_hold "-DOURS -D$runs -DLEAKED=2 $all" "ours, $words, both keys leaked"
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
