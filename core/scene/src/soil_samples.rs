//! Rows to learn soil moisture from: the values of stations beside the predictors of their days, the same rows for every
//! method. Knows stations and predictors; knows nothing of files or jobs.

use crate::soil_validation::held_out;
use crate::{
    DayOfYearSoil, FeatureTable, LinearSoil, PixelHistory, SceneError, SceneResult, SoilRow,
    SoilSplit, Station, WeatherDay, WeatherPredictors, WeatherReach,
};

/// Images older than this say little of a day's soil.
pub const OLDEST_IMAGE_DAYS: f64 = 30.0;

/// Named numbers, one row a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SoilFeatures {
    pub names: Vec<String>,
    pub table: FeatureTable,
}

impl SoilFeatures {
    fn new(names: Vec<String>) -> Self {
        Self {
            table: FeatureTable::new(names.len()),
            names,
        }
    }
}

/// Values and what they are estimated from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SoilSamples {
    pub rows: Vec<SoilRow>,
    /// Weather index, season and images.
    pub index: SoilFeatures,
    /// Weather over up to 90 days, season, images, and facts of the places.
    pub long: SoilFeatures,
    /// What `index` holds and what a field says of the place, where there is one.
    pub field: Option<SoilFeatures>,
    /// Values left out because too much weather before their day is missing.
    pub without_weather: usize,
    /// Values left out because no clear image of the 30 days before shows the place.
    pub without_image: usize,
}

impl SoilSamples {
    /// `images`: names of the numbers images give, and the history of every station's pixel.
    ///
    /// # Errors
    /// No value with all its predictors.
    pub fn of(
        stations: &[Station],
        images: Option<(&[String], &[PixelHistory])>,
    ) -> SceneResult<Self> {
        let reach = long_reach(stations);
        let facts = common_facts(stations);
        let (image_names, histories) = images.unwrap_or_default();
        let mut index_names = WeatherReach::Index.names();
        index_names.extend(image_names.iter().cloned());
        let mut long_names = reach.names();
        long_names.extend(image_names.iter().chain(&facts).cloned());
        let mut samples = Self {
            index: SoilFeatures::new(index_names),
            long: SoilFeatures::new(long_names),
            ..Self::default()
        };
        for (number, station) in stations.iter().enumerate() {
            let Some(weather) = &station.weather else {
                samples.without_weather += station.days.len();
                continue;
            };
            let index = WeatherPredictors::of(weather, WeatherReach::Index);
            let long = WeatherPredictors::of(weather, reach);
            let fixed: Vec<f32> = facts
                .iter()
                .filter_map(|name| station.facts.iter().find(|(known, _)| known == name))
                .map(|(_, value)| *value as f32)
                .collect();
            for (date, value) in &station.days {
                let (Some(index), Some(long)) = (index.on(*date), long.on(*date)) else {
                    samples.without_weather += 1;
                    continue;
                };
                let seen = match images {
                    None => Some(Vec::new()),
                    Some(_) => histories
                        .get(number)
                        .and_then(|history| history.on(*date, OLDEST_IMAGE_DAYS)),
                };
                let Some(seen) = seen else {
                    samples.without_image += 1;
                    continue;
                };
                samples.rows.push(SoilRow {
                    station: number,
                    date: *date,
                    value: *value,
                });
                samples.index.table.push(&[index, &seen].concat());
                samples.long.table.push(&[long, &seen, &fixed].concat());
            }
        }
        if samples.rows.is_empty() {
            return Err(SceneError::input(match samples.without_image {
                0 => "no value of the stations has weather before its day; add daily precipitation and temperature that cover the days of the \
                      stations (a table with date, prcp, tmin, tmax)"
                    .to_owned(),
                count => format!(
                    "none of the {count} values has a clear image of its place in the {OLDEST_IMAGE_DAYS} days before; choose images of the same \
                     months"
                ),
            }));
        }
        Ok(samples)
    }

    /// Adds what a field says of every station; rows of stations it has no data at are left out for all methods. Returns how many.
    pub fn add_field(&mut self, names: &[String], of_station: &[Option<Vec<f32>>]) -> usize {
        let keep: Vec<bool> = self
            .rows
            .iter()
            .map(|row| matches!(of_station.get(row.station), Some(Some(_))))
            .collect();
        let lacking = keep.iter().filter(|is_there| !**is_there).count();
        if lacking > 0 {
            self.keep(&keep);
        }
        let mut features = SoilFeatures::new([&self.index.names[..], names].concat());
        for (row, index) in self.rows.iter().zip(self.index.table.rows()) {
            if let Some(Some(numbers)) = of_station.get(row.station) {
                features.table.push(&[index, numbers].concat());
            }
        }
        self.field = Some(features);
        lacking
    }

    /// Leaves out rows, for instance those another method can say nothing of.
    pub fn keep(&mut self, keep: &[bool]) {
        let kept: Vec<usize> = (0..self.rows.len())
            .filter(|row| keep.get(*row) == Some(&true))
            .collect();
        self.rows = kept
            .iter()
            .filter_map(|row| self.rows.get(*row))
            .copied()
            .collect();
        let all = [&mut self.index, &mut self.long].into_iter();
        for features in all.chain(&mut self.field) {
            features.table = features.table.select(&kept);
        }
    }
}

/// What weather every station has.
fn long_reach(stations: &[Station]) -> WeatherReach {
    let all_have = |value: fn(&WeatherDay) -> Option<f32>| {
        let weathers = || {
            stations
                .iter()
                .filter_map(|station| station.weather.as_ref())
        };
        weathers().all(|weather| {
            let known = weather
                .days
                .iter()
                .filter(|day| value(day).is_some())
                .count();
            2 * known > weather.days.len()
        })
    };
    WeatherReach::Long {
        has_radiation: all_have(|day| day.srad_mj),
        has_vapour: all_have(|day| day.vp_kpa),
    }
}

/// Names of the facts that every station has.
fn common_facts(stations: &[Station]) -> Vec<String> {
    let Some(first) = stations.first() else {
        return Vec::new();
    };
    let names = first.facts.iter().map(|(name, _)| name);
    names
        .filter(|name| {
            stations
                .iter()
                .all(|station| station.facts.iter().any(|(known, _)| known == *name))
        })
        .cloned()
        .collect()
}

/// The simple estimates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoilBaseline {
    /// The mean of the training values.
    Mean,
    /// Their mean on each day of the year.
    DayOfYear,
    /// Ridge regression on weather index, season and images.
    Ridge,
    /// Ridge regression on weather over up to 90 days, season, images and facts of the places.
    RidgeLong,
    /// Ridge regression on weather index, season, images and a field.
    RidgeField,
}

impl SoilBaseline {
    /// Those that need nothing but stations and weather.
    pub const ALL: [Self; 4] = [Self::Mean, Self::DayOfYear, Self::Ridge, Self::RidgeLong];

    /// Those that samples have the numbers for.
    pub fn of(samples: &SoilSamples) -> Vec<Self> {
        let of_field = samples.field.is_some().then_some(Self::RidgeField);
        Self::ALL.into_iter().chain(of_field).collect()
    }

    /// Its key in reports.
    pub fn key(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::DayOfYear => "doy",
            Self::Ridge => "ridge",
            Self::RidgeLong => "ridge_long",
            Self::RidgeField => "ridge_field",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Mean => "mean of the training values",
            Self::DayOfYear => "mean of the day of the year",
            Self::Ridge => "ridge regression",
            Self::RidgeLong => "ridge regression on 90 days of weather",
            Self::RidgeField => "ridge regression with a field",
        }
    }

    /// The numbers it is fitted on, where it is a regression.
    pub fn features(self, samples: &SoilSamples) -> Option<&SoilFeatures> {
        match self {
            Self::Mean | Self::DayOfYear => None,
            Self::Ridge => Some(&samples.index),
            Self::RidgeLong => Some(&samples.long),
            Self::RidgeField => samples.field.as_ref(),
        }
    }

    /// Fitted on some rows.
    ///
    /// # Errors
    /// Those of [`LinearSoil::fit`].
    pub fn fit_linear(
        self,
        samples: &SoilSamples,
        train: &[usize],
    ) -> SceneResult<Option<LinearSoil>> {
        let Some(features) = self.features(samples) else {
            return Ok(None);
        };
        let values: Vec<f64> = train
            .iter()
            .filter_map(|row| samples.rows.get(*row))
            .map(|row| row.value)
            .collect();
        LinearSoil::fit(&features.names, &features.table.select(train), &values).map(Some)
    }

    /// Fitted on some rows, the estimates of others.
    ///
    /// # Errors
    /// Those of [`LinearSoil::fit`].
    pub fn estimate(
        self,
        samples: &SoilSamples,
        train: &[usize],
        test: &[usize],
    ) -> SceneResult<Vec<f64>> {
        let rows_of = |list: &[usize]| -> Vec<SoilRow> {
            list.iter()
                .filter_map(|row| samples.rows.get(*row))
                .copied()
                .collect()
        };
        let known = rows_of(train);
        match self {
            Self::Mean => {
                let mean =
                    known.iter().map(|row| row.value).sum::<f64>() / known.len().max(1) as f64;
                Ok(vec![mean; test.len()])
            }
            Self::DayOfYear => {
                let fitted = DayOfYearSoil::fit(known.iter().map(|row| (row.date, row.value)));
                Ok(rows_of(test)
                    .iter()
                    .map(|row| fitted.predict(row.date))
                    .collect())
            }
            Self::Ridge | Self::RidgeLong | Self::RidgeField => {
                let (Some(features), Some(fitted)) =
                    (self.features(samples), self.fit_linear(samples, train)?)
                else {
                    return Ok(vec![f64::NAN; test.len()]);
                };
                Ok(test
                    .iter()
                    .map(|row| fitted.predict(features.table.row(*row)))
                    .collect())
            }
        }
    }

    /// Estimates of all rows, each by a fit that did not see it.
    ///
    /// # Errors
    /// Those of [`LinearSoil::fit`].
    pub fn held_out(
        self,
        samples: &SoilSamples,
        split: &SoilSplit,
    ) -> SceneResult<Vec<Option<f64>>> {
        held_out(&samples.rows, split, |train, test| {
            self.estimate(samples, train, test)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SoilAccuracy, StationReading, StationTables};
    use jiff::civil::Date;

    /// RMSE and R² pooled over stations that were held out.
    fn figures(files: &[std::path::PathBuf], depth_m: (f64, f64)) -> Vec<(f64, f64, f64)> {
        let reading = StationReading {
            depth_m,
            ..StationReading::default()
        };
        let tables = StationTables::open_blocking(files, &reading).expect("stations");
        let samples = SoilSamples::of(&tables.stations, None).expect("samples");
        let count = tables.stations.len();
        let split = SoilSplit::by_station(count, 0).expect("a split");
        SoilBaseline::ALL
            .iter()
            .map(|baseline| {
                let estimates = baseline.held_out(&samples, &split).expect("estimates");
                let accuracy = SoilAccuracy::of(&samples.rows, &estimates, count);
                let found = (
                    accuracy.pooled.rmse.expect("a figure"),
                    accuracy.pooled.r2_determination.expect("a figure"),
                    accuracy.mean_over_stations.ubrmse.expect("a figure"),
                );
                eprintln!(
                    "{}: n {} RMSE {:.4} R2 {:.3}, mean over stations ubRMSE {:.4} r {:?}",
                    baseline.key(),
                    accuracy.pooled.n,
                    found.0,
                    found.1,
                    found.2,
                    accuracy.mean_over_stations.r
                );
                found
            })
            .collect()
    }

    /// The published figures are 0.1338 (mean) and 0.0787 (ridge, R² 0.631) for USCRN, 0.0739 and 0.0546 (R² 0.452) for the Cook
    /// farm, with other draws of the folds and other windows of the weather.
    #[test]
    fn the_baselines_of_the_shared_stations_are_of_the_published_order() {
        let Some(data) = crate::field::tests::shared("data") else {
            return;
        };
        let uscrn = data.join("soilmoisture_uscrn_2020/uscrn_daily_2020.csv");
        let found = figures(&[uscrn], (0.0, 0.1));
        let [mean, _, plain, long] = found.as_slice() else {
            panic!("four baselines");
        };
        assert!((mean.0 - 0.1338).abs() < 0.01 && mean.1 < 0.0, "{mean:?}");
        assert!(
            (long.0 - 0.0787).abs() < 0.01 && (long.1 - 0.631).abs() < 0.1,
            "{long:?}"
        );
        assert!(plain.0 < mean.0 && long.0 < plain.0, "{found:?}");
        let cook = data.join("soilmoisture_cookfarm");
        let files = [
            "soil_moisture_vwc_depth030cm.csv",
            "sensors.csv",
            "weather_daily.csv",
        ];
        let found = figures(&files.map(|name| cook.join(name)), (0.3, 0.3));
        let [mean, _, plain, long] = found.as_slice() else {
            panic!("four baselines");
        };
        assert!((mean.0 - 0.0739).abs() < 0.005, "{mean:?}");
        assert!(
            (long.0 - 0.0546).abs() < 0.005 && (long.1 - 0.452).abs() < 0.1,
            "{long:?}"
        );
        assert!(plain.0 < mean.0, "{found:?}");
    }

    #[test]
    fn rows_without_weather_or_image_are_counted() {
        let station = |weather: Option<std::sync::Arc<crate::StationWeather>>| Station {
            name: "a".to_owned(),
            place: None,
            depth_m: None,
            days: [
                (Date::constant(2020, 1, 3), 0.2),
                (Date::constant(2020, 1, 4), 0.3),
            ]
            .into(),
            facts: Vec::new(),
            cell_m: None,
            weather,
        };
        let day = WeatherDay {
            prcp_mm: Some(1.0),
            tmean_c: Some(4.0),
            ..WeatherDay::default()
        };
        let weather = std::sync::Arc::new(crate::StationWeather {
            source: "made".to_owned(),
            first: Date::constant(2020, 1, 1),
            days: vec![day; 3],
        });
        let stations = [station(Some(weather)), station(None)];
        let found = SoilSamples::of(&stations, None).expect("samples");
        assert_eq!(
            (found.rows.len(), found.without_weather, found.without_image),
            (1, 3, 0)
        );
        assert_eq!(found.index.table.row(0).len(), found.index.names.len());
        assert_eq!(found.long.table.row(0).len(), found.long.names.len());
        let names = ["NDVI".to_owned()];
        let histories = [PixelHistory::default(), PixelHistory::default()];
        // A history without any predictor has nothing to lack.
        let found = SoilSamples::of(&stations, Some((&names, &histories)));
        assert!(found.is_ok());
        let found = SoilSamples::of(&stations, Some((&names, &[]))).expect_err("refused");
        assert!(found.to_string().contains("clear image"), "{found}");
        let found = SoilSamples::of(&stations[1..], None).expect_err("refused");
        assert!(
            found.to_string().contains("add daily precipitation"),
            "{found}"
        );
    }
}
