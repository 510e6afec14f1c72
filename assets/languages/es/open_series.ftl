open-series-images = { $count ->
        [one] 1 imagen
       *[other] { $count } imágenes
    }
open-series-bands = { $count ->
        [one] 1 banda
       *[other] { $count } bandas
    }
open-series-span = { $first } a { $last }
open-series-no-dates = sin fechas
open-series-bands-between = { $least } a { $most } bandas
open-series-undated = { $count } sin fecha
open-series-title = Imágenes de varias fechas
open-series-about = Una capa de serie tiene una línea de tiempo: avance, reproduzca y vea un píxel en el tiempo.
open-series-others = { $count ->
        [one] Abrir también el ráster que no pertenece a ninguna serie
       *[other] Abrir también los { $count } rásteres que no pertenecen a ninguna serie
    }
open-series-open = Abrir
open-series-cancel = Cancelar
open-series-apart = Las imágenes no se solapan o tienen bandas distintas.
open-series-dates-missing = No hay fechas en los archivos ni en sus nombres; puede escribirlas en la línea de tiempo.
open-series-one = Una capa de serie
open-series-separate = { $count ->
        [one] La pila como una capa
       *[other] { $count } capas separadas
    }
open-series-leave-out = Omitir
open-series-failed = { $count } archivos no se pudieron abrir como rásteres.
open-series-cut = Solo se miraron los primeros 4000 archivos. Elija una carpeta menor para los demás.
open-series-no-raster = No hay ningún ráster en esta carpeta.
open-series-find-missing = Buscar fechas que faltan
open-series-still-missing = { $count ->
        [one] Falta aún 1 archivo de la serie. Clic derecho en la capa, Localizar…
       *[other] Faltan aún { $count } archivos de la serie. Clic derecho en la capa, Localizar…
    }
open-series-add = Añadir la serie { $name }
open-series-no-date-for = No se encontró fecha para { $files }. Quedan fuera de la línea de tiempo hasta que se la dé: pulse Fechas… en la línea de tiempo.
open-series-and-more = { $files } y { $count } más
