//! Shapes as flat lists: a million vertices cost their numbers and little else. Pure values; knows no files, places or colours.

/// What a part of a shape is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    Point,
    Line,
    Polygon,
}

#[derive(Clone, Copy, Debug)]
struct PartHead {
    kind: PartKind,
    feature: u32,
    /// One past its last ring.
    ring_end: u32,
}

/// Parts of all features of a layer, in file order. Rings are open: the first vertex is not repeated at the end.
#[derive(Clone, Debug, Default)]
pub struct ShapeStore {
    vertices: Vec<[f64; 2]>,
    /// One past the last vertex of each ring.
    ring_ends: Vec<u32>,
    parts: Vec<PartHead>,
    /// One past the last part of each feature.
    feature_ends: Vec<u32>,
}

/// One part: a point, a line, or a polygon whose first ring is its outline.
#[derive(Clone, Copy)]
pub struct PartView<'a> {
    pub kind: PartKind,
    /// Index of the feature it belongs to.
    pub feature: usize,
    store: &'a ShapeStore,
    rings: (usize, usize),
}

impl<'a> PartView<'a> {
    pub fn rings(&self) -> impl Iterator<Item = &'a [[f64; 2]]> + use<'a> {
        let store = self.store;
        (self.rings.0..self.rings.1).map(move |ring| store.ring(ring))
    }

    /// Smallest and largest x and y.
    pub fn bounds(&self) -> Option<([f64; 2], [f64; 2])> {
        // Holes lie inside the outline.
        let outline = self.rings().next()?;
        let first = *outline.first()?;
        Some(outline.iter().fold((first, first), |(low, high), [x, y]| {
            (
                [low[0].min(*x), low[1].min(*y)],
                [high[0].max(*x), high[1].max(*y)],
            )
        }))
    }
}

impl ShapeStore {
    /// Features begun so far.
    pub fn features(&self) -> usize {
        self.feature_ends.len()
    }

    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    pub fn vertices(&self) -> usize {
        self.vertices.len()
    }

    pub fn size_bytes(&self) -> usize {
        size_of_val(self.vertices.as_slice())
            + size_of_val(self.ring_ends.as_slice())
            + size_of_val(self.parts.as_slice())
            + size_of_val(self.feature_ends.as_slice())
    }

    /// Adds a part to the feature that is being built. Rings of fewer vertices than their kind needs are left out;
    /// false when nothing is left.
    pub fn add_part<R: AsRef<[[f64; 2]]>>(&mut self, kind: PartKind, rings: &[R]) -> bool {
        let least = match kind {
            PartKind::Point => 1,
            PartKind::Line => 2,
            PartKind::Polygon => 3,
        };
        // Without its outline a polygon's holes mean nothing.
        if rings
            .first()
            .is_none_or(|outline| outline.as_ref().len() < least)
        {
            return false;
        }
        for ring in rings.iter().map(AsRef::as_ref) {
            if ring.len() >= least {
                self.vertices.extend_from_slice(ring);
                self.ring_ends.push(self.vertices.len() as u32);
            }
        }
        self.parts.push(PartHead {
            kind,
            feature: self.feature_ends.len() as u32,
            ring_end: self.ring_ends.len() as u32,
        });
        true
    }

    /// Ends the feature the parts since the last call belong to; it may have none.
    pub fn end_feature(&mut self) {
        self.feature_ends.push(self.parts.len() as u32);
    }

    fn ring(&self, ring: usize) -> &[[f64; 2]] {
        let start = match ring.checked_sub(1) {
            Some(before) => self.ring_ends.get(before).copied().unwrap_or(0),
            None => 0,
        };
        let end = self.ring_ends.get(ring).copied().unwrap_or(start);
        self.vertices
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    pub fn part(&self, part: usize) -> Option<PartView<'_>> {
        let head = self.parts.get(part)?;
        let start = match part.checked_sub(1) {
            Some(before) => self.parts.get(before)?.ring_end,
            None => 0,
        };
        Some(PartView {
            kind: head.kind,
            feature: head.feature as usize,
            store: self,
            rings: (start as usize, head.ring_end as usize),
        })
    }

    /// The parts of one feature.
    pub fn feature(&self, feature: usize) -> impl Iterator<Item = PartView<'_>> {
        let end = self.feature_ends.get(feature).copied().unwrap_or(0);
        let start = match feature.checked_sub(1) {
            Some(before) => self.feature_ends.get(before).copied().unwrap_or(end),
            None => 0,
        };
        (start as usize..end as usize).filter_map(|part| self.part(part))
    }

    /// Smallest and largest x and y of all vertices.
    pub fn bounds(&self) -> Option<([f64; 2], [f64; 2])> {
        let first = *self.vertices.first()?;
        Some(
            self.vertices
                .iter()
                .fold((first, first), |(low, high), [x, y]| {
                    (
                        [low[0].min(*x), low[1].min(*y)],
                        [high[0].max(*x), high[1].max(*y)],
                    )
                }),
        )
    }
}

/// Whether a point lies inside rings by the even-odd rule (a hole is a ring inside another).
pub fn is_inside<'a>(rings: impl Iterator<Item = &'a [[f64; 2]]>, point: [f64; 2]) -> bool {
    let [px, py] = point;
    let mut inside = false;
    for ring in rings {
        let Some(mut before) = ring.last().copied() else {
            continue;
        };
        for &[x, y] in ring {
            let [bx, by] = before;
            if (y > py) != (by > py) && px < (bx - x) * (py - y) / (by - y) + x {
                inside = !inside;
            }
            before = [x, y];
        }
    }
    inside
}

/// Distance of a point from the segment between `a` and `b`.
pub fn distance_to_segment(point: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let length = dx * dx + dy * dy;
    let share = if length > 0.0 {
        (((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (a[0] + share * dx - point[0]).hypot(a[1] + share * dy - point[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn square(x: f64, y: f64, side: f64) -> Vec<[f64; 2]> {
        vec![[x, y], [x + side, y], [x + side, y + side], [x, y + side]]
    }

    #[test]
    fn parts_come_back_as_they_were_put_in() {
        let mut store = ShapeStore::default();
        assert!(store.add_part(
            PartKind::Polygon,
            &[square(0.0, 0.0, 10.0), square(4.0, 4.0, 2.0)]
        ));
        assert!(store.add_part(PartKind::Point, &[[[3.0, 4.0]]]));
        store.end_feature();
        assert!(!store.add_part(PartKind::Line, &[[[1.0, 1.0]]]));
        store.end_feature();
        assert!(store.add_part(PartKind::Line, &[[[1.0, 1.0], [2.0, 5.0]]]));
        store.end_feature();
        assert_eq!(
            (store.features(), store.parts(), store.vertices()),
            (3, 3, 11)
        );
        assert_eq!(store.feature(0).count(), 2);
        assert_eq!(store.feature(1).count(), 0);
        let line = store.feature(2).next().unwrap();
        assert_eq!((line.kind, line.feature), (PartKind::Line, 2));
        assert_eq!(line.bounds(), Some(([1.0, 1.0], [2.0, 5.0])));
        let polygon = store.part(0).unwrap();
        assert_eq!(polygon.rings().map(<[_]>::len).collect::<Vec<_>>(), [4, 4]);
    }

    proptest! {
        /// A square with a square hole: inside the one and not inside the other.
        #[test]
        fn holes_are_outside(x in -2.0..12.0_f64, y in -2.0..12.0_f64) {
            let (outline, hole) = (square(0.0, 0.0, 10.0), square(3.0, 2.0, 4.0));
            let inside = is_inside([outline.as_slice(), hole.as_slice()].into_iter(), [x, y]);
            let within = |x0: f64, y0: f64, side: f64| x > x0 && x < x0 + side && y > y0 && y < y0 + side;
            prop_assert_eq!(inside, within(0.0, 0.0, 10.0) && !within(3.0, 2.0, 4.0));
        }

        /// The winding of rings does not matter.
        #[test]
        fn winding_does_not_matter(x in -2.0..12.0_f64, y in -2.0..12.0_f64) {
            let outline = square(0.0, 0.0, 10.0);
            let hole = square(3.0, 2.0, 4.0);
            let turned: Vec<_> = hole.iter().rev().copied().collect();
            prop_assert_eq!(
                is_inside([outline.as_slice(), hole.as_slice()].into_iter(), [x, y]),
                is_inside([outline.as_slice(), turned.as_slice()].into_iter(), [x, y])
            );
        }
    }
}
