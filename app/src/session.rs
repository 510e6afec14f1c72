//! The session: tool, selection, open panels, what is under the cursor. Not saved, not undone.

use std::sync::Arc;

use terroir_scene::{LayerId, MapRect};

use crate::analyses::Analyses;
use crate::answering::SampleView;
use crate::canvas::PixelValue;
use crate::compare::{Compare, Hidden};
use crate::comparison::Comparison;
use crate::crs_chooser::CrsChooser;
use crate::play::Timeline;
use crate::pointed_class::PointedClass;
use crate::probe::PixelAnswer;
use crate::profiles::ProfileView;
use crate::similarity::SimilarView;
use crate::time_points::TimeView;
use crate::tools::{Growing, PolygonDraft, Snapping, Stroke, Tool};
use crate::weather::WeatherView;

/// What is under the pointer.
#[derive(Clone, Debug, Default)]
pub struct Hover {
    pub map_xy: Option<(f64, f64)>,
    /// Of the active raster layer.
    pub pixel: Option<PixelValue>,
}

/// What the canvas must do after the panels were drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ViewRequest {
    Layer(LayerId),
    Full,
    Pixels(LayerId),
    /// The chosen shapes of a vector layer.
    Shapes(LayerId),
    Zoom(f64),
    /// Map units per point times 3779.5 for a metre at 96 dots an inch.
    Scale(f64),
    /// Map coordinates that come to the middle.
    Point((f64, f64)),
    /// Map coordinates that come to the middle, near enough to see the pixels of a layer.
    Place {
        layer: LayerId,
        center: (f64, f64),
    },
    /// Map coordinates that come to the middle, at a scale of map units per point.
    Close((f64, f64), f64),
    Redraw,
}

/// A shape under the clicked place; `feature` counts from 0 in its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundShape {
    pub layer: LayerId,
    pub feature: usize,
}

/// The attribute table that is open.
#[derive(Clone, Debug)]
pub struct AttributeTable {
    pub layer: LayerId,
    /// Column and whether its largest values come first.
    pub sorted: Option<(usize, bool)>,
    /// Features in the order of the rows; `None` = as in the file.
    pub order: Option<Arc<[u32]>>,
}

pub struct Session {
    pub tool: Tool,
    /// Class that the painting tools use; 0 = none yet.
    pub class_id: u8,
    /// Pixels.
    pub brush_diameter: f64,
    pub protect: bool,
    pub keys: crate::panels::KeysForm,
    pub about_open: bool,
    /// The About window shows the System page.
    pub about_system: bool,
    pub properties: Option<LayerId>,
    pub attribute_table: Option<AttributeTable>,
    /// Where shapes are to be looked for in this frame, in map coordinates.
    pub identify_at: Option<(f64, f64)>,
    /// Shapes found there, topmost first, and which of them is shown.
    pub found_shapes: Vec<FoundShape>,
    pub found_chosen: usize,
    /// Shapes highlighted on the map.
    pub chosen_shapes: Option<(LayerId, Arc<[usize]>)>,
    /// The vector layer added last, which the message strip offers as labels.
    pub offered_labels: Option<LayerId>,
    /// Vector layers whose legend is folded away in the list.
    pub folded: std::collections::HashSet<LayerId>,
    pub hover: Hover,
    /// Values of the pixel under the cursor, all bands.
    pub hovered_pixel: Option<PixelAnswer>,
    /// Values of the pixel that was clicked with the identify tool.
    pub clicked_pixel: Option<PixelAnswer>,
    pub profiles: ProfileView,
    /// Similarity search: what the next click gives it, and what it found.
    pub similar: SimilarView,
    pub stroke: Option<Stroke>,
    pub polygon: PolygonDraft,
    pub growing: Growing,
    pub snapping: Snapping,
    pub rename: Option<(LayerId, String)>,
    /// Class being renamed.
    pub rename_class: Option<(u8, String)>,
    pub show_lon_lat: bool,
    pub wavelength_in_um: bool,
    /// Text being typed for a band's wavelength: layer, band, text.
    pub wavelength_edit: Option<(LayerId, usize, String)>,
    pub band_filter: String,
    /// Text of the palette, while it is open.
    pub palette: Option<String>,
    pub palette_row: usize,
    pub crs_chooser: Option<CrsChooser>,
    /// Middle of the view in map coordinates, from the last frame.
    pub view_center: Option<(f64, f64)>,
    /// The part of the map in view, from the last frame.
    pub view_extent: Option<MapRect>,
    pub scale_edit: Option<String>,
    pub view: Option<ViewRequest>,
    /// Two layers compared on the map.
    pub compare: Option<Compare>,
    /// A layer that is not drawn for a moment.
    pub hidden: Option<Hidden>,
    /// The class under the pointer in a legend.
    pub pointed_class: PointedClass,
    /// The table of bands is brought into view in the next frame.
    pub shows_band_table: bool,
    /// The unfinished job under the pointer in the frame before.
    pub hovered_job: Option<terroir_engine::JobId>,
    /// The layer chosen in the list; `None` = the document's own choice (the layer added last).
    pub active: Option<LayerId>,
    /// Limits that are taken once their statistics arrive.
    pub pending_limits: Vec<crate::stretching::PendingLimits>,
    /// The document's value as this frame began.
    pub value_at_frame: u64,
    /// The part of each layer in view.
    pub in_view: crate::in_view::InView,
    /// Class of a raster being renamed: layer, value, text.
    pub rename_value: Option<(LayerId, i64, String)>,
    pub formula_edit: Option<crate::panels::FormulaEdit>,
    /// Newest read error shown per layer.
    pub layer_errors: std::collections::HashMap<LayerId, String>,
    /// The user decided about unsaved changes: close without asking again.
    pub is_closing: bool,
    /// Side of the blocks; `None` = what suits the field's pixels.
    pub accuracy_block_px: Option<usize>,
    pub accuracy_folds: usize,
    /// Kappa and MCC are wanted beside the usual figures.
    pub with_kappa: bool,
    pub timeline: Timeline,
    pub time: TimeView,
    pub sample: SampleView,
    pub analyses: Analyses,
    pub comparison: Comparison,
    pub weather: WeatherView,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            tool: Tool::Pan,
            class_id: 0,
            brush_diameter: 5.0,
            protect: false,
            keys: crate::panels::KeysForm::default(),
            about_open: false,
            about_system: false,
            properties: None,
            attribute_table: None,
            identify_at: None,
            found_shapes: Vec::new(),
            found_chosen: 0,
            chosen_shapes: None,
            offered_labels: None,
            folded: std::collections::HashSet::new(),
            hover: Hover::default(),
            hovered_pixel: None,
            clicked_pixel: None,
            profiles: ProfileView::default(),
            similar: SimilarView::default(),
            stroke: None,
            polygon: PolygonDraft::default(),
            growing: Growing::default(),
            snapping: Snapping::default(),
            rename: None,
            rename_class: None,
            show_lon_lat: false,
            wavelength_in_um: false,
            wavelength_edit: None,
            band_filter: String::new(),
            palette: None,
            palette_row: 0,
            crs_chooser: None,
            view_center: None,
            view_extent: None,
            scale_edit: None,
            view: None,
            compare: None,
            hidden: None,
            pointed_class: PointedClass::default(),
            shows_band_table: false,
            hovered_job: None,
            active: None,
            pending_limits: Vec::new(),
            value_at_frame: 0,
            in_view: crate::in_view::InView::default(),
            rename_value: None,
            formula_edit: None,
            layer_errors: std::collections::HashMap::new(),
            is_closing: false,
            accuracy_block_px: None,
            accuracy_folds: 5,
            with_kappa: false,
            timeline: Timeline::default(),
            time: TimeView::default(),
            sample: SampleView::default(),
            analyses: Analyses::default(),
            comparison: Comparison::default(),
            weather: WeatherView::default(),
        }
    }
}
