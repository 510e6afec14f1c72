//! What a layer draws: its tiles where they are ready, finer or coarser stand-ins where they are not.

use super::{LayerView, Plan};
use crate::canvas::renderer::{FrameMeshes, MeshLook, Vertex};
use crate::canvas::tiles::TileId;

/// Levels of finer tiles that may stand in for a missing coarser one.
const FINER_LEVELS: u8 = 2;

/// A piece of the picture: the pixels of `place`, from the texture of `texture`.
pub(super) struct Piece {
    pub(super) place: TileId,
    pub(super) texture: TileId,
}

impl LayerView {
    fn has_finer(&self, tile: TileId, levels: u8) -> bool {
        levels > 0
            && tile.level > 0
            && tile
                .children()
                .into_iter()
                .any(|child| self.tiles.contains_key(&child) || self.has_finer(child, levels - 1))
    }

    pub(super) fn pieces(&self, plan: &Plan) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(plan.tiles.len());
        for tile in &plan.tiles {
            self.add_pieces(*tile, FINER_LEVELS, &mut pieces);
        }
        pieces
    }

    /// Whether anything is drawn for a tile.
    pub(super) fn has_piece(&self, tile: TileId) -> bool {
        let mut pieces = Vec::new();
        self.add_pieces(tile, FINER_LEVELS, &mut pieces);
        !pieces.is_empty()
    }

    fn add_pieces(&self, place: TileId, levels: u8, pieces: &mut Vec<Piece>) {
        if self.tiles.contains_key(&place) {
            pieces.push(Piece {
                place,
                texture: place,
            });
        } else if self.has_finer(place, levels) {
            for child in place
                .children()
                .into_iter()
                .filter(|child| self.pyramid.contains(*child))
            {
                self.add_pieces(child, levels - 1, pieces);
            }
        } else {
            let mut texture = place;
            while texture.level < self.pyramid.top_level() {
                texture = texture.parent();
                if self.tiles.contains_key(&texture) {
                    pieces.push(Piece { place, texture });
                    return;
                }
            }
        }
    }

    /// Adds the layer's picture; `clip_from_map` gives clip space positions.
    pub fn draw(
        &mut self,
        plan: &Plan,
        meshes: &mut FrameMeshes,
        clip_from_map: impl Fn((f64, f64)) -> [f32; 2],
    ) {
        let opacity = self.layer.opacity.clamp(0.0, 1.0);
        let look = MeshLook {
            is_smooth: plan.is_smooth,
            blend: self.layer.blend,
            clip: self.clip,
        };
        let pieces = self.pieces(plan);
        for piece in &pieces {
            self.mesh(piece.place, plan.tolerance);
        }
        for piece in &pieces {
            let (Some(mesh), Some(gpu)) = (
                self.meshes.get(&piece.place),
                self.tiles.get(&piece.texture),
            ) else {
                continue;
            };
            let Some(texture) = &gpu.texture else {
                continue;
            };
            let window = self.pyramid.read(piece.texture).window;
            let pixels = self.pyramid.pixels(piece.place);
            let uv = |part: f64, from: usize, to: usize, start: usize, size: usize| {
                ((from as f64 + (to - from) as f64 * part - start as f64) / size as f64) as f32
            };
            let mut triangles = Vec::with_capacity(3 * mesh.triangles.len());
            for shift in mesh.shifts_in(&plan.rect) {
                let vertices: Vec<Vertex> = mesh
                    .corners
                    .iter()
                    .map(|corner| Vertex {
                        position: clip_from_map((corner.map.0 + shift, corner.map.1)),
                        uv: [
                            uv(
                                corner.across,
                                pixels.left,
                                pixels.right,
                                window.col,
                                window.width,
                            ),
                            uv(
                                corner.down,
                                pixels.top,
                                pixels.bottom,
                                window.row,
                                window.height,
                            ),
                        ],
                        opacity,
                    })
                    .collect();
                triangles.extend(
                    mesh.triangles
                        .iter()
                        .flatten()
                        .filter_map(|index| vertices.get(*index as usize).copied()),
                );
            }
            meshes.add(texture, look, triangles);
        }
    }
}
