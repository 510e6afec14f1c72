series-field-none = Sin serie
series-field-none-next = Suelte en el mapa una carpeta de imágenes fechadas, de uno o varios sensores; un modelo temporal las resume en un campo.
series-field-from-folder = Nueva serie de una carpeta…
series-field-what = Qué
series-field-choose = Elija al menos una serie.
series-field-looking = Examinando las imágenes…
series-field-when = Cuándo
series-field-slide = Recorrer el año
series-field-season = Con el tiempo meteorológico
series-field-belief = Lo que el modelo supone
series-field-add-folder = Añadir carpeta…
    .tip = Imágenes que no tienen que ser capas: una carpeta de escenas fechadas
series-field-no-dates = sin fechas
series-field-dates = { $count ->
        [one] 1 fecha
       *[other] { $count } fechas
    }
series-field-undated = Ninguna imagen de { $layer } tiene fecha. Ponga el día en el nombre de cada archivo (scene_2018-05-06.tif), o junto a ellos una tabla dates.csv con las columnas file y date, y abra de nuevo la serie.
series-field-leave-folder = No usar esta carpeta
series-field-no-image = sin imagen; el modelo prescinde de ella
series-field-images = { $count ->
        [one] 1 imagen
       *[other] { $count } imágenes
    }
series-field-bands = Bandas: { $bands }
series-field-days = Días
series-field-support = Imágenes de
    .hint = todos los días, o 2018-03-01..2018-09-01
    .tip = El soporte: solo se usan imágenes de estos días. Los campos de otros días se inter- o extrapolan de ellas.
series-field-support-none = No hay imágenes en estos días. Elija otros.
series-field-used = Usadas: { $counts }
series-field-typed-dates = Se escribieron { $count } fechas en la línea de tiempo. Las tareas leen las fechas de los archivos: escríbalas en una tabla dates.csv junto a las imágenes, con las columnas file y date.
series-field-more-notes = y { $count } notas más
series-field-sum-up = Resumir
series-field-own-hint = Un campo cada uno, separados por comas. El último día de un intervalo no se incluye.
series-field-period = Período
series-field-choice-seen = { $period }  ·  { $count } imágenes
series-field-choice-gap = { $period }  ·  en un hueco
series-field-choice-beyond = { $period }  ·  más allá de las imágenes
series-field-standing = { $period }: { $standing }.
series-field-span = { $first } a { $last }
series-field-fields = { $count } campos, { $span }, con una sola lectura de las imágenes. Se abren como una serie.
series-field-empty = No hay imágenes en { $periods }: se inter- o extrapola.
series-field-empty-more = No hay imágenes en { $periods } y { $more } más: se inter- o extrapola.
series-field-which-model = Qué modelo
series-field-model = Modelo
series-field-weights = Pesos
series-field-device = Dispositivo
series-field-area = Área
series-field-file = Archivo
series-field-untrained = Sin entrenar: no se usan pesos; sus campos son los de una red aleatoria. Entrene uno con su archivo de imágenes (Capa, Entrenar un modelo…) o elija pesos.
series-field-choose-weights = Elegir un archivo .safetensors
series-field-in-view = En la vista, { $width } × { $height } px
series-field-in-view-nothing = En la vista: nada de las imágenes
series-field-whole = Todo, { $width } × { $height } px
series-field-choose-out = Elegir dónde se escriben los campos; si son varios, se nombran por sus períodos
series-field-make = Crear el campo
series-field-make-several = Crear { $count } campos
series-field-runs = Esta tarea está en curso
series-field-copy = Copiar como comando
    .tip = La línea de comandos que hace lo mismo
series-field-slide-about = Crea los campos de todos los períodos de la parte visible con una sola lectura de las imágenes. Se abren como una serie con colores comunes: su línea de tiempo es el deslizador.
series-field-slide-each = Un campo
series-field-slide-month = cada mes
series-field-slide-year = cada año
series-field-slide-of = Cada uno de
series-field-slide-one-month = un mes
series-field-slide-one-year = un año
series-field-slide-months = { $months } meses
series-field-slide-of-tip = Más largos que un mes, los períodos se solapan: el resumen se desliza
series-field-slide-size = { $count } períodos, { $width } × { $height } píxeles en torno al centro de la vista.
series-field-slide-make = Crear { $count } períodos de la vista
series-field-end-tip = { $end } del cambio es { $period }. Haga clic para tomar el período mostrado, { $shown }.
series-field-end-take = Tomar como { $end }
series-field-change = Cambio
    .tip = Cartografía lo que cambió de A a B; la medida y el umbral están en Campo
series-field-change-runs = En curso
series-field-change-same = A y B son el mismo período: muestre otro y pulse B
series-field-season-about = Un campo que conoce las imágenes y el tiempo hasta el último día, y nada posterior: para mapas de una temporada que no ha terminado. Solo vale para este lugar y no se compara con otro campo.
series-field-season-days-hint = los de arriba
series-field-season-days-tip = Imágenes de un día a otro, sin incluirlo: 2018-03-01..2018-06-01
series-field-season-make = Crear el campo de la temporada
series-field-season-weather = Añada primero el tiempo diario del lugar (Capa, Añadir meteorología…).
series-field-season-weights = No hay pesos entrenados de { $model }. Entrénelos: Capa, Entrenar un modelo…, Tiempo.
series-field-season-one = Una temporada cada vez: de un día a otro.
series-field-name-file = Indique un archivo para el campo.
series-field-belief-about = Dibuja lo que el modelo supone que un sensor vio un día, aunque no haya imagen, y lo pone junto a la imagen real más próxima. Es una salida del modelo, no una imagen.
series-field-belief-no-sensor = Este modelo no puede dibujar ninguno de los sensores. Elija otros pesos.
series-field-belief-sensor = Sensor
series-field-belief-date = Fecha
    .tip = AAAA-MM-DD; vacío: la fecha mostrada en la línea de tiempo
series-field-belief-valid-hint = 15 días antes y después
series-field-belief-valid-tip = El período del que se dibuja la imagen, con la fecha dentro: 2018-05 o 2018-04-20..2018-05-20
series-field-belief-same-day = Imagen real más próxima: { $date }, de ese día.
series-field-belief-later = Imagen real más próxima: { $date }, { $days ->
        [one] 1 día después
       *[other] { $days } días después
    }.
series-field-belief-before = Imagen real más próxima: { $date }, { $days ->
        [one] 1 día antes
       *[other] { $days } días antes
    }.
series-field-belief-no-real = No hay imagen real de este sensor con que comparar.
series-field-belief-draw = Dibujar
series-field-belief-not-a-date = `{ $text }` no es una fecha. Escriba 2018-05-07.
series-field-belief-nothing-to-draw = No hay ningún sensor que dibujar.
series-field-belief-outside = { $date } no está en { $period }. Elija un período que la contenga.
series-field-belief-one-period = Elija un solo período en torno a la fecha.
series-field-belief-folder = Indique una carpeta de imágenes.
series-field-belief-layer = Salida del modelo: { $sensor } del { $date }
series-field-belief-open-series = La imagen real más próxima es { $image } del { $date }. Abra su serie para ver ambas lado a lado.
series-field-no-date = Ninguna imagen tiene fecha.
series-field-not-in-view = La vista no muestra ninguna parte de estas imágenes.
series-field-one-support = Se usan imágenes de un solo período: de un día a otro.
series-field-type-days = Escriba los días: 2018-03-01..2018-09-01, 2018-05 o 2018; varios con comas.
series-field-one-period-only = Las imágenes solo abarcan un período así.
series-field-periods-layer = { $name }, { $count } períodos
series-field-step-read-again = Releer los resultados
series-field-when-year = Un año
series-field-when-season = Una estación
series-field-when-month = Un mes
series-field-when-own = Fechas propias
series-field-when-monthly = Cada mes
series-field-when-yearly = Cada año
