news-undo = Annuler
news-recover = Récupérer
news-connect = Connecter
news-build-overviews = Construire les aperçus
news-use-as-labels = Utiliser comme étiquettes…
news-too-many-files = Trop de fichiers attendent. Réessayer quand ils seront lus.
news-class-number = Classe { $number }
news-no-more-classes = Aucune classe ne peut plus être ajoutée : 255 sont utilisées.
news-labels-layer = Étiquettes
news-stopped = Terroir s’est arrêté sans être fermé. Votre travail peut être rouvert (menu Fichier : récupérer ou abandonner).
news-recovered = Votre travail non enregistré est revenu. Enregistrer le projet pour le garder.
news-newer-version = Ce projet vient d’une version plus récente. Il est ouvert en lecture ; l’enregistrement demande un nouveau nom.
news-colours-written = Couleurs écrites.
news-project-saved = Projet enregistré.
news-table-written = Table écrite.
news-labels-written = Étiquettes écrites.
news-companion-written = Écrit à côté de la carte
news-profiles-written = Profils écrits.
news-picture-written = Image écrite.
news-no-crs = Ce raster n’a pas de système de coordonnées ; il est dessiné par ses pixels. Cliquer « Sans SCR » dans la barre d’état pour en nommer un.
news-no-wavelengths = Aucune longueur d’onde trouvée. Choisir un capteur ou les saisir sous Style, pour que les modèles puissent utiliser les bandes.
news-first-steps = Peindre deux classes pour obtenir une carte : choisir une classe à gauche, appuyer sur P et dessiner ; puis l’autre classe.
news-labels-need-scene = Les étiquettes ont besoin d’une scène où se poser. Ajouter d’abord un raster.
news-removed = { $name } supprimé.
news-no-shapes = Aucune couche de ce fichier n’a de formes. Choisir un autre fichier.
news-vector-no-crs = { $name } ne nomme aucun système de coordonnées ; ses coordonnées sont prises comme celles de la carte.
news-added = { $name } ajouté : { $count }.
news-no-polygons = { $name } n’a pas de polygones ; une zone d’intérêt en demande.
news-area-cleared = Champs et cartes couvrent de nouveau toute la scène.
news-area-set = Champs et cartes ne sont faits que dans { $name }.
news-no-overviews = { $name } n’a pas d’aperçus ; en entier, il est d’abord dessiné grossièrement. Les aperçus le rendent rapide.
news-overviews-local = Seul un fichier de cette machine peut recevoir des aperçus à côté
news-overviews-small = Ce raster est si petit que des aperçus n’aideraient pas
news-overviews-choose = Choisir d’abord une couche raster
news-unconnected = { $count ->
        [one] Une couche de ce projet est sur le réseau. Rien n’en est lu avant de la connecter.
       *[other] { $count } couches de ce projet sont sur le réseau. Rien n’en est lu avant de les connecter.
    }
news-imported = { $count ->
        [one] { $count } forme importée
       *[other] { $count } formes importées
    } de { $name }.
news-imported-outside = { $count } hors de la scène.
news-imported-empty = { $count } vides.
news-imported-invalid = { $count } non valides.
news-imported-classless = { $count } sans classe.
news-nothing-to-paint-on = Il n’y a rien sur quoi peindre. Ajouter d’abord une scène ou un champ.
news-no-class-here = Aucune classe ici. Cliquer un pixel étiqueté pour choisir sa classe.
news-no-place-in-crs = Aucune des formes de { $name } n’a de place dans le système de coordonnées de la carte. En choisir un autre pour la carte.
news-shapes-fault = ces formes n’ont pas pu être placées ; c’est une faute du programme, merci de la signaler
news-picture-unreadable = L’image de l’exécution n’a pas pu être lue.
news-not-written = Le fichier n’a pas pu être écrit. Choisir un autre dossier ou libérer de la place.
news-picture-not-made = L’image n’a pas pu être faite.
news-recovery-kept = Le travail enregistré automatiquement n’a pas pu être supprimé.
news-job-cancelled = { $name } : annulé.
news-strip-close = Fermer ce message
news-strip-copy = Copier ce message
news-strip-details = Détails
news-imported-pixels = { $count ->
    [one] Un pixel étiqueté importé de { $name }.
   *[other] { $count } pixels étiquetés importés de { $name }.
    }
