#!/usr/bin/env bash
# Fuzzes every reader of files, one after the other, and sums up what was run and found.
#
#     tests/fuzz/run.sh SECONDS [TARGET ...]
#
# Needs a nightly toolchain and cargo-fuzz (`cargo install cargo-fuzz`). Inputs are kept in tests/fuzz/corpus, what crashes in
# tests/fuzz/artifacts (neither is part of the repository); a file in tests/fuzz/found goes through the readers in every test
# run. TERROIR_SHARED lends its difficult rasters as inputs to begin with.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?seconds a target}
shift
fuzz="cargo +nightly fuzz"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:allocator_may_return_null=1}
# What any machine has; a reader that needs more for a small file is a finding.
limits="-rss_limit_mb=3000 -malloc_limit_mb=1500 -timeout=20 -max_len=65536"

$fuzz build --fuzz-dir tests/fuzz
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
mkdir -p tests/fuzz/corpus
"${CARGO_TARGET_DIR:-tests/fuzz/target}/$host/release/seeds" tests/fuzz/corpus ${TERROIR_SHARED:+"$TERROIR_SHARED/data/tricky"}
printf '%-12s %12s %9s %9s\n' target executions features findings
for target in ${*:-$($fuzz list --fuzz-dir tests/fuzz | grep -v seeds)}; do
    mkdir -p "tests/fuzz/corpus/$target" "tests/fuzz/artifacts/$target"
    log=$(mktemp)
    $fuzz run --fuzz-dir tests/fuzz "$target" -- -max_total_time="$seconds" -print_final_stats=1 $limits >"$log" 2>&1 || true
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
    features=$(grep -oE 'ft: [0-9]+' "$log" | tail -1 | cut -d' ' -f2)
    printf '%-12s %12s %9s %9s\n' "$target" "${runs:-?}" "${features:-?}" "$(find "tests/fuzz/artifacts/$target" -type f | wc -l)"
    rm -f "$log"
done
