//! Spatially blocked folds: neighbouring pixels look alike, so an honest test never shares a block or a polygon
//! with its training part. Knows labelled pixels only; knows nothing of models or rasters.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{Class, Grid, LabelledPixel};

/// Redraws before fewer folds are tried.
const REDRAWS: u64 = 100;
/// Blocks are not made smaller than this many pixels: below, neighbours would test each other.
const SMALLEST_BLOCK: usize = 8;
/// Pixel indices of each class by polygon or painted patch.
type Patches = BTreeMap<u8, Vec<Vec<usize>>>;

/// Mixing function of the splitmix64 generator: a bijection on 64 bits.
pub(crate) fn splitmix64(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Fold of a block: `splitmix64(seed ^ u32(col) ^ (u32(row) << 32)) mod folds`; negative blocks in two's complement.
pub fn block_fold(block_col: i64, block_row: i64, folds: usize, seed: u64) -> usize {
    let key = seed ^ u64::from(block_col as u32) ^ (u64::from(block_row as u32) << 32);
    (splitmix64(key) % folds.max(1) as u64) as usize
}

/// Block side for a pixel size in metres: the larger of 1000 m and 50 pixels; 50 where the size is not known.
pub fn default_block_px(pixel_size_m: Option<f64>) -> usize {
    match pixel_size_m {
        Some(size) if size.is_finite() && size > 0.0 => ((1000.0 / size).ceil() as usize).max(50),
        _ => 50,
    }
}

/// The same for a grid; a degree counts as on a meridian.
pub fn block_px_of(grid: &Grid) -> usize {
    const METRES_PER_DEGREE: f64 = 111_320.0;
    let (across, down) = grid.transform().pixel_size();
    // Without a place there are only pixels.
    default_block_px(grid.crs().map(|crs| {
        let unit = if crs.is_geographic {
            METRES_PER_DEGREE
        } else {
            1.0
        };
        across.max(down) * unit
    }))
}

/// Names of classes for the warnings of [`spatial_folds`].
pub fn names_of(classes: &[Class]) -> impl Fn(u8) -> String {
    move |id| {
        let found = classes.iter().find(|class| class.id == id);
        found.map_or_else(|| format!("class {id}"), |class| class.name.clone())
    }
}

/// What [`spatial_folds`] does, in words for people.
pub const FOLD_RULE: &str = "Blocks are dealt to the parts by chance and polygons are never cut. If a class would be missing where a \
    classifier is trained, other draws are tried, then fewer parts, then smaller blocks; last, the polygons and painted \
    patches of that class are dealt out one by one. Whatever was changed is said as a warning.";

/// Fold of every pixel: blocks of `block_px` pixels anchored at the raster's upper left, splitmix64 keyed; polygons never cut.
/// Also returns warnings (e.g. a class missing from a training part, and what was done about it), with classes as `name_of`
/// calls them.
///
/// A polygon takes the fold of its centroid. When a class would lie in one fold only (its training part would lack it),
/// in this order: the next 100 seeds, fewer folds, blocks of half and a quarter the side, whole polygons and painted patches of
/// that class dealt out one by one, and last the halves of its only patch. Folds may be empty: skip those.
pub fn spatial_folds(
    pixels: &[LabelledPixel],
    block_px: usize,
    folds: usize,
    seed: u64,
    name_of: &dyn Fn(u8) -> String,
) -> (Vec<usize>, Vec<String>) {
    if pixels.is_empty() {
        return (Vec::new(), vec!["no labelled pixels to split".to_owned()]);
    }
    let (folds, block_px) = (folds.max(2), block_px.max(1));
    let anchors = anchors(pixels);
    let patches = patches(pixels);
    let mut found = None;
    'search: for size in [block_px, block_px / 2, block_px / 4] {
        if size == 0 || (size < SMALLEST_BLOCK && size < block_px) {
            break;
        }
        let blocks = Blocks::new(pixels, &anchors, size);
        for count in (2..=folds).rev() {
            for redraw in 0..=REDRAWS {
                let tried = seed.wrapping_add(redraw);
                if blocks.is_fair(count, tried, &patches) {
                    found = Some((blocks.assign(count, tried), (size, count, tried)));
                    break 'search;
                }
            }
        }
    }
    let (mut assigned, mut warnings, count) = match found {
        Some((assigned, used)) => (
            assigned,
            what_changed(used, (block_px, folds, seed)),
            used.1,
        ),
        None => (
            Blocks::new(pixels, &anchors, block_px).assign(folds, seed),
            Vec::new(),
            folds,
        ),
    };
    warnings.extend(deal_out(
        pixels,
        &patches,
        &mut assigned,
        (count, seed),
        name_of,
    ));
    (assigned, warnings)
}

/// Says in which way the split differs from the one asked for.
fn what_changed(used: (usize, usize, u64), asked: (usize, usize, u64)) -> Vec<String> {
    let mut changes = Vec::new();
    if used.0 != asked.0 {
        changes.push(format!(
            "blocks of {} pixels instead of {}",
            used.0, asked.0
        ));
    }
    if used.1 != asked.1 {
        changes.push(format!("{} folds instead of {}", used.1, asked.1));
    }
    if used.2 != asked.2 {
        changes.push(format!("seed {} instead of {}", used.2, asked.2));
    }
    if changes.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "so that every class is in every training part, the split uses {}",
        changes.join(", ")
    )]
}

/// Where each pixel counts as lying: its own centre, or the centroid of its polygon's pixels.
fn anchors(pixels: &[LabelledPixel]) -> Vec<(f64, f64)> {
    let mut sums: HashMap<u32, (f64, f64, f64)> = HashMap::new();
    for pixel in pixels.iter().filter(|pixel| pixel.polygon != 0) {
        let (x, y, n) = sums.entry(pixel.polygon).or_default();
        *x += pixel.col as f64 + 0.5;
        *y += pixel.row as f64 + 0.5;
        *n += 1.0;
    }
    pixels
        .iter()
        .map(|pixel| match sums.get(&pixel.polygon) {
            Some((x, y, n)) => (x / n, y / n),
            None => (pixel.col as f64 + 0.5, pixel.row as f64 + 0.5),
        })
        .collect()
}

/// Labelled pixels by block: what a draw of folds is judged on.
struct Blocks {
    keys: Vec<(i64, i64)>,
    /// Index into `keys` of every pixel.
    of_pixel: Vec<usize>,
    /// Blocks each class lies in.
    of_class: BTreeMap<u8, BTreeSet<usize>>,
}

impl Blocks {
    fn new(pixels: &[LabelledPixel], anchors: &[(f64, f64)], size: usize) -> Self {
        let mut index_of: HashMap<(i64, i64), usize> = HashMap::new();
        let mut blocks = Self {
            keys: Vec::new(),
            of_pixel: Vec::with_capacity(pixels.len()),
            of_class: BTreeMap::new(),
        };
        for (pixel, (x, y)) in pixels.iter().zip(anchors) {
            let key = (
                (x / size as f64).floor() as i64,
                (y / size as f64).floor() as i64,
            );
            let index = *index_of.entry(key).or_insert_with(|| {
                blocks.keys.push(key);
                blocks.keys.len() - 1
            });
            blocks.of_pixel.push(index);
            blocks
                .of_class
                .entry(pixel.class_id)
                .or_default()
                .insert(index);
        }
        blocks
    }

    /// Every class of several patches lies in at least two folds, so that no fold's training part lacks one.
    fn is_fair(&self, folds: usize, seed: u64, patches: &Patches) -> bool {
        self.of_class.iter().all(|(class, blocks)| {
            if patches.get(class).is_none_or(|patches| patches.len() < 2) {
                return true;
            }
            let mut seen = blocks.iter().map(|&block| self.fold(block, folds, seed));
            let first = seen.next();
            seen.any(|fold| Some(fold) != first)
        })
    }

    fn fold(&self, block: usize, folds: usize, seed: u64) -> usize {
        let (col, row) = self.keys[block];
        block_fold(col, row, folds, seed)
    }

    fn assign(&self, folds: usize, seed: u64) -> Vec<usize> {
        self.of_pixel
            .iter()
            .map(|&block| self.fold(block, folds, seed))
            .collect()
    }
}

/// The last resort: classes that no block split can share out are dealt to the folds patch by patch. Returns warnings.
fn deal_out(
    pixels: &[LabelledPixel],
    patches: &Patches,
    assigned: &mut [usize],
    (folds, seed): (usize, u64),
    name_of: &dyn Fn(u8) -> String,
) -> Vec<String> {
    let (mut warnings, mut halved) = (Vec::new(), Vec::new());
    for (&class_id, patches) in patches {
        let mut used = patches.iter().flatten().map(|&index| assigned[index]);
        let first = used.next();
        if used.any(|fold| Some(fold) != first) {
            continue;
        }
        let start = block_fold(i64::from(class_id), 0, folds, seed);
        let halves = match patches.as_slice() {
            [only] if only.len() > 1 => Some(halves(pixels, only)),
            _ => None,
        };
        let parts: &[Vec<usize>] = halves.as_ref().map_or(patches, |halves| halves);
        for (number, part) in parts.iter().enumerate() {
            part.iter()
                .for_each(|&index| assigned[index] = (start + number) % folds);
        }
        let name = name_of(class_id);
        if halves.is_some() {
            halved.push(name);
            continue;
        }
        warnings.push(if patches.len() > 1 {
            format!(
                "the labels of {name} lie too close together for blocks: its {} polygons or painted patches were split among the folds, so its accuracy may be flattering",
                patches.len()
            )
        } else {
            format!("{name} has a single labelled pixel, which cannot train and test at once: it counts as an error; label more of it")
        });
    }
    warnings.extend(match halved.as_slice() {
        [] => None,
        [only] => Some(format!(
            "{only} has a single polygon or painted patch: it was cut in two, so its accuracy is flattering; label it in another place too"
        )),
        [rest @ .., last] => Some(format!(
            "{} and {last} have a single polygon or painted patch each: these were cut in two, so their accuracy is flattering; label them in other places too",
            rest.join(", ")
        )),
    });
    warnings
}

/// Polygons, and 8-connected groups of painted pixels, in order of their first pixel.
fn patches(pixels: &[LabelledPixel]) -> Patches {
    let mut at: HashMap<(u8, usize, usize), usize> = HashMap::new();
    for (index, pixel) in pixels
        .iter()
        .enumerate()
        .filter(|(_, pixel)| pixel.polygon == 0)
    {
        at.insert((pixel.class_id, pixel.col, pixel.row), index);
    }
    let mut patches = Patches::new();
    let mut patch_of_polygon: HashMap<(u8, u32), usize> = HashMap::new();
    for (index, pixel) in pixels.iter().enumerate() {
        let patches = patches.entry(pixel.class_id).or_default();
        if pixel.polygon != 0 {
            let patch = *patch_of_polygon
                .entry((pixel.class_id, pixel.polygon))
                .or_insert_with(|| {
                    patches.push(Vec::new());
                    patches.len() - 1
                });
            patches[patch].push(index);
            continue;
        }
        let Some(seed) = at.remove(&(pixel.class_id, pixel.col, pixel.row)) else {
            continue;
        };
        let mut patch = vec![seed];
        let mut next = 0;
        while next < patch.len() {
            let (col, row) = (pixels[patch[next]].col, pixels[patch[next]].row);
            next += 1;
            for near_row in row.saturating_sub(1)..=row + 1 {
                for near_col in col.saturating_sub(1)..=col + 1 {
                    patch.extend(at.remove(&(pixel.class_id, near_col, near_row)));
                }
            }
        }
        patches.push(patch);
    }
    patches
}

/// Two halves along the longer side.
fn halves(pixels: &[LabelledPixel], members: &[usize]) -> [Vec<usize>; 2] {
    let span = |of: fn(&LabelledPixel) -> usize| {
        let values = members.iter().map(|&index| of(&pixels[index]));
        values.clone().max().unwrap_or(0) - values.min().unwrap_or(0)
    };
    let is_wide = span(|pixel| pixel.col) >= span(|pixel| pixel.row);
    let mut sorted = members.to_vec();
    sorted.sort_by_key(|&index| {
        let pixel = &pixels[index];
        if is_wide {
            (pixel.col, pixel.row)
        } else {
            (pixel.row, pixel.col)
        }
    });
    let second = sorted.split_off(sorted.len() / 2);
    [sorted, second]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::{golden, numbers};

    fn number(id: u8) -> String {
        format!("class {id}")
    }

    fn painted(col: usize, row: usize, class_id: u8) -> LabelledPixel {
        LabelledPixel {
            col,
            row,
            class_id,
            polygon: 0,
        }
    }

    fn shares_every_class(pixels: &[LabelledPixel], folds: &[usize]) -> bool {
        pixels.iter().zip(folds).all(|(pixel, fold)| {
            pixels
                .iter()
                .zip(folds)
                .any(|(other, test)| other.class_id == pixel.class_id && test != fold)
        })
    }

    #[test]
    fn blocks_get_the_golden_folds() {
        let Some(golden) = golden("metrics/block_folds.json") else {
            return;
        };
        let origin = numbers(&golden["origin"]);
        let size = golden["block_size"].as_f64().unwrap();
        let (seed, folds) = (
            golden["seed"].as_u64().unwrap(),
            golden["folds"].as_u64().unwrap() as usize,
        );
        for point in golden["points"].as_array().unwrap() {
            let col = ((point["x"].as_f64().unwrap() - origin[0]) / size).floor() as i64;
            let row = ((origin[1] - point["y"].as_f64().unwrap()) / size).floor() as i64;
            assert_eq!(
                (col, row),
                (
                    point["block_col"].as_i64().unwrap(),
                    point["block_row"].as_i64().unwrap()
                )
            );
            assert_eq!(
                block_fold(col, row, folds, seed) as u64,
                point["fold"].as_u64().unwrap()
            );
        }
        for pair in golden["splitmix64"].as_array().unwrap() {
            let number = |key: &str| pair[key].as_str().unwrap().parse::<u64>().unwrap();
            assert_eq!(splitmix64(number("input")), number("output"));
        }
    }

    #[test]
    fn wide_labels_follow_the_blocks_without_a_word() {
        let pixels: Vec<_> = (0..40)
            .flat_map(|row| {
                (0..40).map(move |col| painted(col * 10, row * 10, (col % 3) as u8 + 1))
            })
            .collect();
        let (folds, warnings) = spatial_folds(&pixels, 50, 5, 42, &number);
        assert_eq!(warnings, Vec::<String>::new());
        for (pixel, fold) in pixels.iter().zip(&folds) {
            assert_eq!(
                *fold,
                block_fold((pixel.col / 50) as i64, (pixel.row / 50) as i64, 5, 42)
            );
        }
        assert_eq!(folds.iter().collect::<BTreeSet<_>>().len(), 5);
    }

    #[test]
    fn polygons_are_never_cut() {
        let mut pixels = Vec::new();
        for polygon in 1..=12u32 {
            for step in 0..60 {
                pixels.push(LabelledPixel {
                    col: step,
                    row: polygon as usize * 7,
                    class_id: (polygon % 2) as u8 + 1,
                    polygon,
                });
            }
        }
        let (folds, _) = spatial_folds(&pixels, 16, 5, 7, &number);
        for polygon in 1..=12u32 {
            let used: BTreeSet<usize> = pixels
                .iter()
                .zip(&folds)
                .filter(|(pixel, _)| pixel.polygon == polygon)
                .map(|(_, fold)| *fold)
                .collect();
            assert_eq!(used.len(), 1);
        }
        assert!(shares_every_class(&pixels, &folds));
    }

    #[test]
    fn classes_in_few_places_are_shared_out_and_it_is_said() {
        // Two blocks: some seeds put both into one fold.
        let pixels = [
            painted(5, 5, 1),
            painted(5, 60, 1),
            painted(8, 5, 2),
            painted(8, 60, 2),
        ];
        for seed in 0..20 {
            let (folds, warnings) = spatial_folds(&pixels, 50, 2, seed, &number);
            assert!(shares_every_class(&pixels, &folds));
            assert_eq!(
                warnings.is_empty(),
                block_fold(0, 0, 2, seed) != block_fold(0, 1, 2, seed)
            );
        }
        // All in one block: smaller ones help.
        let close = [
            painted(1, 1, 1),
            painted(40, 1, 1),
            painted(1, 40, 2),
            painted(40, 40, 2),
        ];
        let (folds, warnings) = spatial_folds(&close, 50, 5, 0, &number);
        assert!(shares_every_class(&close, &folds));
        assert!(warnings[0].contains("blocks of"), "{warnings:?}");
    }

    #[test]
    fn single_strokes_are_halved_with_a_warning() {
        let mut pixels: Vec<_> = (0..30).map(|col| painted(col, 0, 1)).collect();
        pixels.extend((0..30).map(|row| LabelledPixel {
            col: 0,
            row: row + 3,
            class_id: 2,
            polygon: 1,
        }));
        pixels.extend([
            painted(201, 201, 3),
            painted(203, 202, 3),
            painted(300, 300, 4),
        ]);
        let (folds, warnings) = spatial_folds(&pixels, 100, 5, 1, &number);
        assert!(shares_every_class(&pixels[..62], &folds[..62]));
        let told = |class: &str, what: &str| {
            warnings
                .iter()
                .any(|text| text.contains(class) && text.contains(what))
        };
        assert!(
            told("class 1", "cut in two") && told("class 2", "cut in two"),
            "{warnings:?}"
        );
        assert!(
            told("class 3", "2 polygons or painted patches"),
            "{warnings:?}"
        );
        assert!(told("class 4", "single labelled pixel"), "{warnings:?}");
        assert_eq!(
            warnings.len(),
            3,
            "those of one kind are told together: {warnings:?}"
        );
    }

    #[test]
    fn nothing_to_split_is_no_panic() {
        assert_eq!(spatial_folds(&[], 0, 0, 0, &number).0, Vec::<usize>::new());
        let (folds, warnings) = spatial_folds(&[painted(0, 0, 1)], 0, 0, 0, &number);
        assert_eq!((folds.len(), warnings.len()), (1, 1));
    }

    #[test]
    fn block_sides_follow_the_pixel_size() {
        assert_eq!(default_block_px(Some(10.0)), 100);
        assert_eq!(default_block_px(Some(30.0)), 50);
        assert_eq!(default_block_px(Some(0.25)), 4000);
        assert_eq!(default_block_px(None), 50);
        assert_eq!(default_block_px(Some(f64::NAN)), 50);
    }
}
