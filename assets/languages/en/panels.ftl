panel-map = Map
panel-layers = Layers
panel-classes = Classes
panel-steps = Undo
panel-style = Style
panel-spectrum = Spectrum
panel-time = Time
panel-field = Field
panel-run = Run
panel-accuracy = Accuracy
panel-log = Log
panel-hide = Hide panel
panel-reset = Usual arrangement
chart-copy-picture = Copy picture
chart-copy-values = Copy values (CSV)
chart-copied = The picture of the chart is on the clipboard.
map-coarse-reading = Coarse sample, reading more…
map-coarse = Coarse sample
map-reading = Reading…
map-stopped = Drawing stopped; F5 goes on
map-untitled = Untitled
panels-more-remarks = { $count ->
        [one] One more remark
       *[other] { $count } more remarks
    }
