//! Class tables in the window: classes taken in from a file as one undo step, with a word on what became of them.

use std::path::Path;

use terroir_scene::{ClassRow, TakenClasses};

use crate::language::t;
use crate::messages::Level;
use crate::state::State;

/// Renumbered classes that are named one by one.
const NAMED: usize = 3;

impl State {
    /// Takes classes of a file in.
    pub fn take_class_table(&mut self, path: &Path, rows: &[ClassRow]) {
        let file = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let step = t!("classes-step", file = file.as_str());
        self.history.begin_gesture(&step);
        let mut taken = TakenClasses::default();
        if self.prepare_labels() {
            self.history.change(&step, |document| {
                if let Some(labels) = &mut document.labels {
                    taken = labels.take_classes(rows);
                }
            });
        }
        self.history.end_gesture();
        let has_class = self.class_name(self.session.class_id).is_some();
        let labels = self.history.document().labels.as_ref();
        if let Some(first) = labels.and_then(|labels| labels.classes.first())
            && !has_class
        {
            self.session.class_id = first.id;
        }
        let level = if taken.left_out > 0 || !taken.renumbered.is_empty() {
            Level::Warning
        } else {
            Level::Info
        };
        self.messages.show(level, taken_text(&file, &taken));
    }
}

fn taken_text(file: &str, taken: &TakenClasses) -> String {
    if taken.added == 0 && taken.recolored == 0 && taken.left_out == 0 {
        return t!("classes-nothing-new", file = file);
    }
    let mut parts = vec![t!("classes-added", file = file, count = taken.added)];
    if taken.recolored > 0 {
        parts.push(t!("classes-recolored", count = taken.recolored));
    }
    if !taken.renumbered.is_empty() {
        let names: Vec<String> = taken
            .renumbered
            .iter()
            .take(NAMED)
            .map(|(name, id)| format!("{name} → {id}"))
            .collect();
        let more = if taken.renumbered.len() > NAMED {
            ", …"
        } else {
            ""
        };
        parts.push(t!(
            "classes-renumbered",
            list = format!("{}{more}", names.join(", "))
        ));
    }
    if taken.left_out > 0 {
        parts.push(t!("classes-left-out", count = taken.left_out));
    }
    parts.join(" ")
}
