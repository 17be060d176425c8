//! A run's event file for TensorBoard. It is a function of the run but for the times in it: an event is written where
//! it belongs, and what stood there or behind it from an earlier process is taken back.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use super::framing::{self, Records, framed};
use super::protocol::{Event, Summary, Value};
use crate::durable::{self, Appender};

/// The folder in a run folder.
const FOLDER: &str = "tensorboard";
/// TensorBoard looks for the word in the middle.
const NAME: &str = "events.out.tfevents.kiln";

/// What tags of single updates begin with.
pub const STEP: &str = "step/";
/// What tags of the test begin with.
pub const TEST: &str = "test_";

pub struct EventFile {
    file: Appender,
    /// Where each event begins, in the order in which they stand there.
    index: Vec<(Place, u64)>,
}

/// Where an event belongs: at a step, and there the update before the epoch before the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub step: u64,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Head,
    Batch,
    Epoch,
    Test,
}

impl EventFile {
    /// Opens a run's file, and makes it where it is absent. A damaged end is cut off.
    pub fn open(run: &Path) -> Result<Self, durable::Error> {
        durable::create_folders(&run.join(FOLDER))?;
        let path = run.join(FOLDER).join(NAME);
        let mut file = Appender::open(&path)?;
        let (index, end) = read(&path, file.length());
        file.truncate_to(end)?;
        let mut events = Self { file, index };
        if events.index.is_empty() {
            let version = Event { file_version: Some("brain.Event:2".into()), ..Event::default() };
            events.add(Place { step: 0, kind: Kind::Head }, version)?;
        }
        Ok(events)
    }

    /// Whether nothing has been written but what every file begins with.
    pub fn is_new(&self) -> bool {
        self.index.len() == 1
    }

    /// Puts an event in its place, and takes back what stood there or behind it.
    pub fn put(&mut self, place: Place, values: Vec<Value>) -> Result<(), durable::Error> {
        let kept = self.index.partition_point(|(there, _)| *there < place || there.kind == Kind::Head);
        if let Some((_, begin)) = self.index.get(kept) {
            self.file.truncate_to(*begin)?;
            self.index.truncate(kept);
        }
        let step = i64::try_from(place.step).unwrap_or(i64::MAX);
        self.add(place, Event { step, summary: Some(Summary { values }), ..Event::default() })
    }

    /// Makes what was written last.
    pub fn sync(&self) -> Result<(), durable::Error> {
        self.file.sync()
    }

    fn add(&mut self, place: Place, event: Event) -> Result<(), durable::Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let begin = self.file.length();
        self.file.add(&framed(&Event { wall_time: now, ..event }.encode_to_vec()))?;
        self.index.push((place, begin));
        Ok(())
    }
}

/// The events of a file as far as it is whole and in order, and where that ends.
fn read(path: &Path, bytes: u64) -> (Vec<(Place, u64)>, u64) {
    let (mut index, mut end) = (Vec::<(Place, u64)>::new(), 0);
    let Ok(file) = File::open(path) else { return (index, end) };
    for record in Records::new(BufReader::new(file), bytes) {
        let Ok(event) = Event::decode(record.as_slice()) else { break };
        let place = place_of(&event);
        if index.last().is_some_and(|(last, _)| *last > place) {
            break;
        }
        index.push((place, end));
        end += framing::length(record.len());
    }
    (index, end)
}

fn place_of(event: &Event) -> Place {
    let step = u64::try_from(event.step).unwrap_or(0);
    let first = event.summary.as_ref().and_then(|summary| summary.values.first());
    let kind = match first.map_or("", |value| value.tag.as_str()) {
        _ if step == 0 => Kind::Head,
        tag if tag.starts_with(STEP) => Kind::Batch,
        tag if tag.starts_with(TEST) => Kind::Test,
        _ => Kind::Epoch,
    };
    Place { step, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(events: &mut EventFile, step: u64, kind: Kind) {
        let tag = match kind {
            Kind::Head => "configuration",
            Kind::Batch => "step/train_loss",
            Kind::Epoch => "train_loss",
            Kind::Test => "test_loss",
        };
        events.put(Place { step, kind }, vec![Value::number(tag, step as f64)]).unwrap();
    }

    fn check(run: &Path, expected: &[(u64, Kind)]) {
        let path = run.join(FOLDER).join(NAME);
        let (index, end) = read(&path, std::fs::metadata(&path).unwrap().len());
        let found: Vec<_> = index.iter().map(|(place, _)| (place.step, place.kind)).collect();
        assert_eq!(found, expected);
        assert_eq!(end, std::fs::metadata(path).unwrap().len());
    }

    #[test]
    fn a_run_that_goes_on_leaves_no_event_twice() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path();
        let mut events = EventFile::open(run).unwrap();
        assert!(events.is_new());
        put(&mut events, 0, Kind::Head);
        for step in 1..=4 {
            put(&mut events, step, Kind::Batch);
            if step % 2 == 0 {
                put(&mut events, step, Kind::Epoch);
            }
        }
        drop(events);
        // It was saved after the second step, and the epoch is validated again.
        let mut events = EventFile::open(run).unwrap();
        assert!(!events.is_new());
        put(&mut events, 2, Kind::Epoch);
        let begin = [(0, Kind::Head), (0, Kind::Head), (1, Kind::Batch), (2, Kind::Batch), (2, Kind::Epoch)];
        check(run, &begin);
        put(&mut events, 3, Kind::Batch);
        put(&mut events, 3, Kind::Test);
        check(run, &[&begin[..], &[(3, Kind::Batch), (3, Kind::Test)]].concat());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_believed(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let whole = framed(&bytes);
            let records: Vec<Vec<u8>> = Records::new(&whole[..], whole.len() as u64).collect();
            proptest::prop_assert_eq!(&records, std::slice::from_ref(&bytes));
            let _ = Event::decode(bytes.as_slice()).map(|event| place_of(&event));
            let _ = Records::new(&bytes[..], bytes.len() as u64).count();
        }
    }

    #[test]
    fn a_torn_end_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventFile::open(folder.path()).unwrap();
        put(&mut events, 1, Kind::Batch);
        drop(events);
        let path = folder.path().join(FOLDER).join(NAME);
        let whole = std::fs::read(&path).unwrap();
        for end in [whole.len() - 1, whole.len() - 20, 5, 0] {
            std::fs::write(&path, &whole[..end]).unwrap();
            drop(EventFile::open(folder.path()).unwrap());
            check(folder.path(), &[(0, Kind::Head)]);
        }
        std::fs::write(&path, b"no events at all, but something else").unwrap();
        drop(EventFile::open(folder.path()).unwrap());
        check(folder.path(), &[(0, Kind::Head)]);
    }
}
