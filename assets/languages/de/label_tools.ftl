tool-grow = Nach Spektrum wachsen
    .tip = Pixel anklicken: Was zusammenhängt und spektral ähnlich ist, bekommt die gewählte Klasse
load-classes = Klassen laden…
    .tip = Klassen einer Tabelle (CSV, QGIS-Stil, Farbtabelle), eines anderen Projekts oder einer Klassenkarte hinzufügen
save-classes = Klassen speichern…
    .tip = Nummern, Namen und Farben der Klassen als Tabelle (CSV), QGIS-Stil oder Farbtabelle schreiben
why-no-classes = Zuerst eine Klasse hinzufügen
fill-nothing-here = Füllen wirkt auf einer beschrifteten Fläche oder in einem geschlossenen Umriss. Malen Sie zuerst einen mit dem Pinsel.
fill-protected = Beschriftete Pixel sind geschützt (B). Heben Sie den Schutz auf, um dieser Fläche eine andere Klasse zu geben.
fill-has-class = Diese Fläche hat die gewählte Klasse schon.
fill-not-closed = Nichts gefüllt: Der Umriss ist nicht geschlossen, oder die Fläche ist zu groß.
fill-too-many = Zu viele Füllungen warten. Versuchen Sie es erneut, wenn sie fertig sind.
fill-step = Mit { $class } füllen
grow-no-raster = Es gibt kein Raster, dessen Pixel verglichen werden könnten. Fügen Sie zuerst eines hinzu.
grow-step = { $class } wachsen lassen
grow-difference = Differenz
grow-difference-tip = Abstand der Werte in Standardabweichungen jedes Bandes; Helligkeit zählt
grow-angle = Winkel
grow-angle-tip = Winkel zwischen Spektren: Gleicher Boden in Licht und Schatten gilt als ähnlich
grow-tolerance = Toleranz
grow-tolerance-tip = Wie unähnlich dem angeklickten Pixel ein Pixel sein darf; die Karte folgt
grow-limit = Höchstens
grow-limit-tip = Eine Region mit mehr Pixeln wird nicht beschriftet
grow-hint = Pixel anklicken: Alle ähnlichen ringsum bekommen die gewählte Klasse
grow-waiting = Liest…
grow-pixels = { $count } Pixel
grow-too-large = Mehr Pixel als erlaubt: Toleranz senken
grow-layer-tip = Die Ebene, deren Pixel verglichen werden: das aktive Raster
grow-keep = Region behalten (Enter)
grow-drop = Region zurücknehmen (Esc)
classes-step = Klassen aus { $file } laden
classes-added = { $count ->
    [0] { $file }: keine neue Klasse.
    [one] { $file }: eine Klasse hinzugefügt.
   *[other] { $file }: { $count } Klassen hinzugefügt.
    }
classes-nothing-new = { $file } hat keine Klasse, die nicht schon da ist.
classes-recolored = { $count ->
    [one] Eine Klasse gleichen Namens bekam ihre Farbe.
   *[other] { $count } Klassen gleichen Namens bekamen ihre Farben.
    }
classes-renumbered = Nummern waren vergeben, diese haben nun andere: { $list }.
classes-left-out = { $count } wurden weggelassen: Mehr als 255 Klassen gehen nicht.
classes-written = Klassentabelle geschrieben.
classes-menu = Klassen: laden, speichern, Labels importieren
label-statistics = Statistik der Labels
label-hint-tip = Anklicken, um mit dieser Klasse weiterzumachen
label-hints-more = { $count } weitere Hinweise
label-hint-few = { $class } hat { $count } beschriftete Pixel; unter 20 sagen sie wenig.
label-hint-rare = { $class } hat { $percent } % der Pixel von { $largest }. Mehr davon beschriften oder das Gewicht erhöhen.
label-hint-very-rare = { $class } hat unter 1 % der Pixel von { $largest }. Mehr davon beschriften oder das Gewicht erhöhen.
label-hint-one-patch = { $class } liegt in einer einzigen Fläche. Einen zweiten Ort beschriften, damit abseits vom Gelernten geprüft werden kann.
label-class = Klasse
label-pixels = Pixel
label-pixels-tip = Beschriftete Pixel, gemalt und in Polygonen
label-share-tip = Anteil an allen beschrifteten Pixeln
label-patches = Flächen
label-patches-tip = Getrennte Flächen; eine Prüfung nach Orten braucht mindestens zwei
label-tested = Test
label-tested-tip = Pixel in Polygonen, die zum Testen zurückgehalten sind
snap-strokes = Striche an Segmente heften
    .tip = Der Pinsel gibt den ganzen Segmenten ähnlicher Pixel, durch die er geht, die Klasse
snap-side = Segmente
snap-side-tip = Breite der Segmente in Pixeln; sie folgen den Kanten im aktiven Raster
snap-hint = Durch die Segmente malen, die die Klasse bekommen
snap-step = { $class } nach Segmenten malen
snap-nothing = Kein Pixel bekam die Klasse: Das Raster hat dort keine Werte.
snap-too-many = Zu viele Striche warten. Noch einmal versuchen, wenn sie fertig sind.
