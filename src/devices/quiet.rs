//! Panics of drivers and of the libraries above them become errors, and say nothing on the console. No other
//! room but `dataset/silence.rs` keeps panics from being printed: what computes on a GPU has no other way to say that it cannot.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};

thread_local! {
    static HERE: Cell<usize> = const { Cell::new(0) };
}
static ANYWHERE: AtomicUsize = AtomicUsize::new(0);
/// What the first panic of a device's thread said. CubeCL catches these and goes on; the work only shows that its
/// numbers are missing.
static FIRST: Mutex<Option<String>> = Mutex::new(None);

/// Does something that may panic; the first line of the panic's own words is the error.
pub(super) fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    silenced(work).map_err(|words| words.lines().next().unwrap_or_default().to_owned())
}

/// The same for work that may fail as well.
pub fn tried<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    quietly(work).and_then(|result| result)
}

/// What a piece of work panicked with.
pub(super) struct Panic {
    pub words: String,
    /// The first panic of a device's thread meanwhile.
    pub of_device: Option<String>,
}

/// The same, with all that was said, on the device's threads too. Not to be called within itself.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    let first = || FIRST.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
    // What was said before belongs to other work.
    first();
    silenced(work).map_err(|words| Panic { words, of_device: first() })
}

fn silenced<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    silence();
    enter(1);
    // Nothing that was touched by the work is used after a panic but the devices, which guard themselves.
    let result = catch_unwind(AssertUnwindSafe(work));
    enter(-1);
    result.map_err(|payload| words(payload.as_ref()))
}

fn enter(step: isize) {
    HERE.with(|depth| depth.set(depth.get().wrapping_add_signed(step)));
    if step > 0 {
        ANYWHERE.fetch_add(1, Ordering::SeqCst);
    } else {
        ANYWHERE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Puts a hook before the one that prints, once.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if !is_quiet() {
                loud(panic);
            } else if is_of_a_device() {
                let mut first = FIRST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                first.get_or_insert_with(|| words(panic.payload()));
            }
        }));
    });
}

/// This thread's own work, or that of one of CubeCL's device threads, whose names begin so.
fn is_quiet() -> bool {
    let here = HERE.try_with(|depth| depth.get() > 0).unwrap_or(false);
    here || (ANYWHERE.load(Ordering::SeqCst) > 0 && is_of_a_device())
}

fn is_of_a_device() -> bool {
    std::thread::current().name().is_some_and(|name| name.starts_with("DS"))
}

/// What a panic says.
fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked without a word");
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_devices_thread_said_first_is_kept() {
        let of_device = |words: &'static str| {
            let thread = std::thread::Builder::new().name("DSD-test".to_owned());
            assert!(thread.spawn(move || panic!("{words}")).unwrap().join().is_err());
        };
        let work = || {
            of_device("the cause");
            of_device("what came of it");
            // What is asked meanwhile takes nothing away.
            assert_eq!(quietly(|| 7), Ok(7));
            panic!("no numbers\nat all");
        };
        let panic = caught::<()>(work).err().unwrap();
        assert_eq!(
            (panic.words.as_str(), panic.of_device.as_deref()),
            ("no numbers\nat all", Some("the cause"))
        );
        let panic = caught::<()>(|| panic!("something else")).err().unwrap();
        assert_eq!((panic.words.as_str(), panic.of_device), ("something else", None));
    }

    #[test]
    fn a_panic_becomes_its_first_line() {
        assert_eq!(quietly(|| 1 + 1), Ok(2));
        assert_eq!(quietly(|| panic!("no such thing\nat all")), Err::<(), _>("no such thing".to_owned()));
        assert_eq!(quietly(|| panic!("number {}", 7)), Err::<(), _>("number 7".to_owned()));
        assert!(!is_quiet() || ANYWHERE.load(Ordering::SeqCst) > 0);
    }
}
