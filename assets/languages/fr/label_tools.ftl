tool-grow = Étendre par spectre
    .tip = Cliquez un pixel : ce qui lui tient et lui ressemble spectralement prend la classe choisie
load-classes = Charger des classes…
    .tip = Ajouter les classes d’une table (CSV, style QGIS, table de couleurs), d’un autre projet ou d’une carte de classes
save-classes = Enregistrer les classes…
    .tip = Écrire numéros, noms et couleurs des classes en table (CSV), style QGIS ou table de couleurs
why-no-classes = Ajoutez d’abord une classe
fill-nothing-here = Le remplissage agit sur une zone étiquetée ou dans un contour fermé. Peignez-en un d’abord avec le pinceau.
fill-protected = Les pixels étiquetés sont protégés (B). Retirez la protection pour donner une autre classe à cette zone.
fill-has-class = Cette zone a déjà la classe choisie.
fill-not-closed = Rien n’a été rempli : le contour n’est pas fermé, ou la zone est trop grande.
fill-too-many = Trop de remplissages attendent. Réessayez quand ils seront finis.
fill-step = Remplir avec { $class }
grow-no-raster = Il n’y a pas de raster dont comparer les pixels. Ajoutez-en un d’abord.
grow-step = Étendre { $class }
grow-difference = Différence
grow-difference-tip = Écart des valeurs, en écarts types de chaque bande ; la luminosité compte
grow-angle = Angle
grow-angle-tip = Angle entre spectres : le même sol au soleil et à l’ombre se ressemble
grow-tolerance = Tolérance
grow-tolerance-tip = À quel point un pixel peut différer du pixel cliqué ; la carte suit
grow-limit = Au plus
grow-limit-tip = Une région de plus de pixels n’est pas étiquetée
grow-hint = Cliquez un pixel : tous ceux qui lui ressemblent autour prennent la classe choisie
grow-waiting = Lecture…
grow-pixels = { $count } pixels
grow-too-large = Plus de pixels que permis : baissez la tolérance
grow-layer-tip = La couche dont les pixels sont comparés : le raster actif
grow-keep = Garder la région (Entrée)
grow-drop = Retirer la région (Échap)
classes-step = Charger les classes de { $file }
classes-added = { $count ->
    [0] { $file } : aucune nouvelle classe.
    [one] { $file } : une classe ajoutée.
   *[other] { $file } : { $count } classes ajoutées.
    }
classes-nothing-new = { $file } n’a aucune classe qui ne soit déjà là.
classes-recolored = { $count ->
    [one] Une classe du même nom a pris sa couleur.
   *[other] { $count } classes du même nom ont pris leurs couleurs.
    }
classes-renumbered = Des numéros étaient pris ; celles-ci en ont d’autres : { $list }.
classes-left-out = { $count } ont été laissées de côté : 255 classes au plus.
classes-written = Table des classes écrite.
classes-menu = Classes : charger, enregistrer, importer des étiquettes
label-statistics = Statistiques des étiquettes
label-hint-tip = Cliquez pour continuer avec cette classe
label-hints-more = { $count } autres remarques
label-hint-few = { $class } a { $count } pixels étiquetés ; en dessous de 20, cela dit peu.
label-hint-rare = { $class } a { $percent } % des pixels de { $largest }. Étiquetez-en davantage, ou augmentez son poids.
label-hint-very-rare = { $class } a moins de 1 % des pixels de { $largest }. Étiquetez-en davantage, ou augmentez son poids.
label-hint-one-patch = { $class } tient en une seule zone. Étiquetez un second endroit, pour pouvoir la tester loin de là où elle a été apprise.
label-class = Classe
label-pixels = Pixels
label-pixels-tip = Pixels étiquetés, peints et dans des polygones
label-share-tip = Part de tous les pixels étiquetés
label-patches = Zones
label-patches-tip = Zones séparées ; une vérification par lieux en demande au moins deux
label-tested = Test
label-tested-tip = Pixels des polygones gardés pour le test
snap-strokes = Accrocher les traits aux segments
    .tip = Le pinceau étiquette les segments entiers de pixels semblables qu'il traverse
snap-side = Segments
snap-side-tip = Largeur des segments en pixels ; ils suivent les contours du raster actif
snap-hint = Tracez à travers les segments à classer
snap-step = Peindre { $class } par segments
snap-nothing = Rien n'a été étiqueté : le raster n'a pas de valeurs à cet endroit.
snap-too-many = Trop de traits attendent. Réessayez quand ils seront finis.
