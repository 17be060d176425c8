//! Huffman codes of a JPEG as tables: one look gives a code, the number behind it and both lengths; a wider table
//! steps over several numbers at once where none of them is needed.

use super::bits::Bits;

/// What is behind one code.
#[derive(Clone, Copy)]
pub struct Number {
    /// How many places of the block it takes, itself included; `END` where it is the end of the block.
    pub places: usize,
    pub value: i16,
}

/// More places than a block has.
pub const END: usize = 128;
/// The places of a code that does not exist: more than are left in any block, and fewer than an end.
const BROKEN: usize = 64;

/// The largest size of a number; two codes of 16 bits with such numbers fit into what is filled in.
const LARGEST: u8 = 12;
/// Bits that one look at the table takes in.
const LOOK: u32 = 10;
/// One look at the table of pairs.
const PAIR: u32 = 10;
/// And one look at the table for stepping over.
const STRIDE: u32 = 12;
/// Places up to which neither a pair nor a stride can leave its block unnoticed.
pub const NEAR: usize = 64 - RUN;
/// Places that one code can take.
const RUN: usize = 16;

/// A code of up to 16 bits.
pub struct Code {
    /// Of each look: what is dropped in all (8 bits, the lowest), places (8), length of the code (8) and size of the
    /// number behind it (8); 0 where the code is longer.
    table: Vec<u32>,
    /// Of each look that tells a whole number: what is dropped (8 bits, the lowest), places of this number and of the one
    /// behind it (8 each), and both values (16 each). Where the second is not told, the first comes again and takes no
    /// place. 0 where the first is not told.
    pairs: Vec<u64>,
    /// Of each wide look: what is dropped (8 bits) and places (8).
    strides: Vec<u32>,
    /// For each length the first code beyond it, as 16 bits.
    beyond: [u32; 17],
    /// For each length what leads from a code to its symbol.
    offset: [i32; 17],
    symbols: Vec<u8>,
}

/// What the symbols of a code stand for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Sizes of numbers.
    Steady,
    /// Sizes of numbers, and how many zeros come before.
    Alternating,
}

impl Code {
    /// The code with so many symbols of each length, where that is a code.
    pub fn new(kind: Kind, counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut code = Self {
            table: vec![0; 1 << LOOK],
            pairs: Vec::new(),
            strides: Vec::new(),
            beyond: [0; 17],
            offset: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut next, mut index) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = usize::from(counts[length as usize - 1]);
            code.offset[length as usize] = index as i32 - next as i32;
            for &symbol in symbols.get(index..index + count)? {
                code.enter(kind, next, length, symbol)?;
                next += 1;
            }
            index += count;
            if next > 1 << length {
                return None;
            }
            code.beyond[length as usize] = next << (16 - length);
            next <<= 1;
        }
        if kind == Kind::Alternating {
            code.pairs = (0..1 << PAIR).map(|ahead| code.pair_of(ahead << (64 - PAIR))).collect();
        }
        (index == symbols.len()).then_some(code)
    }

    /// Writes a symbol into all entries that begin with its code.
    fn enter(&mut self, kind: Kind, code: u32, length: u32, symbol: u8) -> Option<()> {
        let most = if kind == Kind::Steady { symbol } else { symbol & 15 };
        if most > LARGEST {
            return None;
        }
        let Some(free) = LOOK.checked_sub(length) else { return Some(()) };
        let first = (code << free) as usize;
        self.table.get_mut(first..first + (1 << free))?.fill(entry(length, symbol));
        Some(())
    }

    /// The next number. Takes up to 28 bits, which must have been filled in.
    #[inline(always)]
    pub fn next(&self, bits: &mut Bits) -> Number {
        let mut entry = self.table[bits.peek(LOOK) & ((1 << LOOK) - 1)];
        if entry == 0 {
            entry = self.long(bits.peek(16) as u32);
        }
        let number = number(entry, bits);
        bits.drop(entry & 0xff);
        number
    }

    /// The next number and the one behind it, or the next one twice, where the second takes no place. Up to 28 bits, as
    /// above. Only before `NEAR`: the first of them must not be able to end the block but by its end code.
    #[inline(always)]
    pub fn pair(&self, bits: &mut Bits) -> [Number; 2] {
        let entry = self.pairs[bits.peek(PAIR) & ((1 << PAIR) - 1)];
        if entry == 0 {
            let number = self.next(bits);
            return [number, Number { places: 0, ..number }];
        }
        bits.drop((entry & 0xff) as u32);
        [
            Number { places: (entry >> 8 & 0xff) as usize, value: (entry >> 32) as i16 },
            Number { places: (entry >> 16 & 0xff) as usize, value: (entry >> 48) as i16 },
        ]
    }

    /// The entry of the pairs for what the topmost bits tell.
    fn pair_of(&self, ahead: u64) -> u64 {
        let Some((dropped, first)) = self.told(ahead, PAIR) else { return 0 };
        let entry = u64::from(dropped) | (first.places as u64) << 8 | u64::from(first.value as u16) << 32;
        let second = self.told(ahead << dropped, PAIR - dropped).filter(|_| first.places <= RUN);
        match second {
            Some((more, second)) => {
                let value = u64::from(second.value as u16);
                (entry + u64::from(more)) | (second.places as u64) << 16 | value << 48
            }
            None => entry | u64::from(first.value as u16) << 48,
        }
    }

    /// Bits and number of the code at the top, where all of it lies in the first `known` bits.
    fn told(&self, ahead: u64, known: u32) -> Option<(u32, Number)> {
        let entry = self.table[(ahead >> (64 - LOOK)) as usize];
        let dropped = entry & 0xff;
        (dropped > 0 && dropped <= known).then(|| (dropped, number(entry, &Bits::of(ahead))))
    }

    /// The entry of a code that is longer than a look.
    #[cold]
    fn long(&self, ahead: u32) -> u32 {
        let found = (LOOK + 1..=16).find(|&length| ahead < self.beyond[length as usize]);
        let Some(length) = found else { return NONE };
        let index = (ahead >> (16 - length)) as i32 + self.offset[length as usize];
        self.symbols.get(index as usize).map_or(NONE, |&symbol| entry(length, symbol))
    }

    /// Steps over the rest of a block from this place on, and returns the place where that ends.
    #[inline(always)]
    pub fn step_over(&self, bits: &mut Bits, mut place: usize) -> usize {
        while place < 64 {
            bits.fill();
            let stride = match self.strides.get(bits.peek(STRIDE)) {
                Some(&stride) if place < NEAR => stride,
                _ => 0,
            };
            if stride != 0 {
                bits.drop(stride & 0xff);
                place += (stride >> 8) as usize;
            } else {
                place += self.next(bits).places;
            }
        }
        place
    }

    /// Makes the table for stepping over: worth it where that happens often.
    pub fn prepare_strides(&mut self) {
        if self.strides.is_empty() {
            self.strides = (0..1 << STRIDE).map(|ahead| self.stride(ahead)).collect();
        }
    }

    /// As many numbers as the codes in these bits tell of: bits to drop, places in all.
    fn stride(&self, ahead: u32) -> u32 {
        let (mut dropped, mut stepped) = (0, 0);
        // All but the last begin within the first places, so that none is taken from the next block.
        while dropped < STRIDE && stepped < RUN {
            let rest = (ahead << dropped) & ((1 << STRIDE) - 1);
            let Some((length, symbol)) = self.within(rest, STRIDE - dropped) else { break };
            dropped += length + u32::from(symbol & 15);
            stepped += places(symbol);
        }
        dropped | (stepped as u32) << 8
    }

    /// The code at the start of these bits (of `STRIDE`), where all of it lies in the first `known`.
    fn within(&self, ahead: u32, known: u32) -> Option<(u32, u8)> {
        let wide = ahead << (16 - STRIDE);
        let length = (1..=known).find(|&length| wide < self.beyond[length as usize])?;
        let index = (wide >> (16 - length)) as i32 + self.offset[length as usize];
        let symbol = *self.symbols.get(index as usize)?;
        (places(symbol) != BROKEN).then_some((length, symbol))
    }
}

/// What an entry tells of these bits.
#[inline(always)]
fn number(entry: u32, bits: &Bits) -> Number {
    Number { places: (entry >> 8 & 0xff) as usize, value: bits.signed(entry >> 16 & 0xff, entry >> 24) }
}

/// The entry of a code that does not exist.
const NONE: u32 = (BROKEN as u32) << 8;

fn entry(length: u32, symbol: u8) -> u32 {
    let size = u32::from(symbol & 15);
    (length + size) | (places(symbol) as u32) << 8 | length << 16 | size << 24
}

/// Zeros before it and itself: of a symbol of size 0 either sixteen zeros, or nothing more.
fn places(symbol: u8) -> usize {
    match symbol {
        0 => END,
        0xf0 => RUN,
        _ if symbol & 15 == 0 => BROKEN,
        _ => usize::from(symbol >> 4) + 1,
    }
}
