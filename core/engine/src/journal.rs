//! The working folder of a long job: the raster so far and what of it is done, so that a killed job goes on where it was.
//! The raster in it is a plain ENVI file any GIS opens, also while it grows. Knows nothing of models.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use terroir_scene::{FIELD_AXES, FIELD_NODATA, Grid, Window};

use crate::Failure;
use crate::projection::{Projection, write_renamed};

/// An open working folder. Dropping it keeps the files; `discard` removes them.
pub struct Journal {
    folder: PathBuf,
    field: File,
    list: File,
    done: HashSet<usize>,
    width: usize,
    height: usize,
    /// Row of the whole grid that is the raster's first.
    first_row: usize,
    content: Content,
}

/// What a working raster holds, pixel by pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// 64 signed bytes.
    Field,
    /// A byte of class and one of confidence.
    Classes,
    /// Two counts of two bytes.
    Counts,
    /// A float.
    Values,
}

impl Content {
    fn bands(self) -> usize {
        match self {
            Self::Field => FIELD_AXES,
            Self::Classes | Self::Counts => 2,
            Self::Values => 1,
        }
    }

    /// Bytes of a number.
    fn sample(self) -> usize {
        match self {
            Self::Field | Self::Classes => 1,
            Self::Counts => size_of::<u16>(),
            Self::Values => size_of::<f32>(),
        }
    }

    fn pixel(self) -> usize {
        self.bands() * self.sample()
    }
}

const FIELD: &str = "field.dat";
const HEADER: &str = "field.hdr";
const KEY: &str = "key.txt";
const DONE: &str = "done.txt";
const PROJECTION: &str = "projection.json";

/// The working folder of an output file; for a store it lies on this machine.
pub fn folder_of(out: &Path) -> PathBuf {
    let out = terroir_scene::workplace(out);
    let mut name = out.file_stem().unwrap_or_default().to_owned();
    name.push(".terroir-part");
    out.with_file_name(name)
}

/// Keeps other processes out of a working folder as long as the file is open. A file system that knows no locks is used as
/// if nobody else were there.
fn hold(list: File, out: &Path) -> Result<File, Failure> {
    match list.try_lock() {
        Ok(()) => Ok(list),
        Err(TryLockError::WouldBlock) => Err(Failure::new(format!(
            "another process is working on this output; wait until it has ended, or choose another name\n{}",
            out.display()
        ))),
        Err(TryLockError::Error(error)) => {
            log::debug!("working folders cannot be locked here: {error}");
            Ok(list)
        }
    }
}

/// What tells a file from a changed one in a journal's key: path, size and time of writing; the name alone of what is no file,
/// as a part of a container.
pub fn fingerprint(path: &Path) -> String {
    match std::fs::metadata(path) {
        Ok(meta) => {
            let modified = meta
                .modified()
                .ok()
                .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
            format!("{} {} {modified:?}", path.display(), meta.len())
        }
        Err(_) => path.display().to_string(),
    }
}

impl Journal {
    /// Opens the working folder of `out` for this process alone. What lies there under another `key` (other input, model or
    /// settings) is removed.
    ///
    /// # Errors
    /// The folder or its files cannot be made, and another process that is at work there, on this machine or another.
    pub fn open(out: &Path, key: &str, grid: &Grid, content: Content) -> Result<Self, Failure> {
        let folder = folder_of(out);
        let failed = |what: &'static str, path: &Path| {
            let path = path.to_owned();
            move |error: std::io::Error| Failure::io(what, &path, &error)
        };
        std::fs::create_dir_all(&folder)
            .map_err(failed("the working folder cannot be made", &folder))?;
        let open = |path: &Path| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(failed("the working file cannot be made", path))
        };
        let list_path = folder.join(DONE);
        let mut list = hold(open(&list_path)?, out)?;
        let is_known = std::fs::read_to_string(folder.join(KEY)).is_ok_and(|found| found == key);
        if !is_known {
            // The key goes first: without it, nothing of the folder is trusted.
            for name in [KEY, FIELD, PROJECTION] {
                match std::fs::remove_file(folder.join(name)) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        let what = "an older working folder cannot be removed";
                        return Err(Failure::io(what, &folder, &error));
                    }
                    _ => {}
                }
            }
            list.set_len(0)
                .map_err(failed("the working file cannot be written", &list_path))?;
        }
        let field_path = folder.join(FIELD);
        let field = open(&field_path)?;
        let (width, height) = (grid.width, grid.height);
        let length = width
            .checked_mul(height)
            .and_then(|pixels| pixels.checked_mul(content.pixel()))
            .and_then(|bytes| u64::try_from(bytes).ok())
            .ok_or_else(|| {
                Failure::new(format!(
                    "a raster of {width} x {height} pixels is larger than any disk; check what its file says, or choose a part of it"
                ))
            })?;
        field
            .set_len(length)
            .map_err(failed("there is no room for the working file", &field_path))?;
        write_header(&folder.join(HEADER), grid, content)?;
        let mut text = String::new();
        list.read_to_string(&mut text)
            .map_err(failed("the working file cannot be read", &list_path))?;
        // A line cut short by a kill or a full disk is no line.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let done = text[..whole]
            .lines()
            .filter_map(|line| line.parse().ok())
            .collect();
        list.set_len(whole as u64)
            .and_then(|()| list.seek(SeekFrom::End(0)).map(|_| ()))
            .map_err(failed("the working file cannot be written", &list_path))?;
        // And comes last.
        write_renamed(&folder.join(KEY), key.as_bytes())?;
        Ok(Self {
            folder,
            field,
            list,
            done,
            width,
            height,
            first_row: 0,
            content,
        })
    }

    /// Counts rows as in a larger grid, of which the raster holds those from `row` on.
    #[must_use]
    pub fn starting_at_row(mut self, row: usize) -> Self {
        self.first_row = row;
        self
    }

    /// Where a window of the larger grid lies in the growing raster.
    pub fn inside(&self, window: Window) -> Window {
        Window {
            row: window.row - self.first_row,
            ..window
        }
    }

    /// The growing raster.
    pub fn field_path(&self) -> PathBuf {
        self.folder.join(FIELD)
    }

    pub fn is_done(&self, block: usize) -> bool {
        self.done.contains(&block)
    }

    pub fn done_count(&self) -> usize {
        self.done.len()
    }

    pub fn projection(&self) -> Option<Projection> {
        Projection::load(&self.folder.join(PROJECTION)).ok()
    }

    pub fn keep_projection(&self, projection: &Projection) -> Result<(), Failure> {
        projection.save(&self.folder.join(PROJECTION))
    }

    /// Writes a finished block (pixels by rows, all bands of each) and notes it, in this order.
    pub fn write(&mut self, block: usize, window: Window, bytes: &[u8]) -> Result<(), Failure> {
        let pixel = self.content.pixel();
        let window = self.inside(window);
        let write = || -> std::io::Result<()> {
            for (row, line) in bytes.chunks_exact(window.width * pixel).enumerate() {
                let at = ((window.row + row) * self.width + window.col) * pixel;
                (&self.field).seek(SeekFrom::Start(at as u64))?;
                (&self.field).write_all(line)?;
            }
            self.field.sync_data()?;
            writeln!(&self.list, "{block}")?;
            (&self.list).flush()
        };
        write().map_err(|error| {
            Failure::io(
                "the working file cannot be written; what is done is kept, run it again to go on",
                &self.folder,
                &error,
            )
        })?;
        self.done.insert(block);
        Ok(())
    }

    /// Rows `row..row + rows` over the full width as planar bytes, for the final file.
    pub fn read_rows(&mut self, row: usize, rows: usize) -> Result<Vec<u8>, Failure> {
        let row = row - self.first_row;
        let pixels = self.width * rows.min(self.height - row);
        let (pixel, sample) = (self.content.pixel(), self.content.sample());
        let mut bytes = vec![0u8; pixels * pixel];
        let at = (row * self.width * pixel) as u64;
        self.field
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.field.read_exact(&mut bytes))
            .map_err(|error| {
                Failure::io("the working file cannot be read back", &self.folder, &error)
            })?;
        let mut planar = vec![0u8; bytes.len()];
        for (index, numbers) in bytes.chunks_exact(pixel).enumerate() {
            for (band, number) in numbers.chunks_exact(sample).enumerate() {
                let at = (band * pixels + index) * sample;
                planar[at..at + sample].copy_from_slice(number);
            }
        }
        Ok(planar)
    }

    /// Removes the working folder: the field is finished or no longer wanted.
    pub fn discard(self) {
        let Self {
            folder,
            field,
            list,
            ..
        } = self;
        drop((field, list));
        if let Err(error) = std::fs::remove_dir_all(&folder) {
            log::warn!(
                "the working folder {} could not be removed: {error}",
                folder.display()
            );
        }
    }
}

fn write_header(path: &Path, grid: &Grid, content: Content) -> Result<(), Failure> {
    let names: Vec<String> = match content {
        Content::Field => (0..FIELD_AXES).map(|axis| format!("A{axis:02}")).collect(),
        Content::Classes => vec!["class".to_owned(), "confidence".to_owned()],
        Content::Counts => vec!["frames".to_owned(), "clear frames".to_owned()],
        Content::Values => vec!["value".to_owned()],
    };
    // ENVI's numbers: 1 a byte, 4 a float, 12 two bytes without a sign.
    let (data_type, ignored) = match content {
        Content::Field => (1, Some(FIELD_NODATA.cast_unsigned())),
        Content::Classes => (1, None),
        Content::Counts => (12, None),
        Content::Values => (4, None),
    };
    let mut text = format!(
        "ENVI\nsamples = {}\nlines = {}\nbands = {}\nheader offset = 0\nfile type = ENVI Standard\n\
         data type = {data_type}\ninterleave = bip\nbyte order = {}\nband names = {{{}}}\n",
        grid.width,
        grid.height,
        content.bands(),
        u8::from(cfg!(target_endian = "big")),
        names.join(", ")
    );
    if let Some(ignored) = ignored {
        text.push_str(&format!("data ignore value = {ignored}\n"));
    }
    let transform = grid.transform().0;
    if grid.georef.transform.is_some()
        && transform[2] == 0.0
        && transform[4] == 0.0
        && transform[5] < 0.0
    {
        text.push_str(&format!(
            "map info = {{Arbitrary, 1, 1, {:?}, {:?}, {:?}, {:?}}}\n",
            transform[0], transform[3], transform[1], -transform[5]
        ));
    }
    if let Some(crs) = grid.crs() {
        text.push_str(&format!(
            "coordinate system string = {{{}}}\n",
            crs.wkt.replace('\n', " ")
        ));
    }
    write_renamed(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(width: usize, height: usize) -> Grid {
        Grid {
            width,
            height,
            georef: Default::default(),
        }
    }

    fn window(col: usize, row: usize, width: usize, height: usize) -> Window {
        Window {
            col,
            row,
            width,
            height,
        }
    }

    #[test]
    fn a_size_that_no_disk_has_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("field.tif");
        let huge = grid(usize::MAX / 2, 3);
        let failure = Journal::open(&out, "a", &huge, Content::Field)
            .err()
            .unwrap();
        assert!(failure.what.contains("larger than any disk"), "{failure}");
    }

    #[test]
    fn it_goes_on_with_the_same_key_and_starts_anew_with_another() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("field.tif");
        let codes = vec![7u8; 2 * FIELD_AXES];
        let mut journal = Journal::open(&out, "a", &grid(2, 2), Content::Field).unwrap();
        journal.write(1, window(0, 1, 2, 1), &codes).unwrap();
        drop(journal);
        let mut journal = Journal::open(&out, "a", &grid(2, 2), Content::Field).unwrap();
        assert!(journal.is_done(1) && !journal.is_done(0));
        assert_eq!(journal.read_rows(1, 1).unwrap(), vec![7u8; 2 * FIELD_AXES]);
        drop(journal);
        let journal = Journal::open(&out, "b", &grid(2, 2), Content::Field).unwrap();
        assert_eq!(journal.done_count(), 0);
        journal.discard();
        assert!(!folder_of(&out).exists());
    }

    #[test]
    fn two_processes_never_work_in_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("field.tif");
        let mut first = Journal::open(&out, "a", &grid(2, 2), Content::Field).unwrap();
        let codes = vec![7u8; 2 * FIELD_AXES];
        first.write(1, window(0, 1, 2, 1), &codes).unwrap();
        for key in ["a", "b"] {
            let refused = Journal::open(&out, key, &grid(2, 2), Content::Field);
            let words = refused.err().unwrap().to_string();
            assert!(words.contains("another process is working"), "{words}");
        }
        drop(first);
        let second = Journal::open(&out, "a", &grid(2, 2), Content::Field).unwrap();
        assert!(second.is_done(1));
    }

    #[test]
    fn a_cut_line_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("field.tif");
        drop(Journal::open(&out, "a", &grid(2, 2), Content::Field).unwrap());
        std::fs::write(folder_of(&out).join(DONE), "3\n1").unwrap();
        let mut journal = Journal::open(&out, "a", &grid(2, 2), Content::Field).unwrap();
        assert!(journal.is_done(3) && !journal.is_done(1));
        journal
            .write(12, window(0, 0, 1, 1), &[0u8; FIELD_AXES])
            .unwrap();
        assert_eq!(
            std::fs::read_to_string(folder_of(&out).join(DONE)).unwrap(),
            "3\n12\n"
        );
    }

    #[test]
    fn rows_come_back_planar() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("f.tif");
        let mut journal = Journal::open(&out, "a", &grid(3, 1), Content::Field).unwrap();
        let codes: Vec<u8> = (0..3 * FIELD_AXES).map(|i| (i % 100) as u8).collect();
        journal.write(0, window(0, 0, 3, 1), &codes).unwrap();
        let planar = journal.read_rows(0, 1).unwrap();
        for pixel in 0..3 {
            for axis in 0..FIELD_AXES {
                assert_eq!(planar[axis * 3 + pixel], codes[pixel * FIELD_AXES + axis]);
            }
        }
    }

    #[test]
    fn rows_are_counted_as_in_the_larger_grid() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("f.tif");
        let journal = Journal::open(&out, "a", &grid(2, 3), Content::Classes).unwrap();
        let mut journal = journal.starting_at_row(100);
        journal
            .write(7, window(0, 101, 2, 1), &[1, 2, 3, 4])
            .unwrap();
        assert_eq!(journal.read_rows(101, 1).unwrap(), [1, 3, 2, 4]);
        assert_eq!(journal.inside(window(1, 102, 1, 1)), window(1, 2, 1, 1));
    }

    #[test]
    fn other_contents_have_their_own_size() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("c.tif");
        let mut classes = Journal::open(&out, "a", &grid(2, 2), Content::Classes).unwrap();
        classes
            .write(0, window(1, 0, 1, 2), &[1, 101, 3, 103])
            .unwrap();
        assert_eq!(
            classes.read_rows(0, 2).unwrap(),
            [0, 1, 0, 3, 0, 101, 0, 103]
        );
        let out = folder.path().join("v.tif");
        let mut values = Journal::open(&out, "a", &grid(2, 1), Content::Values).unwrap();
        let bytes: Vec<u8> = [1.5f32, -2.0]
            .iter()
            .flat_map(|v| v.to_ne_bytes())
            .collect();
        values.write(0, window(0, 0, 2, 1), &bytes).unwrap();
        assert_eq!(values.read_rows(0, 1).unwrap(), bytes);
    }
}
