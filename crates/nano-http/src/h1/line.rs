//! Finds a head's lines as their bytes come, and holds each to ending in CRLF.

use super::Fault;

/// How far the search for a head's end has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    /// Where the current line begins.
    line: usize,
    /// No line feed is before it.
    scanned: usize,
}

impl Lines {
    /// Begins after what precedes the message.
    pub fn begin_at(start: usize) -> Self {
        Self { line: start, scanned: start }
    }

    /// Where the current line begins.
    pub fn start(&self) -> usize {
        self.line
    }

    /// The next line's start and end, without its CRLF; none if it has not come. No line feed is looked for from `max` on: then `over` is
    /// the fault.
    pub fn next(&mut self, input: &[u8], max: usize, over: Fault) -> Result<Option<(usize, usize)>, Fault> {
        let window = &input[..input.len().min(max)];
        let Some(found) = window.get(self.scanned..).and_then(|rest| memchr::memchr(b'\n', rest)) else {
            self.scanned = self.scanned.max(window.len());
            return if input.len() >= max { Err(over) } else { Ok(None) };
        };
        let feed = self.scanned + found;
        if feed == self.line || input[feed - 1] != b'\r' {
            return Err(Fault::BareLineFeed);
        }
        let line = (self.line, feed - 1);
        self.line = feed + 1;
        self.scanned = self.line;
        Ok(Some(line))
    }

    /// Finds the empty line that ends the headers; where the message's body begins. A header may go on in the next line if that `folds`.
    pub fn headers_end(
        &mut self,
        input: &[u8],
        max: usize,
        counted: &mut usize,
        headers_max: usize,
        folds: bool,
    ) -> Result<Option<usize>, Fault> {
        while let Some((start, end)) = self.next(input, max, Fault::HeadTooLong)? {
            if start == end {
                return Ok(Some(self.line));
            }
            if matches!(input[start], b' ' | b'\t') {
                if folds && *counted > 0 {
                    continue;
                }
                return Err(Fault::Folded);
            }
            *counted += 1;
            if *counted > headers_max {
                return Err(Fault::TooManyHeaders);
            }
        }
        Ok(None)
    }
}

pub(super) fn fault_of(error: httparse::Error) -> Fault {
    match error {
        httparse::Error::HeaderValue => Fault::HeaderValue,
        httparse::Error::NewLine => Fault::BareLineFeed,
        httparse::Error::TooManyHeaders => Fault::TooManyHeaders,
        httparse::Error::Token => Fault::Target,
        httparse::Error::Version => Fault::Version,
        httparse::Error::Status => Fault::StatusLine,
        httparse::Error::HeaderName => Fault::HeaderName,
    }
}
