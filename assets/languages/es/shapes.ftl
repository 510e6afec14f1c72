shapes-here = { $count ->
        [one] 1 objeto aquí
       *[other] { $count } objetos aquí
    }
shapes-forget = Olvidar los objetos elegidos
shapes-zoom = Zoom a este objeto
shapes-no-value = sin valor
shapes-no-attributes = Esta capa no tiene atributos.
shapes-removed-layer = Una capa quitada
shapes-name = { $layer }, objeto { $id }
shapes-kind-integer = entero
shapes-kind-real = número
shapes-kind-boolean = sí/no
shapes-kind-text = texto
shapes-kind-date = fecha
shapes-kind-time = hora
shapes-kind-date-time = fecha y hora
shapes-kind-other = otro
shapes-attributes-of = Atributos de { $layer }
shapes-reading = Leyendo los objetos…
shapes-count = { $count } objetos
shapes-count-chosen = { $count } objetos, { $chosen } elegidos
shapes-zoom-chosen = Zoom a la selección
shapes-choose-none = Quitar la selección
shapes-none = Sin objetos
shapes-none-next = Esta capa está vacía.
shapes-sort-by = Ordenar por { $name }
shapes-column-shape = Objeto
shapes-column-shape-tip = Número del objeto en el archivo; haga clic para el orden del archivo
shapes-opening = Leyendo { $file }…
shapes-opening-done = Leyendo { $file }… { $done } objetos
shapes-opening-of = Leyendo { $file }… { $done } de { $total } objetos
shapes-area = Trabajar solo dentro de estos objetos
shapes-area-this = Solo este objeto
shapes-area-all = Todos con { $column } = { $value }
shapes-area-chosen = Selección como zona
shapes-area-count = { $layer }, { $count } objetos
