#!/usr/bin/env python3
"""QGIS's side of `terroir bench canvas`: opens the same raster and draws the same views, without a window.

Reads a plan (JSON) from standard input:  {"file": path, "size": [w, h], "repeats": n, "views": [[minx, miny, maxx, maxy], ...]}
Writes one JSON document to standard output: {"name", "open_s": [...], "views_s": [...], "base_mb", "peak_mb"}
Needs QGIS's own Python bindings (Debian and Ubuntu: python3-qgis) and is run with the system's Python.
"""
import json
import os
import sys
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Statistics would be kept beside the raster, and the second opening would find them.
os.environ["GDAL_PAM_ENABLED"] = "NO"
from qgis.core import (  # noqa: E402
    Qgis,
    QgsApplication,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QSize  # noqa: E402


def memory_mb(field):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    return None


def main():
    plan = json.load(sys.stdin)
    app = QgsApplication([], True)
    app.initQgis()
    size = QSize(*plan["size"])

    def draw(layer, extent):
        settings = QgsMapSettings()
        settings.setLayers([layer])
        settings.setDestinationCrs(layer.crs())
        settings.setOutputSize(size)
        settings.setExtent(extent)
        job = QgsMapRendererParallelJob(settings)
        job.start()
        job.waitForFinished()
        image = job.renderedImage()
        assert not image.isNull()

    base = memory_mb("VmRSS")
    opened = []
    layer = None
    for _ in range(plan["repeats"]):
        start = time.perf_counter()
        layer = QgsRasterLayer(plan["file"], "scene")
        if not layer.isValid():
            sys.exit("QGIS cannot open " + plan["file"])
        draw(layer, layer.extent())
        opened.append(time.perf_counter() - start)
        if sum(opened) > plan["patience_s"]:
            break
    views = []
    for view in plan["views"]:
        if sum(views) > plan["patience_s"]:
            break
        start = time.perf_counter()
        draw(layer, QgsRectangle(*view))
        views.append(time.perf_counter() - start)
    answer = {
        "name": "QGIS " + Qgis.QGIS_VERSION.split("-")[0],
        "open_s": opened,
        "views_s": views,
        "base_mb": base,
        "peak_mb": memory_mb("VmHWM"),
    }
    del layer
    # QGIS's own clean-up may end in a crash after the work is done; the answer is out before it.
    print(json.dumps(answer), flush=True)
    os._exit(0)


main()
