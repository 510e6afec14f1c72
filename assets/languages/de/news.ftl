news-undo = Rückgängig
news-recover = Wiederherstellen
news-connect = Verbinden
news-build-overviews = Übersichten erstellen
news-use-as-labels = Als Labels verwenden…
news-too-many-files = Zu viele Dateien warten. Noch einmal versuchen, wenn sie gelesen sind.
news-class-number = Klasse { $number }
news-no-more-classes = Es können keine weiteren Klassen hinzugefügt werden: 255 sind in Gebrauch.
news-labels-layer = Labels
news-stopped = Terroir wurde nicht ordentlich beendet. Die Arbeit kann wieder geöffnet werden (Menü Datei: wiederherstellen oder verwerfen).
news-recovered = Die ungespeicherte Arbeit ist zurück. Projekt speichern, um sie zu behalten.
news-newer-version = Dieses Projekt stammt von einer neueren Version. Es ist zum Lesen geöffnet; Speichern fragt nach einem neuen Namen.
news-colours-written = Farben geschrieben.
news-project-saved = Projekt gespeichert.
news-table-written = Tabelle geschrieben.
news-labels-written = Labels geschrieben.
news-companion-written = Neben die Karte geschrieben
news-profiles-written = Profile geschrieben.
news-picture-written = Bild geschrieben.
news-no-crs = Dieses Raster hat kein Koordinatenbezugssystem und wird nach seinen Pixeln gezeichnet. In der Statusleiste „Kein KBS“ anklicken, um eines anzugeben.
news-no-wavelengths = Keine Wellenlängen gefunden. Unter „Stil“ einen Sensor wählen oder sie eingeben, damit Modelle die Bänder nutzen können.
news-first-steps = Zwei Klassen malen, um eine Karte zu erhalten: links eine Klasse wählen, P drücken und zeichnen; dann die andere Klasse.
news-labels-need-scene = Labels brauchen eine Szene, auf der sie liegen. Zuerst ein Raster hinzufügen.
news-removed = { $name } entfernt.
news-no-shapes = Kein Layer dieser Datei hat Formen. Eine andere Datei wählen.
news-vector-no-crs = { $name } nennt kein Koordinatenbezugssystem; die Koordinaten gelten als die der Karte.
news-added = { $name } hinzugefügt: { $count }.
news-no-polygons = { $name } hat keine Polygone; ein Untersuchungsgebiet braucht sie.
news-area-cleared = Felder und Karten decken wieder die ganze Szene ab.
news-area-set = Felder und Karten werden nur innerhalb von { $name } erstellt.
news-no-overviews = { $name } hat keine Übersichten und wird als Ganzes zuerst grob gezeichnet. Übersichten machen es schnell.
news-overviews-local = Nur eine Datei auf diesem Rechner kann daneben Übersichten erhalten
news-overviews-small = Dieses Raster ist so klein, dass Übersichten nicht helfen
news-overviews-choose = Zuerst einen Rasterlayer wählen
news-unconnected = { $count ->
        [one] Ein Layer dieses Projekts liegt im Netz. Von dort wird nichts gelesen, bevor er verbunden wird.
       *[other] { $count } Layer dieses Projekts liegen im Netz. Von dort wird nichts gelesen, bevor sie verbunden werden.
    }
news-imported = { $count ->
        [one] { $count } Form
       *[other] { $count } Formen
    } aus { $name } importiert.
news-imported-outside = { $count } außerhalb der Szene.
news-imported-empty = { $count } leer.
news-imported-invalid = { $count } ungültig.
news-imported-classless = { $count } ohne Klasse.
news-nothing-to-paint-on = Es gibt nichts, worauf gemalt werden kann. Zuerst eine Szene oder ein Feld hinzufügen.
news-no-class-here = Hier ist keine Klasse. Ein Pixel mit Label anklicken, um dessen Klasse zu wählen.
news-no-place-in-crs = Keine der Formen von { $name } hat einen Ort im Koordinatenbezugssystem der Karte. Ein anderes für die Karte wählen.
news-shapes-fault = diese Formen konnten nicht platziert werden; das ist ein Fehler des Programms, bitte melden
news-picture-unreadable = Das Bild des Laufs konnte nicht gelesen werden.
news-not-written = Die Datei konnte nicht geschrieben werden. Einen anderen Ordner wählen oder Platz schaffen.
news-picture-not-made = Das Bild konnte nicht erstellt werden.
news-recovery-kept = Die automatisch gespeicherte Arbeit konnte nicht gelöscht werden.
news-job-cancelled = { $name }: abgebrochen.
news-strip-close = Diese Meldung schließen
news-strip-copy = Diese Meldung kopieren
news-strip-details = Details
news-imported-pixels = { $count ->
    [one] Ein gelabeltes Pixel aus { $name } importiert.
   *[other] { $count } gelabelte Pixel aus { $name } importiert.
    }
