//! Pictures that only the window can take: of the map, of a sheet, of a chart, of itself. Knows the view and its layers;
//! writes no file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use egui::{Rect, ViewportCommand};
use terroir_scene::{
    Crs, MapRect, SheetContent, SheetLegend, SheetWords, Still, layer_of_legend, legend_of,
};

use super::Window;
use crate::export::PictureOrder;
use crate::files::FileTask;
use crate::language::t;
use crate::messages::Level;
use crate::panels;
use crate::state::LIVE_LAYER;

/// A picture on its way: a screenshot was asked for.
pub(super) struct Screenshot {
    goes_to: Destination,
    /// `None` = the whole window, and close afterwards.
    crop: Option<Rect>,
    /// What goes around the picture, where it becomes a sheet.
    sheet: Option<Box<SheetAround>>,
    receiver: Receiver<Arc<egui::ColorImage>>,
}

impl Screenshot {
    /// Of the map, for a file.
    fn is_of_map(&self) -> bool {
        self.crop.is_some() && matches!(self.goes_to, Destination::File(_))
    }
}

/// What becomes of a picture.
pub(super) enum Destination {
    File(PathBuf),
    Clipboard,
}

/// A sheet without its picture.
pub(super) struct SheetAround {
    words: SheetWords,
    legend_title: String,
    legend: SheetLegend,
    /// Ground length of a point of the window.
    metres_per_point: Option<f64>,
    north: Option<f64>,
    system: String,
    graticule: Option<(Crs, MapRect)>,
}

impl Window {
    /// Whether a picture of the map for a file is due or on its way; `is_wanted` hears whether it becomes a sheet.
    pub(super) fn takes_picture(&self, is_wanted: impl Fn(bool) -> bool) -> bool {
        let ordered = self.picture_order.as_ref();
        let taken = self.screenshot.as_ref().filter(|shot| shot.is_of_map());
        ordered.is_some_and(|order| is_wanted(order.sheet.is_some()))
            || taken.is_some_and(|shot| is_wanted(shot.sheet.is_some()))
    }

    fn ask_screenshot(
        &mut self,
        ctx: &egui::Context,
        goes_to: Destination,
        crop: Option<Rect>,
        sheet: Option<Box<SheetAround>>,
    ) {
        let (sender, receiver): (SyncSender<Arc<egui::ColorImage>>, _) = sync_channel(1);
        let wake = self.state.wake.clone();
        ctx.request_screenshot(move |image| {
            sender.try_send(image).ok();
            wake();
        });
        self.screenshot = Some(Screenshot {
            goes_to,
            crop,
            sheet,
            receiver,
        });
    }

    /// Legend, scale and north of the view.
    fn around_sheet(&self, words: SheetWords) -> SheetAround {
        let document = self.state.history.document();
        let live = &self.state.live;
        let shown = self.layers.iter().rev().map(|layer| &layer.layer);
        let chosen = live
            .fit
            .as_ref()
            .filter(|_| live.visible)
            .and_then(|_| shown.clone().find(|layer| layer.id == LIVE_LAYER))
            .or_else(|| layer_of_legend(shown));
        let (legend_title, legend) = chosen
            .and_then(|layer| Some(legend_of(layer.style.as_ref()?, layer.raster_info()?)))
            .unwrap_or_else(|| (String::new(), SheetLegend::Words(Vec::new())));
        let view = self.canvas.viewport();
        let geometry = document
            .map_crs
            .as_ref()
            .and_then(|crs| self.state.places.geometry(crs));
        let (x, y) = view.center;
        let half = 50.0 * view.units_per_point;
        let has_graticule = words.has_graticule;
        SheetAround {
            words,
            legend_title,
            legend,
            metres_per_point: geometry
                .as_ref()
                .and_then(|geometry| geometry.metres_between((x - half, y), (x + half, y)))
                .map(|metres| metres / 100.0),
            north: geometry
                .as_ref()
                .and_then(|geometry| geometry.north((x, y))),
            system: document
                .map_crs
                .as_ref()
                .map_or_else(String::new, terroir_scene::system_text),
            graticule: document
                .map_crs
                .clone()
                .filter(|_| has_graticule)
                .map(|crs| (crs, view.rect())),
        }
    }

    pub(super) fn take_screenshot(&mut self, ctx: &egui::Context) {
        let Some(image) = self
            .screenshot
            .as_ref()
            .and_then(|shot| shot.receiver.try_recv().ok())
        else {
            return;
        };
        let Some(shot) = self.screenshot.take() else {
            return;
        };
        let image = match shot.crop {
            Some(rect) => Arc::new(image.region(&rect, Some(ctx.pixels_per_point()))),
            None => image,
        };
        match (shot.goes_to, shot.sheet) {
            (Destination::Clipboard, _) => {
                ctx.copy_image(Arc::unwrap_or_clone(image));
                self.state.messages.show(Level::Info, t!("chart-copied"));
            }
            (Destination::File(path), Some(around)) => self.state.send(FileTask::SaveSheet {
                content: Box::new(around.with(&image, ctx.pixels_per_point())),
                size: around.words.size,
                path,
            }),
            (Destination::File(path), None) => {
                self.state.send(FileTask::SavePicture { image, path });
            }
        }
        if shot.crop.is_none() {
            self.state.session.is_closing = true;
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    /// The picture asked for at the start is taken when everything is read and drawn.
    pub(super) fn final_screenshot(&mut self, ctx: &egui::Context) {
        if self.final_screenshot.is_none() {
            return;
        }
        let busy = self.state.opening > 0
            || self.canvas.is_loading()
            || self.canvas.is_refining()
            || self.state.live.is_fitting;
        self.frames_at_rest = if busy { 0 } else { self.frames_at_rest + 1 };
        ctx.request_repaint_after(std::time::Duration::from_millis(50));
        if self.frames_at_rest > 20
            && let Some(path) = self.final_screenshot.take()
        {
            self.ask_screenshot(ctx, Destination::File(path), None, None);
        }
    }

    /// Asks for what was ordered one frame ago, when the dialog or the menu is gone, and keeps this frame's orders.
    pub(super) fn order_pictures(&mut self, ctx: &egui::Context, ordered: Option<PictureOrder>) {
        if let Some(order) = self.picture_order.take() {
            let around = order.sheet.map(|words| Box::new(self.around_sheet(words)));
            let goes_to = Destination::File(order.path);
            self.ask_screenshot(ctx, goes_to, Some(self.map_rect), around);
        }
        if let Some(rect) = self.chart_order.take() {
            self.ask_screenshot(ctx, Destination::Clipboard, Some(rect), None);
        }
        if let Some(order) = ordered {
            self.picture_order = Some(order);
            ctx.request_repaint();
        }
        if let Some(rect) = panels::take_chart_picture(ctx) {
            self.chart_order = Some(rect);
            ctx.request_repaint();
        }
    }
}

impl SheetAround {
    /// The whole content, with the picture the window took.
    fn with(&self, image: &egui::ColorImage, pixels_per_point: f32) -> SheetContent {
        let pixels = image.pixels.iter();
        SheetContent {
            title: self.words.title.clone(),
            picture: Still {
                width: image.width(),
                height: image.height(),
                rgba: pixels
                    .flat_map(|pixel| pixel.to_srgba_unmultiplied())
                    .collect(),
                extent: None,
            },
            legend_title: self.legend_title.clone(),
            legend: self.legend.clone(),
            metres_per_pixel: self
                .metres_per_point
                .map(|metres| metres / f64::from(pixels_per_point)),
            north: self.north,
            date: self.words.date.clone(),
            system: self.system.clone(),
            attribution: self.words.attribution.clone(),
            graticule: self.graticule.clone(),
        }
    }
}
