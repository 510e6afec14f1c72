news-undo = Undo
news-recover = Recover
news-connect = Connect
news-build-overviews = Build overviews
news-use-as-labels = Use as labels…
news-too-many-files = Too many files are waiting. Try again when they are read.
news-class-number = Class { $number }
news-no-more-classes = No more classes can be added: 255 are in use.
news-labels-layer = Labels
news-stopped = Terroir stopped without closing. What you had can be opened again (File menu: recover or discard).
news-recovered = Your unsaved work is back. Save the project to keep it.
news-newer-version = This project was made by a newer version. It is open for reading; saving asks for a new name.
news-colours-written = Colours written.
news-project-saved = Project saved.
news-table-written = Table written.
news-labels-written = Labels written.
news-companion-written = Written beside the map
news-profiles-written = Profiles written.
news-picture-written = Picture written.
news-no-crs = This raster has no coordinate system, so it is drawn by its pixels. Click the status bar's "No coordinate system" to name one.
news-no-wavelengths = No wavelengths were found. Choose a sensor or type them under Style, so that models can use the bands.
news-first-steps = Paint two classes to get a map: choose a class on the left, press P and draw; then the other class.
news-labels-need-scene = Labels need a scene to lie on. Add a raster first.
news-removed = Removed { $name }.
news-no-shapes = No layer of this file has shapes. Choose another file.
news-vector-no-crs = { $name } names no coordinate system; its coordinates are taken as the map's.
news-added = Added { $name }: { $count }.
news-no-polygons = { $name } has no polygons; an area of interest needs them.
news-area-cleared = Fields and maps cover the whole scene again.
news-area-set = Fields and maps are made inside { $name } only.
news-no-overviews = { $name } has no overviews, so the whole of it is first drawn as a coarse sample. Overviews make it quick.
news-overviews-local = Only a file on this machine can get overviews beside it
news-overviews-small = This raster is so small that overviews would not help
news-overviews-choose = Choose a raster layer first
news-unconnected = { $count ->
        [one] One layer of this project is on the network. Nothing is read from there before you connect it.
       *[other] { $count } layers of this project are on the network. Nothing is read from there before you connect them.
    }
news-imported = Imported { $count } shapes from { $name }.
news-imported-outside = { $count } fell outside the scene.
news-imported-empty = { $count } were empty.
news-imported-invalid = { $count } were invalid.
news-imported-classless = { $count } had no class.
news-nothing-to-paint-on = There is nothing to paint on. Add a scene or field first.
news-no-class-here = No class here. Click a labelled pixel to choose its class.
news-no-place-in-crs = None of the shapes of { $name } has a place in the map's coordinate system. Choose another one for the map.
news-shapes-fault = these shapes could not be placed; this is a fault of the program, please report it
news-picture-unreadable = The picture of the run could not be read.
news-not-written = The file could not be written. Choose another folder or free some space.
news-picture-not-made = The picture could not be made.
news-recovery-kept = The automatically saved work could not be deleted.
news-job-cancelled = { $name }: cancelled.
news-strip-close = Close this message
news-strip-copy = Copy this message
news-strip-details = Details
news-imported-pixels = { $count ->
    [one] Imported one labelled pixel from { $name }.
   *[other] Imported { $count } labelled pixels from { $name }.
    }
