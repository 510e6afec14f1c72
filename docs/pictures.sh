#!/bin/sh
# Draws the pictures of these pages anew that tests of the window draw: the tests drive the window through what a page describes, and
# here they are told where to put what they drew. Mesa's software rasteriser draws, so that every machine gives the same.
#
#   docs/pictures.sh
#
# Pictures of larger real scenes (series, soil, crops, forecast, vectors, place-*) are kept as they are, and those of the AlphaEarth field
# (aef-*) without the folder TERROIR_SHARED names: those scenes are not part of the sources.
set -eu
cd "$(dirname "$0")/.."
lavapipe=$(ls /usr/share/vulkan/icd.d/lvp_icd*.json | head -n 1)
export VK_DRIVER_FILES="$lavapipe" VK_ICD_FILENAMES="$lavapipe"
XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$(mktemp -d)}
export XDG_RUNTIME_DIR

drawn=$(mktemp -d)
trap 'rm -rf "$drawn"' EXIT
TERROIR_PICTURES="$drawn" cargo test --workspace --locked --test terroir -- \
    the_system_page pictures:: models_window:: training_window:: compare::
for picture in "$drawn"/*.png; do
    name=$(basename "$picture")
    # Only those that a page shows.
    if grep -q "pictures/$name" docs/*.md README.md; then
        cp "$picture" docs/pictures/
        echo "docs/pictures/$name"
    fi
done
