news-undo = Deshacer
news-recover = Recuperar
news-connect = Conectar
news-build-overviews = Crear pirámides
news-use-as-labels = Usar como etiquetas…
news-too-many-files = Hay demasiados archivos en espera. Reintentar cuando se hayan leído.
news-class-number = Clase { $number }
news-no-more-classes = No se pueden añadir más clases: hay 255 en uso.
news-labels-layer = Etiquetas
news-stopped = Terroir se detuvo sin cerrarse. Lo que había puede abrirse de nuevo (menú Archivo: recuperar o descartar).
news-recovered = El trabajo sin guardar ha vuelto. Guardar el proyecto para conservarlo.
news-newer-version = Este proyecto es de una versión más reciente. Está abierto para lectura; al guardar se pide otro nombre.
news-colours-written = Colores escritos.
news-project-saved = Proyecto guardado.
news-table-written = Tabla escrita.
news-labels-written = Etiquetas escritas.
news-companion-written = Escrito junto al mapa
news-profiles-written = Perfiles escritos.
news-picture-written = Imagen escrita.
news-no-crs = Este ráster no tiene sistema de coordenadas; se dibuja por sus píxeles. Hacer clic en «Sin SRC» en la barra de estado para indicar uno.
news-no-wavelengths = No se hallaron longitudes de onda. Elegir un sensor o escribirlas en Estilo, para que los modelos puedan usar las bandas.
news-first-steps = Pintar dos clases para obtener un mapa: elegir una clase a la izquierda, pulsar P y dibujar; después la otra clase.
news-labels-need-scene = Las etiquetas necesitan una escena sobre la que estar. Añadir antes un ráster.
news-removed = Se eliminó { $name }.
news-no-shapes = Ninguna capa de este archivo tiene formas. Elegir otro archivo.
news-vector-no-crs = { $name } no indica sistema de coordenadas; sus coordenadas se toman como las del mapa.
news-added = Se añadió { $name }: { $count }.
news-no-polygons = { $name } no tiene polígonos; un área de interés los requiere.
news-area-cleared = Campos y mapas cubren de nuevo toda la escena.
news-area-set = Campos y mapas se hacen solo dentro de { $name }.
news-no-overviews = { $name } no tiene pirámides; entero se dibuja primero como una muestra gruesa. Las pirámides lo agilizan.
news-overviews-local = Solo un archivo de este equipo puede tener pirámides junto a él
news-overviews-small = Este ráster es tan pequeño que las pirámides no ayudarían
news-overviews-choose = Elegir antes una capa ráster
news-unconnected = { $count ->
        [one] Una capa de este proyecto está en la red. No se lee nada de allí antes de conectarla.
       *[other] { $count } capas de este proyecto están en la red. No se lee nada de allí antes de conectarlas.
    }
news-imported = { $count ->
        [one] Se importó { $count } forma
       *[other] Se importaron { $count } formas
    } de { $name }.
news-imported-outside = { $count } fuera de la escena.
news-imported-empty = { $count } vacías.
news-imported-invalid = { $count } no válidas.
news-imported-classless = { $count } sin clase.
news-nothing-to-paint-on = No hay nada sobre lo que pintar. Añadir antes una escena o un campo.
news-no-class-here = Aquí no hay clase. Hacer clic en un píxel etiquetado para elegir su clase.
news-no-place-in-crs = Ninguna de las formas de { $name } tiene lugar en el sistema de coordenadas del mapa. Elegir otro para el mapa.
news-shapes-fault = no se pudieron colocar estas formas; es un fallo del programa, se ruega comunicarlo
news-picture-unreadable = No se pudo leer la imagen de la ejecución.
news-not-written = No se pudo escribir el archivo. Elegir otra carpeta o liberar espacio.
news-picture-not-made = No se pudo crear la imagen.
news-recovery-kept = No se pudo borrar el trabajo guardado automáticamente.
news-job-cancelled = { $name }: cancelado.
news-strip-close = Cerrar este mensaje
news-strip-copy = Copiar este mensaje
news-strip-details = Detalles
news-imported-pixels = { $count ->
    [one] Se importó un píxel etiquetado de { $name }.
   *[other] Se importaron { $count } píxeles etiquetados de { $name }.
    }
