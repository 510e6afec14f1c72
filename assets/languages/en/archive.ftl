archive-images = { $count ->
        [one] 1 image lies in it
       *[other] { $count } images lie in it
    }
archive-gap = no image lies in it: interpolated from those before and after
archive-beyond = no image lies in it: extrapolated beyond the images
