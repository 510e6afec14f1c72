//! Remarks of a job under its results: the first few in full, the others folded away but never left out. Draws. Knows no jobs.

use crate::language::{said, t};

/// How many of `remarks` are seen at once; `show` draws one.
pub fn remarks_ui(
    ui: &mut egui::Ui,
    remarks: &[String],
    most: usize,
    show: impl Fn(&mut egui::Ui, &str),
) {
    let (first, others) = split(remarks, most);
    for remark in first {
        show(ui, &said(remark));
    }
    if others.is_empty() {
        return;
    }
    let title = t!("panels-more-remarks", count = others.len());
    egui::CollapsingHeader::new(title)
        .id_salt("more remarks")
        .show(ui, |ui| {
            others.iter().for_each(|remark| show(ui, &said(remark)))
        });
}

/// Those in full, and those folded away: never a single one, which takes no more room itself.
fn split(remarks: &[String], most: usize) -> (&[String], &[String]) {
    match remarks.len() <= most + 1 {
        true => (remarks, &[]),
        false => remarks.split_at(most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_left_out_and_none_folded_away_alone() {
        let remarks: Vec<String> = (0..5).map(|at| at.to_string()).collect();
        for (count, in_full) in [(0, 0), (2, 2), (3, 3), (4, 2), (5, 2)] {
            let (first, others) = split(&remarks[..count], 2);
            assert_eq!(first.len(), in_full);
            assert_eq!([first, others].concat(), remarks[..count]);
        }
    }
}
