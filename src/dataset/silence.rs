//! A decoder's panic says nothing on the console: it becomes the error of one file, which names it.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static IS_SILENT: Cell<bool> = const { Cell::new(false) };
}

/// Does something that may panic, and gives the panic's words where it does.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    silence();
    let before = IS_SILENT.replace(true);
    // Nothing outlives the closure but its result, so no broken state can be seen.
    let result = catch_unwind(AssertUnwindSafe(work));
    IS_SILENT.set(before);
    result.map_err(|payload| words(payload.as_ref()))
}

/// Puts a hook before the one that prints, once. Fuzzers have one that ends them, and keep it.
fn silence() {
    static ONCE: Once = Once::new();
    if cfg!(not(fuzzing)) {
        ONCE.call_once(|| {
            let loud = take_hook();
            set_hook(Box::new(move |panic| {
                if !IS_SILENT.try_with(Cell::get).unwrap_or(false) {
                    loud(panic);
                }
            }));
        });
    }
}

/// What a panic said.
pub fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_words_and_only_within() {
        assert_eq!(caught(|| 2), Ok(2));
        let inner = || caught(|| -> () { panic!("index {} out of 2", 3) });
        assert_eq!(caught(inner), Ok(Err("index 3 out of 2".to_owned())));
        assert_eq!(caught(|| -> () { std::panic::panic_any(3) }), Err("no reason given".to_owned()));
        assert!(!IS_SILENT.get());
    }
}
