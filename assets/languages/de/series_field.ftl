series-field-none = Keine Zeitreihe
series-field-none-next = Einen Ordner datierter Bilder eines oder mehrerer Sensoren auf die Karte ziehen; ein Zeitmodell fasst sie in einem Feld zusammen.
series-field-from-folder = Neue Zeitreihe aus Ordner…
series-field-what = Was
series-field-choose = Mindestens eine Zeitreihe wählen.
series-field-looking = Bilder werden angesehen…
series-field-when = Wann
series-field-slide = Durch das Jahr gleiten
series-field-season = Mit dem Wetter
series-field-belief = Was das Modell annimmt
series-field-add-folder = Ordner hinzufügen…
    .tip = Bilder, die keine Layer sein müssen: ein Ordner datierter Szenen
series-field-no-dates = keine Daten
series-field-dates = { $count ->
        [one] 1 Datum
       *[other] { $count } Daten
    }
series-field-undated = Kein Bild von { $layer } hat ein Datum. Jeder Datei ihren Tag im Namen geben (scene_2018-05-06.tif) oder eine Tabelle dates.csv mit den Spalten file und date danebenlegen und die Zeitreihe neu öffnen.
series-field-leave-folder = Diesen Ordner nicht verwenden
series-field-no-image = kein Bild; das Modell kommt ohne aus
series-field-images = { $count ->
        [one] 1 Bild
       *[other] { $count } Bilder
    }
series-field-bands = Bänder: { $bands }
series-field-days = Tage
series-field-support = Bilder aus
    .hint = allen Tagen oder 2018-03-01..2018-09-01
    .tip = Die Stützstellen: Nur Bilder dieser Tage werden verwendet. Felder anderer Tage werden daraus inter- oder extrapoliert.
series-field-support-none = In diesen Tagen liegt kein Bild. Andere wählen.
series-field-used = Verwendet: { $counts }
series-field-typed-dates = { $count } Daten wurden in der Zeitleiste eingegeben. Aufträge lesen Daten aus den Dateien: diese in eine Tabelle dates.csv mit den Spalten file und date neben die Bilder schreiben.
series-field-more-notes = und { $count } weitere Hinweise
series-field-sum-up = Zusammenfassen
series-field-own-hint = Je ein Feld, durch Kommas getrennt. Der letzte Tag eines Bereichs gehört nicht dazu.
series-field-period = Zeitraum
series-field-choice-seen = { $period }  ·  { $count } Bilder
series-field-choice-gap = { $period }  ·  in einer Lücke
series-field-choice-beyond = { $period }  ·  jenseits der Bilder
series-field-standing = { $period }: { $standing }.
series-field-span = { $first } bis { $last }
series-field-fields = { $count } Felder, { $span }, aus einem Durchgang durch die Bilder. Sie öffnen sich als eine Zeitreihe.
series-field-empty = Kein Bild liegt in { $periods }: inter- oder extrapoliert.
series-field-empty-more = Kein Bild liegt in { $periods } und { $more } weiteren: inter- oder extrapoliert.
series-field-which-model = Welches Modell
series-field-model = Modell
series-field-weights = Gewichte
series-field-device = Gerät
series-field-area = Gebiet
series-field-file = Datei
series-field-untrained = Untrainiert: Es werden keine Gewichte verwendet; die Felder sind die eines zufälligen Netzes. Ein Modell am eigenen Archiv trainieren (Layer, Modell trainieren…) oder Gewichte wählen.
series-field-choose-weights = Eine Datei .safetensors wählen
series-field-in-view = Ausschnitt, { $width } × { $height } px
series-field-in-view-nothing = Ausschnitt: nichts von den Bildern
series-field-whole = Ganz, { $width } × { $height } px
series-field-choose-out = Wählen, wohin die Felder geschrieben werden; mehrere werden nach ihren Zeiträumen benannt
series-field-make = Feld erstellen
series-field-make-several = { $count } Felder erstellen
series-field-runs = Dieser Auftrag läuft
series-field-copy = Als Befehl kopieren
    .tip = Die Befehlszeile, die dasselbe tut
series-field-slide-about = Erstellt die Felder aller Zeiträume des Ausschnitts aus einem Durchgang durch die Bilder. Sie öffnen sich als Zeitreihe mit gemeinsamen Farben: Ihre Zeitleiste ist der Schieber.
series-field-slide-each = Ein Feld
series-field-slide-month = jeden Monat
series-field-slide-year = jedes Jahr
series-field-slide-of = Jeweils
series-field-slide-one-month = ein Monat
series-field-slide-one-year = ein Jahr
series-field-slide-months = { $months } Monate
series-field-slide-of-tip = Länger als ein Monat überlappen sich die Zeiträume: Die Zusammenfassung gleitet
series-field-slide-size = { $count } Zeiträume, { $width } × { $height } Pixel um die Mitte des Ausschnitts.
series-field-slide-make = { $count } Zeiträume des Ausschnitts erstellen
series-field-end-tip = { $end } der Veränderung ist { $period }. Klicken, um den gezeigten Zeitraum zu nehmen: { $shown }.
series-field-end-take = Als { $end } nehmen
series-field-change = Veränderung
    .tip = Kartiert, was sich von A zu B verändert hat; Maß und Schwelle stehen unter Feld
series-field-change-runs = Läuft
series-field-change-same = A und B sind derselbe Zeitraum: einen anderen zeigen und B drücken
series-field-season-about = Ein Feld, das die Bilder und das Wetter bis zum letzten Tag kennt und nichts danach: für Karten einer Saison, die noch nicht zu Ende ist. Es gilt nur für diesen Ort und ist nicht mit anderen Feldern zu vergleichen.
series-field-season-days-hint = wie oben
series-field-season-days-tip = Bilder von einem Tag bis zu einem anderen, dieser ausgeschlossen: 2018-03-01..2018-06-01
series-field-season-make = Feld der Saison erstellen
series-field-season-weather = Zuerst das tägliche Wetter des Orts hinzufügen (Layer, Wetter hinzufügen…).
series-field-season-weights = Es gibt keine trainierten Gewichte von { $model }. Welche trainieren: Layer, Modell trainieren…, Wetter.
series-field-season-one = Eine Saison auf einmal: von einem Tag bis zu einem anderen.
series-field-name-file = Eine Datei für das Feld angeben.
series-field-belief-about = Zeichnet, was ein Sensor nach Annahme des Modells an einem Tag gesehen hat, auch ohne Bild, und legt es neben das nächste echte Bild. Es ist eine Modellausgabe, kein Bild.
series-field-belief-no-sensor = Dieses Modell kann keinen der Sensoren zeichnen. Andere Gewichte wählen.
series-field-belief-sensor = Sensor
series-field-belief-date = Datum
    .tip = JJJJ-MM-TT; leer: das in der Zeitleiste gezeigte Datum
series-field-belief-valid-hint = 15 Tage davor und danach
series-field-belief-valid-tip = Der Zeitraum, aus dem das Bild gezeichnet wird, mit dem Datum darin: 2018-05 oder 2018-04-20..2018-05-20
series-field-belief-same-day = Nächstes echtes Bild: { $date }, von diesem Tag.
series-field-belief-later = Nächstes echtes Bild: { $date }, { $days ->
        [one] 1 Tag später
       *[other] { $days } Tage später
    }.
series-field-belief-before = Nächstes echtes Bild: { $date }, { $days ->
        [one] 1 Tag davor
       *[other] { $days } Tage davor
    }.
series-field-belief-no-real = Es gibt kein echtes Bild dieses Sensors zum Vergleichen.
series-field-belief-draw = Zeichnen
series-field-belief-not-a-date = `{ $text }` ist kein Datum. So schreiben: 2018-05-07.
series-field-belief-nothing-to-draw = Es gibt keinen Sensor zum Zeichnen.
series-field-belief-outside = { $date } liegt nicht in { $period }. Einen Zeitraum darum wählen.
series-field-belief-one-period = Einen Zeitraum um das Datum wählen.
series-field-belief-folder = Einen Ordner mit Bildern angeben.
series-field-belief-layer = Modellausgabe: { $sensor } am { $date }
series-field-belief-open-series = Das nächste echte Bild ist { $image } vom { $date }. Seine Zeitreihe öffnen, um beide nebeneinander zu sehen.
series-field-no-date = Kein Bild hat ein Datum.
series-field-not-in-view = Der Ausschnitt zeigt keinen Teil dieser Bilder.
series-field-one-support = Bilder eines einzigen Zeitraums werden verwendet: von einem Tag bis zu einem anderen.
series-field-type-days = Die Tage eingeben: 2018-03-01..2018-09-01, 2018-05 oder 2018; mehrere mit Kommas.
series-field-one-period-only = Die Bilder umfassen nur einen solchen Zeitraum.
series-field-periods-layer = { $name }, { $count } Zeiträume
series-field-step-read-again = Ergebnisse neu lesen
series-field-when-year = Ein Jahr
series-field-when-season = Eine Jahreszeit
series-field-when-month = Ein Monat
series-field-when-own = Eigene Daten
series-field-when-monthly = Jeden Monat
series-field-when-yearly = Jedes Jahr
