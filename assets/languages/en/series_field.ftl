series-field-none = No series
series-field-none-next = Drop a folder of dated images on the map, of one sensor or several; a model of time sums them up in one field.
series-field-from-folder = New series from a folder…
series-field-what = What
series-field-choose = Choose at least one series.
series-field-looking = Looking at the images…
series-field-when = When
series-field-slide = Slide through the year
series-field-season = With the weather
series-field-belief = What the model believes
series-field-add-folder = Add folder…
    .tip = Images that need not be layers: a folder of dated scenes
series-field-no-dates = no dates
series-field-dates = { $count ->
        [one] 1 date
       *[other] { $count } dates
    }
series-field-undated = No image of { $layer } has a date. Give each file its day in its name (scene_2018-05-06.tif), or put a table dates.csv with the columns file and date beside them, and open the series again.
series-field-leave-folder = Do not use this folder
series-field-no-image = no image; the model does without
series-field-images = { $count ->
        [one] 1 image
       *[other] { $count } images
    }
series-field-bands = Bands: { $bands }
series-field-days = Days
series-field-support = Use images of
    .hint = all days, or 2018-03-01..2018-09-01
    .tip = The support: only images of these days are looked at. Fields of other days are inter- or extrapolated from them.
series-field-support-none = No image lies in these days. Choose others.
series-field-used = Used: { $counts }
series-field-typed-dates = { $count } dates were typed in the timeline. Jobs read dates from the files: write these into a table dates.csv beside the images, with the columns file and date.
series-field-more-notes = and { $count } more notes
series-field-sum-up = Sum up
series-field-own-hint = One field each, separated by commas. The last day of a range is not part of it.
series-field-period = Period
series-field-choice-seen = { $period }  ·  { $count } images
series-field-choice-gap = { $period }  ·  in a gap
series-field-choice-beyond = { $period }  ·  beyond the images
series-field-standing = { $period }: { $standing }.
series-field-span = { $first } to { $last }
series-field-fields = { $count } fields, { $span }, from one look at the images. They open as one series.
series-field-empty = No image lies in { $periods }: inter- or extrapolated.
series-field-empty-more = No image lies in { $periods } and { $more } more: inter- or extrapolated.
series-field-which-model = Which model
series-field-model = Model
series-field-weights = Weights
series-field-device = Device
series-field-area = Area
series-field-file = File
series-field-untrained = Untrained: no weights are used, so its fields are those of a random network. Train one on your own archive (Layer, Train a model…), or choose weights.
series-field-choose-weights = Choose a .safetensors file
series-field-in-view = In view, { $width } × { $height } px
series-field-in-view-nothing = In view: nothing of the images
series-field-whole = Whole, { $width } × { $height } px
series-field-choose-out = Choose where the fields are written; several are named by their periods
series-field-make = Make the field
series-field-make-several = Make { $count } fields
series-field-runs = This job is running
series-field-copy = Copy as command
    .tip = The command line that does the same
series-field-slide-about = Makes the fields of all periods of the part in view from one look at the images. They open as a series with one set of colours: its timeline is the slider.
series-field-slide-each = A field
series-field-slide-month = every month
series-field-slide-year = every year
series-field-slide-of = Each of
series-field-slide-one-month = one month
series-field-slide-one-year = a year
series-field-slide-months = { $months } months
series-field-slide-of-tip = Longer than a month, the periods overlap: the summary slides
series-field-slide-size = { $count } periods, { $width } × { $height } pixels around the middle of the view.
series-field-slide-make = Make { $count } periods of the view
series-field-end-tip = { $end } of the change is { $period }. Click to take the period on show, { $shown }.
series-field-end-take = Take as { $end }
series-field-change = Change
    .tip = Maps what changed from A to B; measure and threshold are under Field
series-field-change-runs = Running
series-field-change-same = A and B are the same period: show another one and press B
series-field-season-about = A field that knows the images and the weather up to the last day, and nothing later: for maps of a season that has not ended. It is of this place alone and not to be compared with another field.
series-field-season-days-hint = those above
series-field-season-days-tip = Images from one day up to another, not included: 2018-03-01..2018-06-01
series-field-season-make = Make the field of the season
series-field-season-weather = Add the daily weather of the place first (Layer, Add weather…).
series-field-season-weights = There are no trained weights of { $model }. Train some: Layer, Train a model…, Weather.
series-field-season-one = One season at a time: from one day up to another.
series-field-name-file = Name a file for the field.
series-field-belief-about = Draws what the model takes a sensor to have seen on a day, also on one without an image, and lays it beside the nearest real image. It is model output, not an image.
series-field-belief-no-sensor = This model can draw none of the sensors. Choose other weights.
series-field-belief-sensor = Sensor
series-field-belief-date = Date
    .tip = YYYY-MM-DD; empty: the date on show in the timeline
series-field-belief-valid-hint = 15 days before and after
series-field-belief-valid-tip = The period the picture is drawn from, with the date in it: 2018-05 or 2018-04-20..2018-05-20
series-field-belief-same-day = Nearest real image: { $date }, of that day.
series-field-belief-later = Nearest real image: { $date }, { $days ->
        [one] 1 day later
       *[other] { $days } days later
    }.
series-field-belief-before = Nearest real image: { $date }, { $days ->
        [one] 1 day before
       *[other] { $days } days before
    }.
series-field-belief-no-real = There is no real image of this sensor to compare with.
series-field-belief-draw = Draw it
series-field-belief-not-a-date = `{ $text }` is no date. Write 2018-05-07.
series-field-belief-nothing-to-draw = There is no sensor to draw.
series-field-belief-outside = { $date } does not lie in { $period }. Choose a period around it.
series-field-belief-one-period = Choose one period around the date.
series-field-belief-folder = Name a folder of images.
series-field-belief-layer = Model output: { $sensor } on { $date }
series-field-belief-open-series = The nearest real image is { $image } of { $date }. Open its series to see both side by side.
series-field-no-date = No image has a date.
series-field-not-in-view = The view shows no part of these images.
series-field-one-support = Images are used of one period: from one day up to another.
series-field-type-days = Type the days: 2018-03-01..2018-09-01, 2018-05 or 2018; several with commas.
series-field-one-period-only = The images span only one such period.
series-field-periods-layer = { $name }, { $count } periods
series-field-step-read-again = Read the results again
series-field-when-year = A year
series-field-when-season = A season
series-field-when-month = A month
series-field-when-own = Own dates
series-field-when-monthly = Every month
series-field-when-yearly = Every year
