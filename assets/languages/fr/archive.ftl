archive-images = { $count ->
        [one] { $count } image s'y trouve
       *[other] { $count } images s'y trouvent
    }
archive-gap = aucune image ne s'y trouve : interpolé d'après celles d'avant et d'après
archive-beyond = aucune image ne s'y trouve : extrapolé au-delà des images
