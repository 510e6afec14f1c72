#!/usr/bin/env bash
# Compares descriptions of labelled series of images: composites, harmonics, the raw stack, and, where a model is named, the
# field it makes of the same images. Prints one Markdown table; reports and their pages go to OUT.
#
#   docs/evaluate_series.sh DATA OUT [MODEL [WEIGHTS]]
#
# DATA is the folder of the labelled scenes (flanders_2018, ...). TERROIR names the program.
set -euo pipefail
data=$1 out=$2 model=${3:-} weights=${4:-}
terroir=${TERROIR:-terroir}
mkdir -p "$out"
reports=()

# NAME PERIOD SPLIT LABELS FILES...: SPLIT is - for splits by blocks, PERIOD is - where every label has its own.
series() {
    local name=$1 period=$2 split=$3 labels=$4
    shift 4
    local fields=() options=()
    [ "$split" = - ] || options+=(--split "$split")
    [ "$period" = - ] || options+=(--period "$period")
    if [ -n "$model" ] && [ "$period" != - ]; then
        "$terroir" embed "$@" --model "$model" ${weights:+--weights "$weights"} --support "$period" --valid "$period" --out "$out/$name.tif"
        fields=("$model=$out/$name.tif")
    fi
    "$terroir" evaluate field ${fields[@]+"${fields[@]}"} --archive "$@" --labels "$labels" ${options[@]+"${options[@]}"} \
        --shots 5,10,max --out "$out/$name.json" >"$out/$name.txt"
    reports+=("$out/$name.json")
}

for place in flanders_2018:2017-08-01..2018-12-01 flanders_2019_a:2018-08-01..2019-12-01; do
    folder=$data/${place%%:*}
    series "${place%%:*}" "${place#*:}" "$folder/split.json" "$folder/labels.tif" \
        "$folder/s2" "$folder/l8" "$folder/s1_vv_sigma0.tif" "$folder/s1_vh_sigma0.tif"
done
folder=$data/s2_portugal_2021
series s2_portugal_2021 2021-05-01..2021-11-01 "$folder/split.json" "$folder/labels_worldcover.tif" "$folder/s2_l2a_12band"
folder=$data/s2_sweden_2021
series s2_sweden_2021 2021-03-01..2021-09-01 - "$folder/labels_worldcover.tif" "$folder/s2_l2a_12band"
folder=$data/modis_mato_grosso
series modis_mato_grosso - - "$folder/samples.csv" "$folder"/MOD13Q1_{blue,red,nir,mir,ndvi,evi}.tif
"$terroir" evaluate table "${reports[@]}"
