panel-map = Mapa
panel-layers = Camadas
panel-classes = Classes
panel-steps = Anular
panel-style = Estilo
panel-spectrum = Espectro
panel-time = Tempo
panel-field = Campo
panel-run = Cálculo
panel-accuracy = Exatidão
panel-log = Registo
panel-hide = Ocultar o painel
panel-reset = Disposição habitual
chart-copy-picture = Copiar imagem
chart-copy-values = Copiar valores (CSV)
chart-copied = A imagem do gráfico está na área de transferência.
map-coarse-reading = Amostra grosseira, a ler mais…
map-coarse = Amostra grosseira
map-reading = A ler…
map-stopped = Desenho parado; F5 para continuar
map-untitled = Sem título
panels-more-remarks = { $count ->
        [one] Mais uma observação
       *[other] Mais { $count } observações
    }
