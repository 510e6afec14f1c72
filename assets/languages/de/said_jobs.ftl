said-reading-the-reference = Referenz wird gelesen
said-no-reference-pixel-lies-on = kein Referenzpixel liegt auf einem klassifizierten Pixel der Karte; prüfen, ob beide denselben Ort zeigen
said-reference-pixels-lie-where-the = { $unclassified } Referenzpixel liegen, wo die Karte keine Klasse hat; sie werden nicht gezählt
said-drawing-the-report = Bericht wird gezeichnet
said-overall-accuracy-of-the-whole = Gesamtgenauigkeit der ganzen Karte { $a } ± { $b } % (95 %), aus { $c } Stichprobenpunkten
said-overall-accuracy-on-reference-pixels = Gesamtgenauigkeit { $percent } auf { $a } Referenzpixeln
said-pixels-of-the-reference-are = { $painted } Pixel der Referenz sind gemalt oder stammen aus einem Raster
said-shapes-of-the-reference-are = { $training } Formen der Referenz sind nicht als Validierung markiert (Attribut `use`)
said-so-they-are-no-random = { $what }, sind also keine Zufallsstichprobe der Karte; eine mit `terroir sample` ziehen oder --stratified-sample weglassen
said-class-has-one-sample-point = Klasse { $a } hat nur einen Stichprobenpunkt: die Intervalle lassen ihre Unsicherheit aus
said-the-reference-pixels-were-not = die Referenzpixel wurden nicht als Zufallsstichprobe der Karte gezogen: die Zahlen gelten für diese Pixel, nicht für die ganze Karte, und Flächen werden daraus nicht geschätzt
said-the-map-was-trained-with = die Karte wurde mit eben dieser Referenzdatei trainiert: die Zahlen schmeicheln; Labels verwenden, die das Training nicht gesehen hat
said-no-class-name-of-the = kein Klassenname der Karte kommt in der Referenz vor, daher wurden die Klassen nach ihren Nummern zugeordnet
said-classes-of-the-reference-that = Klassen der Referenz, die die Karte nicht hat: { $a }
said-the-scene-reader-could-not = der Leser der Szene konnte nicht gestartet werden
said-could-not-take-the-batch = { $a } konnte den Stapel nicht aufnehmen ({ $failure }); jetzt { $batch } Fenster auf einmal
said-the-result-would-overwrite-the = das Ergebnis würde die Szene überschreiben; einen anderen Namen wählen
said-no-pixel-has-a-value = kein Pixel hat einen Wert: jedes fehlt, oder die Formel hat für keines einen
said-writing-the-file = Datei wird geschrieben
said-of-pixels-s = { $a } von { $pixels } Pixeln, { $seconds } s
said-polygons-of-change-are-not = Polygone der Veränderung werden an den Zeilen der Teile nicht geschnitten; sie weglassen (--no-polygons)
said-there-are-no-fields-to = es gibt keine Felder zu vergleichen
said-change-between-and = Veränderung zwischen { $a } und { $b }: { $c }
said-dot-product-of-the-two = Skalarprodukt der beiden Vektoren, 1 = keine Veränderung
said-1-dot-product-2-0 = (1 - Skalarprodukt) / 2, 0 = keine Veränderung
said-angle-between-the-two-vectors = Winkel zwischen den beiden Vektoren in Grad, 0 = keine Veränderung
said-how-unusual-the-later-year = wie ungewöhnlich das spätere Jahr unter allen an seinem Pixel ist, in Abweichungen
said-the-fields-were-made-by = die Felder wurden von verschiedenen Modellen gemacht, ihre Zahlen bedeuten also Verschiedenes; alle mit demselben Modell und denselben Gewichten erstellen
said-a-threshold-of-lies-outside = eine Schwelle von { $threshold } liegt außerhalb der möglichen Werte ({ $a }: { $low } bis { $high })
said-the-smallest-area-must-be = die kleinste Fläche muss eine Zahl von Quadratmetern sein, mindestens 0
said-the-local-z-compares-a = das lokale z vergleicht ein Jahr mit dem, was an seinem Pixel üblich ist, und braucht dafür mindestens { $fewest_years } Felder; es gibt { $years }, weitere nennen (--also)
said-only-the-local-z-uses = nur das lokale z verwendet weitere Jahre; es als Maß wählen oder sie weglassen
said-before-and-after-are-the = vorher und nachher sind dieselbe Datei; zwei Felder verschiedener Tage wählen
said-the-result-would-overwrite-a = das Ergebnis würde ein Feld überschreiben; einen anderen Namen wählen
said-no-pixel-has-data-in = kein Pixel hat in beiden Feldern Daten, es gibt also nichts zu vergleichen
said-the-two-fields-differ-nearly = die beiden Felder unterscheiden sich fast überall (mittleres Skalarprodukt { $a }); prüfen, ob beide vom selben Modell gemacht wurden und denselben Ort zeigen
said-of-pixels-changed = { $a } % von { $b } Pixeln verändert ({ $c ->
        [distance] Abstand
        [angle] Winkel
       *[other] { $c }
    } { $sign ->
        [below] unter
       *[above] über
    } { $d })
said-of-at-least-m2 = , { $count } { $a ->
        [polygon] Polygon
       *[polygons] Polygone
    } von mindestens { $b } m2
said-the-fields-have-no-place = die Felder haben keinen Ort am Boden, daher werden keine Polygone geschrieben
said-there-is-no-cluster-to = es gibt keinen Cluster { $number }, der { $name } heißen könnte; es gibt { $a }
said-clusters-cannot-be-made-give = { $a } Cluster sind nicht möglich; eine Zahl von 2 bis 30 angeben
said-clusters-are-found-on-1000 = Cluster werden auf 1000 bis 200000 Pixeln gefunden, nicht auf { $a }
said-the-result-would-overwrite-its = das Ergebnis würde seine eigene Eingabe überschreiben; einen anderen Namen wählen
said-the-clusters-were-found-on = die Cluster wurden auf einem anderen Feld gefunden, dessen Achsen anderes bedeuten können; die Karte sorgfältig prüfen
said-the-field-has-no-pixel = das Feld hat kein Pixel mit Daten, es gibt also nichts zu gruppieren
said-the-field-holds-only-different = das Feld enthält nur { $a } verschiedene Arten von Pixeln, mehr Cluster gibt es also nicht
said-spherical-k-means-k-means = sphärisches k-Means, Start mit k-means++
said-pixels-in = { $total } Pixel in { $a } { $b ->
        [clusters] Clustern
       *[other] { $b }
    }
said-classes-of-clusters = Klassen aus { $a } Clustern
said-clusters-of-a-field = Cluster eines Feldes: { $a }
said-the-colours-would-overwrite-a = die Farben würden ein Feld überschreiben; einen anderen Namen wählen
said-colours-of-from-pixels-the = Farben für { $a } { $b ->
        [field] Feld
       *[fields] Felder
    } aus { $c } Pixeln; die ersten drei Komponenten tragen { $d } % der Varianz; { $seconds } s
said-this-file-does-not-say = diese Datei sagt nicht, wie sie gemacht wurde (sie hat kein TERROIR_RUN); das tun nur Dateien, die Terroir geschrieben hat
said-no-raster-was-named = kein Raster wurde genannt
said-the-archive-has-no-images = das Archiv hat keine Bilder
said-the-projection-is-not-set = die Projektion ist nicht festgelegt
said-fitting-the-projection = Projektion wird angepasst
said-no-pixel-has-a-value-in = kein Pixel hat in jedem Band zugleich einen Wert; weniger Bänder nennen oder eine andere Szene wählen
said-measuring-the-spectra = Spektren werden gemessen
said-going-on-with-an-interrupted = ein unterbrochener Lauf wird fortgesetzt: { $a } von { $b } Blöcken waren fertig
said-the-scene-has-no-pixels = die Szene hat keine Pixel
said-an-interrupted-run-lies-beside = neben der Ausgabe liegt ein unterbrochener Lauf; er wird fortgesetzt, wenn sich nichts geändert hat
said-this-file-is-a-field = diese Datei ist schon ein Feld; darauf einen Klassifikator trainieren
said-the-job-cannot-be-written = der Auftrag kann nicht festgehalten werden
said-writing-the-field = Feld wird geschrieben
said-projection-sha256 = { $a }; Projektion sha256 { $b }
said-field-of-x-pixels-from = Feld von { $a } x { $b } Pixeln aus { $c } Bändern, { $d } auf { $e }, { $seconds } s
said-what-fetching-weights-costs-depends = was das Holen von Gewichten kostet, hängt vom Netz ab
said-no-field-was-named = kein Feld wurde genannt
said-reading-every-pixel = jedes Pixel wird gelesen
said-exact-figures-of-bands-of = Genaue Zahlen von { $name }: { $a } Bänder mit { $b } Pixeln.
said-the-copy-would-overwrite-the = die Kopie würde das Feld überschreiben; einen anderen Namen wählen
said-field-of-x-pixels-written = Feld von { $a } x { $b } Pixeln geschrieben
said-the-copy-would-overwrite-the-raster = die Kopie würde das Raster überschreiben; einen anderen Namen wählen
said-pixels-are-hidden-by-a = { $unknown } Pixel sind durch eine Maske ausgeblendet, die die Kopie nicht hat, und enthalten, was darunter gespeichert ist
said-bands-of-x-pixels-written = { $a } Bänder mit { $b } x { $c } Pixeln geschrieben
said-the-part-to-export-does = der zu exportierende Teil liegt nicht innerhalb der { $a } x { $b } Pixel; einen anderen wählen
said-another-process-is-working-on = ein anderer Prozess arbeitet an dieser Ausgabe; warten, bis er beendet ist, oder einen anderen Namen wählen
said-the-working-folder-cannot-be = der Arbeitsordner kann nicht angelegt werden
said-the-working-file-cannot-be = die Arbeitsdatei kann nicht angelegt werden
said-an-older-working-folder-cannot = ein älterer Arbeitsordner kann nicht entfernt werden
said-the-working-file-cannot-be-written = die Arbeitsdatei kann nicht geschrieben werden
said-a-raster-of-x-pixels = ein Raster von { $width } x { $height } Pixeln ist größer als jede Festplatte; prüfen, was seine Datei sagt, oder einen Teil davon wählen
said-there-is-no-room-for = für die Arbeitsdatei ist kein Platz
said-the-working-file-cannot-be-read = die Arbeitsdatei kann nicht gelesen werden
said-the-working-file-cannot-be-written-what = die Arbeitsdatei kann nicht geschrieben werden; was fertig ist, bleibt erhalten, zum Fortsetzen noch einmal starten
said-the-working-file-cannot-be-read-back = die Arbeitsdatei kann nicht zurückgelesen werden
said-polygons-of = Polygone von { $name }
said-polygons-in-classes = { $a } Polygone in { $b } Klassen
said-this-file-is-no-shard = diese Datei ist kein Teil; Dateien nennen, die mit --shard gemacht wurden
said-an-unknown-device = ein unbekanntes Gerät
said-kind-of-map = Art der Karte
said-joining-the-shards = Teile werden zusammengefügt
said-of-x-pixels-from-shards = { $a ->
        [Field] Feld
       *[Map] Karte
    } von { $b } x { $c } Pixeln aus { $count } Teilen, { $seconds } s
said-the-whole-would-overwrite-one = das Ganze würde einen seiner Teile überschreiben; einen anderen Namen wählen
said-no-shards-of-this-file = neben dieser Datei liegen keine Teile von ihr; erst ihren Befehl mit --shard 1/4, 2/4 und so weiter starten oder die Teile nennen
said-shard-is-there-twice-name = Teil { $a } ist zweimal da; nur eine der Dateien nennen
said-this-file-shard-and-shard = diese Datei (Teil { $a }) und Teil { $b } gehören nicht zum selben Auftrag: { $what }
said-they-were-cut-into-different = sie wurden in verschiedene Zahlen von Teilen zerlegt; die zusammengehörigen nennen
said-they-differ-in-make-it = sie unterscheiden sich in: { $a }; ihn mit demselben Programm, denselben Eingaben und denselben Optionen wie die anderen noch einmal erstellen
said-this-shard-holds-other-rows = dieser Teil enthält andere Zeilen, als Teil { $a } sollte; ihn noch einmal erstellen
said-shard-is-missing = Teil { $a } fehlt
said-shards-are-missing = die Teile { $a } fehlen
said-rows-of-run-and-merge = { $a } (Zeilen { $b } von { $c }); { $d ->
        [it] ihn
       *[them] sie
    } nachholen und noch einmal zusammenfügen
said-the-shards-were-computed-on = die Teile wurden auf verschiedenen Geräten berechnet ({ $a }), deren letzte Stellen sich unterscheiden; ein einziger Lauf auf einem davon kann in einigen Pixeln abweichen
said-this-file-lies-beside-a = diese Datei liegt neben einem Teil von { $a }; dessen Teile nennen, dann wird sie mit ihnen zusammengefügt
said-this-shard-was-renamed-so = dieser Teil wurde umbenannt, daher ist nicht zu finden, was mit ihm sonst geschrieben wurde; ihn wieder { $a } nennen
said-this-file-was-not-written = diese Datei wurde nicht zusammen mit Teil { $a } geschrieben; den Teil noch einmal erstellen
said-the-projection-that-lay-beside = die Projektion, die neben den Teilen lag, fehlt; das Feld ist ohne sie vollständig, aber kommende Jahre können nicht in seinen Achsen erstellt werden
said-overviews-of-levels-by-mb = Übersichten von { $name }: { $a } Stufen durch { $b }, { $c } MB.
said-the-map-would-overwrite-the = die Karte würde das Feld überschreiben; einen anderen Namen wählen
said-the-head-was-trained-on = der Klassifikator wurde auf einem anderen Feld trainiert, dessen Achsen anderes bedeuten können; die Karte sorgfältig prüfen
said-writing-the-map = Karte wird geschrieben
said-map-of-pixels-in-classes = Karte von { $pixels } Pixeln in { $a } Klassen, mittlere Konfidenz { $b } %, { $seconds } s
said-the-projection-cannot-be-written = die Projektion kann nicht geschrieben werden
said-the-projection-cannot-be-read = die Projektion kann nicht gelesen werden
said-not-a-projection-of-a = keine Projektion eines Feldes
said-the-projection-was-written-by = die Projektion wurde von einem neueren Terroir geschrieben; dieses aktualisieren
said-the-report-cannot-be-written = der Bericht kann nicht geschrieben werden
said-the-report-cannot-be-read = der Bericht kann nicht gelesen werden
said-the-points-would-overwrite-the = die Punkte würden die Karte überschreiben; einen anderen Namen wählen
said-reading-the-labels = Labels werden gelesen
said-pixels-of = Pixel von { $name }
said-points-of = Punkte von { $name }
said-class-has-pixels-to-draw = aus Klasse { $name } können nur { $pixels } Pixel gezogen werden, weniger als die gewünschten { $a } Punkte
said-points-drawn-in-random-order = { $a } Punkte gezogen, in zufälliger Reihenfolge und ohne die Klassen der Karte
said-there-can-be-at-most = es kann höchstens { $most_shards } Teile geben
said-a-shard-is-named-as = ein Teil wird durch seine Nummer und die Zahl aller Teile benannt, von 1/4 bis 4/4
said-there-are-more-shards-than = Es gibt mehr Teile als Zeilen von Blöcken zu { $shard_rows } Pixeln; Teil { $shard } hat nichts zu tun
said-shard-is-finished-already-nothing = Teil { $shard } ist schon fertig; nichts wurde getan
said-this-job-cannot-be-done = dieser Auftrag lässt sich nicht in Teilen erledigen; embed, predict, calc, composite, change, regress, similar und soil schon
said-the-split-cannot-be-read = die Aufteilung kann nicht gelesen werden
said-not-a-split-file = keine Datei einer Aufteilung
said-the-split-file-lacks-what = der Datei der Aufteilung fehlt, was sie enthalten sollte (unit, class_ids_used, seeds)
said-labelled-pixels-lie-where-the = { $missing } gelabelte Pixel liegen, wo das Feld keine Daten hat, und werden ausgelassen
said-fitting-the-head = Klassifikator wird angepasst
said-right-in-spatial-blocks-out = ; { $a } % richtig in { $b } Teilen mit räumlich zurückgehaltenen Blöcken
said-pixels-of-marked-test-or = ; { $a } Pixel von { $shapes } { $b ->
        [shape] Form
       *[shapes] Formen
    } mit der Markierung Test oder Validierung wurden zurückgehalten
said-head-for-classes-from-labelled = Klassifikator für { $a } Klassen aus { $b } gelabelten Pixeln{ $figure }
said-neighbours-cannot-vote-1-to = { $a } Nachbarn können nicht abstimmen; 1 bis { $most_neighbours } können es
said-a-weight-is-given-for = für die Klasse „{ $name }“ ist ein Gewicht angegeben, aber die Labels enthalten sie nicht; sie enthalten { $a }
said-this-file-is-not-a = diese Datei ist kein Feld (64 vorzeichenbehaftete Bytes je Pixel); erst eines aus der Szene erstellen (embed)
said-outside-the-scene-left-out = außerhalb der Szene ausgelassen
said-without-any-pixel-left-out = ohne ein einziges Pixel ausgelassen
said-with-an-invalid-outline-left = mit ungültigem Umriss ausgelassen
said-without-a-class-left-out = ohne Klasse ausgelassen
said-reading-the-field = Feld wird gelesen
said-no-labelled-pixel-lies-on-data = kein gelabeltes Pixel liegt auf Daten des Feldes; prüfen, ob Labels und Feld denselben Ort zeigen
said-the-labels-hold-one-class = die Labels enthalten nur eine Klasse („{ $a }“); ein Klassifikator braucht mindestens zwei, um zu unterscheiden
said-few-labelled-pixels-so-the = wenige gelabelte Pixel, die Zahlen sind also grob: { $a }
said-the-labels-lie-too-close = die Labels liegen für eine räumliche Kreuzvalidierung zu dicht beieinander; keine Genauigkeit wird angegeben
said-spatially-blocked-cross-validation-folds = Kreuzvalidierung in räumlichen Blöcken, { $a } Teile, Blöcke von { $block } Pixeln, Polygone ungeteilt
said-temperature-fitted-on-the-scores = Temperatur auf den Werten der anderen Teile angepasst
said-held-out-polygons = zurückgehaltene Polygone
said-shards-write-the-map-alone = Teile schreiben nur die Karte; Orte und Polygone weglassen und aus der zusammengefügten Karte erstellen (terroir polygons)
said-writing-the-mask = Maske wird geschrieben
said-of-pixels-are-at-least = { $matches } von { $pixels } Pixeln ({ $a } %) sind mindestens { $b } ähnlich
said-in-polygons = , in { $a } Polygonen
said-places-found = ; { $a } Orte gefunden
said-mean-of-the-dot-products = Mittel der Skalarprodukte
said-largest-dot-product = größtes Skalarprodukt
said-similarity-to-examples-threshold = Ähnlichkeit zu { $a } Beispielen ({ $how }), Schwelle { $b }
said-reading-the-examples = Beispiele werden gelesen
said-an-area-holds-very-different = eine Fläche enthält sehr Verschiedenes; ihr Mittel steht für nichts davon
said-of-areas-hold-no-data = { $outside } von { $a } Flächen enthalten keine Daten des Feldes und werden ausgelassen
said-none-of-the-areas-holds = keine der Flächen enthält Daten des Feldes; andere wählen
said-only-the-first-examples-of = nur die ersten { $a } von { $b } Beispielen werden verwendet
said-there-is-nothing-to-be = es gibt nichts, dem etwas ähnlich sein könnte; einen Ort (--at) oder Polygone (--polygons) angeben
said-the-result-is-written-as = das Ergebnis wird als .tif (Karte), .gpkg (Polygone) oder .csv (Orte) geschrieben; eine dieser Endungen wählen
said-a-table-holds-places-and = eine Tabelle enthält Orte, und keine sind verlangt; angeben, wie viele (--places)
said-the-result-would-overwrite-the-field = das Ergebnis würde das Feld überschreiben; einen anderen Namen wählen
said-no-file-to-write-was = keine Datei zum Schreiben wurde genannt (--out)
said-the-map-would-overwrite-what = die Karte würde überschreiben, woraus sie gemacht wird; einen anderen Namen wählen
said-map-of-for-pixels-mean = Karte von { $a } für { $b } Pixel, Mittel { $mean }
said-map-of-pixels-in-classes-mean = Karte von { $a } Pixeln in { $b } Klassen, mittlere Konfidenz { $c } %
said-shards-map-with-one-regression = Teile kartieren mit einer gemeinsamen Regression; sie erst ohne --shard anpassen, dann nennen (--head)
said-values-to-learn-from-are = Werte zum Lernen fehlen: eine Datei mit Punkten oder Polygonen nennen oder eine früher angepasste Regression
said-map-of-over-pixels-s = Karte von { $a } über { $b } Pixel{ $figure }, { $seconds } s
said-the-regression-was-fitted-on = die Regression wurde auf einem anderen Feld angepasst, dessen Achsen anderes bedeuten können; die Karte sorgfältig prüfen
said-reading-the-values = Werte werden gelesen
said-from-values = aus { $a } Werten
said-in-spatial-blocks-out-folds = in { $a } Teilen mit räumlich zurückgehaltenen Blöcken
said-lie-beside-the-field-and = liegen neben dem Feld und werden ausgelassen
said-have-no-number-in-this-column = haben in dieser Spalte keine Zahl und werden ausgelassen
said-have-no-point-or-polygon-and = haben weder Punkt noch Polygon und werden ausgelassen
said-lie-where-the-field-has = liegen, wo das Feld keine Daten hat, und werden ausgelassen
said-are-polygons-over-very-different = sind Polygone über sehr verschiedenem Boden, sodass ihr Mittel für wenig steht
said-of-places = { $count } von { $a } Orten { $what }
said-of-the-map-lies-beyond = { $a } % der Karte liegen jenseits der Werte, auf denen angepasst wurde ({ $b } bis { $c }), wo eine Regression nur rät
said-by-ridge-regression-on-a = { $a }{ $unit } durch Ridge-Regression auf einem Feld
said-spatially-blocked-cross-validation-folds-blocks = Kreuzvalidierung in räumlichen Blöcken, { $a } Teile, Blöcke von { $b } Pixeln
said-the-values-lie-too-close = die Werte liegen für eine räumliche Kreuzvalidierung zu dicht beieinander; keine Genauigkeit wird angegeben
said-the-values-lie-close-together = die Werte liegen dicht beieinander: Blöcke von { $used_px } statt { $block_px } Pixeln, die Genauigkeit kann also schmeicheln
said-too-few-values-are-left = zu wenige Werte bleiben übrig, wenn ein Block herausgenommen wird, daher wird keine Genauigkeit angegeben; an mehr Orten messen
said-values-could-not-be-predicted = { $a } Werte konnten nicht aus anderen Blöcken vorhergesagt werden und fehlen in der Genauigkeit
said-drawing-pixels = Pixel werden gezogen
said-finding-clusters = Cluster werden gesucht
said-fitting-colours = Farben werden angepasst
said-finding-places = Orte werden gesucht
said-drawing-polygons = Polygone werden gezeichnet
said-building-overviews = Übersichten werden erstellt
said-preparing-kernels = Kernel werden vorbereitet
said-copying-mb = Kopieren, MB
said-scene-reader = Leser der Szene
said-without-a-wavelength = ohne Wellenlänge
said-without-a-class = ohne Klasse
said-no-flag = kein Flag
said-no-day = kein Tag
said-clear-images = klare Bilder
said-all-dates = alle Termine
said-raw-stack = roher Stapel
said-median-composite = Median-Komposit
said-mean-composite = Mittelwert-Komposit
said-greenest-image = grünstes Bild
said-linear-probe = lineare Schicht
said-frozen-encoder = eingefrorener Encoder
said-last-block = letzter Block
said-whole-encoder = ganzer Encoder
said-no-value = kein Wert
said-its-mask = seine Maske
said-its-name = sein Name
said-its-field = sein Feld
said-its-size = die Größe
said-the-stations = die Stationen
said-one-value = einen Wert
said-two-values = zwei Werte
said-not-judged = nicht beurteilt
said-not-defined = nicht definiert
said-wrong-shape = falsche Form
said-whole-numbers = ganze Zahlen
said-fields = { $count } Felder
said-images = { $count } Bilder
said-shapes = { $count } Formen
said-days = { $days } Tage
said-classes = { $a } Klassen
said-bytes = { $a } Bytes
said-no-answer = keine Antwort
said-not-there = nicht da
said-future-weather = künftiges Wetter
said-balanced-accuracy = ausgewogene Genauigkeit
said-worker-log = Protokoll des Arbeitsprozesses
said-ridge-regression = Ridge-Regression
said-logistic-regression = Logistische Regression
said-nearest-neighbours = Nächste Nachbarn
said-random-forest = Random Forest
said-linear-interpolation = Lineare Interpolation
said-last-year = Letztes Jahr
said-median-of-the-clear-images = Median der klaren Bilder
said-dot-product = Skalarprodukt
said-local-z = lokales z
