said-reading-the-reference = leyendo la referencia
said-no-reference-pixel-lies-on = ningún píxel de referencia cae en un píxel clasificado del mapa; compruebe que ambos muestran el mismo lugar
said-reference-pixels-lie-where-the = { $unclassified } píxeles de referencia caen donde el mapa no tiene clase; no se cuentan
said-drawing-the-report = dibujando el informe
said-overall-accuracy-of-the-whole = Exactitud global de todo el mapa { $a } ± { $b } % (95 %), a partir de { $c } puntos de muestra
said-overall-accuracy-on-reference-pixels = Exactitud global { $percent } en { $a } píxeles de referencia
said-pixels-of-the-reference-are = { $painted } píxeles de la referencia están pintados o proceden de un ráster
said-shapes-of-the-reference-are = { $training } formas de la referencia no están marcadas como validación (atributo `use`)
said-so-they-are-no-random = { $what }, así que no son una muestra aleatoria del mapa; extraiga una con `terroir sample`, o no use --stratified-sample
said-class-has-one-sample-point = la clase { $a } tiene un solo punto de muestra: los intervalos no incluyen su incertidumbre
said-the-reference-pixels-were-not = los píxeles de referencia no se extrajeron como muestra probabilística del mapa: las cifras valen para estos píxeles, no para todo el mapa, y de ellos no se estiman superficies
said-the-map-was-trained-with = el mapa se entrenó con este mismo archivo de referencia: las cifras son demasiado favorables; use etiquetas que el entrenamiento no haya visto
said-no-class-name-of-the = ningún nombre de clase del mapa aparece en la referencia, así que las clases se emparejaron por sus números
said-classes-of-the-reference-that = clases de la referencia que el mapa no tiene: { $a }
said-the-scene-reader-could-not = no se pudo iniciar el lector de la escena
said-could-not-take-the-batch = { $a } no pudo con el lote ({ $failure }); ahora { $batch } ventanas a la vez
said-the-result-would-overwrite-the = el resultado sobrescribiría la escena; elija otro nombre
said-no-pixel-has-a-value = ningún píxel tiene valor: o faltan todos, o la fórmula no les da ninguno
said-writing-the-file = escribiendo el archivo
said-of-pixels-s = { $a } de { $pixels } píxeles, { $seconds } s
said-polygons-of-change-are-not = los polígonos de cambio no se cortan en las filas de los fragmentos; prescinda de ellos (--no-polygons)
said-there-are-no-fields-to = no hay campos que comparar
said-change-between-and = Cambio entre { $a } y { $b }: { $c }
said-dot-product-of-the-two = producto escalar de los dos vectores, 1 = sin cambio
said-1-dot-product-2-0 = (1 - producto escalar) / 2, 0 = sin cambio
said-angle-between-the-two-vectors = ángulo entre los dos vectores en grados, 0 = sin cambio
said-how-unusual-the-later-year = lo inusual que es el año posterior entre todos los de su píxel, en desviaciones
said-the-fields-were-made-by = los campos se hicieron con modelos distintos, así que sus números significan cosas distintas; haga todos con el mismo modelo y los mismos pesos
said-a-threshold-of-lies-outside = un umbral de { $threshold } queda fuera de los valores posibles de { $a } (de { $low } a { $high })
said-the-smallest-area-must-be = la superficie mínima debe ser un número de metros cuadrados, 0 o más
said-the-local-z-compares-a = el z local compara un año con lo habitual en su píxel, para lo que se requieren { $fewest_years } campos o más; hay { $years }, indique otros (--also)
said-only-the-local-z-uses = solo el z local usa más años; elíjalo como medida, o prescinda de ellos
said-before-and-after-are-the = antes y después son el mismo archivo; elija dos campos de fechas distintas
said-the-result-would-overwrite-a = el resultado sobrescribiría un campo; elija otro nombre
said-no-pixel-has-data-in = ningún píxel tiene datos en ambos campos, así que no hay nada que comparar
said-the-two-fields-differ-nearly = los dos campos difieren casi en todas partes (producto escalar medio { $a }); compruebe que ambos se hicieron con el mismo modelo y muestran el mismo lugar
said-of-pixels-changed = cambió el { $a } % de { $b } píxeles ({ $c ->
        [distance] distancia
        [angle] ángulo
       *[other] { $c }
    } { $sign ->
        [below] por debajo de
       *[above] por encima de
    } { $d })
said-of-at-least-m2 = , { $count } { $a ->
        [polygon] polígono
       *[polygons] polígonos
    } de al menos { $b } m2
said-the-fields-have-no-place = los campos no tienen posición en el terreno, así que no se escriben polígonos
said-there-is-no-cluster-to = no hay ningún grupo { $number } al que llamar { $name }; hay { $a }
said-clusters-cannot-be-made-give = no se pueden hacer { $a } grupos; indique un número de 2 a 30
said-clusters-are-found-on-1000 = los grupos se buscan con 1000 a 200000 píxeles, no con { $a }
said-the-result-would-overwrite-its = el resultado sobrescribiría su propia entrada; elija otro nombre
said-the-clusters-were-found-on = los grupos se hallaron en otro campo, cuyos ejes pueden significar otras cosas; revise el mapa con atención
said-the-field-has-no-pixel = el campo no tiene ningún píxel con datos, así que no hay nada que agrupar
said-the-field-holds-only-different = el campo contiene solo { $a } tipos distintos de píxeles, así que no hay más grupos que esos
said-spherical-k-means-k-means = k-means esférico, inicio k-means++
said-pixels-in = { $total } píxeles en { $a } { $b ->
        [clusters] grupos
       *[other] { $b }
    }
said-classes-of-clusters = clases de { $a } grupos
said-clusters-of-a-field = Grupos de un campo: { $a }
said-the-colours-would-overwrite-a = los colores sobrescribirían un campo; elija otro nombre
said-colours-of-from-pixels-the = Colores de { $a } { $b ->
        [field] campo
       *[fields] campos
    } a partir de { $c } píxeles; las tres primeras componentes reúnen el { $d } % de la varianza; { $seconds } s
said-this-file-does-not-say = este archivo no indica cómo se hizo (no tiene TERROIR_RUN); solo lo indican los archivos escritos por Terroir
said-no-raster-was-named = no se indicó ningún ráster
said-the-archive-has-no-images = el archivo de imágenes no tiene imágenes
said-the-projection-is-not-set = la proyección no está fijada
said-fitting-the-projection = ajustando la proyección
said-no-pixel-has-a-value-in = ningún píxel tiene valor en todas las bandas a la vez; indique menos bandas o elija otra escena
said-measuring-the-spectra = midiendo los espectros
said-going-on-with-an-interrupted = se continúa una ejecución interrumpida: { $a } de { $b } bloques ya estaban hechos
said-the-scene-has-no-pixels = la escena no tiene píxeles
said-an-interrupted-run-lies-beside = junto al resultado hay una ejecución interrumpida, que se continúa si nada ha cambiado
said-this-file-is-a-field = este archivo ya es un campo; entrene un clasificador con él
said-the-job-cannot-be-written = no se puede anotar el trabajo
said-writing-the-field = escribiendo el campo
said-projection-sha256 = { $a }; sha256 de la proyección { $b }
said-field-of-x-pixels-from = Campo de { $a } x { $b } píxeles a partir de { $c } bandas, { $d } en { $e }, { $seconds } s
said-what-fetching-weights-costs-depends = lo que cuesta obtener los pesos depende de la red
said-no-field-was-named = no se indicó ningún campo
said-reading-every-pixel = leyendo todos los píxeles
said-exact-figures-of-bands-of = Cifras exactas de { $name }: { $a } bandas de { $b } píxeles.
said-the-copy-would-overwrite-the = la copia sobrescribiría el campo; elija otro nombre
said-field-of-x-pixels-written = Campo de { $a } x { $b } píxeles escrito
said-the-copy-would-overwrite-the-raster = la copia sobrescribiría el ráster; elija otro nombre
said-pixels-are-hidden-by-a = { $unknown } píxeles están ocultos por una máscara que la copia no tiene, y contienen lo que está guardado debajo
said-bands-of-x-pixels-written = { $a } bandas de { $b } x { $c } píxeles escritas
said-the-part-to-export-does = la parte que se va a exportar no queda dentro de los { $a } x { $b } píxeles; elija otra
said-another-process-is-working-on = otro proceso trabaja en este resultado; espere a que termine, o elija otro nombre
said-the-working-folder-cannot-be = no se puede crear la carpeta de trabajo
said-the-working-file-cannot-be = no se puede crear el archivo de trabajo
said-an-older-working-folder-cannot = no se puede eliminar una carpeta de trabajo anterior
said-the-working-file-cannot-be-written = no se puede escribir el archivo de trabajo
said-a-raster-of-x-pixels = un ráster de { $width } x { $height } píxeles es mayor que cualquier disco; compruebe lo que indica su archivo, o elija una parte de él
said-there-is-no-room-for = no hay espacio para el archivo de trabajo
said-the-working-file-cannot-be-read = no se puede leer el archivo de trabajo
said-the-working-file-cannot-be-written-what = no se puede escribir el archivo de trabajo; lo hecho se conserva, ejecútelo de nuevo para continuar
said-the-working-file-cannot-be-read-back = no se puede releer el archivo de trabajo
said-polygons-of = polígonos de { $name }
said-polygons-in-classes = { $a } polígonos en { $b } clases
said-this-file-is-no-shard = este archivo no es un fragmento; indique archivos hechos con --shard
said-an-unknown-device = un dispositivo desconocido
said-kind-of-map = tipo de mapa
said-joining-the-shards = uniendo los fragmentos
said-of-x-pixels-from-shards = { $a ->
        [Field] Campo
       *[Map] Mapa
    } de { $b } x { $c } píxeles a partir de { $count } fragmentos, { $seconds } s
said-the-whole-would-overwrite-one = el conjunto sobrescribiría uno de sus fragmentos; elija otro nombre
said-no-shards-of-this-file = junto a este archivo no hay fragmentos suyos; ejecute antes su comando con --shard 1/4, 2/4, etc., o indique los fragmentos
said-shard-is-there-twice-name = el fragmento { $a } está dos veces; indique solo uno de los archivos
said-this-file-shard-and-shard = este archivo (fragmento { $a }) y el fragmento { $b } no son del mismo trabajo: { $what }
said-they-were-cut-into-different = se cortaron en números distintos de fragmentos; indique los que van juntos
said-they-differ-in-make-it = difieren en { $a }; hágalo de nuevo con el mismo programa, las mismas entradas y las mismas opciones que los demás
said-this-shard-holds-other-rows = este fragmento contiene otras filas que las que debería el fragmento { $a }; hágalo de nuevo
said-shard-is-missing = falta el fragmento { $a }
said-shards-are-missing = faltan los fragmentos { $a }
said-rows-of-run-and-merge = { $a } (filas { $b } de { $c }); { $d ->
        [it] ejecútelo
       *[them] ejecútelos
    } y vuelva a unir
said-the-shards-were-computed-on = los fragmentos se calcularon en dispositivos distintos ({ $a }), cuyas últimas cifras difieren; una sola ejecución en uno de ellos puede diferir de esto en algunos píxeles
said-this-file-lies-beside-a = este archivo está junto a un fragmento de { $a }; indique los fragmentos de ese, y este se une con ellos
said-this-shard-was-renamed-so = se cambió el nombre de este fragmento, así que no se encuentra lo demás que escribió; llámelo de nuevo { $a }
said-this-file-was-not-written = este archivo no se escribió junto con el fragmento { $a }; haga de nuevo el fragmento
said-the-projection-that-lay-beside = la proyección que estaba junto a los fragmentos ya no está; el campo está completo sin ella, pero no se podrán hacer años venideros en sus ejes
said-overviews-of-levels-by-mb = Pirámides de { $name }: { $a } niveles por { $b }, { $c } MB.
said-the-map-would-overwrite-the = el mapa sobrescribiría el campo; elija otro nombre
said-the-head-was-trained-on = el clasificador se entrenó con otro campo, cuyos ejes pueden significar otras cosas; revise el mapa con atención
said-writing-the-map = escribiendo el mapa
said-map-of-pixels-in-classes = Mapa de { $pixels } píxeles en { $a } clases, confianza media { $b } %, { $seconds } s
said-the-projection-cannot-be-written = no se puede escribir la proyección
said-the-projection-cannot-be-read = no se puede leer la proyección
said-not-a-projection-of-a = no es una proyección de un campo
said-the-projection-was-written-by = la proyección la escribió un Terroir más reciente; actualice este
said-the-report-cannot-be-written = no se puede escribir el informe
said-the-report-cannot-be-read = no se puede leer el informe
said-the-points-would-overwrite-the = los puntos sobrescribirían el mapa; elija otro nombre
said-reading-the-labels = leyendo las etiquetas
said-pixels-of = píxeles de { $name }
said-points-of = puntos de { $name }
said-class-has-pixels-to-draw = la clase { $name } tiene { $pixels } píxeles de los que extraer, menos que los { $a } puntos deseados
said-points-drawn-in-random-order = { $a } puntos extraídos, en orden aleatorio y sin las clases del mapa
said-there-can-be-at-most = puede haber como máximo { $most_shards } fragmentos
said-a-shard-is-named-as = un fragmento se indica con su número y cuántos hay, de 1/4 a 4/4
said-there-are-more-shards-than = Hay más fragmentos que filas de bloques de { $shard_rows } píxeles; el fragmento { $shard } no tiene nada que hacer
said-shard-is-finished-already-nothing = El fragmento { $shard } ya está terminado; no se hizo nada
said-this-job-cannot-be-done = este trabajo no se puede hacer en fragmentos; embed, predict, calc, composite, change, regress, similar y soil sí
said-the-split-cannot-be-read = no se puede leer la partición
said-not-a-split-file = no es un archivo de partición
said-the-split-file-lacks-what = al archivo de partición le falta lo que debe contener (unit, class_ids_used, seeds)
said-labelled-pixels-lie-where-the = { $missing } píxeles etiquetados caen donde el campo no tiene datos y se omiten
said-fitting-the-head = ajustando el clasificador
said-right-in-spatial-blocks-out = ; { $a } % de aciertos en { $b } partes con bloques espaciales apartados
said-pixels-of-marked-test-or = ; se reservaron { $a } píxeles de { $shapes } { $b ->
        [shape] forma
       *[shapes] formas
    } de prueba o validación
said-head-for-classes-from-labelled = Clasificador para { $a } clases a partir de { $b } píxeles etiquetados{ $figure }
said-neighbours-cannot-vote-1-to = no pueden votar { $a } vecinos; pueden de 1 a { $most_neighbours }
said-a-weight-is-given-for = se indica un peso para la clase "{ $name }", que las etiquetas no contienen; contienen { $a }
said-this-file-is-not-a = este archivo no es un campo (64 bytes con signo por píxel); haga antes uno de la escena (embed)
said-outside-the-scene-left-out = fuera de la escena, se omite
said-without-any-pixel-left-out = sin ningún píxel, se omite
said-with-an-invalid-outline-left = con contorno no válido, se omite
said-without-a-class-left-out = sin clase, se omite
said-reading-the-field = leyendo el campo
said-no-labelled-pixel-lies-on-data = ningún píxel etiquetado cae en datos del campo; compruebe que etiquetas y campo muestran el mismo lugar
said-the-labels-hold-one-class = las etiquetas contienen una sola clase ("{ $a }"); un clasificador requiere dos o más para distinguir
said-few-labelled-pixels-so-the = pocos píxeles etiquetados, así que las cifras son aproximadas: { $a }
said-the-labels-lie-too-close = las etiquetas están demasiado juntas para una validación cruzada espacial; no se da exactitud
said-spatially-blocked-cross-validation-folds = validación cruzada por bloques espaciales, { $a } partes, bloques de { $block } píxeles, polígonos sin cortar
said-temperature-fitted-on-the-scores = temperatura ajustada con las puntuaciones de las demás partes
said-held-out-polygons = polígonos apartados
said-shards-write-the-map-alone = los fragmentos escriben solo el mapa; prescinda de lugares y polígonos, y hágalos del mapa unido (terroir polygons)
said-writing-the-mask = escribiendo la máscara
said-of-pixels-are-at-least = { $matches } de { $pixels } píxeles ({ $a } %) tienen una similitud de al menos { $b }
said-in-polygons = , en { $a } polígonos
said-places-found = ; { $a } lugares encontrados
said-mean-of-the-dot-products = media de los productos escalares
said-largest-dot-product = mayor producto escalar
said-similarity-to-examples-threshold = Similitud con { $a } ejemplos ({ $how }), umbral { $b }
said-reading-the-examples = leyendo los ejemplos
said-an-area-holds-very-different = un área contiene cosas muy distintas; su media no representa a ninguna de ellas
said-of-areas-hold-no-data = { $outside } de { $a } áreas no contienen datos del campo y se omiten
said-none-of-the-areas-holds = ninguna de las áreas contiene datos del campo; elija otras
said-only-the-first-examples-of = solo se usan los primeros { $a } ejemplos de { $b }
said-there-is-nothing-to-be = no hay nada con lo que comparar la similitud; indique un lugar (--at) o polígonos (--polygons)
said-the-result-is-written-as = el resultado se escribe como .tif (mapa), .gpkg (polígonos) o .csv (lugares); elija una de estas extensiones
said-a-table-holds-places-and = una tabla contiene lugares, y no se pide ninguno; indique cuántos (--places)
said-the-result-would-overwrite-the-field = el resultado sobrescribiría el campo; elija otro nombre
said-no-file-to-write-was = no se indicó ningún archivo que escribir (--out)
said-the-map-would-overwrite-what = el mapa sobrescribiría aquello de lo que se hace; elija otro nombre
said-map-of-for-pixels-mean = Mapa de { $a } para { $b } píxeles, media { $mean }
said-map-of-pixels-in-classes-mean = Mapa de { $a } píxeles en { $b } clases, confianza media { $c } %
said-shards-map-with-one-regression = los fragmentos cartografían con una misma regresión; ajústela antes sin --shard, y luego indíquela (--head)
said-values-to-learn-from-are = faltan valores de los que aprender: indique un archivo de puntos o polígonos, o una regresión ya ajustada
said-map-of-over-pixels-s = Mapa de { $a } sobre { $b } píxeles{ $figure }, { $seconds } s
said-the-regression-was-fitted-on = la regresión se ajustó en otro campo, cuyos ejes pueden significar otras cosas; revise el mapa con atención
said-reading-the-values = leyendo los valores
said-from-values = a partir de { $a } valores
said-in-spatial-blocks-out-folds = en { $a } partes con bloques espaciales apartados
said-lie-beside-the-field-and = quedan fuera del campo y se omiten
said-have-no-number-in-this-column = no tienen número en esta columna y se omiten
said-have-no-point-or-polygon-and = no tienen punto ni polígono y se omiten
said-lie-where-the-field-has = caen donde el campo no tiene datos y se omiten
said-are-polygons-over-very-different = son polígonos sobre terreno muy diverso, así que su media representa poco
said-of-places = { $count } de { $a } lugares { $what }
said-of-the-map-lies-beyond = el { $a } % del mapa queda más allá de los valores con los que se ajustó ({ $b } a { $c }), donde una regresión solo adivina
said-by-ridge-regression-on-a = { $a }{ $unit } por regresión ridge sobre un campo
said-spatially-blocked-cross-validation-folds-blocks = validación cruzada por bloques espaciales, { $a } partes, bloques de { $b } píxeles
said-the-values-lie-too-close = los valores están demasiado juntos para una validación cruzada espacial; no se da exactitud
said-the-values-lie-close-together = los valores están muy juntos: bloques de { $used_px } píxeles en lugar de { $block_px }, así que la exactitud puede ser demasiado favorable
said-too-few-values-are-left = quedan muy pocos valores cuando se aparta un bloque, así que no se da exactitud; mida en más lugares
said-values-could-not-be-predicted = { $a } valores no se pudieron predecir a partir de otros bloques y no entran en la exactitud
said-drawing-pixels = extrayendo píxeles
said-finding-clusters = buscando grupos
said-fitting-colours = ajustando colores
said-finding-places = buscando lugares
said-drawing-polygons = dibujando polígonos
said-building-overviews = creando pirámides
said-preparing-kernels = preparando kernels
said-copying-mb = copiando, MB
said-scene-reader = lector de la escena
said-without-a-wavelength = sin longitud de onda
said-without-a-class = sin clase
said-no-flag = sin indicador
said-no-day = ningún día
said-clear-images = imágenes despejadas
said-all-dates = todas las fechas
said-raw-stack = pila sin procesar
said-median-composite = compuesto de medianas
said-mean-composite = compuesto de medias
said-greenest-image = imagen más verde
said-linear-probe = sonda lineal
said-frozen-encoder = codificador congelado
said-last-block = último bloque
said-whole-encoder = codificador completo
said-no-value = sin valor
said-its-mask = su máscara
said-its-name = su nombre
said-its-field = su campo
said-its-size = su tamaño
said-the-stations = las estaciones
said-one-value = un valor
said-two-values = dos valores
said-not-judged = sin evaluar
said-not-defined = no definido
said-wrong-shape = forma errónea
said-whole-numbers = números enteros
said-fields = { $count } campos
said-images = { $count } imágenes
said-shapes = { $count } formas
said-days = { $days } días
said-classes = { $a } clases
said-bytes = { $a } bytes
said-no-answer = sin respuesta
said-not-there = no está
said-future-weather = tiempo futuro
said-balanced-accuracy = exactitud equilibrada
said-worker-log = registro del proceso de cálculo
said-ridge-regression = Regresión ridge
said-logistic-regression = Regresión logística
said-nearest-neighbours = Vecinos más cercanos
said-random-forest = Bosque aleatorio
said-linear-interpolation = Interpolación lineal
said-last-year = Año anterior
said-median-of-the-clear-images = mediana de las imágenes despejadas
said-dot-product = producto escalar
said-local-z = z local
