//! Products opened once and remembered: several threads open the same scene, and each would read every header again.
//! Forgets a product as soon as one of its folders changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::SceneResult;
use crate::product::Product;
use crate::product_folder::find_product;
use crate::product_vrt::{Stack, stack_blocking};

/// Products remembered at once; a series opens many.
const MOST_REMEMBERED: usize = 256;

struct Known {
    path: PathBuf,
    /// The product's own path and the folders of its files, with the time each changed last.
    state: Vec<(PathBuf, Option<SystemTime>)>,
    stack: Arc<Stack>,
}

static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// The stack of the product a path means; `None` when it is no product.
///
/// # Errors
/// It is a product of which no band can be read.
pub(crate) fn stack_of_blocking(path: &Path) -> SceneResult<Option<Arc<Stack>>> {
    let remembered = {
        let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .iter()
            .find(|known| known.path == path)
            .map(|known| (known.state.clone(), known.stack.clone()))
    };
    if let Some((state, stack)) = remembered
        && state.iter().all(|(path, time)| changed(path) == *time)
    {
        return Ok(Some(stack));
    }
    let Some(product) = find_product(path) else {
        return Ok(None);
    };
    let state = state_of(path, &product);
    let stack = Arc::new(stack_blocking(product)?);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|known| known.path != path);
    if known.len() >= MOST_REMEMBERED {
        known.remove(0);
    }
    known.push(Known {
        path: path.to_owned(),
        state,
        stack: stack.clone(),
    });
    Ok(Some(stack))
}

fn state_of(path: &Path, product: &Product) -> Vec<(PathBuf, Option<SystemTime>)> {
    let folders = product
        .bands
        .iter()
        .filter_map(|band| band.file.parent().map(Path::to_path_buf));
    let mut paths: Vec<PathBuf> = [path.to_owned(), product.path.clone()]
        .into_iter()
        .chain(path.parent().map(Path::to_path_buf))
        .chain(folders)
        .collect();
    paths.sort();
    paths.dedup();
    paths
        .into_iter()
        .map(|path| {
            let time = changed(&path);
            (path, time)
        })
        .collect()
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}
