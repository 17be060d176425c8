//! What a run folder answers: what is one, which checkpoint is meant, and what is swept away.

use std::fs;
use std::path::Path;

use super::{contents, newest_step, run, save};
use crate::checkpoint::{Best, Contents, Error, Keep, Manifest, Pointer, RunFolder};
use crate::durable;

fn manifest() -> Manifest {
    Manifest::new("configuration", "data")
}

/// A checkpoint that was not better than the one of step 1.
fn worse(step: usize) -> Contents {
    let mut worse = contents(step);
    worse.progress.best = Some(Best { step: 1, accuracy: 0.5, loss: 1.0 });
    worse
}

#[test]
fn a_run_is_known_by_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    assert!(RunFolder::is_one(run.path()) && !RunFolder::is_one(folder.path()));
    assert_eq!(run.dataset_path(), run.path().join("dataset.json"));
    for gone in ["dataset.json", "config.toml"] {
        let aside = run.path().join("aside");
        fs::copy(run.path().join(gone), &aside).unwrap();
        fs::remove_file(run.path().join(gone)).unwrap();
        assert!(!RunFolder::is_one(run.path()), "{gone}");
        assert!(matches!(RunFolder::open(run.path()), Err(Error::NoRun { missing, .. }) if missing == gone));
        fs::copy(&aside, run.path().join(gone)).unwrap();
    }
}

#[test]
fn a_folder_that_has_vanished_is_not_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    fs::remove_dir_all(run.path()).unwrap();
    assert!(matches!(run.write(&contents(1), manifest()), Err(Error::Vanished { .. })));
    assert!(matches!(run.point_at(Path::new("000001"), &contents(1).progress), Err(Error::Vanished { .. })));
    assert!(!run.path().exists());
}

#[test]
fn what_a_killed_process_left_is_swept_in_every_folder() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    let (steps, report) = (run.path().join("steps"), run.path().join("report"));
    fs::create_dir(&report).unwrap();
    for place in [run.path(), &steps, &report] {
        // The process is gone before the new folder has its name; its number is not one that runs.
        let left = durable::beside(&place.join("x")).unwrap();
        let name = left.file_name().unwrap().to_str().unwrap();
        let own = std::process::id().to_string();
        fs::write(place.join(name.replacen(&own, &u32::MAX.to_string(), 1)), "x").unwrap();
    }
    let count = |place: &Path| fs::read_dir(place).unwrap().count();
    let before = (count(run.path()), count(&steps), count(&report));
    run.sweep().unwrap();
    let after = (count(run.path()), count(&steps), count(&report));
    assert_eq!(after, (before.0 - 1, before.1 - 1, before.2 - 1));
}

#[test]
fn a_step_saved_twice_has_two_folders_and_the_later_one_counts() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    let names: Vec<_> = (0..3)
        .map(|_| run.write(&contents(4), manifest()).unwrap().file_name().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["000004", "000004-1", "000004-2"]);
    run.write(&contents(5), manifest()).unwrap();
    assert_eq!(run.at_step(4).unwrap().folder.file_name().unwrap(), "000004-2");
    assert_eq!(run.at_step(5).unwrap().folder.file_name().unwrap(), "000005");
    fs::write(run.path().join("steps/000004-2/state.json"), "{}").unwrap();
    assert_eq!(run.at_step(4).unwrap().folder.file_name().unwrap(), "000004-1");
    let error = run.at_step(6).unwrap_err();
    assert!(matches!(&error, Error::NoStep { step: 6, names, .. } if names.contains("000005, 000004-2")));
}

#[test]
fn best_stays_where_a_later_checkpoint_is_no_better() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    save(&run, &contents(1)).unwrap();
    run.save(&worse(2), manifest(), 5).unwrap();
    assert_eq!(run.pointer("latest"), Pointer::To("000002".into()));
    assert_eq!(run.pointer("best"), Pointer::To("000001".into()));
    assert_eq!(run.best().unwrap().progress().unwrap().step, 1);
    assert_eq!(run.progress().unwrap().step, 2);
    fs::remove_dir_all(run.path().join("steps")).unwrap();
    assert_eq!(run.progress(), None);
}

#[test]
fn pointers_that_are_lost_are_put_back_by_the_newest_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    save(&run, &contents(1)).unwrap();
    run.save(&worse(2), manifest(), 5).unwrap();
    for pointer in ["latest", "best"] {
        fs::remove_file(run.path().join(pointer)).unwrap();
        assert_eq!(run.pointer(pointer), Pointer::Absent);
    }
    run.point_as(&run.newest().unwrap().checkpoint).unwrap();
    assert_eq!(run.pointer("latest"), Pointer::To("000002".into()));
    assert_eq!(run.pointer("best"), Pointer::To("000001".into()));
    fs::remove_dir_all(run.path().join("steps/000001")).unwrap();
    assert!(matches!(run.pointer("best"), Pointer::Damaged(why) if why.contains("000001")));
}

/// The run as the next process finds it, with the model of some checkpoints damaged.
fn damaged(run: &RunFolder, steps: &[&str]) -> RunFolder {
    for step in steps {
        fs::write(run.path().join("steps").join(step).join("model.safetensors"), "x").unwrap();
    }
    RunFolder::open(run.path()).unwrap()
}

fn names(run: &RunFolder) -> Vec<String> {
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    run.steps().iter().map(name).collect()
}

#[test]
fn what_was_written_now_stays_though_a_damaged_checkpoint_has_a_higher_number() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    run.save(&contents(40), manifest(), 5).unwrap();
    run.save(&contents(110), manifest(), 5).unwrap();
    let run = damaged(&run, &["000110"]);
    assert_eq!(run.newest().unwrap().checkpoint.progress().unwrap().step, 40);
    run.save(&contents(53), manifest(), 1).unwrap();
    assert_eq!(names(&run), ["000110", "000053"]);
    // Nor is it removed once the run has come past it.
    run.save(&contents(120), manifest(), 1).unwrap();
    assert_eq!(names(&run), ["000120", "000110"]);
    assert_eq!(newest_step(&run), 120);
}

#[test]
fn damaged_checkpoints_are_neither_counted_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    (1..=4).for_each(|step| drop(run.save(&contents(step), manifest(), 9).unwrap()));
    let run = damaged(&run, &["000001", "000003"]);
    run.save(&contents(5), manifest(), 3).unwrap();
    assert_eq!(names(&run), ["000005", "000004", "000003", "000002", "000001"]);
    run.save(&contents(6), manifest(), 3).unwrap();
    assert_eq!(names(&run), ["000006", "000005", "000004", "000003", "000001"]);
}

#[test]
fn the_best_checkpoint_stays_and_nothing_goes_where_nobody_knows_which_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    save(&run, &contents(1)).unwrap();
    (2..=3).for_each(|step| drop(run.save(&worse(step), manifest(), 1).unwrap()));
    assert_eq!(names(&run), ["000003", "000001"]);
    fs::write(run.file("best"), "x").unwrap();
    run.save(&worse(4), manifest(), 1).unwrap();
    assert_eq!(names(&run), ["000004", "000003", "000001"]);
}

#[test]
fn what_comes_before_the_first_update_stays_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    let write = |step: usize| {
        let saved = run.write(&contents(step), manifest()).unwrap();
        run.point_at(&saved, &contents(step).progress).unwrap();
        saved
    };
    let saved = [0, 1, 2].map(write);
    run.prune(&saved[2], Keep { newest: 1, first: true }).unwrap();
    assert_eq!(names(&run), ["000002", "000000"]);
    run.prune(&saved[2], Keep { newest: 1, first: false }).unwrap();
    assert_eq!(names(&run), ["000002"]);
}

/// A run that has diverged goes on from an earlier checkpoint than its newest.
#[test]
fn what_is_saved_after_going_back_is_newer_than_what_was_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    (1..=4).for_each(|step| drop(run.save(&contents(step), manifest(), 9).unwrap()));
    let earlier = |step: usize| {
        let found = run.newest_where(|progress| progress.step < step).unwrap();
        found.folder.file_name().unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!([9, 4, 2, 1, 0].map(earlier), ["000004", "000003", "000001", "000001", "000001"]);
    let mut again = contents(3);
    again.progress.rewinds = 1;
    run.save(&again, manifest(), 9).unwrap();
    assert_eq!(names(&run), ["000003-1", "000004", "000003", "000002", "000001"]);
    assert_eq!(run.newest().unwrap().checkpoint.contents().unwrap().progress, again.progress);
    assert_eq!([9, 4, 3].map(earlier), ["000003-1", "000003-1", "000002"]);
    again.progress.step = 4;
    run.save(&again, manifest(), 2).unwrap();
    assert_eq!(names(&run), ["000004-1", "000003-1"]);
    damaged(&run, &["000004-1", "000003-1"]);
    assert!(matches!(run.newest_where(|_| true), Err(Error::NoCheckpoint { .. })));
}

#[test]
fn what_was_passed_over_is_told_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    save(&run, &contents(1)).unwrap();
    save(&run, &contents(2)).unwrap();
    assert_eq!(newest_step(&run), 2);
    fs::write(run.path().join("steps/000002/model.safetensors"), "x").unwrap();
    let error = run.newest().err().unwrap().to_string();
    assert!(error.contains("\n  passed over ") && error.contains("000002"), "{error}");
}

#[test]
fn words_that_are_no_words_are_damage_and_what_cannot_be_read_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    save(&run, &contents(1)).unwrap();
    let manifest = run.path().join("steps/000001/manifest.json");
    fs::write(&manifest, [0xff, 0xfe]).unwrap();
    let open = || crate::checkpoint::Checkpoint::open(manifest.parent().unwrap()).err().unwrap();
    assert!(matches!(open(), Error::Damaged { .. }), "{}", open());
    fs::remove_file(&manifest).unwrap();
    assert!(!matches!(open(), Error::Damaged { .. }), "{}", open());
}
