//! A fault at every call of a save: errors, a disk that is full, and a process that is gone.

use super::{contents, newest_step, run, save};
use crate::checkpoint::RunFolder;
use crate::durable::faults::{Fault, Plan};

/// Whether there was such a call.
fn check(at: usize, fault: Fault) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    save(&run, &contents(1)).unwrap();
    let plan = Plan::fail(at, fault);
    let result = save(&run, &contents(2));
    let met = plan.met();
    drop(plan);
    let step = newest_step(&run);
    assert!([1, 2].contains(&step), "call {at}, {fault:?}");
    assert!(result.is_err() || step == 2, "call {at}, {fault:?}: it was not said that nothing was saved");

    // Whoever comes next can go on.
    let run = RunFolder::open(run.path()).unwrap();
    run.sweep().unwrap();
    run.point_as(&run.newest().unwrap().checkpoint).unwrap();
    save(&run, &contents(3)).unwrap();
    assert_eq!(newest_step(&run), 3, "call {at}, {fault:?}");
    met
}

#[test]
fn a_fault_at_any_call_leaves_the_old_or_the_new_checkpoint() {
    for fault in [Fault::Error, Fault::Full, Fault::Gone] {
        let calls = (0..).take_while(|&at| check(at, fault)).count();
        // Five files and two pointers: each is made, written and synced at least.
        assert!(calls > 21, "{fault:?} met {calls} calls only");
    }
}
