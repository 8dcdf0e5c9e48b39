//! Source maps: from what V8 runs to what the author wrote. Kept as text, decoded when the first stack needs them.
//!
//! Specification: https://tc39.es/ecma426/

use std::sync::OnceLock;

use nano_base::limits::{SOURCE_MAP_BYTES_MAX, SOURCE_MAP_NAMES_BYTES_MAX, SOURCE_MAPPINGS_BYTES_MAX};
use serde_json::Value;

use crate::resolve;

/// A place in a file; lines and columns count from 1, columns in UTF-16 units, as in V8's stacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file, as the app's author knows it.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// One source map.
#[derive(Debug)]
pub struct SourceMap {
    mappings: Box<str>,
    sources: Vec<Box<str>>,
    decoded: OnceLock<Vec<Segment>>,
}

/// Where a run of generated text comes from; all count from 0. `source` is `NONE` for text of nobody's.
#[derive(Clone, Copy, Debug)]
struct Segment {
    line: u32,
    column: u32,
    source: u32,
    original_line: u32,
    original_column: u32,
}

const NONE: u32 = u32::MAX;

impl SourceMap {
    pub(crate) fn new(mappings: String, sources: Vec<Box<str>>) -> Self {
        Self { mappings: mappings.into(), sources, decoded: OnceLock::new() }
    }

    /// From a map's JSON; `folder` is where it lies. `None` for what is too large, or not a plain map of version 3.
    pub(crate) fn parse(json: &[u8], folder: &str) -> Option<Self> {
        if json.len() > SOURCE_MAP_BYTES_MAX {
            return None;
        }
        let json = json.strip_prefix(b")]}'").map_or(json, |rest| rest.split_once_newline());
        let map: Value = serde_json::from_slice(json).ok()?;
        let mappings = map.get("mappings")?.as_str()?;
        if map.get("version")?.as_u64()? != 3 || mappings.len() > SOURCE_MAPPINGS_BYTES_MAX {
            return None;
        }
        let root = map.get("sourceRoot").and_then(Value::as_str).unwrap_or("");
        let mut sources: Vec<Box<str>> = Vec::new();
        let mut bytes = 0;
        for source in map.get("sources")?.as_array()? {
            let name = source.as_str().map_or("?".to_string(), |source| place(folder, root, source));
            bytes += name.len();
            sources.push(if bytes > SOURCE_MAP_NAMES_BYTES_MAX { "?".into() } else { name.into() });
        }
        Some(Self::new(mappings.to_string(), sources))
    }

    /// The map as JSON, with the URLs and the texts of the files that it names.
    pub fn json(&self, url: &dyn Fn(&str) -> String, text: &dyn Fn(&str) -> Option<String>) -> String {
        let sources: Vec<String> = self.sources.iter().map(|file| url(file)).collect();
        let texts: Vec<Option<String>> = self.sources.iter().map(|file| text(file)).collect();
        serde_json::json!({ "version": 3, "sources": sources, "sourcesContent": texts, "names": [], "mappings": &*self.mappings })
            .to_string()
    }

    /// Where a place of the generated text comes from; both count from 1.
    pub fn original(&self, line: u32, column: u32) -> Option<Position> {
        let segments = self.decoded.get_or_init(|| decode(&self.mappings));
        let wanted = (line.checked_sub(1)?, column.checked_sub(1)?);
        let after = segments.partition_point(|segment| (segment.line, segment.column) <= wanted);
        let segment = segments.get(after.checked_sub(1)?)?;
        if segment.line != wanted.0 || segment.source == NONE {
            return None;
        }
        let file = self.sources.get(segment.source as usize)?.to_string();
        Some(Position { file, line: segment.original_line.checked_add(1)?, column: segment.original_column.checked_add(1)? })
    }
}

/// What the JSON's prefix against script inclusion is followed by.
trait Lines {
    fn split_once_newline(&self) -> &[u8];
}

impl Lines for [u8] {
    fn split_once_newline(&self) -> &[u8] {
        self.iter().position(|byte| *byte == b'\n').map_or(&[], |newline| &self[newline + 1..])
    }
}

/// A source's name relative to the app's folder where it is one; else as it stands.
fn place(folder: &str, root: &str, source: &str) -> String {
    let full = if root.is_empty() { source.to_string() } else { format!("{}/{source}", root.trim_end_matches('/')) };
    if full.contains("://") || full.starts_with('/') {
        return full;
    }
    resolve::join(folder, &full).unwrap_or_else(|| full.trim_start_matches("../").to_string())
}

fn decode(mappings: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let (mut source, mut original_line, mut original_column) = (0_i64, 0_i64, 0_i64);
    for (line, text) in mappings.split(';').enumerate() {
        let mut column = 0_i64;
        let start = segments.len();
        for text in text.split(',') {
            let mut fields = [0_i64; 5];
            let Some(count) = vlq(text, &mut fields) else { continue };
            column += fields[0];
            let mut from = NONE;
            if count >= 4 {
                source += fields[1];
                original_line += fields[2];
                original_column += fields[3];
                from = u32::try_from(source).unwrap_or(NONE);
            }
            let (Ok(line), Ok(column)) = (u32::try_from(line), u32::try_from(column)) else { continue };
            segments.push(Segment {
                line,
                column,
                source: from,
                original_line: u32::try_from(original_line).unwrap_or(0),
                original_column: u32::try_from(original_column).unwrap_or(0),
            });
        }
        // A map may say them in any order.
        if !segments[start..].is_sorted_by_key(|segment| segment.column) {
            segments[start..].sort_by_key(|segment| segment.column);
        }
    }
    segments
}

/// The numbers of one segment, and how many there are: 1, 4 or 5.
fn vlq(text: &str, fields: &mut [i64; 5]) -> Option<usize> {
    let mut count = 0;
    let mut value = 0_i64;
    let mut shift = 0;
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        if shift > 30 || count == fields.len() {
            return None;
        }
        value |= i64::from(digit & 31) << shift;
        shift += 5;
        if digit & 32 == 0 {
            fields[count] = if value & 1 == 1 { -(value >> 1) } else { value >> 1 };
            count += 1;
            (value, shift) = (0, 0);
        }
    }
    matches!(count, 1 | 4 | 5).then_some(count)
}

/// What follows the last `//# sourceMappingURL=` near the end of a text.
pub(crate) fn url_of(text: &[u8]) -> Option<&str> {
    const MARK: &[u8] = b"sourceMappingURL=";
    let tail = &text[text.len().saturating_sub(SOURCE_MAP_BYTES_MAX * 4 / 3 + 1_024)..];
    // Only the last lines count: the comment is the last thing in a file.
    let trimmed = tail.trim_ascii_end();
    let line = &trimmed[trimmed.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)..];
    let line = line.trim_ascii();
    let rest = line.strip_prefix(b"//# ").or_else(|| line.strip_prefix(b"//@ "))?;
    std::str::from_utf8(rest.strip_prefix(MARK)?).ok()
}

/// The JSON in a `data:` URL.
pub(crate) fn from_data_url(url: &str) -> Option<Vec<u8>> {
    let (head, body) = url.strip_prefix("data:")?.split_once(',')?;
    if !head.starts_with("application/json") {
        return None;
    }
    if !head.ends_with(";base64") {
        return percent_decode(body);
    }
    let mut out = Vec::with_capacity(body.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in body.bytes().filter(|byte| *byte != b'=') {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(out)
}

fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        out.push((high * 16 + low) as u8);
    }
    Some(out)
}
