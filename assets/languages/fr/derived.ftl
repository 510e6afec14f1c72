derived-index = Indice
derived-index-tip = Indices spectraux de ces bandes
derived-index-none = Aucune bande n'a de longueur d'onde : aucun indice ne trouve ses bandes
derived-show = Afficher { $index }
derived-formula = Formule
derived-formula-tip = Un indice spectral ou une formule à vous sur les bandes
derived-show-formula = Afficher une formule
derived-hillshade = Ombrage
derived-hillshade-tip = Le relief d'une bande d'altitude sous un soleil bas
derived-help =
    Bandes : b1, b2 …, red, green, blue, rededge, nir, nir08, swir16, swir22, nm665 ou band(665nm), le nom d'une bande.
    Signes : + − * / ^ %, < <= > >= == !=, and, or, not.
    Fonctions : abs, sqrt, ln, log10, exp, min, max, clip(x, bas, haut), where(condition, oui, non), round, floor, ceil, sin, cos, tan, db.
    Les valeurs sont celles des bandes mises à l'échelle.
derived-save = Enregistrer en raster…
derived-save-tip = Calculer la formule pour chaque pixel et écrire un GeoTIFF
derived-change = Modifier la formule
derived-sun-from = Soleil depuis
derived-sun-from-tip = Degrés dans le sens horaire depuis le nord
derived-sun-height = Hauteur du soleil
derived-sun-height-tip = Degrés au-dessus de l'horizon
derived-exaggeration = Exagération
derived-exaggeration-tip = Altitudes multipliées par ce facteur ; 0.3048 pour des pieds
