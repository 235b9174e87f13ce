#!/bin/sh
# Runs every target of build/fuzz for SECONDS each, one after the other on one core, and counts.
#
#   tests/fuzz/run.sh [--merge] SECONDS [NAME..]
#
# New inputs and findings stay in build/fuzz/work/NAME; with --merge those that reach code no input
# of the corpus reaches are added to tests/fuzz/corpus/NAME, short ones only. Ends with 1 when a
# target found something.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${CHAINTURN_FUZZ_BUILD:-$root/build/fuzz}
merge=no
longest=2048 # bytes of an input that is kept

if [ "${1:-}" = --merge ]; then
    merge=yes
    shift
fi
if [ $# -lt 1 ]; then
    sed -n 's/^#   //p' "$0" >&2
    exit 2
fi
seconds=$1
shift
if [ $# -eq 0 ]; then
    for program in "$build"/tests/fuzz/fuzz_*; do
        name=$(basename "$program")
        if [ -x "$program" ] && [ -f "$root/tests/fuzz/$name.c" ]; then
            set -- "$@" "${name#fuzz_}"
        fi
    done
fi
if [ $# -eq 0 ]; then
    echo "no targets in $build: cmake --preset fuzz && cmake --build --preset fuzz" >&2
    exit 2
fi

merge_into_corpus() { # NAME
    find "$build/work/$1/inputs" -type f -size +"$((longest / 512))"b -delete
    before=$(find "$root/tests/fuzz/corpus/$1" -type f | wc -l)
    nice -n 19 "$build/tests/fuzz/fuzz_$1" -merge=1 -use_value_profile=0 \
        "$root/tests/fuzz/corpus/$1" "$build/work/$1/inputs" >"$build/work/$1/merge.log" 2>&1
    after=$(find "$root/tests/fuzz/corpus/$1" -type f | wc -l)
    echo "$1: $((after - before)) inputs added to the corpus"
}

total=0
found=0
for name in "$@"; do
    work=$build/work/$name
    mkdir -p "$work/inputs" "$work/findings"
    if ! nice -n 19 "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$work/findings/" \
        "$work/inputs" "$root/tests/fuzz/corpus/$name" >"$work/log" 2>&1; then
        found=$((found + 1))
        echo "$name: FOUND something, see $work/log and $work/findings" >&2
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log" | tail -n 1)
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$work/log" | tail -n 1)
    printf '%-12s %12s executions %6s edges\n' "$name" "${executions:-0}" "${edges:-0}"
    total=$((total + ${executions:-0}))
    if [ "$merge" = yes ]; then
        merge_into_corpus "$name"
    fi
done
printf '%-12s %12s executions in %s targets, %s s each, %s with findings\n' total "$total" "$#" "$seconds" "$found"
[ "$found" -eq 0 ]
