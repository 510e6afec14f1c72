//! Fill: a click gives the patch under it, or the unlabelled ground that labels enclose, the chosen class. The patch is found
//! in a thread of its own; one fill is one undo step.

use terroir_scene::Followed;

use super::MapView;
use super::paint::clicked_pixel;
use crate::label_work::FillQuestion;
use crate::language::t;
use crate::messages::Level;
use crate::state::State;

/// Largest patch one fill may change.
const FILL_LIMIT: usize = 16_000_000;
/// A fill is looked for anew this often when labels change meanwhile.
const MOST_TRIES: usize = 5;

pub fn fill(state: &mut State, view: &MapView<'_>, clicked: bool) {
    if !clicked {
        return;
    }
    let Some(at) = clicked_pixel(state, view) else {
        return;
    };
    let Some(grid) = state.label_grid() else {
        return;
    };
    if at.0 >= grid.width || at.1 >= grid.height {
        return;
    }
    let labels = state.history.document().labels.as_ref();
    if labels.is_none_or(terroir_scene::Labels::is_empty) {
        state.messages.show(Level::Info, t!("fill-nothing-here"));
        return;
    }
    let shown = state.label_at(at.0, at.1);
    if shown != 0 && state.session.protect {
        state.messages.show(Level::Info, t!("fill-protected"));
        return;
    }
    let class_id = state.prepare_class();
    if shown == class_id {
        state.messages.show(Level::Info, t!("fill-has-class"));
        return;
    }
    // Unlabelled ground is filled only where labels enclose it, not the rest of the scene.
    let limit = match shown {
        0 => FILL_LIMIT.min(grid.width.saturating_mul(grid.height) / 4),
        _ => FILL_LIMIT,
    };
    let Some(labels) = state.history.document().labels.clone() else {
        return;
    };
    ask(
        state,
        FillQuestion {
            labels,
            at,
            class_id,
            limit,
            tries: 0,
        },
    );
}

fn ask(state: &mut State, question: FillQuestion) {
    if !state.label_work.fill(question) {
        state.messages.show(Level::Warning, t!("fill-too-many"));
    }
}

impl State {
    /// Paints what was found, or looks anew where labels changed meanwhile.
    pub fn take_fill(&mut self, question: FillQuestion, found: Followed) {
        let Some(labels) = &self.history.document().labels else {
            return;
        };
        if *labels != question.labels {
            if question.tries < MOST_TRIES && labels.grid == question.labels.grid {
                let question = FillQuestion {
                    labels: labels.clone(),
                    tries: question.tries + 1,
                    ..question
                };
                ask(self, question);
            }
            return;
        }
        let region = match found {
            Followed::Whole(region) => region,
            Followed::TooLarge => {
                self.messages.show(Level::Info, t!("fill-not-closed"));
                return;
            }
        };
        let class_id = question.class_id;
        let name = self.class_name(class_id).unwrap_or_default();
        let step = t!("fill-step", class = name.as_str());
        let mut changed = 0;
        self.history.change(&step, |document| {
            if let Some(labels) = &mut document.labels {
                changed = labels.paint_region(&region, class_id, false);
            }
        });
        if changed > 0 {
            self.messages.drop_hints();
        }
    }
}
