//! The window without a mouse and without eyes: every control has a name, and Tab comes to all of them; every command of the
//! table does something that is seen, or says why it cannot.

use std::collections::BTreeSet;
use std::time::Duration;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use terroir::window::{SystemMotion, Window, WindowOptions};

use crate::window::{open_in, press, settle, show_panel, wait_until};

fn open_sample(data: &std::path::Path) -> Harness<'static, Window> {
    let options = WindowOptions {
        sample: true,
        types_paths: true,
        ..WindowOptions::default()
    };
    let mut harness = open_in(data, 1.0, options);
    wait_until(&mut harness, "the sample", |harness| {
        harness.state().has_settings() && harness.state().document().layers.len() >= 2
    });
    harness
}

/// Esc until whatever was opened is closed again.
fn close_all(harness: &mut Harness<'static, Window>) {
    for _ in 0..4 {
        press(harness, Modifiers::NONE, Key::Escape);
    }
    settle(harness);
}

/// Titles of the panels that are open.
fn titles(harness: &Harness<'static, Window>) -> Vec<String> {
    let tabs = harness.query_all_by_role(Role::Tab);
    tabs.filter_map(|node| node.accesskit_node().label())
        .collect()
}

#[test]
fn every_control_has_a_name() {
    let home = tempfile::tempdir().unwrap();
    let mut harness = open_sample(home.path());
    let mut unnamed = BTreeSet::new();
    let mut note = |harness: &Harness<'static, Window>, place: &str| {
        let found = harness.unnamed_widgets();
        unnamed.extend(found.into_iter().map(|widget| format!("{place}: {widget}")));
    };
    let open = titles(&harness);
    assert!(open.len() > 6, "{open:?}");
    for title in &open {
        show_panel(&mut harness, title);
        note(&harness, title);
    }
    // Whatever a command opens.
    for (place, name) in Window::commands().into_iter().enumerate() {
        if harness.state().document().layers.is_empty() {
            harness = open_sample(home.path());
        }
        harness.state_mut().run_command(place);
        settle(&mut harness);
        note(&harness, &name);
        close_all(&mut harness);
    }
    let unnamed: Vec<String> = unnamed.into_iter().collect();
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

/// Controls in sight that can be used, by role, name and place.
fn controls(harness: &Harness<'static, Window>) -> BTreeSet<String> {
    let wanted = [
        Role::Button,
        Role::CheckBox,
        Role::ComboBox,
        Role::RadioButton,
        Role::Slider,
        Role::SpinButton,
        Role::Tab,
        Role::TextInput,
    ];
    let nodes = wanted
        .into_iter()
        .flat_map(|role| harness.query_all_by_role(role));
    nodes
        .filter(|node| !node.accesskit_node().is_disabled())
        .map(|node| name_of(&node))
        .collect()
}

fn name_of(node: &egui_kittest::Node<'_>) -> String {
    let place = node.rect();
    let inner = node.accesskit_node();
    format!(
        "{:?} {:?} at {:.0} {:.0}",
        inner.role(),
        inner.label().unwrap_or_default(),
        place.left(),
        place.top()
    )
}

#[test]
fn tab_comes_to_every_control_in_sight() {
    let home = tempfile::tempdir().unwrap();
    let mut harness = open_sample(home.path());
    let mut missed = Vec::new();
    for title in titles(&harness) {
        show_panel(&mut harness, &title);
        let all = controls(&harness);
        assert!(all.len() > 20, "{title}: {}", all.len());
        let mut reached = BTreeSet::new();
        for _ in 0..2 * all.len() + 20 {
            press(&mut harness, Modifiers::NONE, Key::Tab);
            let focused = harness
                .root()
                .children_recursive()
                .find(|node| node.accesskit_node().is_focused())
                .map(|node| name_of(&node));
            reached.extend(focused);
            if all.is_subset(&reached) {
                break;
            }
        }
        // A list that scrolls to what has the focus moves the others.
        let still = controls(&harness);
        let left = all
            .difference(&reached)
            .filter(|name| still.contains(*name));
        missed.extend(left.map(|name| format!("{title}: {name}")));
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// What a user could see change: words and states of all widgets, and the picture.
fn seen(harness: &mut Harness<'static, Window>) -> (String, Vec<u8>) {
    let words: Vec<String> = harness
        .root()
        .children_recursive()
        .map(|node| {
            let inner = node.accesskit_node();
            format!(
                "{:?} {:?} {:?} {:?} {:?}",
                inner.role(),
                inner.label(),
                inner.value(),
                inner.toggled(),
                inner.is_selected()
            )
        })
        .collect();
    let picture = harness.render().unwrap();
    (words.join("\n"), picture.into_raw())
}

#[test]
fn every_command_does_something_that_is_seen_or_says_why_not() {
    let home = tempfile::tempdir().unwrap();
    let mut harness = open_sample(home.path());
    let mut silent = Vec::new();
    for (place, name) in Window::commands().into_iter().enumerate() {
        if harness.state().document().layers.is_empty() {
            harness = open_sample(home.path());
        }
        wait_until(&mut harness, "a whole map", |harness| {
            harness.state().canvas().is_at_rest()
        });
        let number = harness.state().document_number();
        let (steps, log) = (harness.state().steps(), harness.state().log());
        let before = seen(&mut harness);
        let can_run = harness.state().can_run(place);
        harness.state_mut().run_command(place);
        let mut copied = false;
        for _ in 0..8 {
            harness.step();
            copied |= !harness.output().platform_output.commands.is_empty();
            std::thread::sleep(Duration::from_millis(5));
        }
        let is_same_document =
            number == harness.state().document_number() && steps == harness.state().steps();
        match can_run {
            Err(why) => {
                assert!(why.len() > 8, "{name} says no more than {why:?}");
                assert!(
                    is_same_document,
                    "{name} changed the document although: {why}"
                );
            }
            Ok(()) => {
                let said = log != harness.state().log();
                if is_same_document && !said && !copied && before == seen(&mut harness) {
                    silent.push(name);
                }
            }
        }
        close_all(&mut harness);
    }
    // The desktop closes and enlarges the window; the map is whole, drawn and panned already; a single date has no
    // neighbours, and a layer is hidden while a key is held.
    silent.retain(|name| {
        ![
            "Quit",
            "FullScreen",
            "HideLayer",
            "ZoomToLayer",
            "Redraw",
            "UseTool(Pan)",
            "NextDate",
            "PreviousDate",
        ]
        .contains(&name.as_str())
    });
    assert!(silent.is_empty(), "nothing was seen of {silent:?}");
}

#[test]
fn less_moves_where_the_system_asks_unless_the_user_says_otherwise() {
    let home = tempfile::tempdir().unwrap();
    let options = WindowOptions {
        system_motion: SystemMotion::known(true),
        ..WindowOptions::default()
    };
    let mut harness = open_in(home.path(), 1.0, options);
    wait_until(&mut harness, "the settings", |harness| {
        harness.state().has_settings()
    });
    let moves = |harness: &mut Harness<'static, Window>, is_less: Option<bool>| {
        harness.state_mut().choose_motion(is_less);
        harness.step();
        harness.step();
        let style = harness.ctx.global_style();
        assert_eq!(style.animation_time > 0.0, style.visuals.text_cursor.blink);
        style.animation_time > 0.0
    };
    assert!(!moves(&mut harness, None), "as the system asks");
    assert!(moves(&mut harness, Some(false)));
    assert!(!moves(&mut harness, Some(true)));
}
