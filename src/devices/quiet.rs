//! Panics of drivers and of the libraries above them become errors, and say nothing on the console. The only
//! place that catches panics: what computes on a GPU has no other way to say that it cannot.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    static HERE: Cell<usize> = const { Cell::new(0) };
}
static ANYWHERE: AtomicUsize = AtomicUsize::new(0);

/// Does something that may panic; the panic's own words are the error.
pub(super) fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
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
            }
        }));
    });
}

/// This thread's own work, or that of one of CubeCL's device threads, whose names begin so.
fn is_quiet() -> bool {
    let here = HERE.try_with(|depth| depth.get() > 0).unwrap_or(false);
    let of_a_device = || std::thread::current().name().is_some_and(|name| name.starts_with("DS"));
    here || (ANYWHERE.load(Ordering::SeqCst) > 0 && of_a_device())
}

/// The first line of what a panic says.
fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked without a word");
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_first_line() {
        assert_eq!(quietly(|| 1 + 1), Ok(2));
        assert_eq!(quietly(|| panic!("no such thing\nat all")), Err::<(), _>("no such thing".to_owned()));
        assert_eq!(quietly(|| panic!("number {}", 7)), Err::<(), _>("number 7".to_owned()));
        assert!(!is_quiet() || ANYWHERE.load(Ordering::SeqCst) > 0);
    }
}
