//! Order, duplicates, dates given by hand, and styles that follow their bands.

use super::*;
use crate::{Blend, Document, History, LayerId, SampleType, Stretch, Wavelength, WavelengthSource};

pub(crate) fn frame(name: &str, date: Option<(i16, i8, i8)>, bands: &[(&str, f64)]) -> Frame {
    let bands = bands
        .iter()
        .enumerate()
        .map(|(index, (name, nm))| BandInfo {
            index,
            name: (*name).to_owned(),
            sample_type: SampleType::UInt16,
            nodata: None,
            scale: 1.0,
            offset: 0.0,
            unit: String::new(),
            color_interpretation: "undefined".into(),
            palette: Vec::new(),
            block_size: (256, 256),
            overviews: Vec::new(),
            wavelength: Some(crate::BandWavelength {
                center: Wavelength(*nm),
                fwhm_nm: None,
                source: WavelengthSource::BandName,
            }),
            is_bad: false,
            metadata: Vec::new(),
        })
        .collect();
    let info = RasterInfo {
        path: name.into(),
        driver: "GTiff".into(),
        grid: crate::Grid {
            width: 4,
            height: 4,
            georef: crate::Georef::default(),
        },
        bands,
        metadata: Vec::new(),
        compression: None,
        is_interleaved: false,
        size_bytes: 0,
        date: None,
        sensor: None,
        unit_vectors: None,
    };
    Frame {
        parts: vec![FramePart {
            path: name.into(),
            bands: Vec::new(),
        }],
        names: Vec::new(),
        date: date.map(|(year, month, day)| Date::constant(year, month, day)),
        time: None,
        period: None,
        is_date_edited: false,
        info: Some(Arc::new(info)),
        mask: None,
        stated_clouds: None,
    }
}

const S2: &[(&str, f64)] = &[
    ("B02", 492.4),
    ("B03", 559.8),
    ("B04", 664.6),
    ("B08", 832.8),
];
const L8: &[(&str, f64)] = &[("SR_B4", 655.0), ("SR_B3", 560.0), ("SR_B2", 480.0)];

fn names(series: &Series) -> Vec<String> {
    (0..series.frames().len())
        .map(|index| series.label(index))
        .collect()
}

#[test]
fn frames_stand_in_order_of_date_and_two_of_a_day_are_told_apart() {
    let mut noon = frame("noon", Some((2021, 6, 3)), S2);
    noon.time = Some(Time::constant(12, 0, 0, 0));
    let mut morning = frame("z", Some((2021, 6, 3)), S2);
    morning.time = Some(Time::constant(10, 10, 31, 0));
    let series = Series::new(
        vec![
            frame("undated", None, S2),
            frame("c", Some((2021, 8, 1)), S2),
            noon,
            frame("b_2", Some((2020, 1, 31)), S2),
            morning,
            frame("b", Some((2020, 1, 31)), S2),
        ],
        1,
    );
    assert_eq!(
        names(&series),
        [
            "2020-01-31 (1)",
            "2020-01-31 (2)",
            "2021-06-03 10:10:31",
            "2021-06-03 12:00:00",
            "2021-08-01",
            "undated"
        ]
    );
    assert_eq!((series.dated(), series.shown()), (5, 1));
    assert_eq!(series.frame_of(Date::constant(2021, 6, 3)), Some(2));
}

#[test]
fn a_date_given_by_hand_moves_the_frame_and_keeps_the_one_on_show() {
    let mut series = Series::new(
        vec![
            frame("a", Some((2021, 6, 3)), S2),
            frame("b", Some((2021, 7, 3)), S2),
            frame("u", None, S2),
        ],
        1,
    );
    series.set_date(2, Some(Date::constant(2020, 5, 5)));
    assert_eq!(names(&series), ["2020-05-05", "2021-06-03", "2021-07-03"]);
    assert_eq!(series.shown(), 2);
    assert!(series.frames()[0].is_date_edited);
    series.set_date(0, None);
    assert_eq!(series.dated(), 2);
    assert_eq!(series.label(series.shown()), "2021-07-03");
}

fn document(frames: Vec<Frame>) -> (Document, LayerId) {
    let limits = Stretch {
        low: 0.0,
        high: 1.0,
        gamma: 1.0,
    };
    let mut document = Document::default();
    let id = document.add_layer(Layer {
        id: LayerId(0),
        name: "series".into(),
        source: LayerSource::Series(Series::new(frames, 0)),
        style: Some(Style::rgb([2, 1, 0], [limits; 3])),
        visible: true,
        opacity: 1.0,
        blend: Blend::Normal,
        missing_color: None,
        edited_wavelengths: Vec::new(),
        attribution: None,
    });
    (document, id)
}

fn shown_bands(document: &Document, id: LayerId) -> (usize, Vec<usize>) {
    let layer = document.layer(id).unwrap();
    let bands = layer.style.as_ref().map(style_bands).unwrap();
    (layer.series().unwrap().shown(), bands)
}

#[test]
fn a_style_follows_its_bands_by_wavelength() {
    let (mut document, id) = document(vec![
        frame("s2", Some((2021, 6, 3)), S2),
        frame("l8", Some((2021, 6, 5)), L8),
    ]);
    document.layer_mut(id).unwrap().show_frame(1);
    assert_eq!(shown_bands(&document, id), (1, vec![0, 1, 2]));
    document.layer_mut(id).unwrap().show_frame(0);
    assert_eq!(shown_bands(&document, id), (0, vec![2, 1, 0]));
    document.layer_mut(id).unwrap().show_frame(99);
    assert_eq!(shown_bands(&document, id).0, 1);
}

#[test]
fn looking_at_another_date_is_no_step_and_undo_keeps_the_date() {
    let frames = (1..=4)
        .map(|month| frame(&month.to_string(), Some((2021, month, 1)), S2))
        .collect();
    let (document, id) = document(frames);
    let mut history = History::new(document);
    history.change("Opacity", |document| {
        document.layer_mut(id).unwrap().opacity = 0.5
    });
    history.mark_saved();
    let revision = history.revision();
    history.show_frame(id, 2);
    assert!(history.revision() > revision && !history.is_dirty());
    assert_eq!(history.steps().0, ["Opacity"]);
    history.undo();
    assert_eq!(shown_bands(history.document(), id).0, 2);
    assert_eq!(history.document().layer(id).unwrap().opacity, 1.0);
    history.show_frame(id, 3);
    history.redo();
    assert_eq!(shown_bands(history.document(), id).0, 3);
    assert!(!history.is_dirty());
    // Neither is it part of a gesture that changed nothing.
    history.begin_gesture("Nothing");
    history.show_frame(id, 0);
    history.end_gesture();
    assert_eq!(history.steps().0, ["Opacity"]);
}

#[test]
fn fields_of_periods_are_named_by_them_and_reach_to_their_last_day() {
    let of_period = |name: &str, text: &str| {
        let period: Period = text.parse().unwrap();
        let from = period.from;
        Frame {
            period: Some(period),
            ..frame(name, Some((from.year(), from.month(), from.day())), S2)
        }
    };
    let mut series = Series::new(
        vec![
            of_period("b.tif", "2018-02"),
            of_period("year.tif", "2018"),
            of_period("a.tif", "2018-01"),
        ],
        0,
    );
    assert_eq!(names(&series), ["Jan 2018", "2018", "Feb 2018"]);
    assert!(series.is_of_periods());
    let day = Date::constant;
    assert_eq!(series.span(), Some((day(2018, 1, 1), day(2018, 2, 1))));
    assert_eq!(series.reach(), Some((day(2018, 1, 1), day(2018, 12, 31))));
    // A date typed by hand is a date again.
    series.set_date(2, Some(day(2018, 3, 5)));
    assert_eq!(names(&series)[2], "2018-03-05");
    assert!(!series.is_of_periods());
}
