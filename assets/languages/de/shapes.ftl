shapes-here = { $count ->
        [one] 1 Objekt hier
       *[other] { $count } Objekte hier
    }
shapes-forget = Angeklickte Objekte vergessen
shapes-zoom = Auf dieses Objekt zoomen
shapes-no-value = kein Wert
shapes-no-attributes = Dieser Layer hat keine Attribute.
shapes-removed-layer = Ein entfernter Layer
shapes-name = { $layer }, Objekt { $id }
shapes-kind-integer = ganze Zahl
shapes-kind-real = Zahl
shapes-kind-boolean = ja/nein
shapes-kind-text = Text
shapes-kind-date = Datum
shapes-kind-time = Uhrzeit
shapes-kind-date-time = Datum und Uhrzeit
shapes-kind-other = andere
shapes-attributes-of = Attribute von { $layer }
shapes-reading = Lese die Objekte…
shapes-count = { $count } Objekte
shapes-count-chosen = { $count } Objekte, { $chosen } gewählt
shapes-zoom-chosen = Auf Auswahl zoomen
shapes-choose-none = Auswahl aufheben
shapes-none = Keine Objekte
shapes-none-next = Dieser Layer ist leer.
shapes-sort-by = Nach { $name } sortieren
shapes-column-shape = Objekt
shapes-column-shape-tip = Nummer des Objekts in der Datei; klicken für die Reihenfolge der Datei
shapes-opening = Lese { $file }…
shapes-opening-done = Lese { $file }… { $done } Objekte
shapes-opening-of = Lese { $file }… { $done } von { $total } Objekten
shapes-area = Nur innerhalb dieser Objekte arbeiten
shapes-area-this = Nur dieses Objekt
shapes-area-all = Alle mit { $column } = { $value }
shapes-area-chosen = Auswahl als Gebiet
shapes-area-count = { $layer }, { $count } Objekte
