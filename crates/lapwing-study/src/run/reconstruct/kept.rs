//! What a folder of results holds from before, and that none of it is lost or mixed with new files.

use super::{RECONSTRUCTION, output};
use crate::disk::checkpoint::CHECKPOINT;
use crate::disk::layout::{LOG, RESULT};
use crate::disk::path::{make_folder, remove_if_there};
use crate::disk::record::{JobResult, Status};
use crate::run::scanned::{TILES, ZOOM};
use crate::{Result, StudyError};
use lapwing_draw::pyramid::Tile;
use lapwing_files::atomic;
use lapwing_model::forward::MOST_SLICES;
use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Every file that a reconstruction may leave in its folder; the record, which vouches for the
/// others, first.
const FILES: [&str; 17] = [
    RESULT,
    RECONSTRUCTION,
    "loss.csv",
    "loss.svg",
    "amplitude.png",
    "phase.png",
    "probe.png",
    "error.png",
    "overview.png",
    ZOOM,
    "amplitude_sd.png",
    "phase_sd.png",
    "shifts.svg",
    "variation.svg",
    "calibration.png",
    "comparison.json",
    LOG,
];

/// All of them: also a picture of each slice of a thick object.
fn files() -> impl DoubleEndedIterator<Item = Cow<'static, str>> {
    let of_slices = (0..MOST_SLICES).map(|index| Cow::Owned(output::of_slice(index)));
    FILES.into_iter().map(Cow::Borrowed).chain(of_slices)
}

/// The names of the tiles in a folder of tiles; other files there are somebody else's.
fn tiles(folder: &Path) -> Vec<String> {
    let there = std::fs::read_dir(folder.join(TILES)).into_iter().flatten();
    let names = there.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| Tile::is_named(name)).collect()
}

/// Every place in `folder` that a reconstruction may write to, of tiles those that are there; a
/// file that has the name of their folder is in their way.
pub(crate) fn places(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let in_the_way = Some(folder.join(TILES)).filter(|place| place.is_file());
    let tiles = tiles(folder).into_iter().map(|name| folder.join(TILES).join(name));
    files().map(|name| folder.join(&*name)).chain(in_the_way).chain(tiles)
}

/// Moves the tiles of one folder into another.
fn move_tiles(from: &Path, to: &Path) -> Result<()> {
    let (here, there) = (from.join(TILES), to.join(TILES));
    let names = tiles(from);
    if names.is_empty() {
        return Ok(());
    }
    make_folder(&there)?;
    for name in names {
        let tile = here.join(&name);
        std::fs::rename(&tile, there.join(&name)).map_err(StudyError::io("cannot move", &tile))?;
    }
    remove_if_empty(&here)
}

/// Removes the tiles in a folder.
fn remove_tiles(folder: &Path) -> Result<()> {
    let place = folder.join(TILES);
    let names = tiles(folder);
    if names.is_empty() {
        return Ok(());
    }
    names.iter().try_for_each(|name| remove_if_there(&place.join(name)))?;
    remove_if_empty(&place)
}

/// Removes a folder in which nothing is left; what others have put there stays.
fn remove_if_empty(folder: &Path) -> Result<()> {
    let empty = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    match empty {
        true => std::fs::remove_dir(folder).map_err(StudyError::io("cannot remove", folder)),
        false => Ok(()),
    }
}

/// What lies in `folder` under a name that a reconstruction writes and is nothing that the one
/// there wrote, by its record; of one that is not done nobody knows.
pub(crate) fn unlisted(folder: &Path) -> Vec<PathBuf> {
    let record = std::fs::read(folder.join(RESULT)).ok();
    let record: Option<JobResult> = record.and_then(|text| serde_json::from_slice(&text).ok());
    let Some(done) = record.filter(|record| record.status == Status::Done) else {
        return Vec::new();
    };
    let drawn = done.calibration.as_ref().and_then(|found| found["figure"].as_str());
    let tiles: Vec<String> = match &done.files.zoom {
        Some(_) => tiles(folder).iter().map(|name| format!("{TILES}/{name}")).collect(),
        None => Vec::new(),
    };
    let listed: HashSet<PathBuf> = done
        .files
        .names()
        .chain(drawn)
        .chain([RESULT, LOG])
        .chain(tiles.iter().map(String::as_str))
        .map(|name| folder.join(name))
        .collect();
    places(folder).filter(|place| place.exists() && !listed.contains(place)).collect()
}

/// Removes what an earlier reconstruction left in `folder`; its checkpoint stays.
pub(crate) fn clear(folder: &Path) -> Result<()> {
    atomic::remove_abandoned(folder);
    atomic::remove_abandoned(folder.join(TILES));
    files().try_for_each(|name| remove_if_there(&folder.join(&*name)))?;
    remove_tiles(folder)
}

/// Moves the reconstruction that is in `folder` into a folder `earlier_<n>` inside it, and returns
/// that; `None` when there is none, but at most what a failed or stopped run left.
pub(crate) fn set_aside(folder: &Path) -> Result<Option<PathBuf>> {
    let there = |name: &str| folder.join(name).is_file();
    if !there(RECONSTRUCTION) || !there(RESULT) && there(CHECKPOINT) {
        return Ok(None);
    }
    let kept = earlier(folder)?;
    move_tiles(folder, &kept)?;
    // The record goes last and arrives when all it tells of is there.
    for name in files().rev().filter(|name| there(name)) {
        let from = folder.join(&*name);
        std::fs::rename(&from, kept.join(&*name)).map_err(StudyError::io("cannot move", &from))?;
    }
    Ok(Some(kept))
}

/// Moves the state of another request, which a run that was stopped left in `folder`, into a folder
/// `earlier_<n>` inside it, and returns that.
pub(super) fn set_state_aside(folder: &Path) -> Result<PathBuf> {
    let (kept, from) = (earlier(folder)?, folder.join(CHECKPOINT));
    let moved = std::fs::rename(&from, kept.join(CHECKPOINT));
    moved.map_err(StudyError::io("cannot move", &from))?;
    Ok(kept)
}

/// A new folder `earlier_<n>` in `folder`.
fn earlier(folder: &Path) -> Result<PathBuf> {
    let mut number = 1;
    loop {
        let kept = folder.join(format!("earlier_{number}"));
        match std::fs::create_dir(&kept) {
            Ok(()) => return Ok(kept),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(StudyError::io("cannot create", &kept)(error)),
        }
    }
}

/// Moves what [`set_aside`] moved into `kept` back into `folder`, in place of what is there.
pub(super) fn put_back(folder: &Path, kept: &Path) -> Result<()> {
    clear(folder)?;
    move_tiles(kept, folder)?;
    for name in files().rev().filter(|name| kept.join(&**name).is_file()) {
        let to = folder.join(&*name);
        std::fs::rename(kept.join(&*name), &to).map_err(StudyError::io("cannot move", &to))?;
    }
    std::fs::remove_dir(kept).map_err(StudyError::io("cannot remove", kept))
}

/// Refuses an output folder in which the input, or what is started from, is one of the files that
/// will be written.
pub(super) fn refuse_own_input(input: &Path, output: &Path) -> Result<()> {
    let Ok(whole) = lapwing_files::open::named(input).0.canonicalize() else { return Ok(()) };
    let same = |name: &str| output.join(name).canonicalize().is_ok_and(|path| path == whole);
    match files().find(|name| same(name)) {
        None => Ok(()),
        Some(name) => Err(StudyError::Invalid(format!(
            "{}: expected another output folder than that of {}, whose {name} would be replaced",
            output.display(),
            input.display()
        ))),
    }
}

/// The first of `folder`, `<folder>_2`, `<folder>_3`, ... that holds no result.
pub(crate) fn unused(folder: &Path) -> PathBuf {
    let free = numbered(folder).find(|folder| !folder.join(RESULT).exists());
    free.expect("there is always another number")
}

/// `folder`, then `<folder>_2`, `<folder>_3`, ... beside it.
pub(super) fn numbered(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = folder.to_owned();
    (1..).map(move |number: usize| match number {
        1 => folder.clone(),
        _ => folder.with_file_name(format!("{name}_{number}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_result_moves_as_a_whole_and_what_a_stopped_run_left_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(folder.path().join(name), name).unwrap();
        assert_eq!(set_aside(folder.path()).unwrap(), None);
        [RECONSTRUCTION, CHECKPOINT, "mine.txt"].into_iter().for_each(write);
        assert_eq!(set_aside(folder.path()).unwrap(), None);
        [RESULT, "phase.png", "shifts.svg", "phase_slice_2.png"].into_iter().for_each(write);
        assert!(unlisted(folder.path()).is_empty());
        let kept = set_aside(folder.path()).unwrap().unwrap();
        assert!(kept.ends_with("earlier_1"));
        for name in [RESULT, RECONSTRUCTION, "phase.png", "shifts.svg", "phase_slice_2.png"] {
            assert_eq!(std::fs::read_to_string(kept.join(name)).unwrap(), name);
            assert!(!folder.path().join(name).exists());
        }
        assert!(folder.path().join("mine.txt").is_file());
        put_back(folder.path(), &kept).unwrap();
        assert!(folder.path().join("phase.png").is_file() && !kept.exists());
        let kept = set_aside(folder.path()).unwrap().unwrap();
        assert!(kept.ends_with("earlier_1"));
        // Of a failure there is nothing to keep.
        write(RESULT);
        assert_eq!(set_aside(folder.path()).unwrap(), None);
        write(RECONSTRUCTION);
        assert!(set_aside(folder.path()).unwrap().unwrap().ends_with("earlier_2"));
        write(RECONSTRUCTION);
        let input = folder.path().join(RECONSTRUCTION);
        let refused = refuse_own_input(&input, folder.path()).unwrap_err().to_string();
        assert!(refused.contains(RECONSTRUCTION), "{refused}");
        refuse_own_input(&input, &folder.path().join("other")).unwrap();
        clear(folder.path()).unwrap();
        assert!(!input.exists() && folder.path().join(CHECKPOINT).is_file());
    }

    #[test]
    fn tiles_go_with_their_result_and_files_of_others_beside_them_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str| std::fs::write(at(name), name).unwrap();
        let all = [RESULT, RECONSTRUCTION, ZOOM, "zoom/phase_0_0_0.png", "zoom/phase_1_0_0.png"];
        std::fs::create_dir(at(TILES)).unwrap();
        all.into_iter().for_each(write);
        write("zoom/mine.txt");
        assert!(places(folder.path()).any(|place| place == at("zoom/phase_1_0_0.png")));
        let kept = set_aside(folder.path()).unwrap().unwrap();
        for name in all {
            assert_eq!(std::fs::read_to_string(kept.join(name)).unwrap(), name);
            assert!(!at(name).exists(), "{name}");
        }
        assert!(at("zoom/mine.txt").is_file() && !kept.join("zoom/mine.txt").exists());
        // Of the one that took its place, some tiles were written.
        write("zoom/amplitude_0_7_0.png");
        [".lapwing-a1b2c3.part", "zoom/.lapwing-d4e5f6.part"].into_iter().for_each(write);
        put_back(folder.path(), &kept).unwrap();
        assert!(all.iter().all(|name| at(name).is_file()) && !kept.exists());
        assert!(!at("zoom/amplitude_0_7_0.png").exists() && at("zoom/mine.txt").is_file());
        // A process that was killed had begun to write these.
        assert!(!at(".lapwing-a1b2c3.part").exists() && !at("zoom/.lapwing-d4e5f6.part").exists());
        std::fs::remove_file(at("zoom/mine.txt")).unwrap();
        clear(folder.path()).unwrap();
        assert!(!at(TILES).exists());
        // A file of this name is in the way before the work, not after it.
        write(TILES);
        assert!(places(folder.path()).any(|place| place == at(TILES)));
    }

    #[test]
    fn folders_are_numbered_from_the_second() {
        let names: Vec<PathBuf> = numbered(Path::new("out/train")).take(3).collect();
        assert_eq!(names, ["out/train", "out/train_2", "out/train_3"].map(PathBuf::from));
    }
}
