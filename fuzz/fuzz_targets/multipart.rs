//! Any bytes at all are parts or malformed; the parts are in the body, in order, apart, and what a form would send for them reads the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nano_base::mime::Mime;
use nano_base::multipart::parse;

fuzz_target!(|input: &[u8]| {
    // A MIME type's text reads as itself.
    if let Some(mime) = Mime::parse(input) {
        let text: Vec<u8> = mime.serialize().chars().map(|character| character as u8).collect();
        assert_eq!(Mime::parse(&text), Some(mime));
    }
    let Ok(parts) = parse(input, b"B") else { return };
    let mut end = 0;
    let mut again = Vec::new();
    for part in &parts {
        assert!(end <= part.value.start && part.value.start <= part.value.end && part.value.end <= input.len());
        end = part.value.end;
        again.extend_from_slice(b"--B\r\nContent-Disposition: form-data; name=\"");
        again.extend(escaped(&part.name));
        if let Some(filename) = &part.filename {
            again.extend_from_slice(b"\"; filename=\"");
            again.extend(escaped(filename));
        }
        again.extend_from_slice(b"\"\r\n\r\n");
        again.extend_from_slice(&input[part.value.clone()]);
        again.extend_from_slice(b"\r\n");
    }
    again.extend_from_slice(b"--B--\r\n");
    // Names that look like escapes, or end in a backslash, are not what a form sends.
    let plain = |name: &[u8]| !name.contains(&b'%') && !name.contains(&b'\\') && !name.contains(&b'\0');
    if parts.iter().any(|part| !plain(&part.name) || part.filename.as_deref().is_some_and(|name| !plain(name))) {
        return;
    }
    let read = parse(&again, b"B").expect("what a form sends is well-formed");
    assert_eq!(read.len(), parts.len());
    for (one, other) in parts.iter().zip(&read) {
        assert_eq!((&one.name, &one.filename), (&other.name, &other.filename));
        assert_eq!(input[one.value.clone()], again[other.value.clone()]);
    }
});

fn escaped(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in name {
        match byte {
            b'"' => out.extend_from_slice(b"%22"),
            b'\r' => out.extend_from_slice(b"%0D"),
            b'\n' => out.extend_from_slice(b"%0A"),
            byte => out.push(*byte),
        }
    }
    out
}
