classes-new = Neue Klasse (M)
classes-empty = Keine Klassen
    .tip = Mit + eine Klasse hinzufügen, P drücken und auf der Karte zeichnen.
classes-colour = Farbe der Klasse
classes-colour-of = Farbe von { $name }
classes-rename-to = Klasse in { $name } umbenennen
classes-tip = { $name }: { $count } Pixel mit Label. Klick malt damit, Doppelklick benennt um.
classes-rename = Umbenennen
classes-remove = Klasse und ihre Labels entfernen
classes-remove-step = Klasse { $name } entfernen
classes-style = Klassen
    .tip = Eine Farbe je Wert: die Klassen der Datei oder jeder darin gefundene Wert
classes-show-step = Klassen zeigen
classes-count = { $count ->
        [one] { $count } Klasse
       *[other] { $count } Klassen
    }
classes-own = Zurück zu den Klassen der Datei
classes-own-step = Klassen der Datei
classes-hide-all = Alle Klassen ausblenden
classes-show-all = Alle Klassen einblenden
classes-show = { $name } einblenden
classes-hide = { $name } ausblenden
classes-rename-tip = { $name }: Doppelklick benennt um
