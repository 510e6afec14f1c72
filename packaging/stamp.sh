# Version, commit and date of what is packaged; read by the other scripts (`. packaging/stamp.sh`).
# From the sources alone: two builds of one commit carry the same stamp. An archive without history names its commit in
# TERROIR_COMMIT and its date in SOURCE_DATE_EPOCH, or goes without.
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
if [ -z "${TERROIR_COMMIT:-}" ] && git rev-parse --git-dir >/dev/null 2>&1; then
    TERROIR_COMMIT=$(git rev-parse --short=12 HEAD)
    git diff --quiet HEAD -- 2>/dev/null || TERROIR_COMMIT="$TERROIR_COMMIT-changed"
fi
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
fi
TERROIR_COMMIT=${TERROIR_COMMIT:-}
export TERROIR_COMMIT SOURCE_DATE_EPOCH
