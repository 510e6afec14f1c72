#!/usr/bin/env bash
# Fuzzes every reader of files, one after the other, and sums up what was run and found.
#
#     tests/fuzz/run.sh SECONDS [TARGET ...]
#
# Needs a nightly toolchain and cargo-fuzz (`cargo install cargo-fuzz`). Inputs are kept in tests/fuzz/corpus, what crashes in
# tests/fuzz/artifacts (neither is part of the repository); a file in tests/fuzz/found goes through the readers in every test
# run. TERROIR_SHARED lends its difficult rasters as inputs to begin with. The readers are safe Rust, so that coverage and checks of
# overflow find what there is; SANITIZER=address looks into the libraries below as well, at half the speed. JOBS targets (1) run
# side by side; on a machine that does other work as well TIMEOUT (20 s for one input) may be longer.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?seconds a target}
shift
fuzz="cargo +nightly fuzz"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:allocator_may_return_null=1}
# What any machine has; a reader that needs more for a small file is a finding.
limits="-rss_limit_mb=3000 -malloc_limit_mb=1500 -timeout=${TIMEOUT:-20} -report_slow_units=60 -max_len=65536"

$fuzz build --fuzz-dir tests/fuzz --sanitizer "${SANITIZER:-none}"
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
built=${CARGO_TARGET_DIR:-tests/fuzz/target}/$host/release
mkdir -p tests/fuzz/corpus
"$built/seeds" tests/fuzz/corpus ${TERROIR_SHARED:+"$TERROIR_SHARED/data/tricky"}

# One target: what crashed does not end it, the rest of its time goes on with what it knows.
fuzz_one() {
    target=$1
    mkdir -p "tests/fuzz/corpus/$target" "tests/fuzz/artifacts/$target"
    log=$(mktemp)
    runs=0 end=$((SECONDS + seconds))
    while left=$((end - SECONDS)) && [ "$left" -gt 0 ]; do
        "$built/$target" -artifact_prefix="tests/fuzz/artifacts/$target/" -max_total_time="$left" -print_final_stats=1 $limits \
            "tests/fuzz/corpus/$target" >"$log" 2>&1 || sleep 1
        runs=$((runs + $(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1 | grep . || echo 0)))
    done
    features=$(grep -oE 'ft: [0-9]+' "$log" | tail -1 | cut -d' ' -f2)
    printf '%-12s %8s %12s %9s %9s\n' "$target" "$seconds" "$runs" "${features:-?}" "$(find "tests/fuzz/artifacts/$target" -type f | wc -l)"
    rm -f "$log"
}

printf '%-12s %8s %12s %9s %9s\n' target seconds executions features findings
for target in ${*:-$($fuzz list --fuzz-dir tests/fuzz | grep -v seeds)}; do
    while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-1}" ]; do wait -n || true; done
    fuzz_one "$target" &
done
wait
