//! The programs of the style and draw passes: which shader, which bindings, which target.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};

use terroir_scene::{Blend, LabelParams, Variant};

use super::Vertex;
use super::upload::TilePlace;
use crate::canvas::shaders;

/// What a style pass writes: premultiplied display values.
pub(super) const STYLED: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Composite,
    Field,
    Labels,
}

pub(super) struct StyleProgram {
    name: &'static str,
    entry: &'static str,
    module: wgpu::ShaderModule,
    layout: wgpu::PipelineLayout,
    /// Made when first drawn with.
    pipelines: Mutex<HashMap<Variant, wgpu::RenderPipeline>>,
    pub(super) style_layout: wgpu::BindGroupLayout,
    pub(super) data_layout: wgpu::BindGroupLayout,
}

pub(super) fn fragment_entry(binding: u32, ty: wgpu::BindingType) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty,
        count: None,
    }
}

pub(super) fn texture_type(
    sample_type: wgpu::TextureSampleType,
    view_dimension: wgpu::TextureViewDimension,
) -> wgpu::BindingType {
    wgpu::BindingType::Texture {
        sample_type,
        view_dimension,
        multisampled: false,
    }
}

fn buffer_type(ty: wgpu::BufferBindingType, size: usize) -> wgpu::BindingType {
    wgpu::BindingType::Buffer {
        ty,
        has_dynamic_offset: false,
        min_binding_size: NonZeroU64::new(size as u64),
    }
}

impl StyleProgram {
    pub(super) fn new(device: &wgpu::Device, program: Program) -> Self {
        use wgpu::{
            BufferBindingType as Buffer, TextureSampleType as Sample, TextureViewDimension as View,
        };
        let (name, source, entry, uniform_size, data_type) = match program {
            Program::Composite => (
                "composite",
                shaders::COMPOSITE,
                "composite_pixel",
                size_of::<terroir_scene::CompositeParams>(),
                texture_type(Sample::Float { filterable: false }, View::D2Array),
            ),
            Program::Field => (
                "field",
                shaders::FIELD,
                "field_pixel",
                size_of::<terroir_scene::FieldParams>(),
                texture_type(Sample::Sint, View::D2Array),
            ),
            Program::Labels => (
                "labels",
                shaders::LABELS,
                "label_pixel",
                size_of::<LabelParams>(),
                texture_type(Sample::Uint, View::D2),
            ),
        };
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(name),
            source: wgpu::ShaderSource::Wgsl(source.into()),
        });
        let mut entries = vec![
            fragment_entry(0, buffer_type(Buffer::Uniform, uniform_size)),
            fragment_entry(1, texture_type(Sample::Uint, View::D2)),
        ];
        if program == Program::Field {
            entries.push(fragment_entry(
                2,
                buffer_type(Buffer::Storage { read_only: true }, 64),
            ));
            entries.push(fragment_entry(
                3,
                buffer_type(Buffer::Storage { read_only: true }, 16),
            ));
        }
        let style_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(name),
            entries: &entries,
        });
        let data_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(name),
            entries: &[
                fragment_entry(0, data_type),
                fragment_entry(1, buffer_type(Buffer::Uniform, size_of::<TilePlace>())),
            ],
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(name),
            bind_group_layouts: &[Some(&style_layout), Some(&data_layout)],
            immediate_size: 0,
        });
        Self {
            name,
            entry,
            module,
            layout,
            pipelines: Mutex::default(),
            style_layout,
            data_layout,
        }
    }

    pub(super) fn pipeline(&self, device: &wgpu::Device, variant: Variant) -> wgpu::RenderPipeline {
        let mut pipelines = self
            .pipelines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        pipelines
            .entry(variant)
            .or_insert_with(|| self.make_pipeline(device, variant))
            .clone()
    }

    fn make_pipeline(&self, device: &wgpu::Device, variant: Variant) -> wgpu::RenderPipeline {
        let constants = [
            ("MODE", f64::from(variant.mode)),
            ("FLAGS", f64::from(variant.flags)),
            ("HAS_GAMMA", f64::from(u8::from(variant.has_gamma))),
        ];
        let options = wgpu::PipelineCompilationOptions {
            constants: &constants,
            ..Default::default()
        };
        device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some(self.name),
            layout: Some(&self.layout),
            vertex: wgpu::VertexState {
                module: &self.module,
                entry_point: Some("cover"),
                compilation_options: options.clone(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &self.module,
                entry_point: Some(self.entry),
                compilation_options: options,
                targets: &[Some(STYLED.into())],
            }),
            multiview_mask: None,
            cache: None,
        })
    }
}

/// The fixed blending of a mode, for premultiplied colours over an opaque picture; `Blend::over` is its formula.
fn blend_state(blend: Blend) -> wgpu::BlendState {
    use wgpu::{BlendFactor as F, BlendOperation as Op};
    let add = |src_factor, dst_factor| wgpu::BlendComponent {
        src_factor,
        dst_factor,
        operation: Op::Add,
    };
    let pick = |operation| wgpu::BlendComponent {
        src_factor: F::One,
        dst_factor: F::One,
        operation,
    };
    wgpu::BlendState {
        color: match blend {
            Blend::Normal => add(F::One, F::OneMinusSrcAlpha),
            Blend::Multiply => add(F::Dst, F::OneMinusSrcAlpha),
            Blend::Screen => add(F::OneMinusDst, F::One),
            Blend::Add => add(F::One, F::One),
            Blend::Darken => pick(Op::Min),
            Blend::Lighten => pick(Op::Max),
        },
        alpha: add(F::One, F::OneMinusSrcAlpha),
    }
}

pub(super) fn draw_pipeline(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    target: wgpu::TextureFormat,
    blend: Blend,
) -> wgpu::RenderPipeline {
    let fragment = match (target.is_srgb(), blend) {
        (false, Blend::Darken) => "draw_display_on_white",
        (false, _) => "draw_display",
        (true, Blend::Darken) => "draw_srgb_on_white",
        (true, _) => "draw_srgb",
    };
    screen_pipeline(
        device,
        &[Some(layout)],
        ["place", fragment],
        wgpu::ColorTargetState {
            format: target,
            blend: Some(blend_state(blend)),
            write_mask: wgpu::ColorWrites::ALL,
        },
    )
}

/// One colour, over whatever was there.
pub(super) fn ground_pipeline(
    device: &wgpu::Device,
    target: wgpu::TextureFormat,
) -> wgpu::RenderPipeline {
    screen_pipeline(device, &[], ["place_ground", "draw_ground"], target.into())
}

/// A pipeline of `draw.wgsl`; `entries` are its vertex and fragment functions.
fn screen_pipeline(
    device: &wgpu::Device,
    groups: &[Option<&wgpu::BindGroupLayout>],
    entries: [&str; 2],
    target: wgpu::ColorTargetState,
) -> wgpu::RenderPipeline {
    let [vertex, fragment] = entries;
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("draw"),
        source: wgpu::ShaderSource::Wgsl(shaders::DRAW.into()),
    });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("draw"),
        bind_group_layouts: groups,
        immediate_size: 0,
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("draw"),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some(vertex),
            compilation_options: Default::default(),
            buffers: &[Some(wgpu::VertexBufferLayout {
                array_stride: size_of::<Vertex>() as u64,
                step_mode: wgpu::VertexStepMode::Vertex,
                attributes: &wgpu::vertex_attr_array![0 => Float32x2, 1 => Float32x2, 2 => Float32],
            })],
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(fragment),
            compilation_options: Default::default(),
            targets: &[Some(target)],
        }),
        multiview_mask: None,
        cache: None,
    })
}
