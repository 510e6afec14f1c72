decorations-one-pixel = 1 pixel
decorations-pixels = { $length } pixels
decorations-map-units = { $length } unités de carte
