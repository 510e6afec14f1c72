file-manager-no-folder = La carpeta de este archivo no existe, así que no se puede mostrar.
file-manager-not-started = No se pudo iniciar un gestor de archivos; copie la ruta desde el menú de la capa.
file-manager-no-file = Este archivo ya no está.
file-manager-no-program = No se pudo iniciar un programa para este archivo; ábralo a mano.
