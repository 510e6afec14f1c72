#!/usr/bin/env python3
"""Two layer styles as QGIS itself writes them, kept so that ours can be held against them: classes, and a ramp.

    tests/peers/qgis_styles.py assets/sample/reference.tif tests/peers/qgis_styles

Writes classes.qml and ramp.qml into the folder. Needs QGIS's Python (Debian: python3-qgis); no display.
"""
import os
import sys
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from qgis.core import (
    QgsApplication,
    QgsColorRampShader,
    QgsGradientColorRamp,
    QgsGradientStop,
    QgsPalettedRasterRenderer,
    QgsRasterLayer,
    QgsRasterShader,
    QgsRasterTransparency,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtGui import QColor

raster, folder = Path(sys.argv[1]), Path(sys.argv[2])
program = QgsApplication([], False)
program.initQgis()


def write(renderer, layer, name):
    renderer.setRasterTransparency(QgsRasterTransparency())
    layer.setRenderer(renderer)
    path = folder / name
    path.unlink(missing_ok=True)
    words, is_written = layer.saveNamedStyle(str(path))
    if not is_written:
        sys.exit(words)
    # Whose machine it was is nobody's business.
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "identify/format" not in line))


layer = QgsRasterLayer(str(raster), "map")
if not layer.isValid():
    sys.exit(f"{raster} cannot be opened")
of = QgsPalettedRasterRenderer.Class
classes = [of(1, QColor("#006400"), "tree cover"), of(6, QColor("#b4b4b4"), "bare / sparse vegetation")]
write(QgsPalettedRasterRenderer(layer.dataProvider(), 1, classes), layer, "classes.qml")

low, middle, high = QColor(68, 1, 84), QColor(33, 145, 140), QColor(253, 231, 37)
ramp = QgsColorRampShader(0.0, 0.5)
ramp.setColorRampType(QgsColorRampShader.Interpolated)
ramp.setClassificationMode(QgsColorRampShader.Continuous)
ramp.setSourceColorRamp(QgsGradientColorRamp(low, high, False, [QgsGradientStop(0.5, middle)]))
item = QgsColorRampShader.ColorRampItem
ramp.setColorRampItemList([item(0, low, "0 m3/m3"), item(0.25, middle, "0.25 m3/m3"), item(0.5, high, "0.5 m3/m3")])
shader = QgsRasterShader()
shader.setRasterShaderFunction(ramp)
renderer = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader)
renderer.setClassificationMin(0.0)
renderer.setClassificationMax(0.5)
write(renderer, layer, "ramp.qml")
