open-series-images = { $count ->
        [one] { $count } image
       *[other] { $count } images
    }
open-series-bands = { $count ->
        [one] { $count } bande
       *[other] { $count } bandes
    }
open-series-span = { $first } à { $last }
open-series-no-dates = aucune date
open-series-bands-between = { $least } à { $most } bandes
open-series-undated = { $count } sans date
open-series-title = Images de plusieurs dates
open-series-about = Une couche de série a une frise : parcourir, lire, voir un pixel au fil du temps.
open-series-others = { $count ->
        [one] Ouvrir aussi le raster hors série
       *[other] Ouvrir aussi les { $count } rasters hors série
    }
open-series-open = Ouvrir
open-series-cancel = Annuler
open-series-apart = Les images ne se recouvrent pas ou ont des bandes différentes.
open-series-dates-missing = Aucune date dans les fichiers ni dans leurs noms ; elles peuvent être saisies dans la frise.
open-series-one = Une couche de série
open-series-separate = { $count ->
        [one] La pile en une couche
       *[other] { $count } couches séparées
    }
open-series-leave-out = Ignorer
open-series-failed = { $count } fichiers n'ont pas pu être ouverts comme rasters.
open-series-cut = Seuls les 4000 premiers fichiers ont été examinés. Choisir un dossier plus petit pour les autres.
open-series-no-raster = Il n'y a aucun raster dans ce dossier.
open-series-find-missing = Retrouver les dates manquantes
open-series-still-missing = { $count ->
        [one] { $count } fichier de la série manque encore. Clic droit sur la couche, Localiser…
       *[other] { $count } fichiers de la série manquent encore. Clic droit sur la couche, Localiser…
    }
open-series-add = Ajouter la série { $name }
open-series-no-date-for = Aucune date trouvée pour { $files }. Ils sont exclus de la frise jusqu'à en recevoir une : appuyer sur Dates… dans la frise.
open-series-and-more = { $files } et { $count } autres
