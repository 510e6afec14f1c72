#!/usr/bin/env bash
# Everything that is known of what the program is made of: licences, banned and doubled crates, sources, known faults
# (`cargo deny`, with deny.toml of the repository), and the bill of materials.
#
#     packaging/supply/check.sh [OUT]
#
# Needs cargo-deny (`cargo install --locked cargo-deny`) and python3. Without a network, or where the database of known faults
# cannot be fetched, that part is left out and said so. Writes OUT/terroir.cdx.json (default out/packages).
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-out/packages}

if cargo deny --version >/dev/null 2>&1; then
    cargo deny --offline check licenses bans sources
    if ! cargo deny fetch db >/dev/null 2>&1; then
        echo "NOT CHECKED: known faults; the database of RustSec cannot be fetched here" >&2
    else
        cargo deny check advisories
    fi
else
    echo "NOT CHECKED: cargo-deny is not installed; the tests compare licences, bans and sources without it" >&2
fi
mkdir -p "$out"
python3 packaging/supply/sbom.py >"$out/terroir.cdx.json"
echo "$out/terroir.cdx.json: $(grep -c '"bom-ref"' "$out/terroir.cdx.json") parts"
