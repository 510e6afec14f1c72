//! What every KG-VSF network must hold (specification section 9), and that its file gives it back.

use std::path::Path;

use burn::tensor::Distribution;

use super::*;
use crate::weights::Stream;

fn config() -> KgvsfConfig {
    KgvsfConfig::by_name("kgvsf-tiny", 3, 2).unwrap()
}

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_into_vec::<f32>().unwrap()
}

/// Three images of two places over 40 days.
fn series(device: &Device) -> ImageSeries {
    device.seed(5);
    let values = Tensor::random([2, 3, 3, 16, 16], Distribution::Normal(0.0, 1.0), device);
    let is_valid = Tensor::<4>::random([2, 3, 16, 16], Distribution::Default, device)
        .greater_elem(0.2)
        .float();
    let mut stream = Stream::new(3, "weather");
    ImageSeries {
        values: values * is_valid.clone().unsqueeze_dim(2),
        is_valid,
        weather_row: vec![3, 9, 20, 0, 8, 21],
        day_of_year: vec![100.0, 106.0, 117.0, 364.0, 6.0, 19.0],
        is_padding: vec![false; 6],
        weather: WeatherRows {
            values: stream.normals(1.0, 2 * 40 * 2),
            days: 40,
            drivers: 2,
        },
    }
}

fn days() -> ForecastDays {
    let mut days = ForecastDays::default();
    days.push(0, 2, 39, 136.0);
    days.push(1, 1, 30, 28.0);
    days.push(0, 0, 3, 100.0);
    days
}

/// A network whose every part has an effect: what starts at zero is drawn.
fn trained(device: &Device) -> Kgvsf {
    let mut list = config().parameters();
    for parameter in &mut list {
        if parameter.name.starts_with("film") || parameter.name.starts_with("f2") {
            parameter.start = crate::Start::Normal(0.1);
        }
    }
    let Ok(model) = Kgvsf::build(&config(), &mut Seeded::new(1, list), device);
    model
}

#[test]
fn places_of_a_batch_know_nothing_of_each_other() {
    let device = Device::flex();
    let model = trained(&device);
    let mut series = series(&device);
    let before = numbers(model.encode(&series).embedding().narrow(0, 1, 1));
    series.values = series.values.clone().slice_assign(
        [0..1, 0..3, 0..3, 0..16, 0..16],
        series.values.narrow(0, 0, 1) + 1.0,
    );
    series.weather.values[..80].fill(2.0);
    let after = numbers(model.encode(&series).embedding().narrow(0, 1, 1));
    assert_eq!(before, after);
}

#[test]
fn an_embedding_knows_no_later_image() {
    let device = Device::flex();
    let model = trained(&device);
    let mut series = series(&device);
    let before = model.encode(&series).embedding();
    let changed = series.values.clone().narrow(1, 1, 1) + 1.0;
    series.values = series
        .values
        .slice_assign([0..2, 1..2, 0..3, 0..16, 0..16], changed);
    let after = model.encode(&series).embedding();
    let image = |x: &Tensor<4>, index: usize| numbers(x.clone().narrow(1, index, 1));
    assert_eq!(image(&before, 0), image(&after, 0));
    assert_ne!(image(&before, 1), image(&after, 1));
    assert_ne!(image(&before, 2), image(&after, 2));
}

#[test]
fn weather_reaches_forward_only() {
    let device = Device::flex();
    let model = trained(&device);
    let mut series = series(&device);
    let days = days();
    let state = model.encode(&series);
    let (before, forecast) = (
        numbers(state.embedding()),
        model.forecast(&state, &series, &days).values,
    );
    let first = state;
    // After the last image of the first place, before its forecast.
    series.weather.values[2 * 30..2 * 31].fill(3.0);
    let state = model.encode(&series);
    assert_eq!(numbers(state.embedding()), before);
    // Keeping the embeddings gives the same.
    let kept = model.under_weather(&first, &series);
    assert_eq!(
        numbers(model.forecast(&kept, &series, &days).values),
        numbers(model.forecast(&state, &series, &days).values)
    );
    let after = model.forecast(&state, &series, &days).values;
    let of = |x: &Tensor<4>, index: usize| numbers(x.clone().narrow(0, index, 1));
    assert_ne!(of(&forecast, 0), of(&after, 0));
    assert_eq!(of(&forecast, 1), of(&after, 1));
    assert_eq!(of(&forecast, 2), of(&after, 2));
}

#[test]
fn padding_has_no_effect() {
    let device = Device::flex();
    let model = trained(&device);
    let plain = series(&device);
    let pad = |x: Tensor<4>| {
        let [b, t, rest, last] = x.dims();
        Tensor::cat(vec![Tensor::zeros([b, 2, rest, last], &device) + 9.0, x], 1).reshape([
            b,
            t + 2,
            rest,
            last,
        ])
    };
    let with_first = |values: &[usize]| {
        values
            .chunks(3)
            .flat_map(|row| [row[0], row[0], row[0], row[1], row[2]])
            .collect::<Vec<usize>>()
    };
    let padded = ImageSeries {
        values: pad(plain.values.clone().reshape([2, 3, 3, 256])).reshape([2, 5, 3, 16, 16]),
        is_valid: Tensor::cat(
            vec![
                Tensor::zeros([2, 2, 16, 16], &device),
                plain.is_valid.clone(),
            ],
            1,
        ),
        weather_row: with_first(&plain.weather_row),
        day_of_year: plain
            .day_of_year
            .chunks(3)
            .flat_map(|row| [row[0], row[0], row[0], row[1], row[2]])
            .collect(),
        is_padding: [[true, true, false, false, false]; 2].concat(),
        ..plain.clone()
    };
    let (one, two) = (model.encode(&plain), model.encode(&padded));
    let real = two.embedding().narrow(1, 2, 3);
    for (a, b) in numbers(one.embedding()).iter().zip(numbers(real)) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    let mut later = days();
    later.anchor.iter_mut().for_each(|anchor| *anchor += 2);
    let values = numbers(model.forecast(&one, &plain, &days()).values);
    let same = numbers(model.forecast(&two, &padded, &later).values);
    for (a, b) in values.iter().zip(same) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}

#[test]
fn clouds_everywhere_give_finite_numbers_on_nothing() {
    let device = Device::flex();
    let model = trained(&device);
    let mut series = series(&device);
    series.values = series.values * 0.0;
    series.is_valid = series.is_valid * 0.0;
    let state = model.encode(&series);
    let forecast = model.forecast(&state, &series, &days());
    assert!(
        numbers(forecast.values)
            .iter()
            .all(|value| value.is_finite())
    );
    assert!(numbers(forecast.base).iter().all(|value| *value == 0.0));
}

#[test]
fn an_untrained_forecaster_leaves_the_state_as_it_is() {
    let device = Device::flex();
    let model = config().init(2, &device);
    let series = series(&device);
    let state = model.encode(&series);
    let mut days = ForecastDays::default();
    days.push(1, 2, 39, 37.0);
    let moved = model.move_to(&state, &series, &days);
    let embedding = state.embedding().narrow(0, 1, 1).narrow(1, 2, 1);
    assert_eq!(numbers(moved), numbers(embedding));
}

#[test]
fn rivals_without_drivers_do_not_see_what_comes() {
    let device = Device::flex();
    let outcome = |weather: WeatherUse, change: f32| {
        let mut config = config();
        config.weather = weather;
        let mut list = config.parameters();
        for parameter in &mut list {
            if parameter.name.starts_with("film") || parameter.name.starts_with("f2") {
                parameter.start = crate::Start::Normal(0.1);
            }
        }
        let Ok(model) = Kgvsf::build(&config, &mut Seeded::new(1, list), &device);
        let mut series = series(&device);
        let days = days();
        series.weather.values[2 * 30..2 * 39].fill(change);
        let state = model.encode(&series);
        numbers(model.forecast(&state, &series, &days).values)
    };
    assert_ne!(
        outcome(WeatherUse::Driver, 0.0),
        outcome(WeatherUse::Driver, 1.0)
    );
    for blind in [WeatherUse::None, WeatherUse::Context] {
        assert_eq!(outcome(blind, 0.0), outcome(blind, 1.0));
    }
}

#[test]
fn a_hidden_image_is_drawn_from_those_on_both_sides() {
    let device = Device::flex();
    let model = trained(&device);
    let mut series = series(&device);
    let base = Tensor::zeros([1, 3, 16, 16], &device);
    let filled = |series: &ImageSeries| numbers(model.fill(series, &[1], base.clone()));
    let before = filled(&series);
    // Its own pixels are not looked at.
    let own = series.values.clone().narrow(1, 1, 1) + 1.0;
    series.values = series
        .values
        .slice_assign([0..2, 1..2, 0..3, 0..16, 0..16], own);
    assert_eq!(filled(&series), before);
    for side in [0, 2] {
        let mut other = series.clone();
        let changed = other.values.clone().narrow(1, side, 1) + 1.0;
        other.values = other
            .values
            .slice_assign([0..2, side..side + 1, 0..3, 0..16, 0..16], changed);
        assert_ne!(filled(&other), before);
    }
}

#[test]
fn every_parameter_learns() {
    let device = Device::flex().autodiff();
    let model = MaskedKgvsf::new(trained(&device), 4, &device);
    let mut series = series(&device);
    series.is_valid = Tensor::ones([2, 3, 16, 16], &device)
        - Tensor::cat(
            vec![
                Tensor::ones([2, 3, 4, 16], &device),
                Tensor::zeros([2, 3, 12, 16], &device),
            ],
            2,
        );
    let hidden = HiddenParts::draw(&series, 4, &mut Stream::new(1, "hidden"));
    let state = model.model.encode(&series);
    let forecast = model.model.forecast(&state, &series, &days()).values;
    let bands = IndexBands {
        red: (0, 0.1, 0.05),
        near_infrared: (1, 0.3, 0.1),
    };
    let valid = Tensor::ones([3, 1, 16, 16], &device);
    let truth = forecast.zeros_like();
    let loss = masked_huber(forecast.clone(), truth.clone(), valid.clone())
        + masked_index_error(forecast, truth, valid, &bands) * 0.1
        + model.losses(&series, &hidden).sum();
    let gradients = loss.backward();
    let mut still = Vec::new();
    struct Visitor<'a>(
        &'a burn::tensor::Gradients,
        &'a mut Vec<String>,
        Vec<String>,
    );
    impl burn::module::ModuleVisitor for Visitor<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = param.val().grad(self.0);
            let moves =
                gradient.is_some_and(|gradient| gradient.abs().max().into_scalar::<f32>() > 0.0);
            if !moves {
                self.1.push(self.2.join("."));
            }
        }

        fn enter_module(&mut self, name: &str, _: &str) {
            self.2.push(name.to_owned());
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.2.pop();
        }
    }
    model.visit(&mut Visitor(&gradients, &mut still, Vec::new()));
    assert_eq!(still, Vec::<String>::new());
}

#[test]
fn hidden_parts_are_as_many_as_specified() {
    let device = Device::flex();
    let series = series(&device);
    let hidden = HiddenParts::draw(&series, 4, &mut Stream::new(9, "hidden"));
    assert_eq!(
        hidden,
        HiddenParts::draw(&series, 4, &mut Stream::new(9, "hidden"))
    );
    assert_ne!(
        hidden,
        HiddenParts::draw(&series, 4, &mut Stream::new(8, "hidden"))
    );
    let (seen, days) = hidden.counts();
    assert_eq!(seen, 4 * 6, "a quarter of 16 tokens of 6 images");
    assert_eq!(days, 2 * 12, "30 percent of 40 days of 2 places");
}

#[test]
fn a_file_gives_the_network_back() {
    let device = Device::flex();
    let model = trained(&device);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let about = serde_json::json!({"steps": 7});
    save_kgvsf(&model, &path, false, &about).unwrap();
    let loaded = load_kgvsf(&path, &device).unwrap();
    assert_eq!(loaded.about, about);
    assert_eq!(loaded.model.config(), model.config());
    let series = series(&device);
    let outcome = |model: &Kgvsf| {
        let state = model.encode(&series);
        numbers(model.forecast(&state, &series, &days()).values)
    };
    assert_eq!(outcome(&loaded.model), outcome(&model));
    let stp = about_kgvsf(Path::new("/nothing/there.safetensors"));
    assert!(stp.unwrap_err().to_string().contains("cannot be read"));
}
