//! The menu of every chart: what it shows as a picture or as a table of values, on the clipboard. Knows where a chart lies and
//! what it says of itself; the window takes the picture.

use egui::{Id, Rect, Response};

use crate::language::t;

/// Where the wish for a picture waits: charts are drawn without the window's state.
fn wish() -> Id {
    Id::unique("picture of a chart")
}

/// What the right button offers on a chart; `table` gives its values as CSV.
pub fn chart_menu_ui(response: &Response, table: impl FnOnce() -> String) {
    response.context_menu(|ui| {
        if ui.button(t!("chart-copy-picture")).clicked() {
            let rect = response.rect;
            ui.ctx().data_mut(|data| data.insert_temp(wish(), rect));
            ui.close();
        }
        if ui.button(t!("chart-copy-values")).clicked() {
            ui.ctx().copy_text(table());
            ui.close();
        }
    });
}

/// The chart whose picture was asked for in this frame.
pub fn take_chart_picture(ctx: &egui::Context) -> Option<Rect> {
    ctx.data_mut(|data| {
        let rect = data.get_temp(wish());
        data.remove::<Rect>(wish());
        rect
    })
}

/// A table with a heading.
pub fn csv(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail, and all rows are as long as the heading.
    table.write_record(heading).ok();
    for row in rows {
        table.write_record(row).ok();
    }
    let bytes = table.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::csv;

    #[test]
    fn names_with_commas_stay_one_cell() {
        let rows = [vec!["olives, old".to_owned(), "3".to_owned()]];
        assert_eq!(csv(&["class", "n"], rows), "class,n\n\"olives, old\",3\n");
    }
}
