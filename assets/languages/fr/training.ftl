training-title = Entraînement
training-none = Pas encore d’exécution
training-none-next = Une exécution montre ici sa perte, sa vitesse et ce que le modèle fait des zones cachées.
training-stopping = Arrêt en cours…
training-stop = Arrêter
    .tip = Conserve un point de reprise ; l’exécution peut reprendre plus tard
training-go-on = Reprendre
training-map-scene = Cartographier la scène
    .tip = Écrire la carte de toute la scène et l’afficher
training-waiting = En attente de la tâche précédente…
training-stopped = Arrêté ; le dernier point de reprise est conservé.
training-stopped-early = Arrêté avant le premier pas.
training-shows-archives = une ligne par archive : une scène et ce que le modèle en fait, jusqu’à deux capteurs · le champ en trois couleurs
training-shows-weather = la dernière image avant · la prévision · ce qui a été vu ce jour-là
training-shows-scenes = un extrait · ce que voit le modèle · ce qu’il fait du reste
training-show-folder = Afficher le dossier de l’exécution
training-folder = Figures, aperçus et point de reprise : { $folder }
training-step = pas { $done } sur { $total }
training-loss = perte { $loss }
training-steps-a-second = { $steps } pas/s
training-seconds-a-step = { $seconds } s par pas
training-time-left = reste { $time }
training-axis-step = Pas
training-axis-loss = Perte
training-running-mean = moyenne mobile
training-curve = Perte au fil des pas
training-preview = Dernier aperçu
training-skill = qualité de { $from } à { $to } jours
training-kind-scenes = Scènes
    .tip = Pré-entraîner DOFA sur des scènes isolées
training-kind-archives = Archives
    .tip = Pré-entraîner STP sur des scènes datées de plusieurs capteurs
training-kind-weather = Météo
    .tip = Pré-entraîner KG-VSF sur des images datées et la météo quotidienne
training-kind-tune = Affiner
training-scenes = Pré-entraîner un modèle sur des scènes
training-scenes-about = Trois quarts de chaque image sont cachés ; le modèle apprend à les retrouver. Aucune étiquette n’est nécessaire.
training-open-scene = Ouvrir d’abord une scène.
training-bands = { $count ->
        [one] { $count } bande
       *[other] { $count } bandes
    }
training-model = Modèle
training-size = Taille
training-images = images
training-device = Matériel
training-file = Fichier
training-start = Lancer l’entraînement
training-runs = Cette exécution est déjà en cours
training-copy = Copier comme commande
    .tip = La ligne de commande qui fait la même chose
training-tune = Ajuster un modèle aux étiquettes d’une scène
training-tune-about = Un cinquième des étiquettes, à part des autres, dit quel pas était le meilleur.
training-scene = Scène
training-scene-none = aucune : en ouvrir une d’abord
training-labels = Étiquettes
training-labels-painted = celles peintes ({ $count ->
        [one] { $count } classe
       *[other] { $count } classes
    })
training-labels-file = un fichier d’étiquettes
training-labels-tip = GeoPackage, GeoJSON, Shapefile, CSV ou raster ; vide prend ce qui est peint
training-answers = Réponses
training-task-pixels = une classe par pixel
training-task-patches = une classe par patch
training-task-values = une valeur par pixel
training-learns = Apprend
training-mode-probe = une couche linéaire
training-mode-frozen = pyramide et UPerNet
training-mode-last = et les deux derniers blocs
training-mode-lora = et LoRA dans chaque bloc
training-mode-full = tout le modèle
training-weights = Poids
    .tip = Comme choisi sous Exécuter
training-weights-none = aucun (non entraîné)
training-windows = fenêtres
training-choose-out = Choisir où écrire les poids
training-steps = Pas
training-batch = Lot
training-rate = Taux
    .tip = Taux d’apprentissage à la fin de sa montée ; il redescend ensuite à zéro
training-begin = Départ
training-begin-trained = { $file } (entraîné)
training-begin-nothing = de zéro (non entraîné)
training-begin-from = de { $file } (entraîné)
training-begin-none = Aucun poids de cette taille n’est installé.
training-weather = Pré-entraîner un modèle sur images et météo
training-weather-about = À partir de quelques images et de la météo qui suit, les images suivantes sont prévues. Le dernier cinquième des images sert à évaluer les prévisions. Aucune étiquette n’est nécessaire.
training-place = Lieu
training-place-images = Images
training-place-dated = { $name }, { $count ->
        [one] { $count } image datée
       *[other] { $count } images datées
    }
training-place-none = aucune : ouvrir d’abord une série
training-place-weather = Météo
    .tip = La météo quotidienne du projet
training-place-weather-none = aucune : ajouter d’abord une table météo
training-weather-begin-tip = Le modèle ne connaît alors que les bandes de ces poids
training-masked = Dont
    .suffix = masqués d’abord
    .tip = Pas où les parties cachées sont reconstituées, avant ceux de la prévision
training-crops-suffix = extraits
training-archives = Pré-entraîner un modèle sur des archives
training-archives-about = De chaque lieu, quelques scènes datées sont montrées et d’autres sont à retrouver, sur des durées. Aucune étiquette n’est nécessaire.
training-archives-begin-tip = Le modèle ne connaît alors que les capteurs de ces poids
training-batch-archives-tip = De différentes archives s’il y en a plusieurs
training-places-suffix = lieux
training-crops = Extraits
training-crop-size = { $side } × { $side } pixels
training-frames = Images
    .suffix = par lieu
    .tip = Scènes datées où un lieu est vu, au plus
training-archives-none = Ouvrir une série ou ajouter un dossier de scènes datées.
training-dated = { $count ->
        [one] { $count } image datée
       *[other] { $count } images datées
    }
training-dated-one-archive = { $count } images datées, en une archive : elles sont au même lieu
training-leave-folder = Écarter ce dossier
training-add-folder = Ajouter un dossier…
    .tip = Un dossier de scènes datées d’un lieu, de capteurs quelconques
training-choose-scene = Choisir au moins une scène
training-scene-first = Ajouter d’abord une scène
training-labels-first = Peindre des étiquettes ou indiquer un fichier d’étiquettes
training-archives-first = Ouvrir une série ou ajouter un dossier de scènes datées
training-series-first = Ouvrir d’abord une série d’images datées
training-weather-first = Ajouter d’abord la météo quotidienne du lieu (Couche, Ajouter la météo…)
