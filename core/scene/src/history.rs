//! Undo: the one door through which the document changes. Keeps previous values, named, bounded in bytes and steps.

use crate::Document;

pub struct History {}

impl History {
    pub fn new(_document: Document) -> Self {
        todo!()
    }
    pub fn document(&self) -> &Document {
        todo!()
    }
    /// Bumps on every change, undo and redo: caches compare it.
    pub fn revision(&self) -> u64 {
        todo!()
    }
    /// One undoable step. While a gesture is open (see `begin_gesture`) all changes join into one step.
    pub fn change(&mut self, _name: &str, _edit: impl FnOnce(&mut Document)) {
        todo!()
    }
    pub fn begin_gesture(&mut self, _name: &str) {
        todo!()
    }
    pub fn end_gesture(&mut self) {
        todo!()
    }
    pub fn undo(&mut self) -> bool {
        todo!()
    }
    pub fn redo(&mut self) -> bool {
        todo!()
    }
    /// Name of the step undo would take back.
    pub fn undo_name(&self) -> Option<&str> {
        todo!()
    }
    pub fn redo_name(&self) -> Option<&str> {
        todo!()
    }
    /// Names of all steps, oldest first, and how many of them are applied.
    pub fn steps(&self) -> (Vec<&str>, usize) {
        todo!()
    }
    /// Whether anything changed since `mark_saved`.
    pub fn is_dirty(&self) -> bool {
        todo!()
    }
    pub fn mark_saved(&mut self) {
        todo!()
    }
}
