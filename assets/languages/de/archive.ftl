archive-images = { $count ->
        [one] 1 Bild liegt darin
       *[other] { $count } Bilder liegen darin
    }
archive-gap = kein Bild liegt darin: interpoliert aus denen davor und danach
archive-beyond = kein Bild liegt darin: über die Bilder hinaus extrapoliert
