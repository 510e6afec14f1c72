said-reading-the-reference = lecture de la référence
said-no-reference-pixel-lies-on = aucun pixel de la référence n’est sur un pixel classé de la carte ; vérifier que les deux montrent le même lieu
said-reference-pixels-lie-where-the = { $unclassified } pixels de la référence sont là où la carte n’a pas de classe ; ils ne sont pas comptés
said-drawing-the-report = dessin du rapport
said-overall-accuracy-of-the-whole = Exactitude globale de toute la carte { $a } ± { $b } % (95 %), d’après { $c } points de l’échantillon
said-overall-accuracy-on-reference-pixels = Exactitude globale { $percent } sur { $a } pixels de référence
said-pixels-of-the-reference-are = { $painted } pixels de la référence sont peints ou viennent d’un raster
said-shapes-of-the-reference-are = { $training } formes de la référence ne sont pas marquées pour la validation (attribut `use`)
said-so-they-are-no-random = { $what }, ce n’est donc pas un échantillon aléatoire de la carte ; en tirer un avec `terroir sample`, ou omettre --stratified-sample
said-class-has-one-sample-point = la classe { $a } n’a qu’un point de l’échantillon : les intervalles ne tiennent pas compte de son incertitude
said-the-reference-pixels-were-not = les pixels de référence n’ont pas été tirés comme échantillon probabiliste de la carte : les chiffres valent pour ces pixels, pas pour toute la carte, et aucune surface n’en est estimée
said-the-map-was-trained-with = la carte a été entraînée avec ce même fichier de référence : les chiffres sont flatteurs ; utiliser des étiquettes que l’entraînement n’a pas vues
said-no-class-name-of-the = aucun nom de classe de la carte n’apparaît dans la référence, les classes ont donc été rapprochées par leurs numéros
said-classes-of-the-reference-that = classes de la référence que la carte n’a pas : { $a }
said-the-scene-reader-could-not = le lecteur de scènes n’a pas pu être lancé
said-could-not-take-the-batch = { $a } n’a pas pu prendre le lot ({ $failure }) ; { $batch } fenêtres à la fois désormais
said-the-result-would-overwrite-the = le résultat écraserait la scène ; choisir un autre nom
said-no-pixel-has-a-value = aucun pixel n’a de valeur : tous manquent ou la formule n’en donne aucune
said-writing-the-file = écriture du fichier
said-of-pixels-s = { $a } de { $pixels } pixels, { $seconds } s
said-polygons-of-change-are-not = les polygones de changement ne se découpent pas aux lignes des morceaux ; les omettre (--no-polygons)
said-there-are-no-fields-to = il n’y a pas de champs à comparer
said-change-between-and = Changement entre { $a } et { $b } : { $c }
said-dot-product-of-the-two = produit scalaire des deux vecteurs, 1 = sans changement
said-1-dot-product-2-0 = (1 - produit scalaire) / 2, 0 = sans changement
said-angle-between-the-two-vectors = angle entre les deux vecteurs en degrés, 0 = sans changement
said-how-unusual-the-later-year = à quel point l’année la plus récente est inhabituelle parmi toutes celles de son pixel, en écarts
said-the-fields-were-made-by = les champs ont été créés par des modèles différents, leurs nombres n’ont donc pas le même sens ; les créer tous avec le même modèle et les mêmes poids
said-a-threshold-of-lies-outside = un seuil de { $threshold } est hors de ce que peut valoir la mesure { $a } ({ $low } à { $high })
said-the-smallest-area-must-be = la surface minimale doit être un nombre de mètres carrés, 0 ou plus
said-the-local-z-compares-a = le z local compare une année à ce qui est usuel pour son pixel, ce qui demande au moins { $fewest_years } champs ; il y en a { $years }, en nommer d’autres (--also)
said-only-the-local-z-uses = seul le z local utilise d’autres années ; le choisir comme mesure, ou les omettre
said-before-and-after-are-the = avant et après sont le même fichier ; choisir deux champs de dates différentes
said-the-result-would-overwrite-a = le résultat écraserait un champ ; choisir un autre nom
said-no-pixel-has-data-in = aucun pixel n’a de données dans les deux champs, il n’y a donc rien à comparer
said-the-two-fields-differ-nearly = les deux champs diffèrent presque partout (produit scalaire moyen { $a }) ; vérifier que les deux ont été créés par le même modèle et montrent le même lieu
said-of-pixels-changed = { $a } % de { $b } pixels ont changé ({ $c ->
        [distance] distance
        [angle] angle
       *[other] { $c }
    } { $sign ->
        [below] au-dessous de
       *[above] au-dessus de
    } { $d })
said-of-at-least-m2 = , { $count } { $a ->
        [polygon] polygone
       *[polygons] polygones
    } d’au moins { $b } m2
said-the-fields-have-no-place = les champs n’ont pas de place au sol, aucun polygone n’est donc écrit
said-there-is-no-cluster-to = il n’y a pas de groupe { $number } à nommer { $name } ; il y en a { $a }
said-clusters-cannot-be-made-give = { $a } groupes ne peuvent pas être formés ; donner un nombre de 2 à 30
said-clusters-are-found-on-1000 = les groupes se cherchent sur 1000 à 200000 pixels, pas sur { $a }
said-the-result-would-overwrite-its = le résultat écraserait sa propre entrée ; choisir un autre nom
said-the-clusters-were-found-on = les groupes ont été trouvés sur un autre champ, dont les axes peuvent avoir un autre sens ; examiner la carte avec prudence
said-the-field-has-no-pixel = le champ n’a aucun pixel avec des données, il n’y a donc rien à grouper
said-the-field-holds-only-different = le champ ne contient que { $a } sortes différentes de pixels, il n’y a donc pas plus de groupes
said-spherical-k-means-k-means = k-means sphérique, départ k-means++
said-pixels-in = { $total } pixels en { $a } { $b ->
        [clusters] groupes
       *[other] { $b }
    }
said-classes-of-clusters = classes de { $a } groupes
said-clusters-of-a-field = Groupes d’un champ : { $a }
said-the-colours-would-overwrite-a = les couleurs écraseraient un champ ; choisir un autre nom
said-colours-of-from-pixels-the = Couleurs de { $a } { $b ->
        [field] champ
       *[fields] champs
    } à partir de { $c } pixels ; les trois premières composantes portent { $d } % de la variance ; { $seconds } s
said-this-file-does-not-say = ce fichier ne dit pas comment il a été fait (il n’a pas de TERROIR_RUN) ; seuls les fichiers écrits par Terroir le disent
said-no-raster-was-named = aucun raster n’a été indiqué
said-the-archive-has-no-images = l’archive n’a pas d’images
said-the-projection-is-not-set = la projection n’est pas définie
said-fitting-the-projection = ajustement de la projection
said-no-pixel-has-a-value-in = aucun pixel n’a de valeur dans toutes les bandes à la fois ; indiquer moins de bandes ou choisir une autre scène
said-measuring-the-spectra = mesure des spectres
said-going-on-with-an-interrupted = reprise d’une exécution interrompue : { $a } blocs sur { $b } étaient faits
said-the-scene-has-no-pixels = la scène n’a pas de pixels
said-an-interrupted-run-lies-beside = une exécution interrompue se trouve à côté de la sortie et est reprise si rien n’a changé
said-this-file-is-a-field = ce fichier est déjà un champ ; y entraîner un classifieur
said-the-job-cannot-be-written = la tâche ne peut pas être consignée
said-writing-the-field = écriture du champ
said-projection-sha256 = { $a } ; projection sha256 { $b }
said-field-of-x-pixels-from = Champ de { $a } x { $b } pixels à partir de { $c } bandes, { $d } sur { $e }, { $seconds } s
said-what-fetching-weights-costs-depends = ce que coûte le téléchargement de poids dépend du réseau
said-no-field-was-named = aucun champ n’a été indiqué
said-reading-every-pixel = lecture de chaque pixel
said-exact-figures-of-bands-of = Chiffres exacts de { $name } : { $a } bandes de { $b } pixels.
said-the-copy-would-overwrite-the = la copie écraserait le champ ; choisir un autre nom
said-field-of-x-pixels-written = Champ de { $a } x { $b } pixels écrit
said-the-copy-would-overwrite-the-raster = la copie écraserait le raster ; choisir un autre nom
said-pixels-are-hidden-by-a = { $unknown } pixels sont cachés par un masque que la copie n’a pas, et contiennent ce qui est enregistré en dessous
said-bands-of-x-pixels-written = { $a } bandes de { $b } x { $c } pixels écrites
said-the-part-to-export-does = la partie à exporter n’est pas dans les { $a } x { $b } pixels ; en choisir une autre
said-another-process-is-working-on = un autre processus travaille sur cette sortie ; attendre sa fin, ou choisir un autre nom
said-the-working-folder-cannot-be = le dossier de travail ne peut pas être créé
said-the-working-file-cannot-be = le fichier de travail ne peut pas être créé
said-an-older-working-folder-cannot = un ancien dossier de travail ne peut pas être supprimé
said-the-working-file-cannot-be-written = le fichier de travail ne peut pas être écrit
said-a-raster-of-x-pixels = un raster de { $width } x { $height } pixels est plus grand que n’importe quel disque ; vérifier ce que dit son fichier, ou en choisir une partie
said-there-is-no-room-for = il n’y a pas de place pour le fichier de travail
said-the-working-file-cannot-be-read = le fichier de travail ne peut pas être lu
said-the-working-file-cannot-be-written-what = le fichier de travail ne peut pas être écrit ; ce qui est fait est conservé, relancer pour continuer
said-the-working-file-cannot-be-read-back = le fichier de travail ne peut pas être relu
said-polygons-of = polygones de { $name }
said-polygons-in-classes = { $a } polygones en { $b } classes
said-this-file-is-no-shard = ce fichier n’est pas un morceau ; indiquer des fichiers faits avec --shard
said-an-unknown-device = un matériel inconnu
said-kind-of-map = genre de carte
said-joining-the-shards = assemblage des morceaux
said-of-x-pixels-from-shards = { $a ->
        [Field] Champ
       *[Map] Carte
    } de { $b } x { $c } pixels à partir de { $count } morceaux, { $seconds } s
said-the-whole-would-overwrite-one = le tout écraserait un de ses morceaux ; choisir un autre nom
said-no-shards-of-this-file = aucun morceau de ce fichier n’est à côté ; lancer d’abord sa commande avec --shard 1/4, 2/4 et ainsi de suite, ou indiquer les morceaux
said-shard-is-there-twice-name = le morceau { $a } est présent deux fois ; n’indiquer qu’un des fichiers
said-this-file-shard-and-shard = ce fichier (morceau { $a }) et le morceau { $b } ne sont pas de la même tâche : { $what }
said-they-were-cut-into-different = ils ont été découpés en nombres différents de morceaux ; indiquer ceux qui vont ensemble
said-they-differ-in-make-it = ils diffèrent par { $a } ; le refaire avec le même programme, les mêmes entrées et les mêmes options que les autres
said-this-shard-holds-other-rows = ce morceau contient d’autres lignes que ne le devrait le morceau { $a } ; le refaire
said-shard-is-missing = il manque le morceau { $a }
said-shards-are-missing = il manque les morceaux { $a }
said-rows-of-run-and-merge = { $a } (lignes { $b } sur { $c }) ; { $d ->
        [it] l’exécuter
       *[them] les exécuter
    } et assembler à nouveau
said-the-shards-were-computed-on = les morceaux ont été calculés sur des matériels différents ({ $a }), aux dernières décimales différentes ; une seule exécution sur l’un d’eux peut différer de ceci en quelques pixels
said-this-file-lies-beside-a = ce fichier est à côté d’un morceau de { $a } ; indiquer les morceaux de celui-là, et ceci sera assemblé avec eux
said-this-shard-was-renamed-so = ce morceau a été renommé, ce qu’il a écrit d’autre est donc introuvable ; le nommer de nouveau { $a }
said-this-file-was-not-written = ce fichier n’a pas été écrit avec le morceau { $a } ; refaire le morceau
said-the-projection-that-lay-beside = la projection qui était à côté des morceaux a disparu ; le champ est entier sans elle, mais les années à venir ne peuvent pas être faites dans ses axes
said-overviews-of-levels-by-mb = Aperçus de { $name } : { $a } niveaux par { $b }, { $c } MB.
said-the-map-would-overwrite-the = la carte écraserait le champ ; choisir un autre nom
said-the-head-was-trained-on = le classifieur a été entraîné sur un autre champ, dont les axes peuvent avoir un autre sens ; examiner la carte avec prudence
said-writing-the-map = écriture de la carte
said-map-of-pixels-in-classes = Carte de { $pixels } pixels en { $a } classes, confiance moyenne { $b } %, { $seconds } s
said-the-projection-cannot-be-written = la projection ne peut pas être écrite
said-the-projection-cannot-be-read = la projection ne peut pas être lue
said-not-a-projection-of-a = pas la projection d’un champ
said-the-projection-was-written-by = la projection a été écrite par un Terroir plus récent ; mettre celui-ci à jour
said-the-report-cannot-be-written = le rapport ne peut pas être écrit
said-the-report-cannot-be-read = le rapport ne peut pas être lu
said-the-points-would-overwrite-the = les points écraseraient la carte ; choisir un autre nom
said-reading-the-labels = lecture des étiquettes
said-pixels-of = pixels de { $name }
said-points-of = points de { $name }
said-class-has-pixels-to-draw = la classe { $name } a { $pixels } pixels où tirer, moins que les { $a } points voulus
said-points-drawn-in-random-order = { $a } points tirés, dans un ordre aléatoire et sans les classes de la carte
said-there-can-be-at-most = il peut y avoir au plus { $most_shards } morceaux
said-a-shard-is-named-as = un morceau se nomme par son numéro et leur nombre, de 1/4 à 4/4
said-there-are-more-shards-than = Il y a plus de morceaux que de rangées de blocs de { $shard_rows } pixels ; le morceau { $shard } n’a rien à faire
said-shard-is-finished-already-nothing = Le morceau { $shard } est déjà terminé ; rien n’a été fait
said-this-job-cannot-be-done = cette tâche ne peut pas être faite en morceaux ; embed, predict, calc, composite, change, regress, similar et soil le peuvent
said-the-split-cannot-be-read = le découpage ne peut pas être lu
said-not-a-split-file = pas un fichier de découpage
said-the-split-file-lacks-what = le fichier de découpage n’a pas ce qu’il devrait contenir (unit, class_ids_used, seeds)
said-labelled-pixels-lie-where-the = { $missing } pixels étiquetés sont là où le champ n’a pas de données et sont écartés
said-fitting-the-head = ajustement du classifieur
said-right-in-spatial-blocks-out = ; { $a } % correct en validation croisée spatiale à { $b } parties
said-pixels-of-marked-test-or = ; { $a } pixels de { $shapes } { $b ->
        [shape] forme
       *[shapes] formes
    } de test ou de validation ont été mis de côté
said-head-for-classes-from-labelled = Classifieur pour { $a } classes à partir de { $b } pixels étiquetés{ $figure }
said-neighbours-cannot-vote-1-to = { $a } voisins ne peuvent pas voter ; 1 à { $most_neighbours } le peuvent
said-a-weight-is-given-for = un poids est donné pour la classe « { $name } », que les étiquettes n’ont pas ; elles ont { $a }
said-this-file-is-not-a = ce fichier n’est pas un champ (64 octets signés par pixel) ; en créer d’abord un à partir de la scène (embed)
said-outside-the-scene-left-out = hors de la scène, écartées
said-without-any-pixel-left-out = sans aucun pixel, écartées
said-with-an-invalid-outline-left = au contour non valide, écartées
said-without-a-class-left-out = sans classe, écartées
said-reading-the-field = lecture du champ
said-no-labelled-pixel-lies-on-data = aucun pixel étiqueté n’est sur des données du champ ; vérifier que les étiquettes et le champ montrent le même lieu
said-the-labels-hold-one-class = les étiquettes n’ont qu’une classe (« { $a } ») ; un classifieur en demande au moins deux à distinguer
said-few-labelled-pixels-so-the = peu de pixels étiquetés, les chiffres sont donc approximatifs : { $a }
said-the-labels-lie-too-close = les étiquettes sont trop proches pour une validation croisée spatiale ; aucune exactitude n’est donnée
said-spatially-blocked-cross-validation-folds = validation croisée par blocs spatiaux, { $a } parties, blocs de { $block } pixels, polygones non découpés
said-temperature-fitted-on-the-scores = température ajustée sur les scores des autres parties
said-held-out-polygons = polygones mis de côté
said-shards-write-the-map-alone = les morceaux n’écrivent que la carte ; omettre lieux et polygones, et les faire à partir de la carte assemblée (terroir polygons)
said-writing-the-mask = écriture du masque
said-of-pixels-are-at-least = { $matches } pixels sur { $pixels } ({ $a } %) ont une similarité d’au moins { $b }
said-in-polygons = , en { $a } polygones
said-places-found = ; { $a } lieux trouvés
said-mean-of-the-dot-products = moyenne des produits scalaires
said-largest-dot-product = plus grand produit scalaire
said-similarity-to-examples-threshold = Similarité à { $a } exemples ({ $how }), seuil { $b }
said-reading-the-examples = lecture des exemples
said-an-area-holds-very-different = une zone contient des choses très différentes ; sa moyenne n’en représente aucune
said-of-areas-hold-no-data = { $outside } zones sur { $a } ne contiennent pas de données du champ et sont écartées
said-none-of-the-areas-holds = aucune des zones ne contient de données du champ ; en choisir d’autres
said-only-the-first-examples-of = seuls les { $a } premiers exemples sur { $b } sont utilisés
said-there-is-nothing-to-be = il n’y a rien à quoi ressembler ; donner un lieu (--at) ou des polygones (--polygons)
said-the-result-is-written-as = le résultat s’écrit en .tif (carte), .gpkg (polygones) ou .csv (lieux) ; choisir une de ces extensions
said-a-table-holds-places-and = une table contient des lieux, et aucun n’est demandé ; dire combien (--places)
said-the-result-would-overwrite-the-field = le résultat écraserait le champ ; choisir un autre nom
said-no-file-to-write-was = aucun fichier à écrire n’a été indiqué (--out)
said-the-map-would-overwrite-what = la carte écraserait ce dont elle est faite ; choisir un autre nom
said-map-of-for-pixels-mean = Carte de { $a } pour { $b } pixels, moyenne { $mean }
said-map-of-pixels-in-classes-mean = Carte de { $a } pixels en { $b } classes, confiance moyenne { $c } %
said-shards-map-with-one-regression = les morceaux sont cartographiés avec une seule régression ; l’ajuster d’abord sans --shard, puis l’indiquer (--head)
said-values-to-learn-from-are = il manque des valeurs pour apprendre : indiquer un fichier de points ou de polygones, ou une régression déjà ajustée
said-map-of-over-pixels-s = Carte de { $a } sur { $b } pixels{ $figure }, { $seconds } s
said-the-regression-was-fitted-on = la régression a été ajustée sur un autre champ, dont les axes peuvent avoir un autre sens ; examiner la carte avec prudence
said-reading-the-values = lecture des valeurs
said-from-values = à partir de { $a } valeurs
said-in-spatial-blocks-out-folds = en validation croisée spatiale à { $a } parties
said-lie-beside-the-field-and = sont à côté du champ et sont écartés
said-have-no-number-in-this-column = n’ont pas de nombre dans cette colonne et sont écartés
said-have-no-point-or-polygon-and = n’ont ni point ni polygone et sont écartés
said-lie-where-the-field-has = sont là où le champ n’a pas de données et sont écartés
said-are-polygons-over-very-different = sont des polygones sur des terrains très différents, leur moyenne représente donc peu
said-of-places = { $count } lieux sur { $a } { $what }
said-of-the-map-lies-beyond = { $a } % de la carte est au-delà des valeurs de l’ajustement ({ $b } à { $c }), où une régression ne fait que supposer
said-by-ridge-regression-on-a = { $a }{ $unit } par régression ridge sur un champ
said-spatially-blocked-cross-validation-folds-blocks = validation croisée par blocs spatiaux, { $a } parties, blocs de { $b } pixels
said-the-values-lie-too-close = les valeurs sont trop proches pour une validation croisée spatiale ; aucune exactitude n’est donnée
said-the-values-lie-close-together = les valeurs sont proches les unes des autres : blocs de { $used_px } pixels au lieu de { $block_px }, l’exactitude peut donc être flatteuse
said-too-few-values-are-left = il reste trop peu de valeurs quand un bloc est retiré, aucune exactitude n’est donc donnée ; mesurer à plus d’endroits
said-values-could-not-be-predicted = { $a } valeurs n’ont pas pu être prédites à partir d’autres blocs et ne comptent pas dans l’exactitude
said-drawing-pixels = tirage des pixels
said-finding-clusters = recherche des groupes
said-fitting-colours = ajustement des couleurs
said-finding-places = recherche des lieux
said-drawing-polygons = dessin des polygones
said-building-overviews = construction des aperçus
said-preparing-kernels = préparation des noyaux de calcul
said-copying-mb = copie, MB
said-scene-reader = lecteur de scènes
said-without-a-wavelength = sans longueur d’onde
said-without-a-class = sans classe
said-no-flag = aucun indicateur
said-no-day = aucun jour
said-clear-images = images claires
said-all-dates = toutes les dates
said-raw-stack = pile brute
said-median-composite = composite médian
said-mean-composite = composite moyen
said-greenest-image = image la plus verte
said-linear-probe = sonde linéaire
said-frozen-encoder = encodeur gelé
said-last-block = dernier bloc
said-whole-encoder = tout l’encodeur
said-no-value = aucune valeur
said-its-mask = son masque
said-its-name = son nom
said-its-field = son champ
said-its-size = sa taille
said-the-stations = les stations
said-one-value = une valeur
said-two-values = deux valeurs
said-not-judged = non évaluée
said-not-defined = non défini
said-wrong-shape = mauvaise forme
said-whole-numbers = nombres entiers
said-fields = { $count } champs
said-images = { $count } images
said-shapes = { $count } formes
said-days = { $days } jours
said-classes = { $a } classes
said-bytes = { $a } octets
said-no-answer = aucune réponse
said-not-there = absent
said-future-weather = météo à venir
said-balanced-accuracy = exactitude équilibrée
said-worker-log = journal du processus de calcul
said-ridge-regression = Régression ridge
said-logistic-regression = Régression logistique
said-nearest-neighbours = Plus proches voisins
said-random-forest = Forêt aléatoire
said-linear-interpolation = Interpolation linéaire
said-last-year = L’an dernier
said-median-of-the-clear-images = médiane des images claires
said-dot-product = produit scalaire
said-local-z = z local
