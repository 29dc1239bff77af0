//! Finds the ends of records in a TLS stream. It does not depend on the TLS library.

use std::io::{self, Read, Write};

use crate::transport::stream::Stream;

/// Counts the bytes that TLS reads, because TLS does not report whether it has a partial record.
pub(super) struct Records {
    stream: Box<dyn Stream>,
    pub(super) framing: Framing,
    /// The first byte that was received.
    first: Option<u8>,
}

impl Records {
    pub(super) fn new(stream: Box<dyn Stream>) -> Records {
        Records {
            stream,
            framing: Framing::default(),
            first: None,
        }
    }

    /// Whether the first byte, if any, can be TLS (RFC 8446, section 5.1).
    pub(super) fn began_as_tls(&self) -> bool {
        matches!(self.first, None | Some(20..=23))
    }
}

impl Read for Records {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.stream.read(buffer)?;
        let bytes = buffer.get(..amount).unwrap_or_default();
        self.first = self.first.or(bytes.first().copied());
        self.framing.pass(bytes);
        Ok(amount)
    }
}

impl Write for Records {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Stream for Records {
    fn is_quiet(&mut self) -> bool {
        self.framing.is_between_records() && self.stream.is_quiet()
    }
}

/// The position in a stream of TLS records (RFC 8446, section 5.1). A header has one byte of type,
/// two of version and two of length.
#[derive(Default)]
pub(super) struct Framing {
    pub(super) header_bytes: u8,
    length: u16,
    pub(super) payload_left: usize,
    /// The number of complete records.
    pub(super) ended: u64,
}

impl Framing {
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let payload = self.payload_left.min(bytes.len());
            if payload > 0 {
                self.payload_left -= payload;
                self.ended += u64::from(self.payload_left == 0);
                bytes = bytes.get(payload..).unwrap_or_default();
            }
            let Some((byte, rest)) = bytes.split_first() else {
                return;
            };
            bytes = rest;
            self.length = self.length << 8 | u16::from(*byte);
            self.header_bytes += 1;
            if self.header_bytes == 5 {
                self.payload_left = usize::from(self.length);
                self.header_bytes = 0;
                self.ended += u64::from(self.payload_left == 0);
            }
        }
    }

    fn is_between_records(&self) -> bool {
        self.header_bytes == 0 && self.payload_left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_whole_records_end_between_records(
            lengths in proptest::collection::vec(0..700_u16, 1..6), pieces in 1..50_usize
        ) {
            let mut bytes = Vec::new();
            let mut ends = vec![0];
            for length in lengths {
                bytes.extend([23, 3, 3]);
                bytes.extend(length.to_be_bytes());
                bytes.extend(vec![0xff; usize::from(length)]);
                ends.push(bytes.len());
            }
            let mut framing = Framing::default();
            let mut passed = 0;
            for piece in bytes.chunks(pieces) {
                framing.pass(piece);
                passed += piece.len();
                let ended = ends.iter().filter(|end| **end <= passed).count() as u64 - 1;
                prop_assert_eq!(framing.ended, ended);
                prop_assert_eq!(framing.is_between_records(), ends.contains(&passed));
            }
            prop_assert!(framing.is_between_records());
        }
    }
}
