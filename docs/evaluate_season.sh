#!/usr/bin/env bash
# How early a season tells its crops: the field of images and weather up to a day, beside harmonics and the raw stack of the same
# images, on the labelled fields of Flanders 2018. Prints one Markdown table; reports go to OUT.
#
#   docs/evaluate_season.sh DATA OUT [WEIGHTS]
#
# DATA is the folder of the labelled scenes. TERROIR names the program.
set -euo pipefail
folder=$1/flanders_2018 out=$2 weights=${3:-}
terroir=${TERROIR:-terroir}
mkdir -p "$out"
echo "| images and weather up to | field, 10 labels a class | harmonics | raw stack |"
echo "|---|---|---|---|"
for day in 2018-05-01 2018-06-01 2018-07-01 2018-08-01 2018-09-01 2018-11-01; do
    period=2018-03-01..$day
    "$terroir" embed "$folder/s2" --model kgvsf-tiny ${weights:+--weights "$weights"} --weather "$folder/weather_agera5_daily.csv" \
        --support "$period" --device cpu --out "$out/field_$day.tif" >/dev/null 2>&1
    "$terroir" evaluate field "field=$out/field_$day.tif" --archive "$folder/s2" --period "$period" --compare harmonics,stack \
        --labels "$folder/labels.tif" --split "$folder/split.json" --heads linear,forest,knn3 --shots 10 --out "$out/season_$day.json" \
        >"$out/season_$day.txt" 2>/dev/null
    best() { grep -m3 "^$1" "$out/season_$day.txt" | sed -E 's/.* ([0-9.]+) ± ([0-9.]+).*/\1 ± \2/' | sort -rn | head -1; }
    echo "| $day | $(best field) | $(best harmonics) | $(best 'raw stack') |"
done
