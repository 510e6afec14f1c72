derived-index = Index
derived-index-tip = Spectral indices of these bands
derived-index-none = No band has a wavelength, so no index can find its bands
derived-show = Show { $index }
derived-formula = Formula
derived-formula-tip = A spectral index or a formula of your own over the bands
derived-show-formula = Show a formula
derived-hillshade = Hill-shade
derived-hillshade-tip = The relief of an elevation band under a low sun
derived-help =
    Bands: b1, b2 …, red, green, blue, rededge, nir, nir08, swir16, swir22, nm665 or band(665nm), a band's own name.
    Signs: + − * / ^ %, < <= > >= == !=, and, or, not.
    Functions: abs, sqrt, ln, log10, exp, min, max, clip(x, low, high), where(condition, yes, no), round, floor, ceil, sin, cos, tan, db.
    Values are the bands' scaled ones.
derived-save = Save as raster…
derived-save-tip = Work the formula out for every pixel and write a GeoTIFF
derived-change = Change the formula
derived-sun-from = Sun from
derived-sun-from-tip = Degrees clockwise from north
derived-sun-height = Sun height
derived-sun-height-tip = Degrees above the horizon
derived-exaggeration = Exaggeration
derived-exaggeration-tip = Heights times this; 0.3048 for heights in feet
