open-series-images = { $count ->
        [one] 1 image
       *[other] { $count } images
    }
open-series-bands = { $count ->
        [one] 1 band
       *[other] { $count } bands
    }
open-series-span = { $first } to { $last }
open-series-no-dates = no dates
open-series-bands-between = { $least } to { $most } bands
open-series-undated = { $count } without a date
open-series-title = Images of several dates
open-series-about = One series layer has a timeline: step, play, and see a pixel over time.
open-series-others = { $count ->
        [one] Also open the raster that belongs to no series
       *[other] Also open the { $count } rasters that belong to no series
    }
open-series-open = Open
open-series-cancel = Cancel
open-series-apart = The pictures do not overlap or have different bands.
open-series-dates-missing = No date is in the files or their names; you can type the dates in the timeline.
open-series-one = One series layer
open-series-separate = { $count ->
        [one] The stack as one layer
       *[other] { $count } separate layers
    }
open-series-leave-out = Leave out
open-series-failed = { $count } files could not be opened as rasters.
open-series-cut = Only the first 4000 files were looked at. Choose a smaller folder for the others.
open-series-no-raster = There is no raster in this folder.
open-series-find-missing = Find missing dates
open-series-still-missing = { $count ->
        [one] 1 file of the series are still missing. Right click the layer, Locate…
       *[other] { $count } files of the series are still missing. Right click the layer, Locate…
    }
open-series-add = Add series { $name }
open-series-no-date-for = No date was found for { $files }. They are left out of the timeline until you give them one: press Dates… in the timeline.
open-series-and-more = { $files } and { $count } more
