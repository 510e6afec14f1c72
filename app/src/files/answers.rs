//! How each task is done, on a thread of the files. Knows the files of the program; waits for the disk.

use std::path::Path;
use std::sync::Arc;

use terroir_engine::{CropResults, ModelStore, SoilResults, read_area_figures};
use terroir_scene::{
    Clusters, Crs, PcaBasis, Raster, SceneError, SceneResult, Series, Sheet, SheetFormat, Style,
    WeatherSpec, allow_address, answer_sample_point_blocking, clearest_frame_blocking,
    contained_blocking, crs_catalogue_blocking, default_style_blocking, export_labels,
    export_profiles, find_series_blocking, fit_pca_of_blocking, import_labels_of, is_remote,
    is_zarr, keep_warm, one_series_blocking, open_project, read_class_table_blocking,
    read_places_table, read_sample_blocking, relocate_frames_blocking, restore_work, save_project,
    series_in_raster_blocking, unique_value_classes_blocking, vector_attributes, write_beside,
    write_class_table, write_companions_blocking,
};

use super::{FileReply, FileTask, OpenRole, OpenedRaster};
use crate::archive_facts::ArchiveFacts;
use crate::assets::{sample, sample_document_blocking};
use crate::language::t;
use crate::models::list_models_blocking;
use crate::recovery::{self, RecoveryFolder};
use crate::settings::Settings;
use crate::similarity::examples_blocking;
use crate::training::load_picture_blocking;
use crate::weather::read_weather_blocking;

pub(super) fn answer_blocking(
    task: FileTask,
    data_folder: Option<&Path>,
    recovery: &mut Option<RecoveryFolder>,
) -> SceneResult<FileReply> {
    Ok(match task {
        FileTask::Settings => FileReply::Settings(Settings::load_blocking(data_folder)),
        FileTask::SaveSettings(settings) => {
            settings.save_blocking(data_folder)?;
            FileReply::Done
        }
        FileTask::FindRecovery => {
            FileReply::Recovery(data_folder.and_then(recovery::find_blocking))
        }
        FileTask::OpenRaster { path, role } => {
            if is_remote(&path) {
                // Only a user's own act brings an address here.
                allow_address(&path);
            }
            let raster = match Raster::open(&path) {
                Ok(raster) => raster,
                Err(error) if role != OpenRole::Add => return Err(error),
                // Some formats are folders; every other folder is looked into.
                Err(_) if path.is_dir() && !is_zarr(&path) => {
                    return Ok(FileReply::Found {
                        found: Box::new(find_series_blocking(&[path])),
                        asks: true,
                    });
                }
                Err(error) => match contained_blocking(&path) {
                    Ok(Some(inside)) => return Ok(FileReply::Container { path, inside }),
                    _ => return Err(error),
                },
            };
            if role == OpenRole::Add
                && let Some(found) = series_in_raster_blocking(raster.info())
            {
                return Ok(FileReply::Found {
                    found: Box::new(found),
                    asks: true,
                });
            }
            let (style, style_error) = match default_style_blocking(&raster) {
                Ok(style) => (Some(style), None),
                Err(error) => (None, Some(error)),
            };
            let info = Arc::new(raster.info().clone());
            // The canvas reads it next.
            keep_warm(raster);
            FileReply::Raster(Box::new(OpenedRaster {
                role,
                info,
                style,
                style_error,
            }))
        }
        FileTask::FindSeries { paths } => FileReply::Found {
            found: Box::new(find_series_blocking(&paths)),
            asks: true,
        },
        FileTask::FindOneSeries { paths } => FileReply::Found {
            found: Box::new(one_series_blocking(&paths)),
            asks: false,
        },
        FileTask::OpenSeries { name, frames } => {
            let mut series = Series::new(frames, 0);
            let first = clearest_frame_blocking(series.frames());
            series = Series::new(series.frames().to_vec(), first);
            let style = series
                .shown_frame()
                .and_then(|frame| frame.info.as_ref())
                .and_then(|info| Raster::open(&info.path).ok())
                .and_then(|raster| default_style_blocking(&raster).ok());
            FileReply::Series {
                name,
                series: Box::new(series),
                style,
            }
        }
        FileTask::OpenFields { name, paths } => {
            let fields: Vec<Raster> = paths
                .iter()
                .map(|path| Raster::open(path))
                .collect::<SceneResult<_>>()?;
            // One set of colours for all: what changes from period to period is the field.
            let style = Style::pca(fit_pca_of_blocking(&fields, false, &mut |_| true)?);
            let frames = one_series_blocking(&paths).series;
            let frames = frames.into_iter().flat_map(|found| found.frames).collect();
            FileReply::Fields {
                name,
                series: Box::new(Series::new(frames, 0)),
                style: Some(style),
            }
        }
        FileTask::OpenImages { name, paths } => {
            let style = match paths.first() {
                Some(first) => default_style_blocking(&Raster::open(first)?).ok(),
                None => None,
            };
            let found = one_series_blocking(&paths).series;
            let frames = found.into_iter().flat_map(|found| found.frames).collect();
            FileReply::Fields {
                name,
                series: Box::new(Series::new(frames, 0)),
                style,
            }
        }
        FileTask::LookIntoArchive { question } => FileReply::Archive {
            facts: Box::new(ArchiveFacts::read_blocking(&question)),
            question,
        },
        FileTask::ReadCrops { path } => {
            let results = CropResults::read_blocking(&path)
                .map_err(|failure| SceneError::file(&path, failure.what))?;
            FileReply::CropResults {
                path,
                results: Box::new(results),
            }
        }
        FileTask::ReadSoil { folder } => {
            let results = SoilResults::read_blocking(&folder)
                .map_err(|failure| SceneError::file(&folder, failure.what))?;
            FileReply::SoilResults(Box::new(results))
        }
        FileTask::LocateFrames {
            layer,
            mut frames,
            from,
            to,
        } => {
            let missing = relocate_frames_blocking(&mut frames, &from, &to);
            FileReply::Frames {
                layer,
                frames,
                missing,
            }
        }
        FileTask::OpenProject { path } => {
            let project = Box::new(open_project(&path)?);
            FileReply::Project { path, project }
        }
        FileTask::UniqueValues { path, band } => {
            let raster = Raster::open(&path)?;
            let entries = unique_value_classes_blocking(&raster, band)?;
            FileReply::UniqueValues {
                path,
                band,
                entries,
            }
        }
        FileTask::OpenSample => match sample() {
            Some(sample) => FileReply::Sample(Box::new(sample_document_blocking(&sample)?)),
            None => FileReply::NoSample,
        },
        FileTask::OpenRecovery { folder } => FileReply::Recovered {
            work: Box::new(restore_work(&recovery::journal_path(&folder))?),
            folder,
        },
        FileTask::DiscardRecovery { folder } => {
            recovery::discard_blocking(&folder)?;
            FileReply::Done
        }
        FileTask::Attributes { path, table } => {
            let attributes = vector_attributes(&path, table.as_deref())?;
            FileReply::Attributes {
                path,
                table,
                attributes,
            }
        }
        FileTask::ImportLabels {
            path,
            table,
            grid,
            attribute,
        } => {
            let (labels, report) =
                import_labels_of(&path, table.as_deref(), &grid, attribute.as_deref())?;
            FileReply::Labels {
                path,
                labels: Box::new(labels),
                report,
            }
        }
        FileTask::FitPca { paths, layers } => {
            let fields: Vec<Raster> = paths
                .iter()
                .map(|path| Raster::open(path))
                .collect::<SceneResult<_>>()?;
            let basis = Box::new(fit_pca_of_blocking(&fields, false, &mut |_| true)?);
            FileReply::Pca { layers, basis }
        }
        FileTask::ReadBasis { path, layers } => FileReply::Pca {
            basis: Box::new(PcaBasis::load(&path)?),
            layers,
        },
        FileTask::SaveBasis { basis, path } => {
            basis.save(&path)?;
            FileReply::BasisSaved { path }
        }
        FileTask::Examples {
            layer,
            path,
            source,
        } => {
            let examples = examples_blocking(&path, &source)?;
            FileReply::Examples {
                layer,
                path,
                examples,
            }
        }
        FileTask::ReadPlaces { path } => FileReply::Places {
            places: read_places_table(&path)?,
            path,
        },
        FileTask::ParseCrs { text, purpose } => FileReply::Crs {
            crs: Box::new(Crs::parse(&text)?),
            purpose,
        },
        FileTask::CrsCatalogue => FileReply::CrsCatalogue(Arc::new(crs_catalogue_blocking())),
        FileTask::ShowInFolder { path } => {
            crate::file_manager::show_blocking(&path)?;
            FileReply::Done
        }
        FileTask::LoadPicture { path } => {
            let image = load_picture_blocking(&path).map_err(|why| {
                SceneError::file(&path, t!("news-picture-unreadable")).with_details(why)
            })?;
            FileReply::Picture {
                path,
                image: Arc::new(image),
            }
        }
        FileTask::ReadSample { path, grid } => {
            let points = read_sample_blocking(&path, &grid)?;
            FileReply::SamplePoints { path, points }
        }
        FileTask::AnswerPoint { path, id, answer } => {
            answer_sample_point_blocking(&path, id, &answer)?;
            FileReply::Done
        }
        FileTask::ReadAreas { path } => {
            let figures = read_area_figures(&path)
                .map_err(|failure| SceneError::file(&path, failure.what))?;
            FileReply::AreaFigures {
                path,
                figures: Box::new(figures),
            }
        }
        FileTask::OpenPage { path } => {
            crate::file_manager::open_blocking(&path)?;
            FileReply::Done
        }
        FileTask::ListModels => FileReply::Models(Box::new(list_models_blocking(data_folder))),
        FileTask::RemoveWeights { path } => {
            let folder = path.parent().unwrap_or(Path::new(""));
            ModelStore::new(folder)
                .remove_blocking(std::slice::from_ref(&path))
                .map_err(|failure| SceneError::write(&path, failure.what))?;
            FileReply::Models(Box::new(list_models_blocking(data_folder)))
        }
        FileTask::SaveProject {
            document,
            path,
            revision,
        } => {
            save_project(&document, &path)?;
            FileReply::ProjectSaved { path, revision }
        }
        FileTask::ReadClasses { path } => {
            let rows = read_class_table_blocking(&path)?;
            FileReply::Classes { path, rows }
        }
        FileTask::SaveClasses { classes, path } => {
            write_class_table(&classes, &path)?;
            FileReply::ClassesSaved { path }
        }
        FileTask::ExportLabels { labels, path } => {
            export_labels(&labels, &path)?;
            FileReply::LabelsExported { path }
        }
        FileTask::SaveCompanions { files, wanted } => FileReply::CompanionsSaved {
            made: write_companions_blocking(&files, &wanted)?,
        },
        FileTask::SaveTimeTable { table, path } => {
            table.save(&path)?;
            FileReply::TableSaved { path }
        }
        FileTask::SaveWeather { table, path } => {
            write_beside(&path, table.csv().as_bytes())?;
            FileReply::TableSaved { path }
        }
        FileTask::ReadWeather { spec, near, adds } => {
            let read = read_weather_blocking(WeatherSpec::clone(&spec), near.map(|near| *near));
            let (spec, table) = match read {
                Ok((found, table)) => (Box::new(found), Ok(table)),
                Err(error) => (spec, Err(error.to_string())),
            };
            FileReply::Weather {
                spec,
                adds,
                table: Box::new(table),
            }
        }
        FileTask::Journal {
            document,
            home,
            recovered_from,
        } => {
            if let Some(data_folder) = data_folder {
                let folder = match recovery {
                    Some(folder) => folder,
                    None => recovery.insert(RecoveryFolder::create_blocking(data_folder)?),
                };
                folder.journal.write_blocking(&document, home.as_deref())?;
                if let Some(old) = &recovered_from {
                    recovery::discard_blocking(old)?;
                }
            }
            FileReply::Journaled {
                removed: recovered_from,
            }
        }
        FileTask::ForgetJournal => {
            *recovery = None;
            FileReply::Journaled { removed: None }
        }
        FileTask::SaveLabels { labels, path, job } => {
            export_labels(&labels, &path)?;
            FileReply::HeadSaved { job: *job }
        }
        FileTask::SaveClusters {
            clusters,
            path,
            job,
        } => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(|error| write_error(folder, &error))?;
            }
            clusters.save(&path)?;
            FileReply::HeadSaved { job }
        }
        FileTask::LoadClusters { path, field } => FileReply::Clusters {
            field,
            clusters: Box::new(Clusters::load(&path)?),
        },
        FileTask::SaveHead { head, path, job } => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(|error| write_error(folder, &error))?;
            }
            head.save(&path)?;
            FileReply::HeadSaved { job }
        }
        FileTask::SaveProfiles {
            profiles,
            values,
            path,
        } => {
            export_profiles(profiles.iter().map(|profile| &**profile), values, &path)?;
            FileReply::ProfilesSaved { path }
        }
        FileTask::SavePicture { image, path } => {
            save_png_blocking(&image, &path)?;
            FileReply::PictureSaved { path }
        }
        FileTask::SaveSheet {
            content,
            size,
            path,
        } => {
            /// Dots an inch of a sheet as PNG.
            const DOTS: f64 = 200.0;
            let sheet = Sheet::new(*content, size);
            let format = SheetFormat::of(&path).unwrap_or(SheetFormat::Pdf);
            let bytes = sheet
                .file(format, DOTS)
                .map_err(|error| write_error(&path, &error))?;
            write_beside(&path, &bytes)?;
            FileReply::PictureSaved { path }
        }
    })
}

pub fn write_error(path: &Path, error: &std::io::Error) -> SceneError {
    SceneError::write(path, t!("news-not-written")).with_details(error)
}

/// Written beside and renamed, like every file.
fn save_png_blocking(image: &egui::ColorImage, path: &Path) -> SceneResult<()> {
    let mut bytes = Vec::new();
    let failed = |error: png::EncodingError| {
        SceneError::write(path, t!("news-picture-not-made")).with_details(error)
    };
    let mut encoder = png::Encoder::new(&mut bytes, image.width() as u32, image.height() as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    let pixels: Vec<u8> = image
        .pixels
        .iter()
        .flat_map(|pixel| pixel.to_srgba_unmultiplied())
        .collect();
    writer.write_image_data(&pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    write_beside(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_written_beside_and_renamed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("view.png");
        let image = egui::ColorImage::filled([3, 2], egui::Color32::from_rgb(10, 200, 30));
        save_png_blocking(&image, &path).unwrap();
        assert!(
            std::fs::read(&path)
                .unwrap()
                .starts_with(&[0x89, b'P', b'N', b'G'])
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(
            save_png_blocking(&image, &folder.path().join("missing").join("view.png")).is_err()
        );
    }
}
