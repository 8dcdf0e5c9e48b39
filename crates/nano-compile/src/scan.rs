//! The specifiers in a JavaScript text, found without parsing it.
//!
//! What is found may be more than the program imports (a comment may say `from "x"`), never what decides: V8 parses the program and
//! asks for its imports, and answers come from the table that these make. So the worst a text can do is to have a file read
//! that it could have imported, or to be told that it must write an import plainly.

use nano_base::limits::{BRACES_BYTES_MAX, SPECIFIER_BYTES_MAX};

/// Calls `found` with each string that follows `from`, `import`, `import(`, `require(` or `resolve(`.
pub(crate) fn specifiers(text: &[u8], found: &mut dyn FnMut(&str)) {
    for (word, paren) in [(&b"from"[..], Paren::No), (b"import", Paren::May), (b"require", Paren::Must)] {
        for start in occurrences(text, word) {
            if let Some(specifier) = after(text, start + word.len(), paren) {
                found(&specifier);
            }
        }
    }
}

/// Calls `found` with each name that is imported, or exported again, from a module: its specifier and the name, of `import { a as b } from "x"`.
pub(crate) fn names(text: &[u8], found: &mut dyn FnMut(&str, &str)) {
    for start in occurrences(text, b"from") {
        if let Some(specifier) = after(text, start + b"from".len(), Paren::No) {
            braced(&text[start.saturating_sub(BRACES_BYTES_MAX)..start], &mut |name| found(&specifier, name));
        }
    }
}

/// The names within the braces that a text ends with.
fn braced(text: &[u8], found: &mut dyn FnMut(&str)) {
    let Some(inner) = text.trim_ascii_end().strip_suffix(b"}") else { return };
    let Some(open) = inner.iter().rposition(|byte| *byte == b'{') else { return };
    for part in inner[open + 1..].split(|byte| *byte == b',') {
        let part = blank(part, 0).map_or(&b""[..], |at| &part[at..]);
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'_' | b'$');
        let end = part.iter().position(|byte| !is_part(byte)).unwrap_or(part.len());
        if let Ok(name) = std::str::from_utf8(&part[..end])
            && !name.is_empty()
        {
            found(name);
        }
    }
}

/// Whether a bracket comes before the string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Paren {
    No,
    May,
    Must,
}

/// Where a whole word begins.
fn occurrences<'a>(text: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(offset) = find(&text[from..], word) {
            let start = from + offset;
            from = start + word.len();
            let before = start.checked_sub(1).map(|index| text[index]);
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
            if !before.is_some_and(is_part) && !text.get(from).copied().is_some_and(is_part) {
                return Some(start);
            }
        }
        None
    })
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    let (first, rest) = word.split_first()?;
    let mut from = 0;
    loop {
        let offset = text[from..].iter().position(|byte| byte == first)?;
        from += offset + 1;
        if text[from..].starts_with(rest) {
            return Some(from - 1);
        }
    }
}

/// The string literal that follows, if one does.
fn after(text: &[u8], mut at: usize, paren: Paren) -> Option<String> {
    at = blank(text, at)?;
    // `import source x from` is found by its `from`; `import.source(` and `import.defer(` are not run by V8 yet.
    if paren != Paren::No && text[at] == b'(' {
        at = blank(text, at + 1)?;
    } else if paren == Paren::Must {
        return None;
    }
    let quote = text[at];
    if !matches!(quote, b'"' | b'\'' | b'`') {
        return None;
    }
    let body = &text[at + 1..text.len().min(at + 1 + SPECIFIER_BYTES_MAX)];
    let len = body.iter().position(|byte| *byte == quote || *byte == b'\n')?;
    if body[len] != quote {
        return None;
    }
    let specifier = std::str::from_utf8(&body[..len]).ok()?;
    if quote == b'`' && specifier.contains("${") {
        return None;
    }
    if specifier.contains('\\') { unescape(specifier) } else { Some(specifier.to_string()) }
}

/// Comments between a word and its string; more are not looked through.
const BLANK_BYTES_MAX: usize = 256;

/// The next byte that is neither space nor comment.
fn blank(text: &[u8], mut at: usize) -> Option<usize> {
    let end = text.len().min(at + BLANK_BYTES_MAX);
    while at < end {
        let rest = &text[at..end];
        if rest[0].is_ascii_whitespace() {
            at += 1;
        } else if rest.starts_with(b"/*") {
            at += 4 + find(&rest[2..], b"*/")?;
        } else if rest.starts_with(b"//") {
            at += 1 + rest.iter().position(|byte| *byte == b'\n')?;
        } else {
            return Some(at);
        }
    }
    None
}

/// The escapes that a specifier may reasonably have.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next()? {
            'x' => out.push(char::from_u32(hex(&mut characters, 2)?)?),
            'u' => out.push(char::from_u32(hex(&mut characters, 4)?)?),
            other @ ('\\' | '/' | '"' | '\'' | '`' | '$') => out.push(other),
            _ => return None,
        }
    }
    Some(out)
}

fn hex(characters: &mut std::str::Chars, digits: u32) -> Option<u32> {
    let mut value = 0;
    for _ in 0..digits {
        value = value * 16 + characters.next()?.to_digit(16)?;
    }
    Some(value)
}
