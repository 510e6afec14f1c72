derived-index = Index
derived-index-tip = Spektrale Indizes dieser Bänder
derived-index-none = Kein Band hat eine Wellenlänge, daher findet kein Index seine Bänder
derived-show = { $index } anzeigen
derived-formula = Formel
derived-formula-tip = Ein spektraler Index oder eine eigene Formel über die Bänder
derived-show-formula = Formel anzeigen
derived-hillshade = Schummerung
derived-hillshade-tip = Das Relief eines Höhenbandes unter tiefer Sonne
derived-help =
    Bänder: b1, b2 …, red, green, blue, rededge, nir, nir08, swir16, swir22, nm665 oder band(665nm), der eigene Name eines Bandes.
    Zeichen: + − * / ^ %, < <= > >= == !=, and, or, not.
    Funktionen: abs, sqrt, ln, log10, exp, min, max, clip(x, unten, oben), where(Bedingung, ja, nein), round, floor, ceil, sin, cos, tan, db.
    Gerechnet wird mit den skalierten Werten der Bänder.
derived-save = Als Raster speichern…
derived-save-tip = Die Formel für jedes Pixel ausrechnen und ein GeoTIFF schreiben
derived-change = Formel ändern
derived-sun-from = Sonne aus
derived-sun-from-tip = Grad im Uhrzeigersinn von Nord
derived-sun-height = Sonnenhöhe
derived-sun-height-tip = Grad über dem Horizont
derived-exaggeration = Überhöhung
derived-exaggeration-tip = Höhen mal diesem Wert; 0.3048 bei Höhen in Fuß
