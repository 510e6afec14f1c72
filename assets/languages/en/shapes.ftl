shapes-here = { $count ->
        [one] 1 shape here
       *[other] { $count } shapes here
    }
shapes-forget = Forget the clicked shapes
shapes-zoom = Zoom to this shape
shapes-no-value = no value
shapes-no-attributes = This layer has no attributes.
shapes-removed-layer = A removed layer
shapes-name = { $layer }, shape { $id }
shapes-kind-integer = integer
shapes-kind-real = number
shapes-kind-boolean = yes/no
shapes-kind-text = text
shapes-kind-date = date
shapes-kind-time = time
shapes-kind-date-time = date and time
shapes-kind-other = other
shapes-attributes-of = Attributes of { $layer }
shapes-reading = Reading the shapes…
shapes-count = { $count } shapes
shapes-count-chosen = { $count } shapes, { $chosen } chosen
shapes-zoom-chosen = Zoom to chosen
shapes-choose-none = Choose none
shapes-none = No shapes
shapes-none-next = This layer is empty.
shapes-sort-by = Sort by { $name }
shapes-column-shape = Shape
shapes-column-shape-tip = The shape's number in the file; click for the file's order
shapes-opening = Reading { $file }…
shapes-opening-done = Reading { $file }… { $done } shapes
shapes-opening-of = Reading { $file }… { $done } of { $total } shapes
shapes-area = Work inside these shapes only
shapes-area-this = This shape only
shapes-area-all = All with { $column } = { $value }
shapes-area-chosen = Chosen as area
shapes-area-count = { $layer }, { $count } shapes
