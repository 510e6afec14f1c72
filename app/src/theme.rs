//! How the window looks: one dark and one light theme, one accent colour, one set of distances, one icon font.
//! Knows egui's styles. Knows nothing of documents or jobs.

use std::sync::Arc;

use egui::{
    Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Stroke,
    TextStyle, Theme,
};

pub use egui_phosphor::regular as icon;

/// Distances in points; everything is a multiple of four.
pub const GAP: f32 = 8.0;
pub const SMALL_GAP: f32 = 4.0;
/// Height of a row in lists and tables.
pub const ROW: f32 = 24.0;

/// The few colours that egui's own visuals do not name.
#[derive(Clone, Copy, Debug)]
pub struct Colors {
    pub accent: Color32,
    pub error: Color32,
    pub warning: Color32,
    pub good: Color32,
    /// Text of second rank; still at least 4.5:1 on panels.
    pub weak: Color32,
    /// Behind rows that are selected.
    pub selected: Color32,
    pub line: Color32,
    /// Behind plots and the canvas.
    pub well: Color32,
}

const DARK: Colors = Colors {
    accent: Color32::from_rgb(86, 190, 170),
    error: Color32::from_rgb(255, 138, 128),
    warning: Color32::from_rgb(247, 190, 92),
    good: Color32::from_rgb(126, 211, 143),
    weak: Color32::from_rgb(160, 169, 178),
    selected: Color32::from_rgb(35, 74, 70),
    line: Color32::from_rgb(56, 63, 70),
    well: Color32::from_rgb(20, 23, 26),
};

const LIGHT: Colors = Colors {
    accent: Color32::from_rgb(0, 112, 99),
    error: Color32::from_rgb(176, 28, 28),
    warning: Color32::from_rgb(138, 86, 0),
    good: Color32::from_rgb(22, 113, 52),
    weak: Color32::from_rgb(88, 97, 105),
    selected: Color32::from_rgb(197, 230, 224),
    line: Color32::from_rgb(208, 213, 217),
    well: Color32::from_rgb(232, 235, 237),
};

/// Colours of the theme in use.
pub fn colors(visuals: &egui::Visuals) -> Colors {
    if visuals.dark_mode { DARK } else { LIGHT }
}

/// Installs fonts and both themes; called once when the window opens.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts());
    for theme in [Theme::Dark, Theme::Light] {
        ctx.style_mut_of(theme, |style| {
            spacing(style);
            style.visuals = visuals(theme);
        });
    }
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let bytes = egui_phosphor::Variant::Regular.font_bytes();
    let mut data = FontData::from_static(bytes);
    // The icons stand a little high beside the text font.
    data.tweak.y_offset_factor = 0.06;
    fonts.font_data.insert("icons".to_owned(), Arc::new(data));
    let bytes = include_bytes!("../../assets/fonts/DroidSansFallbackFull.ttf");
    let data = Arc::new(FontData::from_static(bytes));
    fonts.font_data.insert("ideographs".to_owned(), data);
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        if let Some(keys) = fonts.families.get_mut(&family) {
            // After the text font, so that letters never come from the icon font.
            let at = keys.len().min(1);
            keys.insert(at, "icons".to_owned());
            keys.push("ideographs".to_owned());
        }
    }
    fonts
}

fn spacing(style: &mut egui::Style) {
    style.text_styles = [
        (TextStyle::Small, FontId::proportional(12.0)),
        (TextStyle::Body, FontId::proportional(13.5)),
        (TextStyle::Button, FontId::proportional(13.5)),
        (TextStyle::Heading, FontId::proportional(17.0)),
        (TextStyle::Monospace, FontId::monospace(12.5)),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = egui::vec2(GAP, 6.0);
    spacing.button_padding = egui::vec2(8.0, 3.0);
    spacing.interact_size = egui::vec2(32.0, 22.0);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(14);
    spacing.indent = 14.0;
    spacing.slider_width = 120.0;
    spacing.combo_width = 80.0;
    spacing.tooltip_width = 320.0;
    spacing.scroll = egui::style::ScrollStyle::solid();
    spacing.scroll.bar_width = 8.0;
    style.interaction.tooltip_delay = 0.4;
    still(style, false);
}

/// Whether lists, panels and the text cursor move by themselves.
fn still(style: &mut egui::Style, is_still: bool) {
    style.animation_time = if is_still { 0.0 } else { 0.08 };
    style.scroll_animation = match is_still {
        true => egui::style::ScrollAnimation::none(),
        false => egui::style::ScrollAnimation::default(),
    };
    style.visuals.text_cursor.blink = !is_still;
}

/// Takes the motion of the window's own away, or brings it back.
pub fn hold_still(ctx: &egui::Context, is_still: bool) {
    if (ctx.global_style().animation_time == 0.0) != is_still {
        ctx.all_styles_mut(|style| still(style, is_still));
    }
}

fn visuals(theme: Theme) -> egui::Visuals {
    let dark = theme == Theme::Dark;
    let colors = if dark { DARK } else { LIGHT };
    let mut visuals = if dark {
        egui::Visuals::dark()
    } else {
        egui::Visuals::light()
    };
    let gray = |dark_value: (u8, u8, u8), light_value: (u8, u8, u8)| {
        let (r, g, b) = if dark { dark_value } else { light_value };
        Color32::from_rgb(r, g, b)
    };
    let text = gray((222, 227, 231), (28, 33, 37));
    let panel = gray((29, 33, 37), (247, 248, 249));
    let raised = gray((44, 50, 56), (228, 232, 235));
    let raised_hover = gray((56, 64, 71), (214, 220, 224));

    visuals.panel_fill = panel;
    visuals.window_fill = gray((34, 39, 44), (252, 253, 253));
    visuals.window_stroke = Stroke::new(1.0, colors.line);
    visuals.extreme_bg_color = gray((20, 23, 26), (255, 255, 255));
    visuals.faint_bg_color = gray((34, 39, 43), (239, 242, 244));
    visuals.code_bg_color = visuals.faint_bg_color;
    visuals.weak_text_color = Some(colors.weak);
    visuals.hyperlink_color = colors.accent;
    visuals.warn_fg_color = colors.warning;
    visuals.error_fg_color = colors.error;
    visuals.selection.bg_fill = colors.selected;
    visuals.selection.stroke = Stroke::new(1.0, if dark { Color32::WHITE } else { text });
    visuals.slider_trailing_fill = true;
    visuals.striped = false;
    visuals.indent_has_left_vline = false;
    visuals.window_corner_radius = CornerRadius::same(8);
    visuals.menu_corner_radius = CornerRadius::same(6);
    visuals.window_shadow.spread = 0;

    let radius = CornerRadius::same(4);
    let widgets = &mut visuals.widgets;
    widgets.noninteractive.bg_stroke = Stroke::new(1.0, colors.line);
    widgets.noninteractive.fg_stroke = Stroke::new(1.0, text);
    widgets.noninteractive.bg_fill = panel;
    for (state, fill, stroke) in [
        (&mut widgets.inactive, raised, Color32::TRANSPARENT),
        (&mut widgets.hovered, raised_hover, colors.line),
        (&mut widgets.active, colors.selected, colors.accent),
        (&mut widgets.open, raised_hover, colors.line),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, stroke);
        state.fg_stroke = Stroke::new(1.0, text);
        state.corner_radius = radius;
        state.expansion = 0.0;
    }
    visuals
}

/// Heading of a section inside a panel.
pub fn section_ui(ui: &mut egui::Ui, title: &str) {
    ui.add_space(SMALL_GAP);
    ui.label(egui::RichText::new(title).strong());
}

/// What an empty panel says: what is missing and what to do next.
pub fn empty_ui(ui: &mut egui::Ui, title: &str, next: &str) {
    ui.add_space(GAP);
    ui.label(egui::RichText::new(title).strong());
    ui.label(egui::RichText::new(next).color(colors(ui.visuals()).weak));
    ui.add_space(GAP);
}

/// A square button with an icon only; `name` is its tooltip and what a screen reader says.
pub fn icon_button(ui: &mut egui::Ui, glyph: &str, name: &str) -> egui::Response {
    let response =
        ui.add(egui::Button::new(egui::RichText::new(glyph).size(15.0)).frame_when_inactive(false));
    named(response, name)
}

/// Gives a widget a tooltip and the name a screen reader says.
pub fn named(response: egui::Response, name: &str) -> egui::Response {
    let enabled = response.enabled();
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, enabled, name));
    response.on_hover_text(name)
}

/// Gives a box of choices the name and the value a screen reader says, where no label stands before it.
pub fn named_choice(response: egui::Response, name: &str, value: &str) -> egui::Response {
    response.widget_info(|| egui::WidgetInfo {
        current_text_value: Some(value.to_owned()),
        ..egui::WidgetInfo::labeled(egui::Role::ComboBox, response.enabled(), name)
    });
    response
}

/// A slider with its number, both named by `label` for a screen reader. Takes the width there is.
pub fn slider_ui(
    ui: &mut egui::Ui,
    label: &egui::Response,
    value: &mut f32,
    range: std::ops::RangeInclusive<f32>,
    suffix: &str,
    decimals: usize,
) -> egui::Response {
    ui.spacing_mut().slider_width = (ui.available_width() - 64.0).max(40.0);
    let slider = ui
        .add(egui::Slider::new(value, range.clone()).show_value(false))
        .labelled_by(label.id);
    let speed = f64::from(range.end() - range.start()) / 200.0;
    let number = ui
        .add(
            egui::DragValue::new(value)
                .range(range)
                .speed(speed)
                .suffix(suffix)
                .max_decimals(decimals),
        )
        .labelled_by(label.id);
    slider | number
}

/// `rgb` as egui's colour.
pub fn rgb(rgb: [u8; 3]) -> Color32 {
    Color32::from_rgb(rgb[0], rgb[1], rgb[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(color: Color32) -> f32 {
        let channel = |value: u8| {
            let c = f32::from(value) / 255.0;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(color.r()) + 0.7152 * channel(color.g()) + 0.0722 * channel(color.b())
    }

    fn contrast(a: Color32, b: Color32) -> f32 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_text_colour_is_readable_on_panels() {
        for theme in [Theme::Dark, Theme::Light] {
            let visuals = visuals(theme);
            let colors = colors(&visuals);
            for color in [
                visuals.text_color(),
                colors.accent,
                colors.error,
                colors.warning,
                colors.good,
                colors.weak,
            ] {
                let ratio = contrast(color, visuals.panel_fill);
                assert!(ratio >= 4.5, "{theme:?}: {color:?} has contrast {ratio}");
            }
        }
    }
}
