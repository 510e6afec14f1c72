//! Pictures that a model drew: how a raster says that it is no image but what a model believes a sensor would have seen on a
//! day. Knows what a file says of itself. Knows nothing of its pixels.

use jiff::civil::Date;

use crate::{Period, RasterInfo};

/// What a drawn picture says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Belief {
    /// The day that was drawn.
    pub date: Date,
    /// The days its embedding sums up.
    pub valid: Period,
    /// Name and weights of the model.
    pub model: String,
}

impl Belief {
    /// `None` for images, fields and maps.
    pub fn of(info: &RasterInfo) -> Option<Self> {
        if info.is_field() {
            return None;
        }
        Some(Self {
            date: info.metadata_item("TERROIR_DATE")?.parse().ok()?,
            valid: crate::valid_period(info)?,
            model: info.metadata_item("TERROIR_MODEL")?.to_owned(),
        })
    }

    /// What stands wherever the picture is shown.
    pub fn warning(&self) -> String {
        let maker = match self.model.contains("untrained") {
            true => "Untrained model output",
            false => "Model output",
        };
        format!(
            "{maker}, not an image: {}, from the period {}",
            self.date,
            self.valid.name()
        )
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
    }
}
