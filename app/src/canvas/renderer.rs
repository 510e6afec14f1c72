//! Everything the canvas does on the GPU: tile textures, the style passes and the draw pass. With its
//! `programs` and `upload` the only place of the app that names wgpu. Knows tiles as values; knows nothing of files, layers or views.

mod programs;
mod upload;

use std::ops::Range;
use std::sync::{Mutex, OnceLock};

use bytemuck::{Pod, Zeroable};
use egui_wgpu::{CallbackResources, CallbackTrait, RenderState};
use terroir_scene::{Blend, ColorTable, LabelParams, Shading, Variant};
use wgpu::util::DeviceExt;

pub use upload::TileData;

use programs::{
    Program, StyleProgram, draw_pipeline, fragment_entry, ground_pipeline, texture_type,
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

/// A style's numbers on the GPU.
pub struct StyleBinding {
    program: Program,
    pipeline: wgpu::RenderPipeline,
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
    /// The values of the tile that is brought to the GPU, kept so that not every tile takes memory of its own.
    planes: Mutex<Vec<f32>>,
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
            planes: Mutex::default(),
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
            Shading::Composite(composite) => self.binding(
                Program::Composite,
                shading.variant(),
                bytemuck::bytes_of(&composite.params),
                &composite.table,
                &[],
            ),
            Shading::Field(field) => {
                let (forms, bias) = (field.packed_forms(), field.packed_bias());
                let buffers = [bytemuck::cast_slice(&forms), bytemuck::cast_slice(&bias)];
                self.binding(
                    Program::Field,
                    shading.variant(),
                    bytemuck::bytes_of(&field.params),
                    &field.table,
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
        self.binding(
            Program::Labels,
            Variant::of_labels(&params),
            bytemuck::bytes_of(&params),
            table,
            &[],
        )
    }

    fn binding(
        &self,
        program: Program,
        variant: Variant,
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
        let pipeline = self.program(program).pipeline(&self.device, variant);
        let layout = &self.program(program).style_layout;
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("style"),
            layout,
            entries: &entries,
        });
        StyleBinding {
            program,
            pipeline,
            group,
        }
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
            pass.set_pipeline(&style.pipeline);
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
