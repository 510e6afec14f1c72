training-title = Entrenamiento
training-none = Aún no hay ejecución
training-none-next = Una ejecución muestra aquí su pérdida, su velocidad y lo que el modelo hace de las zonas ocultas.
training-stopping = Deteniendo…
training-stop = Detener
    .tip = Conserva un punto de control; la ejecución puede seguir después
training-go-on = Continuar
training-map-scene = Cartografiar la escena
    .tip = Escribir el mapa de toda la escena y mostrarlo
training-waiting = Esperando a la tarea anterior…
training-stopped = Detenido; se conserva el último punto de control.
training-stopped-early = Detenido antes del primer paso.
training-shows-archives = una fila por archivo: una escena y lo que el modelo hace de ella, de hasta dos sensores · el campo en tres colores
training-shows-weather = la última imagen anterior · el pronóstico · lo visto ese día
training-shows-scenes = un recorte · lo que se muestra al modelo · lo que hace del resto
training-show-folder = Mostrar la carpeta de la ejecución
training-folder = Cifras, vistas previas y punto de control: { $folder }
training-step = paso { $done } de { $total }
training-loss = pérdida { $loss }
training-steps-a-second = { $steps } pasos/s
training-seconds-a-step = { $seconds } s por paso
training-time-left = quedan { $time }
training-axis-step = Paso
training-axis-loss = Pérdida
training-running-mean = media móvil
training-curve = Pérdida según los pasos
training-preview = Última vista previa
training-skill = acierto de { $from } a { $to } días
training-kind-scenes = Escenas
    .tip = Preentrenar DOFA con escenas sueltas
training-kind-archives = Archivos
    .tip = Preentrenar STP con escenas fechadas de varios sensores
training-kind-weather = Tiempo
    .tip = Preentrenar KG-VSF con imágenes fechadas y tiempo diario
training-kind-tune = Ajuste fino
training-scenes = Preentrenar un modelo con escenas
training-scenes-about = Se ocultan tres cuartos de cada imagen; el modelo aprende a recuperarlos. No se necesitan etiquetas.
training-open-scene = Abra primero una escena.
training-bands = { $count ->
        [one] { $count } banda
       *[other] { $count } bandas
    }
training-model = Modelo
training-size = Tamaño
training-images = imágenes
training-device = Dispositivo
training-file = Archivo
training-start = Iniciar entrenamiento
training-runs = Esta ejecución ya está en curso
training-copy = Copiar como comando
    .tip = La línea de comandos que hace lo mismo
training-tune = Ajustar un modelo a etiquetas de una escena
training-tune-about = Una quinta parte de las etiquetas, aparte de las demás, dice qué paso fue el mejor.
training-scene = Escena
training-scene-none = ninguna: abra una primero
training-labels = Etiquetas
training-labels-painted = las pintadas ({ $count ->
        [one] { $count } clase
       *[other] { $count } clases
    })
training-labels-file = un archivo de etiquetas
training-labels-tip = GeoPackage, GeoJSON, Shapefile, CSV o ráster; vacío toma lo pintado
training-answers = Respuestas
training-task-pixels = una clase por píxel
training-task-patches = una clase por parche
training-task-values = un valor por píxel
training-learns = Aprende
training-mode-probe = una capa lineal
training-mode-frozen = pirámide y UPerNet
training-mode-last = y los dos últimos bloques
training-mode-lora = y LoRA en cada bloque
training-mode-full = todo el modelo
training-weights = Pesos
    .tip = Como se eligió en Ejecutar
training-weights-none = ninguno (sin entrenar)
training-windows = ventanas
training-choose-out = Elegir dónde se escriben los pesos
training-steps = Pasos
training-batch = Lote
training-rate = Tasa
    .tip = Tasa de aprendizaje al final de su subida; después baja a cero
training-begin = Inicio
training-begin-trained = { $file } (entrenado)
training-begin-nothing = desde cero (sin entrenar)
training-begin-from = desde { $file } (entrenado)
training-begin-none = No hay pesos de este tamaño instalados.
training-weather = Preentrenar un modelo con imágenes y tiempo
training-weather-about = A partir de algunas imágenes y del tiempo que sigue se pronostican imágenes posteriores. La última quinta parte de las imágenes se reserva para evaluar los pronósticos. No se necesitan etiquetas.
training-place = Lugar
training-place-images = Imágenes
training-place-dated = { $name }, { $count ->
        [one] { $count } imagen fechada
       *[other] { $count } imágenes fechadas
    }
training-place-none = ninguna: abra primero una serie
training-place-weather = Tiempo
    .tip = El tiempo diario del proyecto
training-place-weather-none = ninguno: añada primero una tabla de tiempo
training-weather-begin-tip = El modelo conoce entonces solo las bandas de estos pesos
training-masked = De ellos
    .suffix = enmascarados primero
    .tip = Pasos en que se reconstruyen partes ocultas, antes de los de pronóstico
training-crops-suffix = recortes
training-archives = Preentrenar un modelo con archivos
training-archives-about = De cada lugar se muestran algunas escenas fechadas y otras deben recuperarse, a lo largo del tiempo. No se necesitan etiquetas.
training-archives-begin-tip = El modelo conoce entonces solo los sensores de estos pesos
training-batch-archives-tip = De distintos archivos si hay varios
training-places-suffix = lugares
training-crops = Recortes
training-crop-size = { $side } × { $side } píxeles
training-frames = Imágenes
    .suffix = por lugar
    .tip = Escenas fechadas en que se ve un lugar, como máximo
training-archives-none = Abra una serie o añada una carpeta de escenas fechadas.
training-dated = { $count ->
        [one] { $count } imagen fechada
       *[other] { $count } imágenes fechadas
    }
training-dated-one-archive = { $count } imágenes fechadas, como un archivo: están en un mismo lugar
training-leave-folder = Omitir esta carpeta
training-add-folder = Añadir una carpeta…
    .tip = Una carpeta de escenas fechadas de un lugar, de cualquier sensor
training-choose-scene = Elija al menos una escena
training-scene-first = Añada primero una escena
training-labels-first = Pinte etiquetas o indique un archivo de etiquetas
training-archives-first = Abra una serie o añada una carpeta de escenas fechadas
training-series-first = Abra primero una serie de imágenes fechadas
training-weather-first = Añada primero el tiempo diario del lugar (Capa, Añadir meteorología…)
