"""What Terroir is asked to do while something breaks: one entry an operation, with its inputs, its files and an older
version of these. Knows nothing of faults."""

import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import xml.etree.ElementTree as trees
from dataclasses import dataclass, field
from pathlib import Path

# Folder of inputs and folder of results, from the folder a case runs in. The results lie on what may become a small disk.
IN, OUT = "in", "disk/out"


@dataclass
class Operation:
    name: str
    # Arguments of the program that make the new files, and those that make the older version of the same files; without
    # these there is none.
    new: list
    old: list
    # Files that belong together: the first is what the user opens, the others lie beside it and tell about it.
    groups: list
    # Files of `in` that are read while it runs.
    reads: list
    # Files that must stand in `out` before it starts and stay as they are.
    beside: list = field(default_factory=list)
    # Working files that are kept on purpose, because the next run goes on with them.
    resumes: list = field(default_factory=list)
    # What stays of the older version on purpose.
    keeps: list = field(default_factory=list)
    # The arguments with an input on the server, for operations that read from one.
    served: list = field(default_factory=list)
    # The results are named by what is downloaded.
    is_download: bool = False
    # Runs the suite's binary with this variable instead of the program.
    suite: str = ""

    def files(self):
        return [name for group in self.groups for name in group]


def grouped(stem, *suffixes):
    return [stem + suffix for suffix in suffixes]


MAP = (".tif", ".tif.aux.xml", ".qml", ".sld")
VALUES = (".tif", ".qml", ".sld")


def operations():
    dates = [f"{IN}/{name}" for name in
             ("S2_2021-06-28.tif", "S2_2021-07-28.tif", "S2_2021-08-17.tif")]
    scene = f"{IN}/scene.tif"
    return [
        Operation(
            "embed",
            ["embed", scene, "--device", "cpu", "--out", f"{OUT}/field.tif"],
            ["embed", scene, "--device", "cpu", "--bands", "2,3,4", "--out", f"{OUT}/field.tif"],
            [["field.tif"], ["field.projection.json"]], ["scene.tif"], resumes=["field.terroir-part"],
        ),
        Operation(
            "field of a series",
            ["embed", *dates, "--model", "stp-tiny", "--window", "0,0,24,24", "--device", "cpu", "--out", f"{OUT}/series.tif"],
            ["embed", *dates, "--model", "stp-tiny", "--window", "24,0,24,24", "--device", "cpu", "--out", f"{OUT}/series.tif"],
            [["series.tif"], grouped("series_frames", *VALUES)], ["S2_2021-07-28.tif"],
            resumes=["series.terroir-part", "series_frames.terroir-part"],
        ),
        Operation(
            "train",
            ["train", "--field", f"{IN}/field.tif", "--labels", f"{IN}/labels.geojson", "--class-attribute", "class",
             "--out", f"{OUT}/head.json"],
            ["train", "--field", f"{IN}/field.tif", "--labels", f"{IN}/labels.geojson", "--class-attribute", "class",
             "--kind", "ridge", "--out", f"{OUT}/head.json"],
            [["head.json"]], ["field.tif"],
        ),
        Operation(
            "predict (map)",
            ["predict", "--field", f"{IN}/field.tif", "--head", f"{IN}/head.json", "--out", f"{OUT}/map.tif"],
            ["predict", "--field", f"{IN}/field.tif", "--head", f"{IN}/ridge.json", "--out", f"{OUT}/map.tif"],
            [grouped("map", *MAP), grouped("map_confidence", *VALUES)], ["field.tif"],
        ),
        Operation(
            "calc",
            ["calc", scene, "--index", "ndvi", "--out", f"{OUT}/index.tif"],
            ["calc", scene, "--index", "ndwi", "--out", f"{OUT}/index.tif"],
            [grouped("index", *VALUES)], ["scene.tif"],
            served=["calc", "{hub}/scene.tif", "--index", "ndvi", "--out", f"{OUT}/index.tif"],
        ),
        Operation(
            "pca",
            ["pca", "--field", f"{IN}/field.tif", "--out", f"{OUT}/colours.json"],
            ["pca", "--field", f"{IN}/field3.tif", "--out", f"{OUT}/colours.json"],
            [["colours.json"]], ["field.tif"],
        ),
        Operation(
            "cluster",
            ["cluster", "--field", f"{IN}/field.tif", "--k", "4", "--out", f"{OUT}/groups.tif"],
            ["cluster", "--field", f"{IN}/field.tif", "--k", "6", "--out", f"{OUT}/groups.tif"],
            [grouped("groups", *MAP), ["groups.json"]], ["field.tif"],
        ),
        Operation(
            "export (picture)",
            ["export", f"{IN}/scene.tif", "--out", f"{OUT}/picture.png"],
            ["export", f"{IN}/map.tif", "--out", f"{OUT}/picture.png"],
            [["picture.png"], ["picture.pgw"]], ["scene.tif"],
        ),
        Operation(
            "overviews",
            ["overviews", f"{OUT}/large.tif"],
            ["overviews", f"{OUT}/large.tif", "--resampling", "nearest"],
            [["large.tif.ovr"]], [], beside=["large.tif"],
        ),
        Operation(
            "labels",
            ["export", f"{IN}/labels.geojson", "--scene", f"{IN}/scene.tif", "--out", f"{OUT}/labels.gpkg"],
            ["export", f"{IN}/fewer.geojson", "--scene", f"{IN}/scene.tif", "--out", f"{OUT}/labels.gpkg"],
            [["labels.gpkg"]], ["labels.geojson"],
        ),
        Operation(
            "project",
            ["new"], ["old"],
            [["work.terroir"], ["work.labels.gpkg"]], [], keeps=["work.terroir.bak"], suite="TERROIR_TEST_SAVES",
        ),
        Operation(
            "report",
            ["assess", "--map", f"{IN}/map.tif", "--reference", f"{IN}/reference.tif", "--out", f"{OUT}/report.json"],
            ["assess", "--map", f"{IN}/ridge.tif", "--reference", f"{IN}/reference.tif", "--out", f"{OUT}/report.json"],
            [["report.json"], ["report.html"], ["report_confusion.csv"], ["report_per_class.csv"]], ["reference.tif"],
        ),
        Operation(
            "weights",
            ["models", "get", "{hub}/new.safetensors"],
            [],
            [["new.safetensors"], ["new.safetensors.json"]], [], resumes=["new.safetensors.part", "new.safetensors.part.json"],
            served=["models", "get", "{hub}/new.safetensors"], is_download=True,
        ),
    ]


MOMENT = re.compile(r"\d{4}[-:]\d\d[-:]\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
SERVER = re.compile(r"127\.0\.0\.1:\d+/([a-z-]+/)?")
HASH = re.compile(r"[0-9a-f]{64}")


def told_apart(text):
    """Text without what differs between two runs: times, hashes of files that hold times, and the path on the server."""
    return HASH.sub("hash", DAY.sub("day", MOMENT.sub("time", SERVER.sub("server/", text))))


def signature(path):
    """What a whole file holds, whenever it was written. Raises ValueError where the file is not whole."""
    name = path.name
    try:
        if name.endswith((".tif", ".ovr")):
            return raster_signature(path)
        if name.endswith(".gpkg"):
            return table_signature(path)
        if name.endswith((".json", ".terroir")):
            return told_apart(json.dumps(json.loads(path.read_text()), sort_keys=True))
        if name.endswith((".xml", ".qml", ".sld")):
            trees.parse(path)
        text = path.read_bytes()
        if name.endswith(".html"):
            if not text.rstrip().endswith(b"</html>"):
                raise ValueError("the page is cut short")
            return told_apart(text.decode())
        if name.endswith(".png") and not text.endswith(b"IEND\xaeB`\x82"):
            raise ValueError("the picture is cut short")
        if name.endswith(".csv"):
            return told_apart(text.decode())
        return hashlib.sha256(text).hexdigest()
    except (OSError, json.JSONDecodeError, trees.ParseError, sqlite3.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{name}: {error}") from error


def raster_signature(path):
    told = subprocess.run(["gdalinfo", "-json", "-checksum", str(path)], capture_output=True, text=True, check=False)
    if told.returncode != 0 or "ERROR" in told.stderr:
        raise ValueError(f"{path.name}: {told.stderr.strip()[-200:]}")
    info = json.loads(told.stdout)
    # Side-cars are files of their own here.
    bands = [(band["checksum"], band.get("noDataValue"), str(band.get("colorTable"))) for band in info["bands"]]
    kept = {"size": info["size"], "bands": bands, "place": info.get("geoTransform")}
    return json.dumps(kept, sort_keys=True)


def table_signature(path):
    uri = f"file:{path}?mode=ro&immutable=1"
    with sqlite3.connect(uri, uri=True) as store:
        if store.execute("pragma integrity_check").fetchone() != ("ok",):
            raise ValueError(f"{path.name}: the table is damaged")
        names = [row[0] for row in store.execute("select name from sqlite_master where type = 'table' order by name")]
        names = [name for name in names if not name.startswith(("rtree_", "sqlite_"))]
        rows = {name: [str(row) for row in store.execute(f'select * from "{name}"')] for name in names}
    return told_apart(json.dumps(rows, sort_keys=True))


class Bench:
    """Inputs, older files and right results of every operation, made once by undisturbed runs."""

    def __init__(self, work, program, suite, assets, hub):
        self.work, self.program, self.suite, self.assets, self.hub = work, program, suite, assets, hub
        self.inputs = work / "inputs"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(work / "home"),
            "XDG_RUNTIME_DIR": str(work / "home"),
            "LANG": "C.UTF-8",
            "TERROIR_ASSETS": str(assets),
            # No GPU: no operation of the table needs one, and drivers make threads of their own.
            "VK_DRIVER_FILES": "/nonexistent/driver.json",
            "NO_COLOR": "1",
        }
        (work / "home").mkdir(parents=True)

    def command(self, operation, arguments):
        if operation.suite:
            return [str(self.suite), "saving::acts_as_the_one_who_saves", "--exact", "--nocapture", "--test-threads=1"]
        return [str(self.program), *[argument.replace("{hub}", self.hub.address) for argument in arguments]]

    def variables(self, operation, arguments):
        variables = dict(self.environment, TERROIR_MODELS=OUT if operation.is_download else "none")
        if operation.suite:
            variables[operation.suite] = f"{OUT}/work.terroir={arguments[0]}"
        return variables

    def make_inputs(self):
        sample = self.assets / "sample"
        folder = self.inputs / IN
        folder.mkdir(parents=True)
        (self.inputs / OUT).mkdir(parents=True)
        for name in ("S2_2021-06-28.tif", "S2_2021-07-28.tif", "S2_2021-08-17.tif", "labels.geojson", "reference.tif",
                     "reference.tif.aux.xml"):
            shutil.copy2(sample / name, folder / name)
        shutil.copy2(sample / "S2_2021-07-28.tif", folder / "scene.tif")
        # As a raster comes that has no overviews yet.
        subprocess.run(["gdal_translate", "-q", "-of", "GTiff", "-co", "TILED=YES", "-co", "COMPRESS=DEFLATE",
                        str(sample / "m_4709963_se_14_1_20160816_5m.tif"), str(folder / "large.tif")], check=True)
        labels = json.loads((folder / "labels.geojson").read_text())
        labels["features"] = labels["features"][::2]
        (folder / "fewer.geojson").write_text(json.dumps(labels))
        for arguments in (
            ["embed", "in/scene.tif", "--device", "cpu", "--out", "in/field.tif"],
            ["embed", "in/scene.tif", "--device", "cpu", "--bands", "2,3,4", "--out", "in/field3.tif"],
            ["train", "--field", "in/field.tif", "--labels", "in/labels.geojson", "--class-attribute", "class", "--out", "in/head.json"],
            ["train", "--field", "in/field.tif", "--labels", "in/labels.geojson", "--class-attribute", "class", "--kind", "ridge",
             "--out", "in/ridge.json"],
            ["predict", "--field", "in/field.tif", "--head", "in/head.json", "--out", "in/map.tif"],
            ["predict", "--field", "in/field.tif", "--head", "in/ridge.json", "--out", "in/ridge.tif"],
        ):
            subprocess.run([str(self.program), *arguments, "-q"], cwd=self.inputs, check=True, capture_output=True,
                           env=dict(self.environment, TERROIR_MODELS="none"))

    def prepare(self, operation):
        """Old and new results of an operation, as signatures; the old files are kept to be put in the way."""
        store = self.work / "results" / operation.name.replace(" ", "_")
        results = {}
        for which in ("old", "new"):
            arguments = getattr(operation, which)
            if not arguments:
                results[which] = {}
                continue
            case = store / which
            self.lay_out(operation, case)
            told = subprocess.run(self.command(operation, arguments), cwd=case, capture_output=True, text=True,
                                  env=self.variables(operation, arguments), check=False)
            if told.returncode != 0:
                raise SystemExit(f"{operation.name} fails undisturbed:\n{told.stderr}{told.stdout}")
            found = {name for name in os.listdir(case / OUT)} - set(operation.beside)
            if found != set(operation.files()):
                raise SystemExit(f"{operation.name} writes {sorted(found)}, not {sorted(operation.files())}")
            results[which] = {name: signature(case / OUT / name) for name in operation.files()}
            for name in operation.beside:
                results[which][name] = hashlib.sha256((case / OUT / name).read_bytes()).hexdigest()
        return results

    def lay_out(self, operation, case, is_old_there=False):
        """A folder to run in: inputs as hard copies, and the older files if they shall be in the way."""
        (case / OUT).mkdir(parents=True)
        shutil.copytree(self.inputs / IN, case / IN)
        self.place(operation, case, is_old_there)

    def place(self, operation, case, is_old_there):
        (case / OUT).mkdir(parents=True, exist_ok=True)
        for name in operation.beside:
            shutil.copy2(self.inputs / IN / name, case / OUT / name)
        if is_old_there and operation.old:
            store = self.work / "results" / operation.name.replace(" ", "_") / "old" / OUT
            for name in operation.files():
                shutil.copy2(store / name, case / OUT / name)
