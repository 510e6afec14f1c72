decorations-one-pixel = 1 píxel
decorations-pixels = { $length } píxeis
decorations-map-units = { $length } unidades de mapa
