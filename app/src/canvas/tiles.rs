//! The tile pyramid over a raster: which pixels a tile shows and which window of the file it needs. Pure values.

use terroir_scene::Window;

/// Texels of a tile's side, without the border.
pub const TILE: usize = 256;
/// Texels around a tile that smooth sampling may touch.
const BORDER: usize = 1;

/// A tile: `level` 0 is full resolution, each further level halves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    pub level: u8,
    pub col: u32,
    pub row: u32,
}

impl TileId {
    pub fn parent(self) -> Self {
        Self {
            level: self.level + 1,
            col: self.col / 2,
            row: self.row / 2,
        }
    }

    /// The four tiles of the next finer level; some may lie outside the raster.
    pub fn children(self) -> [Self; 4] {
        let level = self.level.saturating_sub(1);
        [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(right, down)| Self {
            level,
            col: 2 * self.col + right,
            row: 2 * self.row + down,
        })
    }
}

/// Pixels from the first (included) to the last (excluded), full resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelRect {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

/// What has to be read for a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileRead {
    pub window: Window,
    pub out_width: usize,
    pub out_height: usize,
}

/// A raster's size with its levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pyramid {
    pub width: usize,
    pub height: usize,
    /// 1 where pictures are smooth, 0 where pixels are classes and no neighbour matters.
    border: usize,
}

impl Pyramid {
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            border: BORDER,
        }
    }

    pub fn without_border(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            border: 0,
        }
    }

    /// The level on which the whole raster is one tile.
    pub fn top_level(&self) -> u8 {
        let side = self.width.max(self.height).max(1);
        let mut level = 0;
        while side.div_ceil(1 << level) > TILE {
            level += 1;
        }
        level
    }

    pub fn top(&self) -> TileId {
        TileId {
            level: self.top_level(),
            col: 0,
            row: 0,
        }
    }

    pub fn contains(&self, tile: TileId) -> bool {
        let span = TILE << tile.level;
        (tile.col as usize).saturating_mul(span) < self.width
            && (tile.row as usize).saturating_mul(span) < self.height
    }

    /// The pixels a tile of this raster shows.
    pub fn pixels(&self, tile: TileId) -> PixelRect {
        let span = TILE << tile.level;
        let (left, top) = (tile.col as usize * span, tile.row as usize * span);
        PixelRect {
            left,
            top,
            right: (left + span).min(self.width),
            bottom: (top + span).min(self.height),
        }
    }

    /// The window to read, border included. Texel `t` covers `window / out` pixels from the window's start, which is a
    /// whole level step except in the last column and row.
    pub fn read(&self, tile: TileId) -> TileRead {
        let step = 1 << tile.level;
        let pixels = self.pixels(tile);
        let (left, top) = (
            pixels.left.saturating_sub(self.border * step),
            pixels.top.saturating_sub(self.border * step),
        );
        let (right, bottom) = (
            (pixels.right + self.border * step).min(self.width),
            (pixels.bottom + self.border * step).min(self.height),
        );
        let window = Window {
            col: left,
            row: top,
            width: right - left,
            height: bottom - top,
        };
        TileRead {
            window,
            out_width: window.width.div_ceil(step),
            out_height: window.height.div_ceil(step),
        }
    }

    /// The tiles of a level that `is_seen` (which holds for a tile when it does for a part of it), about `most` at most.
    pub fn tiles_seen(
        &self,
        level: u8,
        most: usize,
        mut is_seen: impl FnMut(TileId) -> bool,
    ) -> Vec<TileId> {
        let mut found = Vec::new();
        let mut open = vec![self.top()];
        while let Some(tile) = open.pop() {
            if found.len() >= most {
                break;
            }
            if !is_seen(tile) {
                continue;
            }
            if tile.level > level {
                open.extend(
                    tile.children()
                        .into_iter()
                        .filter(|child| self.contains(*child)),
                );
            } else {
                found.push(tile);
            }
        }
        found
    }

    /// The full-resolution tile a pixel lies in; `None` outside.
    pub fn tile_of_pixel(&self, col: usize, row: usize) -> Option<TileId> {
        (col < self.width && row < self.height).then_some(TileId {
            level: 0,
            col: (col / TILE) as u32,
            row: (row / TILE) as u32,
        })
    }

    /// The level whose texels are nearest to screen pixels that each cover `pixels_per_screen_pixel` raster pixels.
    pub fn level_for(&self, pixels_per_screen_pixel: f64) -> u8 {
        let level = (pixels_per_screen_pixel.max(1.0).log2() + 0.5).floor();
        if level.is_finite() {
            (level as u8).min(self.top_level())
        } else {
            self.top_level()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_raster_once_on_every_level() {
        let pyramid = Pyramid::new(1000, 517);
        assert_eq!(pyramid.top_level(), 2);
        for level in 0..=2 {
            let mut area = 0;
            for (col, row) in (0..8).flat_map(|row| (0..8).map(move |col| (col, row))) {
                let tile = TileId { level, col, row };
                if pyramid.contains(tile) {
                    let pixels = pyramid.pixels(tile);
                    area += (pixels.right - pixels.left) * (pixels.bottom - pixels.top);
                }
            }
            assert_eq!(area, 1000 * 517, "level {level}");
        }
    }

    #[test]
    fn windows_hold_a_border_and_stay_inside() {
        let pyramid = Pyramid::new(1000, 517);
        let read = pyramid.read(TileId {
            level: 0,
            col: 1,
            row: 0,
        });
        assert_eq!(
            read.window,
            Window {
                col: 255,
                row: 0,
                width: 258,
                height: 257
            }
        );
        assert_eq!((read.out_width, read.out_height), (258, 257));
        let read = pyramid.read(TileId {
            level: 1,
            col: 1,
            row: 1,
        });
        assert_eq!(
            read.window,
            Window {
                col: 510,
                row: 510,
                width: 490,
                height: 7
            }
        );
        assert_eq!((read.out_width, read.out_height), (245, 4));
        let read = Pyramid::without_border(1000, 517).read(TileId {
            level: 0,
            col: 1,
            row: 0,
        });
        assert_eq!(
            read.window,
            Window {
                col: 256,
                row: 0,
                width: 256,
                height: 256
            }
        );
    }

    #[test]
    fn parents_hold_their_children() {
        let tile = TileId {
            level: 3,
            col: 5,
            row: 2,
        };
        assert!(tile.children().iter().all(|child| child.parent() == tile));
    }

    #[test]
    fn levels_follow_the_scale() {
        let pyramid = Pyramid::new(40_960, 40_960);
        let levels = [0.01, 1.0, 1.4, 1.5, 2.9, 5.0, 1e9].map(|scale| pyramid.level_for(scale));
        assert_eq!(levels, [0, 0, 0, 1, 2, 2, 8]);
    }
}
