archive-images = { $count ->
        [one] contiene 1 imagen
       *[other] contiene { $count } imágenes
    }
archive-gap = no contiene imágenes: interpolado a partir de las anteriores y posteriores
archive-beyond = no contiene imágenes: extrapolado más allá de las imágenes
