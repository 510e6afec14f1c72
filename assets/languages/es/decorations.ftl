decorations-one-pixel = 1 píxel
decorations-pixels = { $length } píxeles
decorations-map-units = { $length } unidades de mapa
