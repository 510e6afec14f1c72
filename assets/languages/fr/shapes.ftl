shapes-here = { $count ->
        [one] { $count } entité ici
       *[other] { $count } entités ici
    }
shapes-forget = Oublier les entités cliquées
shapes-zoom = Zoomer sur cette entité
shapes-no-value = aucune valeur
shapes-no-attributes = Cette couche n'a pas d'attributs.
shapes-removed-layer = Une couche supprimée
shapes-name = { $layer }, entité { $id }
shapes-kind-integer = entier
shapes-kind-real = nombre
shapes-kind-boolean = oui/non
shapes-kind-text = texte
shapes-kind-date = date
shapes-kind-time = heure
shapes-kind-date-time = date et heure
shapes-kind-other = autre
shapes-attributes-of = Attributs de { $layer }
shapes-reading = Lecture des entités…
shapes-count = { $count } entités
shapes-count-chosen = { $count } entités, { $chosen } choisies
shapes-zoom-chosen = Zoomer sur la sélection
shapes-choose-none = Tout désélectionner
shapes-none = Aucune entité
shapes-none-next = Cette couche est vide.
shapes-sort-by = Trier par { $name }
shapes-column-shape = Entité
shapes-column-shape-tip = Numéro de l'entité dans le fichier ; cliquer pour l'ordre du fichier
shapes-opening = Lecture de { $file }…
shapes-opening-done = Lecture de { $file }… { $done } entités
shapes-opening-of = Lecture de { $file }… { $done } entités sur { $total }
shapes-area = Travailler dans ces entités seulement
shapes-area-this = Cette entité seulement
shapes-area-all = Toutes avec { $column } = { $value }
shapes-area-chosen = Sélection comme zone
shapes-area-count = { $layer }, { $count } entités
