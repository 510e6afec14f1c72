panel-map = Karte
panel-layers = Layer
panel-classes = Klassen
panel-steps = Rückgängig
panel-style = Stil
panel-spectrum = Spektrum
panel-time = Zeit
panel-field = Feld
panel-run = Rechnen
panel-accuracy = Genauigkeit
panel-log = Protokoll
panel-hide = Fenster ausblenden
panel-reset = Übliche Anordnung
chart-copy-picture = Bild kopieren
chart-copy-values = Werte kopieren (CSV)
chart-copied = Das Bild des Diagramms ist in der Zwischenablage.
map-coarse-reading = Grobe Stichprobe, es wird weitergelesen…
map-coarse = Grobe Stichprobe
map-reading = Wird gelesen…
map-stopped = Zeichnen angehalten; weiter mit F5
map-untitled = Unbenannt
panels-more-remarks = { $count ->
        [one] Noch eine Bemerkung
       *[other] Noch { $count } Bemerkungen
    }
