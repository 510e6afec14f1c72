decorations-one-pixel = 1 Pixel
decorations-pixels = { $length } Pixel
decorations-map-units = { $length } Karteneinheiten
