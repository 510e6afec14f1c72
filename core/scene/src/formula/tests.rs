//! Formulas: precedence, missing values, names of bands, and words for every mistake.

use super::*;
use crate::{BandWavelength, SampleType, WavelengthSource};

fn band(index: usize, name: &str, nm: Option<f64>) -> BandInfo {
    BandInfo {
        index,
        name: name.to_owned(),
        sample_type: SampleType::UInt16,
        nodata: None,
        scale: 1.0,
        offset: 0.0,
        unit: String::new(),
        color_interpretation: "undefined".into(),
        palette: Vec::new(),
        block_size: (256, 256),
        overviews: Vec::new(),
        wavelength: nm.map(|nm| BandWavelength {
            center: Wavelength(nm),
            fwhm_nm: None,
            source: WavelengthSource::BandMetadata,
        }),
        is_bad: false,
        metadata: Vec::new(),
    }
}

fn value(text: &str, bands: &[f32]) -> f32 {
    let formula = Formula::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let all: Vec<BandInfo> = (0..bands.len())
        .map(|index| band(index, &format!("Band {}", index + 1), None))
        .collect();
    let picks = formula.resolve(&all).unwrap();
    let planes: Vec<[f32; 1]> = picks.iter().map(|band| [bands[*band]]).collect();
    let planes: Vec<&[f32]> = planes.iter().map(|plane| &plane[..]).collect();
    let mut out = [0.0];
    formula.evaluate(&planes, &mut out);
    out[0]
}

/// Expected numbers by Python 3 with numpy's functions.
#[test]
fn operators_bind_as_in_python() {
    for (text, expected) in [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("2 ** -1", 0.5),
        ("-2 ^ 2", -4.0),
        ("2 * -3", -6.0),
        ("10 - 4 - 3", 3.0),
        ("100 / 10 / 2", 5.0),
        ("1 / 2", 0.5),
        ("-7 % 3", 2.0),
        ("1 < 2", 1.0),
        ("1 + 1 == 2 and not 3 > 4", 1.0),
        ("0 or 0", 0.0),
        ("1e-2 * 1E2", 1.0),
        ("abs(-3) + sqrt(16)", 7.0),
        ("log(exp(2))", 2.0),
        ("log10(1000)", 3.0),
        ("min(3, 1, 2) + max(1, max(5, 4))", 6.0),
        ("where(2 > 1, 10, 20)", 10.0),
        ("if(2 < 1, 10, 20)", 20.0),
        ("clip(7, 0, 5)", 5.0),
        ("round(2.5)", 2.0),
        ("sign(-0.3)", -1.0),
        ("db(100)", 20.0),
        ("+3 - -3", 6.0),
        ("2 × 3 − 1", 5.0),
    ] {
        assert!((value(text, &[]) - expected).abs() < 1e-6, "{text}");
    }
    assert!((value("cos(pi)", &[]) + 1.0).abs() < 1e-6);
}

#[test]
fn bands_enter_by_number_and_what_has_no_value_is_missing() {
    assert!((value("(b2 - b1) / (b2 + b1)", &[1.0, 3.0]) - 0.5).abs() < 1e-7);
    assert!((value("b1 * b1 - b1", &[3.0]) - 6.0).abs() < 1e-7);
    for text in [
        "b1 / 0",
        "sqrt(0 - b1)",
        "log(0)",
        "where(0 / 0 > 1, b1, b1)",
        "min(b1, 0 / 0)",
        "max(0 / 0, b1)",
    ] {
        assert!(value(text, &[2.0]).is_nan(), "{text}");
    }
}

#[test]
fn long_planes_are_worked_on_in_runs() {
    let formula = Formula::parse("b1 + 2 * b2").unwrap();
    let a: Vec<f32> = (0..5000).map(|value| value as f32).collect();
    let b: Vec<f32> = a.iter().map(|value| value * 0.5).collect();
    let mut out = vec![0.0; 5000];
    formula.evaluate(&[&a, &b], &mut out);
    assert!(
        out.iter()
            .enumerate()
            .all(|(index, value)| *value == 2.0 * index as f32)
    );
}

#[test]
fn mistakes_have_words_and_a_place() {
    for (text, column, words) in [
        ("", 0, "empty"),
        ("b1 +", 4, "missing"),
        ("b1 b2", 3, "operator"),
        ("(b1 + b2", 0, "never closed"),
        ("b1 + b2)", 7, "never opened"),
        ("b1 + # 2", 5, "#"),
        ("foo(b1)", 0, "no function foo"),
        ("sqrt(b1, b2)", 0, "one value"),
        ("where(b1 > 1, 2)", 0, "a condition and two values"),
        ("b1, b2", 2, "comma"),
        ("2 + * 3", 4, "missing"),
        ("max(b1, )", 8, "missing"),
        ("1.2.3", 0, "no number"),
        ("b0", 0, "from b1"),
        ("band(665", 0, "not closed"),
        ("band(7q)", 0, "no wavelength"),
        ("(b1", 0, "never closed"),
        ("b1 < b2 < b1", 8, "chained"),
        ("()", 1, "missing"),
    ] {
        let error = Formula::parse(text).expect_err(text);
        assert_eq!(error.column, column, "{text}: {error}");
        assert!(error.what.contains(words), "{text}: {error}");
    }
    let deep = format!("{}1{}", "(".repeat(150), ")".repeat(150));
    assert!(Formula::parse(&deep).is_ok());
    assert!(Formula::parse(&"(".repeat(1999)).is_err());
    assert!(Formula::parse(&"-".repeat(1999)).is_err());
    assert!(Formula::parse(&"9".repeat(3000)).is_err());
}

#[test]
fn names_find_bands() {
    let bands = [
        band(0, "B02", Some(492.4)),
        band(1, "B03", Some(559.8)),
        band(2, "B04", Some(664.6)),
        band(3, "B08", Some(832.8)),
        band(4, "VV", None),
        band(5, "my band", None),
    ];
    let find = |text: &str| Formula::parse(text).and_then(|formula| formula.resolve(&bands));
    assert_eq!(find("(nir - red) / (nir + red)"), Ok(vec![3, 2]));
    assert_eq!(find("b1 + b3 + b1"), Ok(vec![0, 2]));
    assert_eq!(
        find("nm665 + band(0.56um) + band(832.8 nm)"),
        Ok(vec![2, 1, 3])
    );
    assert_eq!(
        find("VV + vv + \"my band\" + band(B08)"),
        Ok(vec![4, 4, 5, 3])
    );
    let wrong = |text: &str| find(text).expect_err(text);
    assert!(wrong("b7").what.contains("no band 7"));
    assert!(wrong("1 + swir16").what.contains("1614"));
    assert_eq!(wrong("1 + swir16").column, 4);
    assert!(wrong("nm1610").what.contains("nearest is B08"));
    assert!(wrong("banana").what.contains("no band here"));
}
