//! Tiles and pictures on their way to the GPU: the values of bands, the codes of fields, class ids, finished colours.
//! Knows tiles as values; knows nothing of styles or of what is drawn where.

use std::sync::{Arc, PoisonError};

use bytemuck::{Pod, Zeroable};
use terroir_scene::{Block, FIELD_AXES, PATTERN_SIDE, Plane};
use wgpu::util::DeviceExt;

use super::programs::{Program, STYLED};
use super::{PictureTexture, Renderer, TileTexture};

/// Twin of `Tile` in `common.wgsl`: where a tile's first pixel lies in its level, so that patterns go on over its edges.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct TilePlace {
    origin: [u32; 2],
    unused: [u32; 2],
}
const _: () = assert!(size_of::<TilePlace>() == 16);

/// A tile's values on their way to the GPU.
pub enum TileData<'a> {
    Block(&'a Block),
    /// One a band, each width * height; a pixel counts where all of them have a value.
    Planes {
        planes: &'a [Arc<Plane>],
        width: usize,
        height: usize,
    },
    /// Planar, 64 * width * height.
    Codes {
        codes: &'a [i8],
        width: usize,
        height: usize,
    },
    /// Class ids, width * height.
    Ids {
        ids: &'a [u8],
        width: usize,
        height: usize,
    },
}

impl Renderer {
    pub(super) fn texture(
        &self,
        format: wgpu::TextureFormat,
        width: usize,
        height: usize,
        layers: usize,
        more: wgpu::TextureUsages,
    ) -> wgpu::Texture {
        self.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("tile"),
            size: wgpu::Extent3d {
                width: width as u32,
                height: height as u32,
                depth_or_array_layers: layers as u32,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST | more,
            view_formats: &[],
        })
    }

    pub(super) fn write(
        &self,
        texture: &wgpu::Texture,
        layer: usize,
        bytes: &[u8],
        row_bytes: usize,
        size: (usize, usize, usize),
    ) {
        let (width, height, layers) = size;
        self.queue.write_texture(
            wgpu::TexelCopyTextureInfo {
                texture,
                mip_level: 0,
                origin: wgpu::Origin3d {
                    x: 0,
                    y: 0,
                    z: layer as u32,
                },
                aspect: wgpu::TextureAspect::All,
            },
            bytes,
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(row_bytes as u32),
                rows_per_image: Some(height as u32),
            },
            wgpu::Extent3d {
                width: width as u32,
                height: height as u32,
                depth_or_array_layers: layers as u32,
            },
        );
    }

    /// Brings a tile's values to the GPU; the picture is empty until `run_style_passes`. `origin` is the place of its first pixel
    /// in its level. `None` for data of a wrong length or an empty tile.
    pub fn upload(&self, data: &TileData, origin: [usize; 2]) -> Option<TileTexture> {
        let (program, texture, width, height, size_bytes) = match data {
            TileData::Block(block) => {
                let (width, height) = (block.width, block.height);
                let bands = (0..block.bands).map(|band| block.band(band));
                let (texture, size_bytes) =
                    self.band_texture(bands, &block.valid, (width, height))?;
                (Program::Composite, texture, width, height, size_bytes)
            }
            TileData::Planes {
                planes,
                width,
                height,
            } => {
                let (first, others) = planes.split_first()?;
                let mut valid = first.valid.clone();
                for other in others {
                    for (all, one) in valid.iter_mut().zip(&other.valid) {
                        *all &= *one;
                    }
                }
                let bands = planes.iter().map(|plane| plane.values.as_slice());
                let (texture, size_bytes) = self.band_texture(bands, &valid, (*width, *height))?;
                (Program::Composite, texture, *width, *height, size_bytes)
            }
            TileData::Codes {
                codes,
                width,
                height,
            } => {
                let interleaved = four_axes_a_texel(codes, width * height)?;
                let layers = FIELD_AXES / 4;
                let texture = self.texture(
                    wgpu::TextureFormat::Rgba8Sint,
                    *width,
                    *height,
                    layers,
                    wgpu::TextureUsages::empty(),
                );
                self.write(
                    &texture,
                    0,
                    bytemuck::cast_slice(&interleaved),
                    4 * width,
                    (*width, *height, layers),
                );
                (Program::Field, texture, *width, *height, interleaved.len())
            }
            TileData::Ids { ids, width, height } => {
                if ids.is_empty() || ids.len() != width * height {
                    return None;
                }
                let texture = self.texture(
                    wgpu::TextureFormat::R8Uint,
                    *width,
                    *height,
                    1,
                    wgpu::TextureUsages::empty(),
                );
                self.write(&texture, 0, ids, *width, (*width, *height, 1));
                (Program::Labels, texture, *width, *height, ids.len())
            }
        };
        let dimension = match program {
            Program::Labels => wgpu::TextureViewDimension::D2,
            _ => wgpu::TextureViewDimension::D2Array,
        };
        let view = texture.create_view(&wgpu::TextureViewDescriptor {
            dimension: Some(dimension),
            ..Default::default()
        });
        let place = TilePlace {
            // Whole patterns before it change nothing.
            origin: origin.map(|start| (start % PATTERN_SIDE) as u32),
            unused: [0; 2],
        };
        let place = self
            .device
            .create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("tile"),
                contents: bytemuck::bytes_of(&place),
                usage: wgpu::BufferUsages::UNIFORM,
            });
        let data = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("tile"),
            layout: &self.program(program).data_layout,
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::TextureView(&view),
                },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: place.as_entire_binding(),
                },
            ],
        });
        let usages = wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC;
        let styled = self
            .texture(STYLED, width, height, 1, usages)
            .create_view(&wgpu::TextureViewDescriptor::default());
        let (nearest, smooth) = self.draw_groups(&styled);
        Some(TileTexture {
            program,
            data,
            styled,
            nearest,
            smooth,
            size_bytes: size_bytes + 4 * width * height,
        })
    }

    /// Bands with their mask as layers of one texture, and its size in bytes.
    fn band_texture<'a>(
        &self,
        bands: impl Iterator<Item = &'a [f32]>,
        valid: &[bool],
        size: (usize, usize),
    ) -> Option<(wgpu::Texture, usize)> {
        let (width, height) = size;
        if valid.is_empty() || valid.len() != width * height {
            return None;
        }
        let mut planes = self.planes.lock().unwrap_or_else(PoisonError::into_inner);
        let layers = fill_with_mask(&mut planes, bands, valid)? + 1;
        let texture = self.texture(
            wgpu::TextureFormat::R32Float,
            width,
            height,
            layers,
            wgpu::TextureUsages::empty(),
        );
        let bytes = bytemuck::cast_slice(&planes);
        self.write(&texture, 0, bytes, 4 * width, (width, height, layers));
        Some((texture, 4 * planes.len()))
    }

    /// Bindings that draw a picture with either sampler.
    fn draw_groups(&self, picture: &wgpu::TextureView) -> (wgpu::BindGroup, wgpu::BindGroup) {
        let group = |sampler| {
            self.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("styled tile"),
                layout: &self.draw_layout,
                entries: &[
                    wgpu::BindGroupEntry {
                        binding: 0,
                        resource: wgpu::BindingResource::TextureView(picture),
                    },
                    wgpu::BindGroupEntry {
                        binding: 1,
                        resource: wgpu::BindingResource::Sampler(sampler),
                    },
                ],
            })
        };
        (group(&self.nearest), group(&self.smooth))
    }

    /// Brings a finished picture to the GPU: RGBA with premultiplied alpha. `None` for bytes of a wrong length.
    pub fn upload_picture(
        &self,
        rgba: &[u8],
        width: usize,
        height: usize,
    ) -> Option<PictureTexture> {
        if rgba.is_empty() || rgba.len() != 4 * width * height {
            return None;
        }
        let texture = self.texture(STYLED, width, height, 1, wgpu::TextureUsages::empty());
        self.write(&texture, 0, rgba, 4 * width, (width, height, 1));
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let (nearest, smooth) = self.draw_groups(&view);
        Some(PictureTexture {
            nearest,
            smooth,
            size_bytes: rgba.len(),
        })
    }
}

/// The bands and one more plane that is 1 where a pixel is valid, into `planes`. Missing pixels are zeroed: shaders may assume
/// that NaN does not occur. `None` for bands of a wrong length.
fn fill_with_mask<'a>(
    planes: &mut Vec<f32>,
    bands: impl Iterator<Item = &'a [f32]>,
    valid: &[bool],
) -> Option<usize> {
    planes.clear();
    let mut count = 0;
    for band in bands {
        if band.len() != valid.len() {
            return None;
        }
        let shown = band.iter().zip(valid);
        planes.extend(shown.map(|(value, valid)| if *valid { *value } else { 0.0 }));
        count += 1;
    }
    planes.extend(valid.iter().map(|valid| f32::from(u8::from(*valid))));
    (count > 0).then_some(count)
}

/// Planar axes to sixteen layers of four axes a texel.
fn four_axes_a_texel(codes: &[i8], pixels: usize) -> Option<Vec<i8>> {
    if pixels == 0 || codes.len() != FIELD_AXES * pixels {
        return None;
    }
    let mut texels = vec![0; codes.len()];
    for (layer, four) in texels
        .chunks_exact_mut(4 * pixels)
        .zip(codes.chunks_exact(4 * pixels))
    {
        let (a, rest) = four.split_at(pixels);
        let (b, rest) = rest.split_at(pixels);
        let (c, d) = rest.split_at(pixels);
        for ((((texel, a), b), c), d) in layer.chunks_exact_mut(4).zip(a).zip(b).zip(c).zip(d) {
            texel.copy_from_slice(&[*a, *b, *c, *d]);
        }
    }
    Some(texels)
}
