//! The scan: through the compressed data from unit to unit, keeping the coefficients of the wanted ones and turning
//! each row of them into pixels. What lies before and beside them is stepped over, what comes after is not read.

use super::super::lanes::{Work, widest};
use super::bits::Bits;
use super::header::{Component, Header};
use super::huffman::{Code, END, NEAR, Number};
use super::place::{Channel, Units};
use super::transform::{GROUP, LANES, ROWS, Transform};

/// The pixels of one channel, as far as they were decoded.
pub struct Plane {
    pub pixels: Vec<u8>,
    pub stride: usize,
    /// Where its first pixel lies in the channel.
    pub left: usize,
    pub top: usize,
    pub channel: Channel,
}

/// All planes of the wanted units. None where the data is not what the header told.
pub fn planes(header: &Header, units: &Units, channels: Vec<Channel>) -> Option<Vec<Plane>> {
    let blocks: usize = header.components.iter().map(|component| component.across * component.down).sum();
    // No block takes less than two codes of one bit. What claims to be larger is not given memory.
    if units.across * units.down * blocks > header.stretches.bytes() * 4 {
        return None;
    }
    let pairs = header.components.iter().zip(channels);
    let mut tracks: Vec<_> = pairs
        .map(|(component, channel)| Track::new(header, component, channel, units))
        .collect::<Option<_>>()?;
    let mut position = Position::before(header, units)?;
    for row in position.unit / units.across..units.rows.end {
        widest(Row { header, units, row, tracks: &mut tracks, position: &mut position }).then_some(())?;
    }
    Some(tracks.into_iter().map(|track| track.plane).collect())
}

/// Where in the data the next unit is.
struct Position<'a> {
    bits: Bits<'a>,
    /// The number of the next unit.
    unit: usize,
    stretch: usize,
}

impl<'a> Position<'a> {
    /// The last restart marker before the first wanted unit, or the start.
    fn before(header: &'a Header, units: &Units) -> Option<Self> {
        let all = units.across * units.down;
        let stretches = if header.interval == 0 { 1 } else { all.div_ceil(header.interval) };
        if stretches != header.stretches.len() {
            return None;
        }
        let first = units.rows.start * units.across + units.columns.start;
        let stretch = first.checked_div(header.interval).unwrap_or(0);
        Some(Self { bits: header.stretches.bits(stretch)?, unit: stretch * header.interval, stretch })
    }
}

/// One component while it is decoded.
struct Track<'a> {
    steady: &'a Code,
    alternating: &'a Code,
    across: usize,
    down: usize,
    /// The mean of the last block, from which the next one's is told.
    mean: i32,
    /// Where each coefficient goes in its group; those beyond 63 go where nobody looks.
    places: [u16; 256],
    /// The last coefficient that is needed.
    last: usize,
    /// The coefficients of as many units as there are lanes: `down` rows of `across` groups.
    coefficients: Vec<i16>,
    transform: Transform,
    plane: Plane,
}

impl<'a> Track<'a> {
    fn new(header: &'a Header, component: &Component, channel: Channel, units: &Units) -> Option<Self> {
        let stride = units.columns.len().next_multiple_of(LANES) * component.across * channel.edge;
        let rows = units.rows.len() * component.down * channel.edge;
        let mut places = [(64 * LANES) as u16; 256];
        for (place, row) in places.iter_mut().zip(ROWS) {
            *place = u16::from(row) * LANES as u16;
        }
        Some(Self {
            steady: header.codes[0][component.steady].as_ref()?,
            alternating: header.codes[1][component.alternating].as_ref()?,
            across: component.across,
            down: component.down,
            mean: 0,
            places,
            last: if channel.edge == 1 { 0 } else { 63 },
            coefficients: vec![0; component.across * component.down * GROUP],
            transform: Transform::new(channel.edge, &component.quantisers),
            plane: Plane {
                pixels: vec![0; stride * rows],
                stride,
                left: units.columns.start * component.across * channel.edge,
                top: units.rows.start * component.down * channel.edge,
                channel,
            },
        })
    }

    /// Decodes a block into its lane. `column` counts from the first of those that go together.
    #[inline(always)]
    fn block(&mut self, bits: &mut Bits, column: usize, row: usize) -> bool {
        let start = (row * self.across + column / LANES) * GROUP;
        let lane = column % LANES;
        let Some(group) = self.coefficients.get_mut(start..start + GROUP) else { return false };
        bits.fill();
        self.mean = self.mean.wrapping_add(self.steady.next(bits).value.into());
        group[lane] = self.mean as i16;
        let mut next = 1;
        while next <= self.last.min(NEAR - 1) {
            bits.fill();
            for number in self.alternating.pair(bits) {
                next = put(group, &self.places, lane, next, number);
            }
            if next >= NEAR {
                break;
            }
            for number in self.alternating.pair(bits) {
                next = put(group, &self.places, lane, next, number);
            }
        }
        while next <= self.last {
            bits.fill();
            next = put(group, &self.places, lane, next, self.alternating.next(bits));
        }
        whole(self.alternating.step_over(bits, next))
    }

    /// The coefficients of the units that go together become pixels, and make room for the next.
    #[inline(always)]
    fn pixels(&mut self, row: usize, number: usize) {
        let Plane { pixels, stride, channel, .. } = &mut self.plane;
        for (place, group) in self.coefficients.as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
            let top = (row * self.down + place / self.across) * channel.edge;
            let left = (number * self.across + place % self.across) * LANES * channel.edge;
            if let Some(plane) = pixels.get_mut(top * *stride + left..) {
                self.transform.run(group, plane, *stride);
            }
            group.fill(0);
        }
    }

    /// Steps over a block.
    #[inline(always)]
    fn skip(&mut self, bits: &mut Bits) -> bool {
        bits.fill();
        self.mean = self.mean.wrapping_add(self.steady.next(bits).value.into());
        whole(self.alternating.step_over(bits, 1))
    }
}

/// Puts a number into its lane of the group, and returns the coefficient that comes next.
#[inline(always)]
fn put(group: &mut [i16], places: &[u16; 256], lane: usize, next: usize, number: Number) -> usize {
    let next = next + number.places;
    group[usize::from(places[(next - 1) & 255]) + lane] = number.value;
    next
}

/// Whether a block that ended at this place ended as blocks do: at its last coefficient or with an end code.
#[inline(always)]
fn whole(place: usize) -> bool {
    place == 64 || place > END
}

/// One row of units, or what is left of it from the position on.
struct Row<'r, 'a> {
    header: &'a Header,
    units: &'r Units,
    row: usize,
    tracks: &'r mut [Track<'a>],
    position: &'r mut Position<'a>,
}

impl Work for Row<'_, '_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Self { header, units, row, tracks, position } = self;
        let wanted_row = units.rows.contains(&row);
        for column in position.unit - row * units.across..units.across {
            if header.interval > 0 && position.unit == (position.stretch + 1) * header.interval {
                if position.bits.overrun() {
                    return false;
                }
                position.stretch += 1;
                let Some(bits) = header.stretches.bits(position.stretch) else { return false };
                position.bits = bits;
                tracks.iter_mut().for_each(|track| track.mean = 0);
            }
            position.unit += 1;
            if column >= units.columns.end && row + 1 == units.rows.end {
                // Nothing that comes later is wanted.
                break;
            }
            let wanted = wanted_row && units.columns.contains(&column);
            let number = column.wrapping_sub(units.columns.start);
            for track in tracks.iter_mut() {
                for down in 0..track.down {
                    for across in 0..track.across {
                        let fine = if wanted {
                            let column = number % LANES * track.across + across;
                            track.block(&mut position.bits, column, down)
                        } else {
                            track.skip(&mut position.bits)
                        };
                        if !fine {
                            return false;
                        }
                    }
                }
            }
            if wanted && (number % LANES == LANES - 1 || column + 1 == units.columns.end) {
                for track in tracks.iter_mut() {
                    track.pixels(row - units.rows.start, number / LANES);
                }
            }
        }
        !position.bits.overrun()
    }
}
