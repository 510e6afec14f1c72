derived-index = Índice
derived-index-tip = Índices espectrales de estas bandas
derived-index-none = Ninguna banda tiene longitud de onda, así que ningún índice encuentra sus bandas
derived-show = Mostrar { $index }
derived-formula = Fórmula
derived-formula-tip = Un índice espectral o una fórmula propia con las bandas
derived-show-formula = Mostrar una fórmula
derived-hillshade = Sombreado
derived-hillshade-tip = El relieve de una banda de elevación con sol bajo
derived-help =
    Bandas: b1, b2 …, red, green, blue, rededge, nir, nir08, swir16, swir22, nm665 o band(665nm), el nombre de una banda.
    Signos: + − * / ^ %, < <= > >= == !=, and, or, not.
    Funciones: abs, sqrt, ln, log10, exp, min, max, clip(x, bajo, alto), where(condición, sí, no), round, floor, ceil, sin, cos, tan, db.
    Los valores son los escalados de las bandas.
derived-save = Guardar como ráster…
derived-save-tip = Calcular la fórmula para cada píxel y escribir un GeoTIFF
derived-change = Cambiar la fórmula
derived-sun-from = Sol desde
derived-sun-from-tip = Grados en sentido horario desde el norte
derived-sun-height = Altura del sol
derived-sun-height-tip = Grados sobre el horizonte
derived-exaggeration = Exageración
derived-exaggeration-tip = Alturas por este factor; 0.3048 para alturas en pies
