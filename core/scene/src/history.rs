//! Undo: the one door through which the document changes. Keeps previous values, named, bounded in bytes and steps.
//! Knows documents as values. Knows nothing of what a change means.

use std::collections::VecDeque;

use crate::{Document, LayerId};

/// Bytes all kept values may hold together beyond the current one.
const BUDGET_BYTES: usize = 256 << 20;
/// More steps than anyone takes back one by one.
const MAX_STEPS: usize = 1000;

/// A value the document had, and the step that leads away from it.
struct Step {
    name: String,
    document: Document,
    /// Which value of the document this is, for `is_dirty`.
    state: u64,
    /// Bytes this value holds that its neighbour does not.
    size_bytes: usize,
}

/// A gesture under way: the value before it, and whether anything was done yet.
struct Gesture {
    name: String,
    before: Document,
    state: u64,
}

pub struct History {
    current: Document,
    state: u64,
    next_state: u64,
    saved: u64,
    revision: u64,
    gesture: Option<Gesture>,
    /// Values before each step, oldest first.
    undo: VecDeque<Step>,
    /// Values after each step taken back, next one last.
    redo: Vec<Step>,
    budget_bytes: usize,
    hold: Hold,
}

/// Whether the pointer is held down, and whether the newest step was made under it.
#[derive(Clone, Copy, PartialEq)]
enum Hold {
    Free,
    Held,
    HeldWithStep,
}

impl History {
    /// Starts with no steps; the document counts as saved.
    pub fn new(document: Document) -> Self {
        Self::with_budget(document, BUDGET_BYTES)
    }

    fn with_budget(document: Document, budget_bytes: usize) -> Self {
        Self {
            current: document,
            state: 0,
            next_state: 1,
            saved: 0,
            revision: 0,
            gesture: None,
            undo: VecDeque::new(),
            redo: Vec::new(),
            budget_bytes,
            hold: Hold::Free,
        }
    }

    pub fn document(&self) -> &Document {
        &self.current
    }

    /// Bumps on every change, undo and redo: caches compare it.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// One undoable step. While a gesture is open (see `begin_gesture`) all changes join into one step.
    /// A change that changes nothing adds no step.
    pub fn change(&mut self, name: &str, edit: impl FnOnce(&mut Document)) {
        if self.gesture.is_some() {
            // The gesture kept the value before it; comparing after each pointer move would cost more than it saves.
            edit(&mut self.current);
            self.touch();
            return;
        }
        let before = self.current.clone();
        edit(&mut self.current);
        if self.current == before {
            return;
        }
        let continues = self.hold == Hold::HeldWithStep
            && self.redo.is_empty()
            && self.undo.back().is_some_and(|step| step.name == name);
        let state = self.state;
        self.touch();
        if continues {
            self.widen_last();
        } else {
            self.push(name.to_owned(), before, state);
            if self.hold == Hold::Held {
                self.hold = Hold::HeldWithStep;
            }
        }
    }

    /// One undoable step of something that is kept in a file of its own, which follows: the project counts as saved as before.
    pub fn change_beside(&mut self, name: &str, edit: impl FnOnce(&mut Document)) {
        self.end_gesture();
        let before = self.current.clone();
        edit(&mut self.current);
        if self.current != before {
            self.revision += 1;
            let state = self.state;
            self.push(name.to_owned(), before, state);
        }
    }

    /// More of the step that made the document what it is, e.g. limits that took time to work out. `made` is [`Self::value`]
    /// as it was after that step; if the document changed since, nothing happens and `false` comes back.
    pub fn amend(&mut self, made: u64, edit: impl FnOnce(&mut Document)) -> bool {
        if self.state != made || self.gesture.is_some() || !self.redo.is_empty() {
            return false;
        }
        let before = self.current.clone();
        edit(&mut self.current);
        if self.current != before {
            let was_saved = self.saved == self.state;
            self.touch();
            if self.undo.is_empty() {
                // Nothing made it but opening.
                if was_saved {
                    self.saved = self.state;
                }
            } else {
                self.widen_last();
            }
        }
        true
    }

    /// The newest step leads to the present value now. One that leads back to where it came from is none.
    fn widen_last(&mut self) {
        let Some(step) = self.undo.back_mut() else {
            return;
        };
        if step.document == self.current {
            self.state = step.state;
            self.undo.pop_back();
            self.end_held_step();
        } else {
            step.size_bytes = step.document.size_beyond(Some(&self.current));
        }
    }

    /// Tells once a frame whether the pointer is held down, and whether it went down just now. As long as it is held,
    /// changes of one name are one step: the drag of a slider, a colour looked for in a picker. A gesture nobody ended
    /// ends with it.
    pub fn hold(&mut self, is_held: bool, is_new: bool) {
        if !is_held {
            self.end_gesture();
            self.hold = Hold::Free;
        } else if is_new || self.hold == Hold::Free {
            self.hold = Hold::Held;
        }
    }

    /// Whether a gesture is open.
    pub fn is_in_gesture(&self) -> bool {
        self.gesture.is_some()
    }

    /// The document is in no file yet, e.g. recovered work.
    pub fn mark_unsaved(&mut self) {
        self.saved = u64::MAX;
    }

    /// Shows another frame of a series. Like a look elsewhere on the map it is no step: undo keeps it, and the document
    /// counts as saved as before.
    pub fn show_frame(&mut self, layer: LayerId, index: usize) {
        let before = self.gesture.as_mut().map(|gesture| &mut gesture.before);
        for document in [Some(&mut self.current), before].into_iter().flatten() {
            if let Some(layer) = document.layer_mut(layer) {
                layer.show_frame(index);
            }
        }
        self.revision += 1;
    }

    /// Which value the document has now; unlike `revision` it stays when only another frame of a series is shown.
    pub fn value(&self) -> u64 {
        self.state
    }

    /// Opens a gesture (a stroke, a slider drag): one step until `end_gesture`. A gesture still open is ended first.
    pub fn begin_gesture(&mut self, name: &str) {
        self.end_gesture();
        self.gesture = Some(Gesture {
            name: name.to_owned(),
            before: self.current.clone(),
            state: self.state,
        });
    }

    pub fn end_gesture(&mut self) {
        let Some(gesture) = self.gesture.take() else {
            return;
        };
        if self.current == gesture.before {
            self.state = gesture.state;
        } else {
            self.push(gesture.name, gesture.before, gesture.state);
        }
    }

    /// Gives up the open gesture (`Esc` while dragging): the document is as before it.
    pub fn cancel_gesture(&mut self) {
        if let Some(gesture) = self.gesture.take() {
            self.current = gesture.before;
            self.state = gesture.state;
            self.revision += 1;
        }
    }

    pub fn undo(&mut self) -> bool {
        self.end_gesture();
        self.end_held_step();
        let Some(step) = self.undo.pop_back() else {
            return false;
        };
        let after = std::mem::replace(&mut self.current, step.document);
        self.current.show_frames_of(&after);
        let size_bytes = after.size_beyond(Some(&self.current));
        self.redo.push(Step {
            name: step.name,
            document: after,
            state: self.state,
            size_bytes,
        });
        self.state = step.state;
        self.revision += 1;
        true
    }

    pub fn redo(&mut self) -> bool {
        self.end_gesture();
        self.end_held_step();
        let Some(step) = self.redo.pop() else {
            return false;
        };
        let before = std::mem::replace(&mut self.current, step.document);
        self.current.show_frames_of(&before);
        let size_bytes = before.size_beyond(Some(&self.current));
        self.undo.push_back(Step {
            name: step.name,
            document: before,
            state: self.state,
            size_bytes,
        });
        self.state = step.state;
        self.revision += 1;
        true
    }

    /// What is changed next under a held pointer is a step of its own.
    fn end_held_step(&mut self) {
        if self.hold == Hold::HeldWithStep {
            self.hold = Hold::Held;
        }
    }

    /// Name of the step undo would take back.
    pub fn undo_name(&self) -> Option<&str> {
        let open = self
            .gesture
            .as_ref()
            .filter(|gesture| gesture.state != self.state)
            .map(|gesture| gesture.name.as_str());
        open.or(self.undo.back().map(|step| step.name.as_str()))
    }

    pub fn redo_name(&self) -> Option<&str> {
        self.redo.last().map(|step| step.name.as_str())
    }

    /// Names of all steps, oldest first, and how many of them are applied.
    pub fn steps(&self) -> (Vec<&str>, usize) {
        let names = self
            .undo
            .iter()
            .chain(self.redo.iter().rev())
            .map(|step| step.name.as_str())
            .collect();
        (names, self.undo.len())
    }

    /// Whether the document differs from what `mark_saved` saw (undoing back to it makes it clean again).
    pub fn is_dirty(&self) -> bool {
        self.state != self.saved
    }

    pub fn mark_saved(&mut self) {
        self.saved = self.state;
    }

    /// The document has a new value.
    fn touch(&mut self) {
        self.state = self.next_state;
        self.next_state += 1;
        self.revision += 1;
    }

    fn push(&mut self, name: String, before: Document, state: u64) {
        self.redo.clear();
        self.end_held_step();
        let size_bytes = before.size_beyond(Some(&self.current));
        self.undo.push_back(Step {
            name,
            document: before,
            state,
            size_bytes,
        });
        let mut held: usize = self.undo.iter().map(|step| step.size_bytes).sum();
        while self.undo.len() > MAX_STEPS || (held > self.budget_bytes && self.undo.len() > 1) {
            held -= self.undo.pop_front().map_or(0, |step| step.size_bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, Georef, Grid, Labels};

    #[test]
    fn what_lies_in_a_file_of_its_own_is_a_step_and_leaves_the_project_saved() {
        let mut history = History::new(Document::default());
        let answer = |history: &mut History, id: i64, name: &str| {
            let said = crate::SampleAnswer::Class(name.to_owned());
            history.change_beside("Answer", |document| {
                std::sync::Arc::make_mut(&mut document.answers).insert(id, said);
            });
        };
        answer(&mut history, 3, "maize");
        answer(&mut history, 3, "maize");
        answer(&mut history, 4, "wheat");
        assert_eq!(history.steps(), (vec!["Answer"; 2], 2));
        assert!(!history.is_dirty());
        assert!(history.undo() && history.undo());
        assert!(history.document().answers.is_empty() && !history.is_dirty());
        assert!(history.redo());
        assert_eq!(history.document().answers.len(), 1);
    }

    fn painted(size: usize) -> Document {
        let mut labels = Labels::new(Grid {
            width: size,
            height: size,
            georef: Georef::default(),
        });
        labels.set_class(Class {
            id: 1,
            name: "wheat".to_owned(),
            color: [1, 2, 3],
        });
        Document {
            labels: Some(labels),
            ..Document::default()
        }
    }

    fn dab(document: &mut Document, x: f64, y: f64) {
        if let Some(labels) = &mut document.labels {
            labels.paint_stroke((x, y), (x, y), 5.0, 1, false);
        }
    }

    #[test]
    fn undo_and_redo_restore_equal_values() {
        let mut history = History::new(painted(500));
        let mut values = vec![history.document().clone()];
        for step in 0..120 {
            history.change(&format!("Paint {step}"), |document| {
                dab(document, f64::from(step) * 4.0, f64::from(step) * 3.0)
            });
            values.push(history.document().clone());
        }
        assert_eq!(history.steps().1, 120);
        assert_eq!(history.undo_name(), Some("Paint 119"));
        for value in values.iter().rev().skip(1) {
            assert!(history.undo());
            assert_eq!(history.document(), value);
        }
        assert!(!history.undo());
        for value in values.iter().skip(1) {
            assert!(history.redo());
            assert_eq!(history.document(), value);
        }
        assert!(!history.redo());
    }

    #[test]
    fn a_gesture_is_one_step_and_shares_what_it_did_not_touch() {
        let mut history = History::new(painted(500));
        history.change("Far away", |document| dab(document, 450.0, 450.0));
        history.begin_gesture("Paint wheat");
        for x in 0..50 {
            history.change("ignored", |document| dab(document, f64::from(x), 30.0));
        }
        history.end_gesture();
        assert_eq!(history.steps(), (vec!["Far away", "Paint wheat"], 2));
        let now = history.document().labels.clone().unwrap();
        history.undo();
        let before = history.document().labels.as_ref().unwrap();
        assert!(std::sync::Arc::ptr_eq(
            &now.blocks[&(7, 7)],
            &before.blocks[&(7, 7)]
        ));
        assert_eq!(before.blocks.len(), 1);
    }

    #[test]
    fn changes_under_a_held_pointer_are_one_step_each_name() {
        let mut history = History::new(painted(200));
        let recolor = |history: &mut History, red: u8| {
            history.change("Colour", |document| {
                if let Some(labels) = &mut document.labels {
                    labels.recolor_class(1, [red, 0, 0]);
                }
            });
        };
        history.hold(true, true);
        for red in 10..60 {
            history.hold(true, false);
            recolor(&mut history, red);
        }
        history.change("Paint", |document| dab(document, 20.0, 20.0));
        recolor(&mut history, 70);
        history.hold(false, false);
        recolor(&mut history, 80);
        assert_eq!(
            history.steps().0,
            ["Colour", "Paint", "Colour", "Colour"],
            "another name and another press are other steps"
        );
        for _ in 0..4 {
            history.undo();
        }
        assert_eq!(history.document(), &painted(200));

        // There and back is no step; an undo in between starts a new one.
        let start = history.document().clone();
        history.hold(true, true);
        recolor(&mut history, 9);
        recolor(&mut history, 1);
        history.change("Colour", |document| *document = start.clone());
        assert_eq!(history.steps().1, 0);
        assert!(!history.is_dirty());
        recolor(&mut history, 9);
        history.undo();
        recolor(&mut history, 8);
        recolor(&mut history, 7);
        assert_eq!(history.steps(), (vec!["Colour"], 1));
    }

    #[test]
    fn what_comes_late_belongs_to_the_step_that_asked_for_it() {
        let mut history = History::new(painted(200));
        history.change("Ask", |document| dab(document, 20.0, 20.0));
        let asked = history.value();
        assert!(history.amend(asked, |document| dab(document, 50.0, 20.0)));
        assert_eq!(history.steps(), (vec!["Ask"], 1));
        assert!(!history.amend(asked, |document| dab(document, 90.0, 20.0)));
        let amended = history.value();
        history.undo();
        assert_eq!(history.document(), &painted(200));
        assert!(!history.amend(amended, |document| dab(document, 90.0, 20.0)));
        assert!(history.redo());
        // What comes late of opening is no change of the user's.
        let mut history = History::new(painted(200));
        assert!(history.amend(history.value(), |document| dab(document, 50.0, 20.0)));
        assert!(!history.is_dirty() && history.steps().1 == 0);
        history.mark_unsaved();
        assert!(history.is_dirty());
    }

    #[test]
    fn a_gesture_nobody_ended_ends_with_the_press() {
        let mut history = History::new(painted(200));
        history.hold(true, true);
        history.begin_gesture("Opacity");
        history.change("Opacity", |document| dab(document, 20.0, 20.0));
        history.hold(true, false);
        assert!(history.is_in_gesture());
        history.hold(false, false);
        history.change("Later", |document| dab(document, 90.0, 20.0));
        assert_eq!(history.steps(), (vec!["Opacity", "Later"], 2));
    }

    #[test]
    fn what_changes_nothing_is_no_step() {
        let mut history = History::new(painted(100));
        history.change("Nothing", |_| {});
        history.begin_gesture("Nothing");
        history.change("Nothing", |document| dab(document, -500.0, 0.0));
        history.end_gesture();
        assert_eq!(history.steps(), (vec![], 0));
        assert!(!history.is_dirty());
    }

    #[test]
    fn a_change_drops_redo_and_saving_is_a_place_in_the_list() {
        let mut history = History::new(painted(100));
        history.change("a", |document| dab(document, 10.0, 10.0));
        history.mark_saved();
        history.change("b", |document| dab(document, 20.0, 10.0));
        assert!(history.is_dirty());
        history.undo();
        assert!(!history.is_dirty());
        assert_eq!(history.redo_name(), Some("b"));
        history.change("c", |document| dab(document, 30.0, 10.0));
        assert_eq!(history.redo_name(), None);
        assert!(history.is_dirty());
        history.begin_gesture("d");
        history.change("d", |document| dab(document, 50.0, 50.0));
        history.cancel_gesture();
        assert_eq!(history.steps(), (vec!["a", "c"], 2));
        assert_eq!(
            history.document().labels.as_ref().unwrap().painted(50, 50),
            0
        );
    }

    #[test]
    fn old_steps_go_when_the_budget_is_spent() {
        let mut history = History::with_budget(painted(6400), 400_000);
        for step in 0..200 {
            history.change("Paint", |document| {
                dab(document, 32.0, 32.0 + f64::from(step) * 0.5)
            });
        }
        let steps = history.steps().1;
        assert!((20..200).contains(&steps), "{steps} steps kept");
        assert!(history.undo());
    }
}
