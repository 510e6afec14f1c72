decorations-one-pixel = 1 像素
decorations-pixels = { $length } 像素
decorations-map-units = { $length } 地图单位
