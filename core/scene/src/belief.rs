//! Pictures that a model drew: how a raster says that it is no image but what a model believes a sensor would have seen on a
//! day. Knows what a file says of itself. Knows nothing of its pixels.

use jiff::civil::Date;

use crate::{Period, RasterInfo};

/// What a drawn picture says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Belief {
    /// The day that was drawn.
    pub date: Date,
    /// The days its embedding sums up, where there is one.
    pub valid: Option<Period>,
    /// Name and weights of the model, or the rule.
    pub model: String,
    /// What it is instead of an image, where the file says it: a forecast, a filled image.
    pub kind: Option<String>,
}

impl Belief {
    /// `None` for images, fields and maps.
    pub fn of(info: &RasterInfo) -> Option<Self> {
        if info.is_field() {
            return None;
        }
        let valid = crate::valid_period(info);
        let kind = info.metadata_item("TERROIR_FORECAST").map(str::to_owned);
        if valid.is_none() && kind.is_none() {
            return None;
        }
        Some(Self {
            date: info.metadata_item("TERROIR_DATE")?.parse().ok()?,
            valid,
            model: info.metadata_item("TERROIR_MODEL")?.to_owned(),
            kind,
        })
    }

    /// What stands wherever the picture is shown.
    pub fn warning(&self) -> String {
        let maker = match self.model.contains("untrained") {
            true => "Untrained model output",
            false => "Model output",
        };
        match (&self.kind, self.valid) {
            (Some(kind), _) => format!("{kind}, not an image: {}", self.date),
            (None, Some(valid)) => format!(
                "{maker}, not an image: {}, from the period {}",
                self.date,
                valid.name()
            ),
            (None, None) => format!("{maker}, not an image: {}", self.date),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_drawn_pictures_say_so() {
        let frame = crate::series::tests::frame("drawn.tif", None, &[("B02", 492.4)]);
        let mut info = (*frame.info.expect("a frame with a file")).clone();
        assert_eq!(Belief::of(&info), None);
        for (key, value) in [
            ("TERROIR_MODEL", "stp-tiny (trained)"),
            ("TERROIR_DATE", "2018-05-07"),
            ("TERROIR_VALID", "2018-05"),
        ] {
            assert_eq!(Belief::of(&info), None);
            info.metadata.push((key.to_owned(), value.to_owned()));
        }
        let belief = Belief::of(&info).expect("a drawn picture");
        assert_eq!(
            belief.warning(),
            "Model output, not an image: 2018-05-07, from the period May 2018"
        );
        let untrained = Belief {
            model: "stp-tiny (untrained, seed 0)".to_owned(),
            ..belief
        };
        assert!(untrained.warning().starts_with("Untrained model output"));
        info.metadata.retain(|(key, _)| key != "TERROIR_VALID");
        info.metadata.push((
            "TERROIR_FORECAST".to_owned(),
            "Forecast by persistence".to_owned(),
        ));
        let forecast = Belief::of(&info).expect("a forecast");
        assert_eq!(
            forecast.warning(),
            "Forecast by persistence, not an image: 2018-05-07"
        );
    }
}
