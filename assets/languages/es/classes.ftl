classes-new = Nueva clase (M)
classes-empty = Sin clases
    .tip = Añadir una clase con +, pulsar P y dibujar en el mapa.
classes-colour = Color de la clase
classes-colour-of = Color de { $name }
classes-rename-to = Cambiar nombre de la clase a { $name }
classes-tip = { $name }: { $count } píxeles etiquetados. Clic para pintar con ella, doble clic para cambiar el nombre.
classes-rename = Cambiar nombre
classes-remove = Eliminar la clase y sus etiquetas
classes-remove-step = Eliminar la clase { $name }
classes-style = Clases
    .tip = Un color por valor: las clases del archivo, o cada valor hallado en él
classes-show-step = Mostrar clases
classes-count = { $count ->
        [one] { $count } clase
       *[other] { $count } clases
    }
classes-own = Volver a las clases del archivo
classes-own-step = Clases del archivo
classes-hide-all = Ocultar todas las clases
classes-show-all = Mostrar todas las clases
classes-show = Mostrar { $name }
classes-hide = Ocultar { $name }
classes-rename-tip = { $name }: doble clic para cambiar el nombre
