open-series-images = { $count ->
        [one] 1 Bild
       *[other] { $count } Bilder
    }
open-series-bands = { $count ->
        [one] 1 Band
       *[other] { $count } Bänder
    }
open-series-span = { $first } bis { $last }
open-series-no-dates = ohne Datum
open-series-bands-between = { $least } bis { $most } Bänder
open-series-undated = { $count } ohne Datum
open-series-title = Bilder mehrerer Termine
open-series-about = Ein Zeitreihen-Layer hat eine Zeitleiste: blättern, abspielen, ein Pixel über die Zeit sehen.
open-series-others = { $count ->
        [one] Auch das Raster öffnen, das zu keiner Zeitreihe gehört
       *[other] Auch die { $count } Raster öffnen, die zu keiner Zeitreihe gehören
    }
open-series-open = Öffnen
open-series-cancel = Abbrechen
open-series-apart = Die Bilder überlappen sich nicht oder haben verschiedene Bänder.
open-series-dates-missing = In den Dateien und ihren Namen steht kein Datum; sie können in der Zeitleiste eingegeben werden.
open-series-one = Ein Zeitreihen-Layer
open-series-separate = { $count ->
        [one] Der Stapel als ein Layer
       *[other] { $count } einzelne Layer
    }
open-series-leave-out = Auslassen
open-series-failed = { $count } Dateien konnten nicht als Raster geöffnet werden.
open-series-cut = Nur die ersten 4000 Dateien wurden angesehen. Für die anderen einen kleineren Ordner wählen.
open-series-no-raster = In diesem Ordner ist kein Raster.
open-series-find-missing = Fehlende Bilder suchen
open-series-still-missing = { $count ->
        [one] 1 Datei der Zeitreihe fehlt noch. Rechtsklick auf den Layer, „Neu zuordnen…“
       *[other] { $count } Dateien der Zeitreihe fehlen noch. Rechtsklick auf den Layer, „Neu zuordnen…“
    }
open-series-add = Zeitreihe { $name } hinzufügen
open-series-no-date-for = Für { $files } wurde kein Datum gefunden. Sie fehlen in der Zeitleiste, bis sie eines bekommen: „Termine…“ in der Zeitleiste drücken.
open-series-and-more = { $files } und { $count } weitere
