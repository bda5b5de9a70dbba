//! `lapwing calibrate`: what people find by trial, found from the patterns.

use crate::input::Reading;
use crate::output::{Beside, Output};
use crate::scan_file::ScanFile;
use crate::stop::stoppable;
use crate::watch::Watch;
use anyhow::{Context, anyhow, bail};
use clap::Args;
use lapwing_files::options::Geometry;
use lapwing_files::reading::{EXPERIMENT, Given};
use lapwing_files::{Dataset, atomic, experiment};
use lapwing_study::StudyError;
use lapwing_study::calibrate::calibrate;
use lapwing_study::event::Event;
use lapwing_study::magnify::{Magnified, magnification};
use serde_json::json;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Find how a scan lies on its detector, and how far its probe is out of focus
///
/// The pixels of the bright disc see the specimen under different angles. How their images of it
/// are shifted against each other tells rotation, exchange of rows and columns and defocus at once,
/// without a reconstruction; where the probe is in focus the deflection of the light tells the
/// first two. Each comes with its uncertainty and with the other solution that explains the
/// patterns as well. Of near-field images it is the magnification of a beam that diverges, by how
/// far they move from position to position.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lapwing calibrate scan.npz --voltage-kv 300 --semi-angle-mrad 1.03 \
    --mrad-per-pixel 0.0331 \\\n    --scan-step-m 3.125e-9 --write scan.toml"
)]
pub struct Calibrate {
    #[command(flatten)]
    scan: ScanFile,
    /// Also write what was said and what was found into this experiment file; where there is none
    /// it is made, with what that of --experiment says
    #[arg(long, value_name = "E.toml")]
    write: Option<PathBuf>,
    /// Also draw the search: agreement over rotation and defocus; of the near field, how far images
    /// moved over how far their positions are apart
    #[arg(long, value_name = "OUT.png", value_parser = crate::value::png)]
    figure: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

/// What is told while the search goes on.
const SEARCHING: Event<'static> = Event::Waiting { case: None, what: "how the scan lies" };

impl Calibrate {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        if let Some(figure) = &self.figure {
            self.reading.refuse_onto_input(figure, "--figure", self.scan.path())?;
            Beside::Picture.refuse_others(figure, "--figure")?;
        }
        let (dataset, _) = self.reading.read(self.scan.path(), None, output)?;
        if dataset.geometry == Some(Geometry::NearField) {
            return self.magnification(&dataset, output);
        }
        let found = stoppable(&mut Watch::new(output), |observe| {
            calibrate(&dataset, &mut || match observe(SEARCHING) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(StudyError::Stopped),
            })
        });
        let found = found.map_err(|error| match error.downcast_ref() {
            // Nothing is kept to go on from.
            Some(StudyError::Stopped) => anyhow!("stopped before anything was found"),
            _ => error,
        })?;
        if let Some(path) = &self.figure {
            output.write(path, found.picture())?;
        }
        let options = self.reading.options();
        self.keep(found.keys(&options), output)?;
        let undescribed = !options.experiment.probe.is_described();
        if self.write.is_some() && found.defocus_m.is_some() && undescribed {
            output.note(
                "the defocus is not in it: a defocus needs an aperture beside it (--semi-angle-mrad, or \
                 a zone plate or a pinhole)",
            );
        }
        let record = json!({ "file": self.scan.path(), "calibration": found });
        output.result(&record, found.lines().join("\n"))?;
        Ok(ExitCode::SUCCESS)
    }

    /// The same of images, which have no bright disc: how far they move.
    fn magnification(&self, dataset: &Dataset, output: Output) -> anyhow::Result<ExitCode> {
        let found = magnification(dataset)?;
        let words = match &found {
            Some(found) => {
                if let Some(path) = &self.figure {
                    output.write(path, found.picture())?;
                }
                self.keep(found.keys().into_iter().chain([Magnified::geometry()]), output)?;
                found.to_string()
            }
            None if self.figure.is_some() => bail!(
                "--figure: expected images that tell a magnification, found none to draw: the beam is \
                 parallel, the pixel of the object has been said, or the images do not move together"
            ),
            None => {
                self.keep([Magnified::geometry()], output)?;
                "no magnification was found: the beam is parallel, the pixel of the object has been said, or \
                 the images do not move together"
                    .to_owned()
            }
        };
        output.result(&json!({ "file": self.scan.path(), "calibration": found }), words)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Writes what was said and what was found into the experiment file, if one is asked for.
    fn keep(
        &self,
        found: impl IntoIterator<Item = (&'static str, &'static str, String)>,
        output: Output,
    ) -> anyhow::Result<()> {
        if let Some(path) = &self.write {
            let there = path.exists();
            let known = if there { Some(path.as_path()) } else { self.experiment() };
            let text = match known {
                Some(known) => std::fs::read_to_string(known)
                    .with_context(|| format!("cannot read {}", known.display()))?,
                None => experiment::template(),
            };
            let given =
                self.reading.given().iter().filter(|(option, _)| !option.section.is_empty());
            let said = given.map(|(option, value)| (option.section, option.key(), value.to_toml()));
            atomic::write_bytes(path, experiment::with_keys(&text, said.chain(found)))
                .with_context(|| format!("cannot write {}", path.display()))?;
            match there {
                true => output.warn(format_args!(
                    "{}, which was there already: what was found is in it now, and the rest as it was",
                    path.display()
                )),
                false => output.note(format_args!("wrote {}", path.display())),
            }
        }
        Ok(())
    }

    /// The experiment file that the scan was read with.
    fn experiment(&self) -> Option<&Path> {
        self.reading.given().iter().find_map(|(option, value)| match value {
            Given::Path(path) if option.name == EXPERIMENT => Some(path.as_path()),
            _ => None,
        })
    }
}
