archive-images = { $count ->
        [one] contém { $count } imagem
       *[other] contém { $count } imagens
    }
archive-gap = não contém imagens: interpolado a partir das anteriores e posteriores
archive-beyond = não contém imagens: extrapolado para além das imagens
