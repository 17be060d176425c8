//! Trying again where the disk refuses: full disks are emptied, and network drives come back.

use std::time::Duration;

use crate::checkpoint;

/// How long each refusal is waited out.
pub const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// Does something that leaves nothing behind where it fails, until it is done or all pauses are over.
pub fn until_done<T>(
    pauses: &[Duration],
    warn: &mut dyn FnMut(&str),
    mut work: impl FnMut() -> Result<T, checkpoint::Error>,
) -> Result<T, checkpoint::Error> {
    for pause in pauses {
        match work() {
            // Nothing brings it back.
            Err(error @ checkpoint::Error::Vanished { .. }) => return Err(error),
            Err(error) => warn(&format!(
                "WARNING: cannot save: {error}; what was saved before is untouched; trying again in {} s",
                pause.as_secs_f64()
            )),
            done => return done,
        }
        std::thread::sleep(*pause);
    }
    work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_for_a_while_is_done_in_the_end_and_said() {
        let check = |failures: usize, expected: Result<usize, ()>| {
            let (mut said, mut calls) = (Vec::new(), 0);
            let result = until_done(&[Duration::ZERO; 3], &mut |line| said.push(line.to_owned()), || {
                calls += 1;
                let reason = "a fault".to_owned();
                match calls > failures {
                    true => Ok(calls),
                    false => Err(checkpoint::Error::Damaged { path: "run".into(), reason }),
                }
            });
            assert_eq!(result.map_err(|_| ()), expected, "{failures}");
            assert_eq!(said.len(), failures.min(3));
            assert!(said.iter().all(|line| line.contains("run is damaged: a fault")), "{said:?}");
        };
        check(0, Ok(1));
        check(1, Ok(2));
        check(3, Ok(4));
        check(4, Err(()));
    }

    #[test]
    fn a_run_folder_that_is_gone_is_not_waited_for() {
        let gone = || Err::<(), _>(checkpoint::Error::Vanished { path: "run".into() });
        let result = until_done(&[Duration::from_secs(3600)], &mut |line| panic!("{line}"), gone);
        assert!(matches!(result, Err(checkpoint::Error::Vanished { .. })));
    }
}
