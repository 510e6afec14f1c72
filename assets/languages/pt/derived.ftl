derived-index = Índice
derived-index-tip = Índices espectrais destas bandas
derived-index-none = Nenhuma banda tem comprimento de onda, pelo que nenhum índice encontra as suas bandas
derived-show = Mostrar { $index }
derived-formula = Fórmula
derived-formula-tip = Um índice espectral ou uma fórmula própria com as bandas
derived-show-formula = Mostrar uma fórmula
derived-hillshade = Sombreamento
derived-hillshade-tip = O relevo de uma banda de elevação com sol baixo
derived-help =
    Bandas: b1, b2 …, red, green, blue, rededge, nir, nir08, swir16, swir22, nm665 ou band(665nm), o nome de uma banda.
    Sinais: + − * / ^ %, < <= > >= == !=, and, or, not.
    Funções: abs, sqrt, ln, log10, exp, min, max, clip(x, baixo, alto), where(condição, sim, não), round, floor, ceil, sin, cos, tan, db.
    Os valores são os escalados das bandas.
derived-save = Guardar como raster…
derived-save-tip = Calcular a fórmula para cada píxel e escrever um GeoTIFF
derived-change = Alterar a fórmula
derived-sun-from = Sol de
derived-sun-from-tip = Graus no sentido horário a partir do norte
derived-sun-height = Altura do sol
derived-sun-height-tip = Graus acima do horizonte
derived-exaggeration = Exagero
derived-exaggeration-tip = Alturas vezes este fator; 0.3048 para alturas em pés
