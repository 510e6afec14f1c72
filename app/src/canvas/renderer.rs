//! Everything the canvas does on the GPU: tile textures, the style passes and the draw pass. With its
//! `programs` the only place of the app that names wgpu. Knows tiles as values; knows nothing of files, layers or views.

mod programs;

use std::ops::Range;
use std::sync::OnceLock;

use bytemuck::{Pod, Zeroable};
use egui_wgpu::{CallbackResources, CallbackTrait, RenderState};
use terroir_scene::{Blend, Block, ColorTable, FIELD_AXES, LabelParams, PATTERN_SIDE, Shading};
use wgpu::util::DeviceExt;

use programs::{
    Program, STYLED, StyleProgram, draw_pipeline, fragment_entry, ground_pipeline, texture_type,
};

/// Twin of `Vertex` in `draw.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct Vertex {
    pub position: [f32; 2],
    pub uv: [f32; 2],
    pub opacity: f32,
}
const _: () = assert!(size_of::<Vertex>() == 20);

/// Twin of `Tile` in `common.wgsl`: where a tile's first pixel lies in its level, so that patterns go on over its edges.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct TilePlace {
    origin: [u32; 2],
    unused: [u32; 2],
}
const _: () = assert!(size_of::<TilePlace>() == 16);

/// A tile's values on their way to the GPU.
pub enum TileData<'a> {
    Block(&'a Block),
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

/// A style's numbers on the GPU.
pub struct StyleBinding {
    program: Program,
    group: wgpu::BindGroup,
}

/// A tile on the GPU: its values and the picture the last style pass made of them.
pub struct TileTexture {
    program: Program,
    data: wgpu::BindGroup,
    styled: wgpu::TextureView,
    nearest: wgpu::BindGroup,
    smooth: wgpu::BindGroup,
    pub size_bytes: usize,
}

/// A finished picture on the GPU.
pub struct PictureTexture {
    nearest: wgpu::BindGroup,
    smooth: wgpu::BindGroup,
    pub size_bytes: usize,
}

/// How a mesh reaches the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeshLook {
    pub is_smooth: bool,
    pub blend: Blend,
    /// The part of the view it is drawn in, in shares (0..1) of the view; `None` = all of it.
    pub clip: Option<egui::Rect>,
}

struct Draw {
    /// `None` for the ground.
    group: Option<wgpu::BindGroup>,
    vertices: Range<u32>,
    look: MeshLook,
}

/// What one frame draws, bottom first.
#[derive(Default)]
pub struct FrameMeshes {
    vertices: Vec<Vertex>,
    draws: Vec<Draw>,
}

impl FrameMeshes {
    /// Three vertices a triangle.
    pub fn add(
        &mut self,
        tile: &TileTexture,
        look: MeshLook,
        triangles: impl IntoIterator<Item = Vertex>,
    ) {
        let start = self.vertices.len() as u32;
        self.vertices.extend(triangles);
        let group = if look.is_smooth {
            &tile.smooth
        } else {
            &tile.nearest
        };
        self.draws.push(Draw {
            group: Some(group.clone()),
            vertices: start..self.vertices.len() as u32,
            look,
        });
    }

    /// Three vertices a triangle.
    pub fn add_picture(
        &mut self,
        picture: &PictureTexture,
        look: MeshLook,
        triangles: impl IntoIterator<Item = Vertex>,
    ) {
        let start = self.vertices.len() as u32;
        self.vertices.extend(triangles);
        let group = if look.is_smooth {
            &picture.smooth
        } else {
            &picture.nearest
        };
        self.draws.push(Draw {
            group: Some(group.clone()),
            vertices: start..self.vertices.len() as u32,
            look,
        });
    }
}

pub struct Renderer {
    device: wgpu::Device,
    queue: wgpu::Queue,
    composite: StyleProgram,
    field: StyleProgram,
    labels: StyleProgram,
    /// One a blend mode, in the order of `Blend::ALL`, made when first drawn with.
    draws: [OnceLock<wgpu::RenderPipeline>; Blend::ALL.len()],
    ground: OnceLock<wgpu::RenderPipeline>,
    draw_layout: wgpu::BindGroupLayout,
    target: wgpu::TextureFormat,
    nearest: wgpu::Sampler,
    smooth: wgpu::Sampler,
    is_software: bool,
}

impl Renderer {
    pub fn new(state: &RenderState) -> Self {
        let software = state.adapter.get_info().device_type == wgpu::DeviceType::Cpu;
        Self::with_device(&state.device, &state.queue, state.target_format, software)
    }

    pub fn with_device(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        target: wgpu::TextureFormat,
        is_software: bool,
    ) -> Self {
        let draw_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("draw"),
            entries: &[
                fragment_entry(
                    0,
                    texture_type(
                        wgpu::TextureSampleType::Float { filterable: true },
                        wgpu::TextureViewDimension::D2,
                    ),
                ),
                fragment_entry(
                    1,
                    wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
                ),
            ],
        });
        let sampler = |filter| {
            device.create_sampler(&wgpu::SamplerDescriptor {
                mag_filter: filter,
                min_filter: filter,
                ..Default::default()
            })
        };
        Self {
            composite: StyleProgram::new(device, Program::Composite),
            field: StyleProgram::new(device, Program::Field),
            labels: StyleProgram::new(device, Program::Labels),
            draws: Default::default(),
            ground: OnceLock::new(),
            draw_layout,
            target,
            nearest: sampler(wgpu::FilterMode::Nearest),
            smooth: sampler(wgpu::FilterMode::Linear),
            is_software,
            device: device.clone(),
            queue: queue.clone(),
        }
    }

    /// A processor pretending to be a GPU: style passes cost milliseconds, so fewer fit a frame.
    pub fn is_software(&self) -> bool {
        self.is_software
    }

    fn program(&self, program: Program) -> &StyleProgram {
        match program {
            Program::Composite => &self.composite,
            Program::Field => &self.field,
            Program::Labels => &self.labels,
        }
    }

    pub fn style(&self, shading: &Shading) -> StyleBinding {
        match shading {
            Shading::Composite(shading) => self.binding(
                Program::Composite,
                bytemuck::bytes_of(&shading.params),
                &shading.table,
                &[],
            ),
            Shading::Field(shading) => {
                let (forms, bias) = (shading.packed_forms(), shading.packed_bias());
                let buffers = [bytemuck::cast_slice(&forms), bytemuck::cast_slice(&bias)];
                self.binding(
                    Program::Field,
                    bytemuck::bytes_of(&shading.params),
                    &shading.table,
                    &buffers,
                )
            }
        }
    }

    pub fn label_style(&self, table: &ColorTable) -> StyleBinding {
        let params = LabelParams {
            table_count: table.colors.len() as u32,
            has_patterns: u32::from(!table.patterns.is_empty()),
            unused: [0; 2],
        };
        self.binding(Program::Labels, bytemuck::bytes_of(&params), table, &[])
    }

    fn binding(
        &self,
        program: Program,
        params: &[u8],
        table: &ColorTable,
        buffers: &[&[u8]],
    ) -> StyleBinding {
        let buffer = |contents: &[u8], usage| {
            self.device
                .create_buffer_init(&wgpu::util::BufferInitDescriptor {
                    label: Some("style"),
                    contents,
                    usage,
                })
        };
        let (width, height, bytes) = table.as_picture();
        let table = self.texture(
            wgpu::TextureFormat::Rgba8Uint,
            width,
            height,
            1,
            wgpu::TextureUsages::empty(),
        );
        self.write(&table, 0, &bytes, width * 4, (width, height, 1));
        let table = table.create_view(&wgpu::TextureViewDescriptor::default());
        let uniform = buffer(params, wgpu::BufferUsages::UNIFORM);
        let storage: Vec<_> = buffers
            .iter()
            .map(|contents| buffer(contents, wgpu::BufferUsages::STORAGE))
            .collect();
        let mut entries = vec![
            wgpu::BindGroupEntry {
                binding: 0,
                resource: uniform.as_entire_binding(),
            },
            wgpu::BindGroupEntry {
                binding: 1,
                resource: wgpu::BindingResource::TextureView(&table),
            },
        ];
        for (binding, buffer) in (2..).zip(&storage) {
            entries.push(wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            });
        }
        let layout = &self.program(program).style_layout;
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("style"),
            layout,
            entries: &entries,
        });
        StyleBinding { program, group }
    }

    fn texture(
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

    fn write(
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
                let planes = planes_with_mask(block)?;
                let (width, height, layers) = (block.width, block.height, block.bands + 1);
                let texture = self.texture(
                    wgpu::TextureFormat::R32Float,
                    width,
                    height,
                    layers,
                    wgpu::TextureUsages::empty(),
                );
                self.write(
                    &texture,
                    0,
                    bytemuck::cast_slice(&planes),
                    4 * width,
                    (width, height, layers),
                );
                (Program::Composite, texture, width, height, 4 * planes.len())
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

    /// Colours tiles anew; pairs of different kinds are left alone.
    pub fn run_style_passes<'a>(
        &self,
        passes: impl IntoIterator<Item = (&'a StyleBinding, &'a TileTexture)>,
    ) {
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor {
                label: Some("style"),
            });
        for (style, tile) in passes
            .into_iter()
            .filter(|(style, tile)| style.program == tile.program)
        {
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("style"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &tile.styled,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations {
                        load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                        store: wgpu::StoreOp::Store,
                    },
                })],
                ..Default::default()
            });
            pass.set_pipeline(&self.program(style.program).pipeline);
            pass.set_bind_group(0, &style.group, &[]);
            pass.set_bind_group(1, &tile.data, &[]);
            pass.draw(0..3, 0..1);
        }
        self.queue.submit([encoder.finish()]);
    }

    /// The styled picture of a tile, for reading back.
    pub fn styled_texture<'a>(&self, tile: &'a TileTexture) -> &'a wgpu::Texture {
        tile.styled.texture()
    }

    /// A paint callback that fills `rect` (points) with `ground` and draws the meshes over it. egui's own fill would cost
    /// a software rasteriser several times what all tiles do.
    pub fn paint(
        &self,
        rect: egui::Rect,
        ground: egui::Color32,
        mut meshes: FrameMeshes,
    ) -> egui::PaintCallback {
        let color = if self.target.is_srgb() {
            let [red, green, blue, _] = egui::Rgba::from(ground).to_array();
            [red, green, blue]
        } else {
            let [red, green, blue, _] = ground.to_array();
            [red, green, blue].map(|channel| f32::from(channel) / 255.0)
        };
        // One triangle that covers the rectangle.
        let corners = [[-1.0, -1.0], [3.0, -1.0], [-1.0, 3.0]].map(|position| Vertex {
            position,
            uv: [color[0], color[1]],
            opacity: color[2],
        });
        let start = meshes.vertices.len() as u32;
        meshes.vertices.extend(corners);
        let ground = Draw {
            group: None,
            vertices: start..start + corners.len() as u32,
            look: MeshLook::default(),
        };
        let vertices = self
            .device
            .create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("canvas"),
                contents: bytemuck::cast_slice(&meshes.vertices),
                usage: wgpu::BufferUsages::VERTEX,
            });
        let ground_pipeline = self
            .ground
            .get_or_init(|| ground_pipeline(&self.device, self.target))
            .clone();
        let tiles = meshes
            .draws
            .into_iter()
            .map(|draw| (self.draw_pipeline(draw.look.blend), draw));
        let draws = std::iter::once((ground_pipeline, ground))
            .chain(tiles)
            .collect();
        egui_wgpu::Callback::new_paint_callback(rect, TilePainter { vertices, draws })
    }

    fn draw_pipeline(&self, blend: Blend) -> wgpu::RenderPipeline {
        let make = || draw_pipeline(&self.device, &self.draw_layout, self.target, blend);
        let known = Blend::ALL
            .iter()
            .zip(&self.draws)
            .find(|(known, _)| **known == blend);
        match known {
            Some((_, pipeline)) => pipeline.get_or_init(make).clone(),
            None => make(),
        }
    }
}

/// The bands and one more plane that is 1 where a pixel is valid. Missing pixels are zeroed: shaders may assume that NaN
/// does not occur.
fn planes_with_mask(block: &Block) -> Option<Vec<f32>> {
    let pixels = block.width * block.height;
    if pixels == 0
        || block.bands == 0
        || block.values.len() != pixels * block.bands
        || block.valid.len() != pixels
    {
        return None;
    }
    let mut planes = Vec::with_capacity(pixels * (block.bands + 1));
    for band in block.values.chunks_exact(pixels) {
        planes.extend(
            band.iter()
                .zip(&block.valid)
                .map(|(value, valid)| if *valid { *value } else { 0.0 }),
        );
    }
    planes.extend(block.valid.iter().map(|valid| f32::from(u8::from(*valid))));
    Some(planes)
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

struct TilePainter {
    vertices: wgpu::Buffer,
    draws: Vec<(wgpu::RenderPipeline, Draw)>,
}

/// The pixels of the screen a clip leaves; `None` when it leaves none.
fn scissor(info: &egui::PaintCallbackInfo, clip: Option<egui::Rect>) -> Option<[u32; 4]> {
    let (view, bounds) = (info.viewport_in_pixels(), info.clip_rect_in_pixels());
    let clip = clip.unwrap_or(egui::Rect::from_min_max(
        egui::Pos2::ZERO,
        egui::pos2(1.0, 1.0),
    ));
    let axis = |start: i32, size: i32, from: f32, to: f32, low: i32, length: i32, end: u32| {
        let at = |share: f32| start + (share.clamp(0.0, 1.0) * size as f32).round() as i32;
        let first = at(from).max(low).max(0);
        let last = at(to)
            .min(low + length)
            .min(i32::try_from(end).unwrap_or(i32::MAX));
        (last > first).then_some((first as u32, (last - first) as u32))
    };
    let (left, width) = axis(
        view.left_px,
        view.width_px,
        clip.left(),
        clip.right(),
        bounds.left_px,
        bounds.width_px,
        info.screen_size_px[0],
    )?;
    let (top, height) = axis(
        view.top_px,
        view.height_px,
        clip.top(),
        clip.bottom(),
        bounds.top_px,
        bounds.height_px,
        info.screen_size_px[1],
    )?;
    Some([left, top, width, height])
}

impl CallbackTrait for TilePainter {
    fn paint(
        &self,
        info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        _resources: &CallbackResources,
    ) {
        pass.set_vertex_buffer(0, self.vertices.slice(..));
        for (pipeline, draw) in &self.draws {
            let Some([left, top, width, height]) = scissor(&info, draw.look.clip) else {
                continue;
            };
            pass.set_scissor_rect(left, top, width, height);
            pass.set_pipeline(pipeline);
            if let Some(group) = &draw.group {
                pass.set_bind_group(0, group, &[]);
            }
            pass.draw(draw.vertices.clone(), 0..1);
        }
    }
}
