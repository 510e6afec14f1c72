file-manager-no-folder = Le dossier de ce fichier n'existe pas, il ne peut être affiché.
file-manager-not-started = Aucun gestionnaire de fichiers n'a pu démarrer ; copier le chemin depuis le menu de la couche.
file-manager-no-file = Ce fichier n'existe plus.
file-manager-no-program = Aucun programme n'a pu ouvrir ce fichier ; l'ouvrir à la main.
