panel-map = Carte
panel-layers = Couches
panel-classes = Classes
panel-steps = Annuler
panel-style = Style
panel-spectrum = Spectre
panel-time = Temps
panel-field = Champ
panel-run = Calcul
panel-accuracy = Exactitude
panel-log = Journal
panel-hide = Masquer le panneau
panel-reset = Disposition habituelle
chart-copy-picture = Copier l'image
chart-copy-values = Copier les valeurs (CSV)
chart-copied = L'image du graphique est dans le presse-papiers.
map-coarse-reading = Aperçu grossier, lecture en cours…
map-coarse = Aperçu grossier
map-reading = Lecture…
map-stopped = Dessin arrêté ; F5 pour continuer
map-untitled = Sans titre
panels-more-remarks = { $count ->
        [one] Une remarque de plus
       *[other] { $count } remarques de plus
    }
