#!/usr/bin/env python3
"""Makes assets/sample from the source scenes: packaging/make-sample.py [SOURCE_DIR] [ASSETS_DIR]

Needs Python 3 with GDAL's bindings (python3-gdal) and the folders s2_portugal_2021 and naip_north_dakota under
SOURCE_DIR (default: $TERROIR_SHARED/data). Deterministic: the same sources give the same files.

The precomputed field is made afterwards with Terroir itself:
    cd assets/sample && terroir embed S2_2021-07-28.tif --model dofa-tiny --device cpu --out field.tif
"""
import array
import json
import os
import shutil
import sys

from osgeo import gdal, osr

gdal.UseExceptions()

DATES = ["2021-06-28", "2021-07-28", "2021-08-17", "2021-09-11", "2021-10-06"]
SCENE = "S2_2021-07-28.tif"
AERIAL = "m_4709963_se_14_1_20160816_5m.tif"
BLOCK = 16          # side of the units of the split, pixels
SEED = 0            # which of the split's seeds
PATCHES = 5         # training patches per class at least, where the class has them
PIXELS = 40         # training pixels per class at least, where the class has them
# Patch sizes tried (rows, columns), large first: rare classes end in single pixels.
SIZES = ((4, 4), (3, 3), (2, 3), (3, 2), (2, 2), (1, 3), (3, 1), (1, 2), (2, 1), (1, 1))
ATTRIBUTION = "(c) ESA WorldCover project, CC BY 4.0; contains modified Copernicus Sentinel data 2021"


def read(path):
    data = gdal.Open(path)
    band = data.GetRasterBand(1)
    values = array.array("H", band.ReadRaster(buf_type=gdal.GDT_UInt16))
    return data, [list(values[row * data.RasterXSize:(row + 1) * data.RasterXSize]) for row in range(data.RasterYSize)]


def unit_of(row, col, width):
    return row // BLOCK * -(-width // BLOCK) + col // BLOCK + 1


def pure_patches(values, code, size, units):
    """Upper left corners of patches that hold one class and lie in one training block."""
    rows, columns = size
    height, width = len(values), len(values[0])
    found = []
    for row in range(height - rows + 1):
        for col in range(width - columns + 1):
            if all(values[r][c] == code for r in range(row, row + rows) for c in range(col, col + columns)):
                unit = unit_of(row, col, width)
                if unit in units and unit == unit_of(row + rows - 1, col + columns - 1, width):
                    found.append((row, col, rows, columns))
    return found


def distance(a, b):
    """Pixels between two patches; negative when they overlap."""
    down = max(b[0] - a[0] - a[2], a[0] - b[0] - b[2])
    across = max(b[1] - a[1] - a[3], a[1] - b[1] - b[3])
    return max(down, across)


def training_patches(values, code, units):
    """Large patches first, each as far as possible from those before; patches never touch."""
    chosen = []
    for size in SIZES:
        found = pure_patches(values, code, size, units)
        while len(chosen) < PATCHES or sum(patch[2] * patch[3] for patch in chosen) < PIXELS:
            free = [patch for patch in found if all(distance(patch, other) >= 1 for other in chosen)]
            if not free:
                break
            chosen.append(max(free, key=lambda patch: min((distance(patch, other) for other in chosen), default=0)))
    return chosen


def write_labels(path, worldcover, values, classes, units):
    to_lonlat = osr.CoordinateTransformation(worldcover.GetSpatialRef(), lonlat())
    transform = worldcover.GetGeoTransform()

    def point(row, col):
        x = transform[0] + col * transform[1] + row * transform[2]
        y = transform[3] + col * transform[4] + row * transform[5]
        lon, lat, _ = to_lonlat.TransformPoint(x, y)
        return [round(lon, 9), round(lat, 9)]

    features = []
    for entry in classes:
        patches = training_patches(values, entry["id"], units)
        print(f'{entry["name"]}: {sum(p[2] * p[3] for p in patches)} pixels in {len(patches)} patches')
        for row, col, rows, columns in patches:
            ring = [(row, col), (row + rows, col), (row + rows, col + columns), (row, col + columns), (row, col)]
            features.append({
                "type": "Feature",
                "properties": {"class": entry["name"], "color": entry["color"]},
                "geometry": {"type": "Polygon", "coordinates": [[point(*corner) for corner in ring]]},
            })
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "name": "labels", "attribution": ' + json.dumps(ATTRIBUTION) + ', "features": [\n')
        file.write(",\n".join(json.dumps(feature) for feature in features))
        file.write("\n]}\n")


def lonlat():
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(4326)
    reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return reference


def write_reference(path, worldcover, values, classes, units):
    """Test blocks only; classes numbered from 1 in the order of `classes`, 0 = no reference."""
    height, width = len(values), len(values[0])
    number = {entry["id"]: index + 1 for index, entry in enumerate(classes)}
    codes = bytes(
        number.get(values[row][col], 0) if unit_of(row, col, width) in units else 0
        for row in range(height) for col in range(width)
    )
    out = gdal.GetDriverByName("GTiff").Create(path, width, height, 1, gdal.GDT_Byte, ["COMPRESS=DEFLATE"])
    out.SetGeoTransform(worldcover.GetGeoTransform())
    out.SetProjection(worldcover.GetProjection())
    named = [{"id": number[entry["id"]], "name": entry["name"], "color": entry["color"]} for entry in classes]
    out.SetMetadata({"TERROIR_CLASSES": json.dumps(named), "TIFFTAG_COPYRIGHT": ATTRIBUTION})
    band = out.GetRasterBand(1)
    band.SetNoDataValue(0)
    table = gdal.ColorTable()
    for entry in named:
        table.SetColorEntry(entry["id"], tuple(int(entry["color"][place:place + 2], 16) for place in (1, 3, 5)) + (255,))
    band.SetColorTable(table)
    band.SetCategoryNames([""] + [entry["name"] for entry in named])
    band.WriteRaster(0, 0, width, height, codes)
    print(f"reference: {sum(code > 0 for code in codes)} pixels")


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    shared = os.environ.get("TERROIR_SHARED", os.path.join(root, "..", "shared"))
    source = sys.argv[1] if len(sys.argv) > 1 else os.path.join(shared, "data")
    target = sys.argv[2] if len(sys.argv) > 2 else os.path.join(root, "assets", "sample")
    portugal = os.path.join(source, "s2_portugal_2021")
    os.makedirs(target, exist_ok=True)

    for date in DATES:
        shutil.copyfile(os.path.join(portugal, "s2_l2a_12band", f"S2_{date}.tif"), os.path.join(target, f"S2_{date}.tif"))
    shutil.copyfile(os.path.join(source, "naip_north_dakota", AERIAL), os.path.join(target, AERIAL))

    with open(os.path.join(portugal, "split.json"), encoding="utf-8") as file:
        split = json.load(file)
    with open(os.path.join(portugal, "classes.json"), encoding="utf-8") as file:
        classes = [entry for entry in json.load(file) if entry["id"] in split["class_ids_used"]]
    seed = next(entry for entry in split["seeds"] if entry["seed"] == SEED)
    worldcover, values = read(os.path.join(portugal, "labels_worldcover.tif"))
    # Pixels the scene does not show can neither train nor test.
    _, shown = read(os.path.join(target, SCENE))
    values = [[code if seen else 0 for code, seen in zip(*rows)] for rows in zip(values, shown)]
    write_labels(os.path.join(target, "labels.geojson"), worldcover, values, classes, set(seed["train_units"]))
    write_reference(os.path.join(target, "reference.tif"), worldcover, values, classes, set(seed["test_units"]))


if __name__ == "__main__":
    main()
