//! The canvas without a window: frames are drawn into a texture of its own, to be timed. Knows nothing of files, panels
//! or input.

use std::time::{Duration, Instant};

use egui_wgpu::{
    RenderState, RendererOptions, ScreenDescriptor, WgpuConfiguration, WgpuSetup, wgpu,
};

/// A frame of a software rasteriser may take seconds; longer means that the device is gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one frame cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameCost {
    /// Layout, tiles, uploads and recorded commands: what the window's thread spends.
    pub thread: Duration,
    /// From there until the device had drawn it.
    pub device: Duration,
    /// The canvas asked for another frame at once.
    pub wants_more: bool,
}

/// A device and a picture to draw into.
pub struct Offscreen {
    ctx: egui::Context,
    state: RenderState,
    target: wgpu::TextureView,
    size: [u32; 2],
}

impl Offscreen {
    /// `size` in pixels, one pixel a point.
    ///
    /// # Errors
    /// No graphics adapter, not even a software one.
    pub fn new(size: [u32; 2]) -> Result<Self, String> {
        let setup = WgpuSetup::without_display_handle();
        let instance = pollster::block_on(setup.new_instance());
        let configuration = WgpuConfiguration {
            wgpu_setup: setup,
            ..Default::default()
        };
        let state = pollster::block_on(RenderState::create(
            &configuration,
            &instance,
            None,
            RendererOptions::default(),
        ))
        .map_err(|error| error.to_string())?;
        let texture = state.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("offscreen picture"),
            size: wgpu::Extent3d {
                width: size[0],
                height: size[1],
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: state.target_format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
            view_formats: &[],
        });
        Ok(Self {
            ctx: egui::Context::default(),
            target: texture.create_view(&wgpu::TextureViewDescriptor::default()),
            state,
            size,
        })
    }

    /// The device canvases draw with.
    pub fn render_state(&self) -> &RenderState {
        &self.state
    }

    /// As the driver names it.
    pub fn adapter_name(&self) -> String {
        self.state.adapter.get_info().name
    }

    /// Draws one frame and waits until the device is done.
    ///
    /// # Errors
    /// The device does not answer any more.
    pub fn frame(&mut self, draw: impl FnMut(&mut egui::Ui)) -> Result<FrameCost, String> {
        let start = Instant::now();
        let size = egui::vec2(self.size[0] as f32, self.size[1] as f32);
        let input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, size)),
            ..Default::default()
        };
        let mut output = self.ctx.run_ui(input, draw);
        let wants_more = output
            .viewport_output
            .values()
            .any(|viewport| viewport.repaint_delay.is_zero());
        let screen = ScreenDescriptor {
            size_in_pixels: self.size,
            pixels_per_point: output.pixels_per_point,
        };
        let primitives = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        let mut renderer = self.state.renderer.write();
        let (device, queue) = (&self.state.device, &self.state.queue);
        for (id, deltas) in output.textures_delta.set.drain() {
            for delta in deltas {
                renderer.update_texture(device, queue, id, &delta);
            }
        }
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor {
            label: Some("offscreen frame"),
        });
        let first = renderer.update_buffers(device, queue, &mut encoder, &primitives, &screen);
        {
            let mut pass = encoder
                .begin_render_pass(&wgpu::RenderPassDescriptor {
                    label: Some("offscreen frame"),
                    color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                        view: &self.target,
                        resolve_target: None,
                        ops: wgpu::Operations {
                            load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                            store: wgpu::StoreOp::Store,
                        },
                        depth_slice: None,
                    })],
                    ..Default::default()
                })
                .forget_lifetime();
            renderer.render(&mut pass, &primitives, &screen);
        }
        let commands = encoder.finish();
        for id in output.textures_delta.free.drain() {
            renderer.free_texture(&id);
        }
        let thread = start.elapsed();
        queue.submit(first.into_iter().chain(std::iter::once(commands)));
        device
            .poll(wgpu::PollType::Wait {
                submission_index: None,
                timeout: Some(PATIENCE),
            })
            .map_err(|error| error.to_string())?;
        Ok(FrameCost {
            thread,
            device: start.elapsed().saturating_sub(thread),
            wants_more,
        })
    }
}
