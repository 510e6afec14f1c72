tool-grow = Extender por espectro
    .tip = Pulse un píxel: lo que está unido a él y se le parece espectralmente toma la clase elegida
load-classes = Cargar clases…
    .tip = Añadir las clases de una tabla (CSV, estilo de QGIS, tabla de colores), de otro proyecto o de un mapa de clases
save-classes = Guardar clases…
    .tip = Escribir números, nombres y colores de las clases como tabla (CSV), estilo de QGIS o tabla de colores
why-no-classes = Añada primero una clase
fill-nothing-here = El relleno actúa sobre una zona etiquetada o dentro de un contorno cerrado. Pinte uno antes con el pincel.
fill-protected = Los píxeles etiquetados están protegidos (B). Quite la protección para dar otra clase a esta zona.
fill-has-class = Esta zona ya tiene la clase elegida.
fill-not-closed = No se rellenó nada: el contorno no está cerrado o la zona es demasiado grande.
fill-too-many = Hay demasiados rellenos en espera. Inténtelo de nuevo cuando terminen.
fill-step = Rellenar con { $class }
grow-no-raster = No hay un ráster cuyos píxeles comparar. Añada uno antes.
grow-step = Extender { $class }
grow-difference = Diferencia
grow-difference-tip = Distancia entre valores, en desviaciones típicas de cada banda; el brillo cuenta
grow-angle = Ángulo
grow-angle-tip = Ángulo entre espectros: el mismo suelo al sol y a la sombra se parece
grow-tolerance = Tolerancia
grow-tolerance-tip = Cuánto puede diferir un píxel del pulsado; el mapa lo sigue
grow-limit = Como máximo
grow-limit-tip = Una región con más píxeles no se etiqueta
grow-hint = Pulse un píxel: todos los parecidos de alrededor toman la clase elegida
grow-waiting = Leyendo…
grow-pixels = { $count } píxeles
grow-too-large = Más píxeles de los permitidos: baje la tolerancia
grow-layer-tip = La capa cuyos píxeles se comparan: el ráster activo
grow-keep = Conservar la región (Intro)
grow-drop = Retirar la región (Esc)
classes-step = Cargar clases de { $file }
classes-added = { $count ->
    [0] { $file }: ninguna clase nueva.
    [one] { $file }: una clase añadida.
   *[other] { $file }: { $count } clases añadidas.
    }
classes-nothing-new = { $file } no tiene ninguna clase que no esté ya.
classes-recolored = { $count ->
    [one] Una clase del mismo nombre tomó su color.
   *[other] { $count } clases del mismo nombre tomaron sus colores.
    }
classes-renumbered = Había números ocupados; estas tienen otros: { $list }.
classes-left-out = Se dejaron fuera { $count }: 255 clases son el máximo.
classes-written = Tabla de clases escrita.
classes-menu = Clases: cargar, guardar, importar etiquetas
label-statistics = Estadísticas de etiquetas
label-hint-tip = Pulse para seguir con esta clase
label-hints-more = { $count } avisos más
label-hint-few = { $class } tiene { $count } píxeles etiquetados; con menos de 20 dicen poco.
label-hint-rare = { $class } tiene el { $percent } % de los píxeles de { $largest }. Etiquete más, o aumente su peso.
label-hint-very-rare = { $class } tiene menos del 1 % de los píxeles de { $largest }. Etiquete más, o aumente su peso.
label-hint-one-patch = { $class } está en una sola zona. Etiquete un segundo lugar, para poder probarla lejos de donde se aprendió.
label-class = Clase
label-pixels = Píxeles
label-pixels-tip = Píxeles etiquetados, pintados y en polígonos
label-share-tip = Parte de todos los píxeles etiquetados
label-patches = Zonas
label-patches-tip = Zonas separadas; una prueba por lugares necesita al menos dos
label-tested = Prueba
label-tested-tip = Píxeles de polígonos guardados para probar
snap-strokes = Ajustar trazos a segmentos
    .tip = El pincel etiqueta los segmentos enteros de píxeles parecidos que atraviesa
snap-side = Segmentos
snap-side-tip = Anchura de los segmentos en píxeles; siguen los bordes del ráster activo
snap-hint = Dibuje a través de los segmentos de la clase
snap-step = Pintar { $class } por segmentos
snap-nothing = No se etiquetó nada: el ráster no tiene valores ahí.
snap-too-many = Hay demasiados trazos en espera. Inténtelo de nuevo cuando terminen.
