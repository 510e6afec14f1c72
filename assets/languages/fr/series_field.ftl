series-field-none = Pas de série
series-field-none-next = Déposer sur la carte un dossier d’images datées, d’un ou de plusieurs capteurs ; un modèle temporel les résume en un champ.
series-field-from-folder = Nouvelle série d’un dossier…
series-field-what = Quoi
series-field-choose = Choisir au moins une série.
series-field-looking = Examen des images…
series-field-when = Quand
series-field-slide = Parcourir l’année
series-field-season = Avec la météo
series-field-belief = Ce que le modèle suppose
series-field-add-folder = Ajouter un dossier…
    .tip = Des images qui ne sont pas forcément des couches : un dossier de scènes datées
series-field-no-dates = aucune date
series-field-dates = { $count ->
        [one] { $count } date
       *[other] { $count } dates
    }
series-field-undated = Aucune image de { $layer } n’a de date. Mettre le jour dans le nom de chaque fichier (scene_2018-05-06.tif), ou placer à côté une table dates.csv avec les colonnes file et date, puis rouvrir la série.
series-field-leave-folder = Ne pas utiliser ce dossier
series-field-no-image = aucune image ; le modèle s’en passe
series-field-images = { $count ->
        [one] { $count } image
       *[other] { $count } images
    }
series-field-bands = Bandes : { $bands }
series-field-days = Jours
series-field-support = Images de
    .hint = tous les jours, ou 2018-03-01..2018-09-01
    .tip = Le support : seules les images de ces jours sont utilisées. Les champs d’autres jours en sont inter- ou extrapolés.
series-field-support-none = Aucune image ces jours-là. En choisir d’autres.
series-field-used = Utilisées : { $counts }
series-field-typed-dates = { $count } dates ont été saisies dans la chronologie. Les tâches lisent les dates dans les fichiers : écrire celles-ci dans une table dates.csv à côté des images, avec les colonnes file et date.
series-field-more-notes = et { $count } autres remarques
series-field-sum-up = Résumer
series-field-own-hint = Un champ chacun, séparés par des virgules. Le dernier jour d’un intervalle n’en fait pas partie.
series-field-period = Période
series-field-choice-seen = { $period }  ·  { $count } images
series-field-choice-gap = { $period }  ·  dans une lacune
series-field-choice-beyond = { $period }  ·  au-delà des images
series-field-standing = { $period } : { $standing }.
series-field-span = { $first } à { $last }
series-field-fields = { $count } champs, { $span }, en une seule lecture des images. Ils s’ouvrent en une série.
series-field-empty = Aucune image dans { $periods } : inter- ou extrapolé.
series-field-empty-more = Aucune image dans { $periods } et { $more } autres : inter- ou extrapolé.
series-field-which-model = Quel modèle
series-field-model = Modèle
series-field-weights = Poids
series-field-device = Matériel
series-field-area = Zone
series-field-file = Fichier
series-field-untrained = Non entraîné : aucun poids n’est utilisé ; ses champs sont ceux d’un réseau aléatoire. En entraîner un sur votre archive (Couche, Entraîner un modèle…) ou choisir des poids.
series-field-choose-weights = Choisir un fichier .safetensors
series-field-in-view = Dans la vue, { $width } × { $height } px
series-field-in-view-nothing = Dans la vue : rien des images
series-field-whole = En entier, { $width } × { $height } px
series-field-choose-out = Choisir où écrire les champs ; s’il y en a plusieurs, ils sont nommés d’après leurs périodes
series-field-make = Créer le champ
series-field-make-several = Créer { $count } champs
series-field-runs = Cette tâche est en cours
series-field-copy = Copier comme commande
    .tip = La ligne de commande qui fait la même chose
series-field-slide-about = Crée les champs de toutes les périodes de la partie visible en une seule lecture des images. Ils s’ouvrent en une série aux couleurs communes : sa chronologie est le curseur.
series-field-slide-each = Un champ
series-field-slide-month = chaque mois
series-field-slide-year = chaque année
series-field-slide-of = Chacun de
series-field-slide-one-month = un mois
series-field-slide-one-year = un an
series-field-slide-months = { $months } mois
series-field-slide-of-tip = Plus longues qu’un mois, les périodes se chevauchent : le résumé glisse
series-field-slide-size = { $count } périodes, { $width } × { $height } pixels autour du centre de la vue.
series-field-slide-make = Créer { $count } périodes de la vue
series-field-end-tip = { $end } du changement est { $period }. Cliquer pour prendre la période affichée, { $shown }.
series-field-end-take = Prendre comme { $end }
series-field-change = Changement
    .tip = Cartographie ce qui a changé de A à B ; la mesure et le seuil sont sous Champ
series-field-change-runs = En cours
series-field-change-same = A et B sont la même période : en afficher une autre et appuyer sur B
series-field-season-about = Un champ qui connaît les images et la météo jusqu’au dernier jour, et rien après : pour cartographier une saison en cours. Il ne vaut que pour ce lieu et ne se compare pas à un autre champ.
series-field-season-days-hint = ceux ci-dessus
series-field-season-days-tip = Images d’un jour à un autre, non compris : 2018-03-01..2018-06-01
series-field-season-make = Créer le champ de la saison
series-field-season-weather = Ajouter d’abord la météo quotidienne du lieu (Couche, Ajouter la météo…).
series-field-season-weights = Il n’y a pas de poids entraînés de { $model }. En entraîner : Couche, Entraîner un modèle…, Météo.
series-field-season-one = Une saison à la fois : d’un jour à un autre.
series-field-name-file = Indiquer un fichier pour le champ.
series-field-belief-about = Dessine ce que le modèle suppose qu’un capteur a vu un jour donné, même sans image, et le place à côté de l’image réelle la plus proche. C’est une sortie de modèle, pas une image.
series-field-belief-no-sensor = Ce modèle ne peut dessiner aucun des capteurs. Choisir d’autres poids.
series-field-belief-sensor = Capteur
series-field-belief-date = Date
    .tip = AAAA-MM-JJ ; vide : la date affichée dans la chronologie
series-field-belief-valid-hint = 15 jours avant et après
series-field-belief-valid-tip = La période dont l’image est tirée, contenant la date : 2018-05 ou 2018-04-20..2018-05-20
series-field-belief-same-day = Image réelle la plus proche : { $date }, de ce jour.
series-field-belief-later = Image réelle la plus proche : { $date }, { $days ->
        [one] { $days } jour après
       *[other] { $days } jours après
    }.
series-field-belief-before = Image réelle la plus proche : { $date }, { $days ->
        [one] { $days } jour avant
       *[other] { $days } jours avant
    }.
series-field-belief-no-real = Il n’y a pas d’image réelle de ce capteur à comparer.
series-field-belief-draw = Dessiner
series-field-belief-not-a-date = `{ $text }` n’est pas une date. Écrire 2018-05-07.
series-field-belief-nothing-to-draw = Il n’y a pas de capteur à dessiner.
series-field-belief-outside = { $date } n’est pas dans { $period }. Choisir une période qui la contient.
series-field-belief-one-period = Choisir une seule période autour de la date.
series-field-belief-folder = Indiquer un dossier d’images.
series-field-belief-layer = Sortie de modèle : { $sensor } le { $date }
series-field-belief-open-series = L’image réelle la plus proche est { $image } du { $date }. Ouvrir sa série pour voir les deux côte à côte.
series-field-no-date = Aucune image n’a de date.
series-field-not-in-view = La vue ne montre aucune partie de ces images.
series-field-one-support = Les images d’une seule période sont utilisées : d’un jour à un autre.
series-field-type-days = Saisir les jours : 2018-03-01..2018-09-01, 2018-05 ou 2018 ; plusieurs avec des virgules.
series-field-one-period-only = Les images ne couvrent qu’une seule de ces périodes.
series-field-periods-layer = { $name }, { $count } périodes
series-field-step-read-again = Relire les résultats
series-field-when-year = Une année
series-field-when-season = Une saison
series-field-when-month = Un mois
series-field-when-own = Dates choisies
series-field-when-monthly = Chaque mois
series-field-when-yearly = Chaque année
