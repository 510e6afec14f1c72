#!/usr/bin/env python3
"""Writes a GeoPackage of polygons with a million vertices in all, for `terroir bench vectors`.

    tests/peers/many_vertices.py fields.gpkg [--shapes 10000] [--vertices 1000000]

Wavy fields side by side in UTM zone 29 north, every fourth with a hole; needs Python and GDAL's ogr2ogr.
"""

import argparse
import json
import math
import subprocess
import tempfile
from pathlib import Path

CROPS = ["wheat", "maize", "rice", "olive", "vine", "fallow"]


def ring(x, y, radius, count, waves):
    points = []
    for at in range(count):
        angle = 2 * math.pi * at / count
        reach = radius * (1 + 0.12 * math.sin(waves * angle) + 0.02 * math.sin(37 * angle))
        points.append([round(x + reach * math.cos(angle), 2), round(y + reach * math.sin(angle), 2)])
    return points + [points[0]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--shapes", type=int, default=10_000)
    parser.add_argument("--vertices", type=int, default=1_000_000)
    args = parser.parse_args()
    side = math.ceil(math.sqrt(args.shapes))
    each = max(8, args.vertices // args.shapes)
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "fields.geojsonl"
        with lines.open("w") as file:
            for number in range(args.shapes):
                x = 500_000 + 220.0 * (number % side)
                y = 4_400_000 - 220.0 * (number // side)
                has_hole = number % 4 == 3
                inner = each // 4 if has_hole else 0
                rings = [ring(x, y, 95, each - inner, 3 + number % 5)]
                if has_hole:
                    rings.append(ring(x, y, 30, inner, 4)[::-1])
                feature = {
                    "type": "Feature",
                    "properties": {"crop": CROPS[number % len(CROPS)], "number": number, "area_ha": round(2.8 + number % 7 / 10, 2)},
                    "geometry": {"type": "Polygon", "coordinates": rings},
                }
                file.write(json.dumps(feature) + "\n")
        subprocess.run(
            ["ogr2ogr", "-f", "GPKG", "-a_srs", "EPSG:32629", "-nln", "fields", str(args.out), str(lines)],
            check=True,
        )


if __name__ == "__main__":
    main()
