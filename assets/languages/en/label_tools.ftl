tool-grow = Grow by spectrum
    .tip = Click a pixel: what hangs together with it and is spectrally alike gets the chosen class
load-classes = Load classes…
    .tip = Add the classes of a table (CSV, QGIS style, colour table), of another project or of a class map
save-classes = Save classes…
    .tip = Write numbers, names and colours of the classes as a table (CSV), QGIS style or colour table
why-no-classes = Add a class first
fill-nothing-here = Fill works on a labelled patch or inside a closed outline. Paint one with the brush first.
fill-protected = Labelled pixels are protected (B). Take the protection off to give this patch another class.
fill-has-class = This patch has the chosen class already.
fill-not-closed = Nothing was filled: the outline is not closed, or the patch is too large.
fill-too-many = Too many fills are waiting. Try again when they are done.
fill-step = Fill with { $class }
grow-no-raster = There is no raster to compare pixels of. Add one first.
grow-step = Grow { $class }
grow-difference = Difference
grow-difference-tip = How far values are apart, in standard deviations of each band; brightness counts
grow-angle = Angle
grow-angle-tip = Angle between spectra: the same ground in light and shade is alike
grow-tolerance = Tolerance
grow-tolerance-tip = How unlike the clicked pixel a pixel may be; the map follows
grow-limit = At most
grow-limit-tip = A region with more pixels is not labelled
grow-hint = Click a pixel: all like it around get the chosen class
grow-waiting = Reading…
grow-pixels = { $count } pixels
grow-too-large = More pixels than allowed: lower the tolerance
grow-layer-tip = The layer whose pixels are compared: the active raster
grow-keep = Keep the region (Enter)
grow-drop = Take the region back (Esc)
classes-step = Load classes of { $file }
classes-added = { $count ->
    [0] { $file }: no new class.
    [one] { $file }: one class added.
   *[other] { $file }: { $count } classes added.
    }
classes-nothing-new = { $file } has no class that is not there already.
classes-recolored = { $count ->
    [one] One class of the same name got its colour.
   *[other] { $count } classes of the same name got its colours.
    }
classes-renumbered = Numbers were taken, so these have others: { $list }.
classes-left-out = { $count } were left out: 255 classes are the most.
classes-written = Class table written.
classes-menu = Classes: load, save, import labels
label-statistics = Label statistics
label-hint-tip = Click to go on with this class
label-hints-more = { $count } more hints
label-hint-few = { $class } has { $count } labelled pixels; 20 are the least that says much.
label-hint-rare = { $class } has { $percent } % of the pixels of { $largest }. Label more of it, or raise its weight.
label-hint-very-rare = { $class } has under 1 % of the pixels of { $largest }. Label more of it, or raise its weight.
label-hint-one-patch = { $class } lies in one patch. Label a second place, so that it can be tested away from where it was learned.
label-class = Class
label-pixels = Pixels
label-pixels-tip = Labelled pixels, painted and in polygons
label-share-tip = Share of all labelled pixels
label-patches = Patches
label-patches-tip = Separate patches; an accuracy split by place needs at least two
label-tested = Test
label-tested-tip = Pixels in polygons kept for testing
snap-strokes = Snap strokes to segments
    .tip = The brush labels whole segments of alike pixels that it goes through
snap-side = Segments
snap-side-tip = Width of the segments in pixels; they keep to the edges in the active raster
snap-hint = Draw through the segments that get the class
snap-step = Paint { $class } by segments
snap-nothing = Nothing was labelled: the raster has no values there.
snap-too-many = Too many strokes are waiting. Try again when they are done.
