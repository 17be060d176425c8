//! Atomic writing, checksums, locks and read-only file maps. Every other room writes through here; it knows
//! nothing of what it writes. All calls to the system are in system.rs, so that faults can be tried at each.

mod append;
mod bounded;
mod error;
#[cfg(test)]
pub(crate) mod faults;
#[cfg(not(test))]
mod faults;
mod file;
mod folder;
mod hash;
mod lock;
mod map;
mod place;
mod room;
mod stream;
mod system;
mod temporary;

pub use append::Appender;
pub use bounded::{expect_file, read_at_most, read_file, read_list, read_words};
pub use error::Error;
pub use file::{NewFile, create_folders, settle, write, write_new};
pub use folder::{NewFolder, remove_folder};
pub use hash::{hash, hash_file, sha256, sha256_file};
pub use lock::{Holder, Lock};
pub use map::Map;
pub use place::{copy_new, forget_original, is_copy, is_second_name, link_to, name_again, settle_folder};
pub use room::{File as KeptFile, kept, make_room, touch};
pub use stream::Stream;
pub use system::free_space;
#[cfg(test)]
pub(crate) use temporary::beside;
pub use temporary::{folders, sweep};
