//! The loss of a draw (specification 7, 8.2): the teacher encodes what it sees of each row; every target is asked for over a
//! period of its own, drawn around its summary and decoded; teacher and student are compared, rows kept apart, texts matched.
//! Knows tensors, rows and losses. Knows nothing of files.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use terroir_models::{
    FrameBatch, KAPPA, Stp, Stream, clip, consistency, masked_l1, regridded, regridded_classes,
    sample_vmf, shift_invariant, uniformity,
};
use terroir_scene::Source;

use super::chips::Chip;
use super::preview::Previews;
use super::reader::RowReader;
use super::rows::{Row, Scale};
use super::sampling::pick;
use super::sources::{has_classes, loss_weights, outputs};
use super::text::{TextHead, TextPoints};
use super::watch::Watch;
use crate::Failure;
use crate::monitor::{JobResult, Monitor};
use crate::training::{Draw, Flow, Loss, RunFolder, Task};

/// Weights of the parts of the loss (specification 7).
const RECONSTRUCTION: f32 = 1.0;
const UNIFORMITY: f32 = 0.05;
const CONSISTENCY: f32 = 0.02;
const TEXT: f32 = 0.001;

/// What is trained: the network, and the head of the texts while there are some.
#[derive(Module, Debug)]
pub struct Learner {
    pub stp: Stp,
    pub text: Option<TextHead>,
}

pub struct Pretraining {
    pub reader: RowReader,
    /// The model's.
    pub sources: Vec<Source>,
    /// By archive, then by source of the model.
    pub scales: Vec<Vec<Scale>>,
    pub texts: Option<TextPoints>,
    /// With gradients.
    pub device: Device,
    pub side: usize,
    pub previews: Previews,
    pub watch: Watch,
    /// Steps between previews.
    pub every: u64,
    pub steps: u64,
    /// Loss of every target in the last draw.
    pub by_source: Vec<(String, f64)>,
}

/// Rows as the network takes them; `is_student` hides from it what the student does not see.
pub fn frames_of(
    rows: &[Row],
    sources: &[Source],
    side: usize,
    device: &Device,
) -> (FrameBatch, Vec<bool>) {
    let inputs: Vec<usize> = (0..sources.len())
        .filter(|at| sources[*at].is_input)
        .collect();
    let count = |source: usize| {
        let counts = rows.iter().map(|row| row.inputs[source].len());
        counts.max().unwrap_or(0)
    };
    let counts: Vec<usize> = inputs.iter().map(|source| count(*source)).collect();
    let mut frames = Vec::with_capacity(inputs.len());
    for (source, count) in inputs.iter().zip(&counts) {
        if *count == 0 {
            frames.push(None);
            continue;
        }
        let bands = sources[*source].bands.len();
        let of_frame = bands * side * side;
        let mut values = Vec::with_capacity(rows.len() * count * of_frame);
        for row in rows {
            for (_, chip) in &row.inputs[*source] {
                values.extend_from_slice(chip);
            }
            let missing = count - row.inputs[*source].len();
            values.extend(std::iter::repeat_n(0.0, missing * of_frame));
        }
        let shape = [rows.len(), *count, bands, side, side];
        let data = TensorData::new(values, shape);
        frames.push(Some(Tensor::<5>::from_data(data, device)));
    }
    let (mut days, mut is_there, mut student) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        for (source, count) in inputs.iter().zip(&counts) {
            for at in 0..*count {
                let frame = row.inputs[*source].get(at);
                days.push(frame.map_or(0.0, |(day, _)| *day));
                is_there.push(frame.is_some());
                let is_kept = row.student[*source].get(at).copied().unwrap_or(false);
                student.push(is_kept);
            }
        }
    }
    let batch = FrameBatch {
        frames,
        days,
        is_there,
    };
    (batch, student)
}

fn maps(chips: &[&Chip], is_weight: bool, side: usize, device: &Device) -> Tensor<4> {
    let part = |chip: &'_ Chip| {
        if is_weight {
            chip.weight.clone()
        } else {
            chip.values.clone()
        }
    };
    let values: Vec<f32> = chips.iter().flat_map(|chip| part(chip)).collect();
    let planes = values.len() / (chips.len() * side * side).max(1);
    let shape = [chips.len(), planes, side, side];
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn chosen(maps: Tensor<4>, rows: &[usize], of: usize) -> Tensor<4> {
    if rows.len() == of {
        return maps;
    }
    let device = maps.device();
    let list: Vec<i32> = rows.iter().map(|row| *row as i32).collect();
    let indices = Tensor::<1, Int>::from_data(TensorData::new(list, [rows.len()]), &device);
    maps.select(0, indices)
}

fn number(tensor: Tensor<1>) -> f64 {
    let values = tensor.into_data().try_into_vec::<f32>();
    values
        .ok()
        .and_then(|values| values.first().copied())
        .map_or(f64::NAN, f64::from)
}

impl Pretraining {
    /// Reconstruction of all targets: mean over rows of the mean over a row's targets.
    fn reconstruction(
        &mut self,
        stp: &Stp,
        encoded: &terroir_models::Encoded,
        rows: &[Row],
        chance: &mut Stream,
    ) -> Option<Tensor<1>> {
        let weights = loss_weights(&self.sources);
        let targets_of_row: Vec<usize> = rows
            .iter()
            .map(|row| row.targets.iter().flatten().count())
            .collect();
        let counted = targets_of_row.iter().filter(|count| **count > 0).count();
        let mut total: Option<Tensor<1>> = None;
        self.by_source.clear();
        let targets: Vec<usize> = (0..self.sources.len())
            .filter(|source| self.sources[*source].is_target)
            .collect();
        for (number_of_target, source) in targets.into_iter().enumerate() {
            let with: Vec<usize> = (0..rows.len())
                .filter(|row| rows[*row].targets[source].is_some())
                .collect();
            if with.is_empty() {
                continue;
            }
            let periods: Vec<(f64, f64)> = rows
                .iter()
                .map(|row| {
                    row.targets[source]
                        .as_ref()
                        .map_or(row.shared, |t| t.period)
                })
                .collect();
            let mu = stp.summarise(encoded, &periods);
            let u = sample_vmf(chosen(mu, &with, rows.len()), KAPPA, chance);
            let times: Vec<f64> = with
                .iter()
                .filter_map(|row| Some(rows[*row].targets[source].as_ref()?.tau))
                .collect();
            let drawn = stp.decode(number_of_target, u, &times, None);
            // Rows of one pixel size and as many targets are compared together.
            let key = |row: usize| (self.scales[rows[row].archive][source], targets_of_row[row]);
            let mut left: Vec<usize> = (0..with.len()).collect();
            let mut sum = 0.0;
            while let Some(first) = left.first() {
                let kind = key(with[*first]);
                let (group, rest): (Vec<usize>, Vec<usize>) =
                    left.iter().partition(|at| key(with[**at]) == kind);
                left = rest;
                let chips: Vec<&Chip> = group
                    .iter()
                    .filter_map(|at| Some(&rows[with[*at]].targets[source].as_ref()?.chip))
                    .collect();
                let (scale, targets) = kind;
                let truth = maps(&chips, false, self.side, &self.device);
                let weight = maps(&chips, true, self.side, &self.device);
                let drawn = chosen(drawn.clone(), &group, with.len());
                let offset = (pick(scale.block_px, chance), pick(scale.block_px, chance));
                let error = if has_classes(&self.sources[source]) {
                    regridded_classes(drawn, truth, weight, scale.block_px, offset)
                } else if scale.block_px > 1 {
                    regridded(drawn, truth, weight, scale.block_px, offset)
                } else if scale.shift_px > 0 {
                    shift_invariant(drawn, truth, weight, scale.shift_px)
                } else {
                    masked_l1(drawn, truth, weight)
                };
                sum += group.len() as f64 * number(error.clone());
                let share =
                    weights[source] * group.len() as f64 / (targets.max(1) * counted.max(1)) as f64;
                let part = error * share as f32;
                total = Some(match total {
                    Some(total) => total + part,
                    None => part,
                });
            }
            let name = format!("{}_loss", super::sources::key(&self.sources[source].name));
            self.by_source.push((name, sum / with.len() as f64));
        }
        total
    }

    /// The contrast of embeddings at texts' places with their texts; `None` with fewer than two.
    fn texts(
        &self,
        model: &Learner,
        encoded: &terroir_models::Encoded,
        rows: &[Row],
    ) -> Option<Tensor<1>> {
        let (texts, head) = (self.texts.as_ref()?, model.text.as_ref()?);
        let with: Vec<usize> = (0..rows.len())
            .filter(|row| rows[*row].anchor.is_some())
            .collect();
        if with.len() < 2 {
            return None;
        }
        let periods: Vec<(f64, f64)> = rows
            .iter()
            .map(|row| row.anchor.as_ref().map_or(row.shared, |a| a.period))
            .collect();
        let mu = model.stp.summarise(encoded, &periods);
        let (mut images, mut told) = (Vec::new(), Vec::new());
        for row in with {
            let anchor = rows[row].anchor.as_ref()?;
            let (line, column) = (anchor.pixel / self.side, anchor.pixel % self.side);
            let image = mu
                .clone()
                .narrow(0, row, 1)
                .narrow(2, line, 1)
                .narrow(3, column, 1)
                .reshape([1, -1]);
            images.push(image);
            told.push((texts.vector(anchor.text), anchor.period));
        }
        let (directions, scale) = head.forward(&told);
        Some(clip(Tensor::cat(images, 0), directions, scale))
    }
}

impl Task for Pretraining {
    type Model = Learner;

    fn loss(&mut self, model: &Learner, draw: Draw, monitor: &Monitor<'_>) -> JobResult<Loss> {
        let rows = self.reader.take(draw, monitor)?;
        if rows.len() < 2 {
            return Err(Failure::new(
                "no two places with enough frames were found for a batch; add archives or dates",
            )
            .into());
        }
        let name = format!("noise {} {}", draw.step, draw.part);
        let mut chance = Stream::new(draw.seed, &name);
        let (seen, of_student) = frames_of(&rows, &self.sources, self.side, &self.device);
        let dropped = FrameBatch {
            is_there: of_student,
            ..seen.clone()
        };
        let encoded = model.stp.encode(&seen);
        let reconstruction = self.reconstruction(&model.stp, &encoded, &rows, &mut chance);
        monitor.check()?;
        let shared: Vec<(f64, f64)> = rows.iter().map(|row| row.shared).collect();
        let mu = model.stp.summarise(&encoded, &shared);
        let student = model.stp.summarise(&model.stp.encode(&dropped), &shared);
        let apart = uniformity(mu.clone());
        let alike = consistency(mu, student);
        let mut total = apart.clone() * UNIFORMITY + alike.clone() * CONSISTENCY;
        let mut parts = vec![("uniformity", apart), ("consistency_loss", alike)];
        if let Some(reconstruction) = reconstruction {
            total = total + reconstruction.clone() * RECONSTRUCTION;
            parts.insert(0, ("reconstruction_loss", reconstruction));
        }
        if let Some(text) = self.texts(model, &encoded, &rows) {
            total = total + text.clone() * TEXT;
            parts.push(("text_loss", text));
        }
        Ok(Loss { total, parts })
    }

    fn after_step(
        &mut self,
        model: &Learner,
        step: u64,
        run: &RunFolder,
        figures: &mut Vec<(String, f64)>,
        monitor: &Monitor<'_>,
    ) -> JobResult<Flow> {
        figures.extend(self.by_source.iter().cloned());
        let apart = figures.iter().find(|(name, _)| name == "uniformity");
        if let Some((_, value)) = apart
            && let Some(text) = self.watch.uniformity(step, *value)
        {
            monitor.warn(text);
        }
        if step == 1 || step == self.steps || step.is_multiple_of(self.every.max(1)) {
            let stp = model.stp.valid();
            if let Some(value) = self
                .previews
                .neighbours(&stp, &self.sources, &self.device)?
            {
                figures.push(("neighbours_agree".to_owned(), value));
                if let Some(text) = self.watch.neighbours(step, value) {
                    monitor.warn(text);
                }
            }
            let path = run.preview_path(step)?;
            self.previews
                .write(&stp, &self.sources, &self.device, &path)?;
            monitor.preview(&path);
        }
        Ok(Flow::GoOn)
    }
}

/// Outputs of the targets, for messages.
pub fn describe(sources: &[Source]) -> String {
    let words: Vec<String> = sources
        .iter()
        .map(|source| {
            let role = match (source.is_input, source.is_target) {
                (true, true) => "",
                (true, false) => ", not to be found",
                _ => ", only to be found",
            };
            format!("{} ({} bands{role})", source.name, outputs(source))
        })
        .collect();
    words.join("; ")
}
