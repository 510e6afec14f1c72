training-title = Training
training-none = Noch kein Lauf
training-none-next = Ein Lauf zeigt hier seinen Verlust, seine Geschwindigkeit und was das Modell aus verdeckten Stellen macht.
training-stopping = Wird beendet…
training-stop = Beenden
    .tip = Behält einen Zwischenstand; der Lauf kann später fortgesetzt werden
training-go-on = Fortsetzen
training-map-scene = Szene kartieren
    .tip = Die Karte der ganzen Szene schreiben und anzeigen
training-waiting = Wartet auf den Auftrag davor…
training-stopped = Beendet; der letzte Zwischenstand ist aufbewahrt.
training-stopped-early = Vor dem ersten Schritt beendet.
training-shows-archives = eine Zeile je Archiv: eine Szene und was das Modell daraus macht, von bis zu zwei Sensoren · das Feld in drei Farben
training-shows-weather = das letzte Bild davor · die Vorhersage · was an diesem Tag zu sehen war
training-shows-scenes = ein Ausschnitt · was das Modell zu sehen bekommt · was es aus dem Rest macht
training-show-folder = Ordner des Laufs zeigen
training-folder = Zahlen, Vorschauen und Zwischenstand: { $folder }
training-step = Schritt { $done } von { $total }
training-loss = Verlust { $loss }
training-steps-a-second = { $steps } Schritte/s
training-seconds-a-step = { $seconds } s je Schritt
training-time-left = noch { $time }
training-axis-step = Schritt
training-axis-loss = Verlust
training-running-mean = gleitendes Mittel
training-curve = Verlust über die Schritte
training-preview = Neueste Vorschau
training-skill = Güte bei { $from } bis { $to } Tagen
training-kind-scenes = Szenen
    .tip = DOFA auf einzelnen Szenen vortrainieren
training-kind-archives = Archive
    .tip = STP auf datierten Szenen mehrerer Sensoren vortrainieren
training-kind-weather = Wetter
    .tip = KG-VSF auf datierten Bildern und täglichem Wetter vortrainieren
training-kind-tune = Feinabstimmung
training-scenes = Ein Modell auf Szenen vortrainieren
training-scenes-about = Drei Viertel jedes Bildes werden verdeckt; das Modell lernt, sie wiederzufinden. Labels sind nicht nötig.
training-open-scene = Zuerst eine Szene öffnen.
training-bands = { $count ->
        [one] { $count } Band
       *[other] { $count } Bänder
    }
training-model = Modell
training-size = Größe
training-images = Bilder
training-device = Gerät
training-file = Datei
training-start = Training starten
training-runs = Dieser Lauf ist schon im Gang
training-copy = Als Befehl kopieren
    .tip = Die Befehlszeile, die dasselbe tut
training-tune = Ein Modell an Labels einer Szene anpassen
training-tune-about = Ein Fünftel der Labels, von den anderen getrennt, sagt, welcher Schritt der beste war.
training-scene = Szene
training-scene-none = keine: zuerst eine öffnen
training-labels = Labels
training-labels-painted = die gemalten ({ $count ->
        [one] { $count } Klasse
       *[other] { $count } Klassen
    })
training-labels-file = eine Datei mit Labels
training-labels-tip = GeoPackage, GeoJSON, Shapefile, CSV oder Raster; leer nimmt das Gemalte
training-answers = Antwort
training-task-pixels = eine Klasse für jedes Pixel
training-task-patches = eine Klasse für jeden Patch
training-task-values = ein Wert für jedes Pixel
training-learns = Lernt
training-mode-probe = eine lineare Schicht
training-mode-frozen = Pyramide und UPerNet
training-mode-last = und die letzten zwei Blöcke
training-mode-lora = und LoRA in jedem Block
training-mode-full = das ganze Modell
training-weights = Gewichte
    .tip = Wie unter Starten gewählt
training-weights-none = keine (untrainiert)
training-windows = Fenster
training-choose-out = Wählen, wohin die Gewichte geschrieben werden
training-steps = Schritte
training-batch = Stapel
training-rate = Rate
    .tip = Lernrate am Ende ihres Anstiegs; danach fällt sie auf null
training-begin = Beginn
training-begin-trained = { $file } (trainiert)
training-begin-nothing = von null (untrainiert)
training-begin-from = von { $file } (trainiert)
training-begin-none = Keine Gewichte dieser Größe sind installiert.
training-weather = Ein Modell auf Bildern und Wetter vortrainieren
training-weather-about = Aus einigen Bildern und dem folgenden Wetter werden spätere Bilder vorhergesagt. Das letzte Fünftel der Bilder sagt, wie gut die Vorhersagen sind. Labels sind nicht nötig.
training-place = Ort
training-place-images = Bilder
training-place-dated = { $name }, { $count ->
        [one] { $count } datiertes Bild
       *[other] { $count } datierte Bilder
    }
training-place-none = keine: zuerst eine Zeitreihe öffnen
training-place-weather = Wetter
    .tip = Das tägliche Wetter des Projekts
training-place-weather-none = keines: zuerst eine Wettertabelle hinzufügen
training-weather-begin-tip = Das Modell kennt dann nur die Bänder dieser Gewichte
training-masked = Davon
    .suffix = zuerst verdeckt
    .tip = Schritte, in denen verdeckte Teile wiedergegeben werden, vor denen der Vorhersage
training-crops-suffix = Ausschnitte
training-archives = Ein Modell auf Archiven vortrainieren
training-archives-about = Von jedem Ort werden einige datierte Szenen gezeigt, andere sind über Zeitspannen wiederzufinden. Labels sind nicht nötig.
training-archives-begin-tip = Das Modell kennt dann nur die Sensoren dieser Gewichte
training-batch-archives-tip = Aus verschiedenen Archiven, wo es mehrere gibt
training-places-suffix = Orte
training-crops = Ausschnitte
training-crop-size = { $side } × { $side } Pixel
training-frames = Bilder
    .suffix = je Ort
    .tip = Datierte Szenen, in denen ein Ort höchstens zu sehen ist
training-archives-none = Eine Zeitreihe öffnen oder einen Ordner datierter Szenen hinzufügen.
training-dated = { $count ->
        [one] { $count } datiertes Bild
       *[other] { $count } datierte Bilder
    }
training-dated-one-archive = { $count } datierte Bilder, als ein Archiv: Sie liegen an einem Ort
training-leave-folder = Diesen Ordner auslassen
training-add-folder = Ordner hinzufügen…
    .tip = Ein Ordner datierter Szenen eines Orts, von beliebigen Sensoren
training-choose-scene = Mindestens eine Szene wählen
training-scene-first = Zuerst eine Szene hinzufügen
training-labels-first = Labels malen oder eine Datei mit Labels angeben
training-archives-first = Eine Zeitreihe öffnen oder einen Ordner datierter Szenen hinzufügen
training-series-first = Zuerst eine Zeitreihe datierter Bilder öffnen
training-weather-first = Zuerst das tägliche Wetter des Orts hinzufügen (Layer, Wetter hinzufügen…)
