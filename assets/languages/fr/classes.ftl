classes-new = Nouvelle classe (M)
classes-empty = Aucune classe
    .tip = Ajouter une classe avec +, appuyer sur P et dessiner sur la carte.
classes-colour = Couleur de la classe
classes-colour-of = Couleur de { $name }
classes-rename-to = Renommer la classe en { $name }
classes-tip = { $name } : { $count } pixels étiquetés. Cliquer pour peindre avec, double-cliquer pour renommer.
classes-rename = Renommer
classes-remove = Supprimer la classe et ses étiquettes
classes-remove-step = Supprimer la classe { $name }
classes-style = Classes
    .tip = Une couleur par valeur : les classes du fichier, ou chaque valeur trouvée
classes-show-step = Afficher les classes
classes-count = { $count ->
        [one] { $count } classe
       *[other] { $count } classes
    }
classes-own = Revenir aux classes du fichier
classes-own-step = Classes du fichier
classes-hide-all = Masquer toutes les classes
classes-show-all = Afficher toutes les classes
classes-show = Afficher { $name }
classes-hide = Masquer { $name }
classes-rename-tip = { $name } : double-cliquer pour renommer
