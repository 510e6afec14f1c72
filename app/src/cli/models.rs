//! `terroir models`: what this build can run, and the weights for it: what is installed, fetching, taking in, checking.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use terroir_engine::{
    InstalledWeights, JobSpec, ModelInfo, ModelStore, ModelsAction, ModelsSpec, models_folder,
    size_text,
};

use super::failure::{CliError, CliResult};
use super::job::{CancelFlag, report, run_job};
use super::output::{Output, say, table};
use crate::assets::built_in_weights_folder;

#[derive(Debug, Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    what: Option<What>,
}

/// Weights lie in `models` in the program's data folder, or in the folder TERROIR_MODELS names.
#[derive(Debug, Subcommand)]
enum What {
    /// List the models, what weights they have and what can be got; also without a subcommand
    List,
    /// Show all that is known of a model and its weights
    Show {
        /// A model as `list` shows it
        model: String,
    },
    /// Download published weights; goes on where a broken download ended. HF_ENDPOINT names a mirror of the hub
    Get {
        /// A model, a published file, or the address of a weights file
        name: String,
        /// The SHA-256 the file must have, for addresses
        #[arg(long, value_name = "HEX")]
        sha256: Option<String>,
    },
    /// Take in a weights file (.pth, .safetensors or .bpk); says which model it is of
    Import { file: PathBuf },
    /// Compare installed weights with their hashes
    Verify {
        /// A model or a file; everything without this
        name: Option<String>,
    },
    /// Delete weights; says what goes and asks first
    Remove {
        /// A model, one of its files, or an unfinished download
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub fn run(args: &ModelsArgs, output: Output) -> CliResult {
    let store = ModelStore::new(models_folder()?);
    match &args.what {
        None | Some(What::List) => list(&store, output),
        Some(What::Show { model }) => show(&store, model, output),
        Some(What::Get { name, sha256 }) => {
            let action = ModelsAction::Get {
                name: name.clone(),
                sha256: sha256.clone(),
            };
            run_action(&store, action, output)
        }
        Some(What::Import { file }) => {
            run_action(&store, ModelsAction::Import { file: file.clone() }, output)
        }
        Some(What::Verify { name }) => {
            run_action(&store, ModelsAction::Verify { name: name.clone() }, output)
        }
        Some(What::Remove { name, yes }) => remove(&store, name, *yes, output),
    }
}

fn run_action(store: &ModelStore, action: ModelsAction, output: Output) -> CliResult {
    let is_get = matches!(action, ModelsAction::Get { .. });
    let spec = JobSpec::Models(ModelsSpec {
        folder: store.folder().to_owned(),
        action,
    });
    let cancel = CancelFlag::on_ctrl_c()?;
    match run_job(&spec, output, &cancel) {
        Err(CliError::Cancelled) if is_get => Err(CliError::failed(
            "Stopped. What has arrived is kept; the same command goes on from there, and `terroir models remove` deletes it.",
        )),
        other => report(&other?, output),
    }
}

fn list(store: &ModelStore, output: Output) -> CliResult {
    let models = store.models_blocking(built_in_weights_folder().as_deref());
    if output.json {
        return output.print_json(&models);
    }
    let rows: Vec<Vec<String>> = models
        .iter()
        .map(|model| {
            vec![
                model.name.clone(),
                format!("{:.1} M", model.parameters as f64 / 1e6),
                model.patch.to_string(),
                model.width.to_string(),
                model.depth.to_string(),
                weights_text(model),
                source_text(model),
            ]
        })
        .collect();
    let header = [
        "name",
        "parameters",
        "patch",
        "width",
        "depth",
        "weights",
        "to get",
    ];
    output.print(&table(&header, &rows))?;
    for (file, bytes) in store.unfinished_blocking() {
        output.remark(&format!(
            "Unfinished download: {file}, {} so far",
            size_text(bytes)
        ));
    }
    output.remark(&format!("Weights lie in {}", store.folder().display()));
    Ok(())
}

/// `untrained`, or the file a model is run with.
fn weights_text(model: &ModelInfo) -> String {
    match model.weights() {
        None => "untrained".to_owned(),
        Some(path) if model.built_in.as_deref() == Some(path) => "built in".to_owned(),
        Some(path) => path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
    }
}

fn source_text(model: &ModelInfo) -> String {
    match model.published.first() {
        Some(file) => format!("{}, {}", size_text(file.bytes), file.licence),
        None => "none published".to_owned(),
    }
}

fn show(store: &ModelStore, name: &str, output: Output) -> CliResult {
    let model = store
        .models_blocking(built_in_weights_folder().as_deref())
        .into_iter()
        .find(|model| model.name == name)
        .ok_or_else(|| unknown(name))?;
    if output.json {
        return output.print_json(&model);
    }
    let mut text = format!(
        "{} ({}): {} parameters, patch {}, width {}, depth {}\nWeights: {}\n",
        model.name,
        model.family,
        model.parameters,
        model.patch,
        model.width,
        model.depth,
        weights_text(&model)
    );
    if let Some(path) = &model.built_in {
        text += &format!("\nBuilt in\n  {}\n", path.display());
    }
    for weights in &model.installed {
        text += &format!("\nInstalled {}\n", installed_text(weights));
    }
    for file in &model.published {
        text += &format!(
            "\nPublished {}\n  repository {}\n  size       {}\n  licence    {}\n  SHA-256    {}\n",
            file.file,
            file.repository,
            size_text(file.bytes),
            file.licence,
            file.sha256.as_deref().unwrap_or("not known")
        );
        if !file.note.is_empty() {
            text += &format!("  note       {}\n", file.note);
        }
        if file.bytes_there > 0 {
            text += &format!("  unfinished {} are here\n", size_text(file.bytes_there));
        }
    }
    output.print(&text)
}

fn installed_text(weights: &InstalledWeights) -> String {
    let mut text = format!(
        "{}{}\n  size       {}\n  SHA-256    {}\n  source     {}\n  licence    {}\n  since      {}",
        weights.file,
        if weights.is_there {
            ""
        } else {
            " (gone or of another size: verify, or get it again)"
        },
        size_text(weights.bytes),
        weights.sha256,
        weights.source,
        weights.licence.as_deref().unwrap_or("not known"),
        weights.installed
    );
    for note in &weights.notes {
        text += &format!("\n  note       {note}");
    }
    text
}

fn remove(store: &ModelStore, name: &str, yes: bool, output: Output) -> CliResult {
    let found = store.removable_blocking(name);
    if found.is_empty() {
        return Err(CliError::failed(format!(
            "No weights of {name} are installed; `terroir models list` shows what is.\n{}",
            store.folder().display()
        )));
    }
    for (path, bytes) in &found {
        output.remark(&format!("{}  {}", size_text(*bytes), path.display()));
    }
    if !yes && !is_confirmed()? {
        return Err(CliError::failed("Nothing was deleted."));
    }
    let paths: Vec<PathBuf> = found.iter().map(|(path, _)| path.clone()).collect();
    store.remove_blocking(&paths)?;
    if output.json {
        return output.print_json(&json!({ "removed": paths }));
    }
    let bytes: u64 = found.iter().map(|(_, bytes)| bytes).sum();
    output.print(&format!(
        "Deleted {} {}, {}.\n",
        paths.len(),
        if paths.len() == 1 { "file" } else { "files" },
        size_text(bytes)
    ))
}

/// Asks on the terminal; without one nobody can answer.
fn is_confirmed() -> CliResult<bool> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(CliError::usage(
            "models remove: nobody is there to be asked; add --yes.",
        ));
    }
    say("Delete this? [y/N]");
    let mut answer = String::new();
    input
        .read_line(&mut answer)
        .map_err(|error| CliError::Failed {
            what: "The answer could not be read; nothing was deleted.".into(),
            details: Some(error.to_string()),
        })?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn unknown(name: &str) -> CliError {
    let names: Vec<String> = terroir_engine::models()
        .into_iter()
        .map(|model| model.name)
        .collect();
    CliError::usage(format!(
        "models show {name}: no such model; known are {}.",
        names.join(", ")
    ))
}
