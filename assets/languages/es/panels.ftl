panel-map = Mapa
panel-layers = Capas
panel-classes = Clases
panel-steps = Deshacer
panel-style = Estilo
panel-spectrum = Espectro
panel-time = Tiempo
panel-field = Campo
panel-run = Cálculo
panel-accuracy = Exactitud
panel-log = Registro
panel-hide = Ocultar el panel
panel-reset = Disposición habitual
chart-copy-picture = Copiar imagen
chart-copy-values = Copiar valores (CSV)
chart-copied = La imagen del gráfico está en el portapapeles.
map-coarse-reading = Muestra gruesa, se sigue leyendo…
map-coarse = Muestra gruesa
map-reading = Leyendo…
map-stopped = Dibujo detenido; F5 para seguir
map-untitled = Sin título
panels-more-remarks = { $count ->
        [one] Una observación más
       *[other] { $count } observaciones más
    }
