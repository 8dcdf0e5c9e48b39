//! A tar archive to a folder. Whoever sends it is not trusted with more than the folder: plain files and folders only, names that stay
//! inside, everything counted before it is written.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use nano_base::limits::{ADMIN_DEPLOY_BYTES_MAX, DEPLOY_DEPTH_MAX, FILE_NAME_BYTES_MAX, FILE_PATH_BYTES_MAX, SOURCE_FILES_MAX};

const BLOCK: usize = 512;
/// Files and folders of an archive.
const ENTRIES_MAX: usize = 10 * SOURCE_FILES_MAX;

/// How files of gzip, bzip2, xz and zstd begin.
const COMPRESSED: [&[u8]; 4] = [&[0x1f, 0x8b], b"BZh", b"\xfd7zXZ\0", &[0x28, 0xb5, 0x2f, 0xfd]];

/// Something in an archive.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    Folder(PathBuf),
    File(PathBuf, &'a [u8]),
}

/// Reads a whole archive: ustar, with the long names of pax and GNU.
pub fn read(archive: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    let compressed = || COMPRESSED.iter().any(|begin| archive.starts_with(begin));
    read_plain(archive).map_err(|why| match compressed() {
        true => "the archive is compressed; send it as tar writes it without -z, -j, -J or --zstd".into(),
        false => why,
    })
}

fn read_plain(archive: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    let mut entries = Vec::new();
    let mut rest = archive;
    let mut long: Option<String> = None;
    let mut long_size: Option<u64> = None;
    loop {
        let Some((header, after)) = rest.split_at_checked(BLOCK) else {
            return if rest.is_empty() && !entries.is_empty() { Ok(entries) } else { Err("the archive is cut off".into()) };
        };
        if header.iter().all(|byte| *byte == 0) {
            return if entries.is_empty() { Err("there is nothing in the archive".into()) } else { Ok(entries) };
        }
        check_sum(header)?;
        let size = long_size.take().map_or_else(|| octal(&header[124..136]), Ok)?;
        let size = usize::try_from(size).ok().filter(|size| *size <= after.len()).ok_or("the archive is cut off")?;
        let (data, padded) = (&after[..size], size.next_multiple_of(BLOCK).min(after.len()));
        rest = &after[padded..];
        match header[156] {
            b'x' => (long, long_size) = pax(data, long, long_size)?,
            // Nothing of it is about names.
            b'g' => {}
            b'L' => long = Some(text(data)?.to_string()),
            kind => {
                let name = long.take().map_or_else(|| name(header), Ok)?;
                match kind {
                    b'0' | 0 | b'7' if !name.ends_with('/') => entries.extend(inside(&name)?.map(|path| Entry::File(path, data))),
                    b'5' | b'0' | 0 => entries.extend(inside(&name)?.map(Entry::Folder)),
                    b'1' | b'2' => return Err(format!("\"{name}\" is a link; an app's archive has files and folders only")),
                    _ => return Err(format!("\"{name}\" is neither a file nor a folder")),
                }
                if entries.len() > ENTRIES_MAX {
                    return Err(format!("there are more than {ENTRIES_MAX} entries in the archive"));
                }
            }
        }
    }
}

/// Writes what was read into a folder that is there and empty.
pub fn write(entries: &[Entry<'_>], folder: &Path) -> Result<(), String> {
    let failed = |path: &Path, error: std::io::Error| format!("cannot write {}: {error}", path.display());
    let mut bytes = 0;
    for entry in entries {
        match entry {
            Entry::Folder(path) => fs::create_dir_all(folder.join(path)).map_err(|error| failed(path, error))?,
            Entry::File(path, data) => {
                bytes += data.len();
                if bytes > ADMIN_DEPLOY_BYTES_MAX {
                    return Err(format!("the files have more than {ADMIN_DEPLOY_BYTES_MAX} bytes"));
                }
                let target = folder.join(path);
                if let Some(parent) = target.parent() {
                    fs::create_dir_all(parent).map_err(|error| failed(path, error))?;
                }
                let mut file = fs::File::create_new(&target).map_err(|error| failed(path, error))?;
                file.write_all(data).map_err(|error| failed(path, error))?;
            }
        }
    }
    Ok(())
}

fn check_sum(header: &[u8]) -> Result<(), String> {
    let counted: u64 = header.iter().enumerate().map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte })).sum();
    if octal(&header[148..156])? == counted { Ok(()) } else { Err("this is no tar archive".into()) }
}

/// A number in octal digits, or in base 256 as GNU writes large ones.
fn octal(field: &[u8]) -> Result<u64, String> {
    if let [first, rest @ ..] = field
        && first & 0x80 != 0
    {
        let number = rest.iter().fold(u64::from(first & 0x7f), |number, byte| number.saturating_mul(256).saturating_add(u64::from(*byte)));
        return Ok(number);
    }
    let digits = field.iter().copied().skip_while(|byte| *byte == b' ').take_while(|byte| !matches!(byte, 0 | b' '));
    digits.into_iter().try_fold(0_u64, |number, byte| match byte {
        b'0'..=b'7' => Ok(number * 8 + u64::from(byte - b'0')),
        _ => Err("this is no tar archive".to_string()),
    })
}

fn name(header: &[u8]) -> Result<String, String> {
    let (name, prefix) = (text(&header[..100])?, if &header[257..262] == b"ustar" { text(&header[345..500])? } else { "" });
    // GNU has times in the place of the prefix.
    let prefix = if &header[257..265] == b"ustar  \0" { "" } else { prefix };
    Ok(if prefix.is_empty() { name.to_string() } else { format!("{prefix}/{name}") })
}

/// Text up to its first NUL.
fn text(field: &[u8]) -> Result<&str, String> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    std::str::from_utf8(&field[..end]).map_err(|_| "a name in the archive is not UTF-8".into())
}

/// The records of a pax header that matter: `LENGTH KEY=VALUE\n`.
fn pax(mut data: &[u8], mut path: Option<String>, mut size: Option<u64>) -> Result<(Option<String>, Option<u64>), String> {
    let bad = || "the archive has a malformed pax header".to_string();
    while !data.is_empty() {
        let space = data.iter().position(|byte| *byte == b' ').ok_or_else(bad)?;
        let length: usize = text(&data[..space])?.parse().map_err(|_| bad())?;
        if length <= space + 1 || length > data.len() {
            return Err(bad());
        }
        let record = std::str::from_utf8(&data[space + 1..length]).map_err(|_| bad())?;
        match record.strip_suffix('\n').and_then(|record| record.split_once('=')).ok_or_else(bad)? {
            ("path", value) => path = Some(value.to_string()),
            ("size", value) => size = Some(value.parse().map_err(|_| bad())?),
            _ => {}
        }
        data = &data[length..];
    }
    Ok((path, size))
}

/// The path of a name that stays inside; none for the folder itself.
fn inside(name: &str) -> Result<Option<PathBuf>, String> {
    let refused = |why: &str| Err(format!("\"{}\" {why}", name.escape_debug()));
    if name.starts_with('/') || name.contains('\\') || name.len() > FILE_PATH_BYTES_MAX {
        return refused("is not a relative path with slashes");
    }
    let mut path = PathBuf::new();
    for (depth, part) in name.split('/').filter(|part| !part.is_empty() && *part != ".").enumerate() {
        if part == ".." {
            return refused("leads out of the folder");
        }
        if part.len() > FILE_NAME_BYTES_MAX || part.chars().any(char::is_control) || depth >= DEPLOY_DEPTH_MAX {
            return refused("has a part that is too long or too deep, or has control characters");
        }
        path.push(part);
    }
    Ok((!path.as_os_str().is_empty()).then_some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One entry as tar writes it.
    fn entry(name: &str, kind: u8, data: &[u8]) -> Vec<u8> {
        let mut header = vec![0; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        header[156] = kind;
        header[257..263].copy_from_slice(b"ustar\0");
        header[148..156].fill(b' ');
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        header.extend_from_slice(data);
        header.resize(header.len().next_multiple_of(BLOCK), 0);
        header
    }

    fn archive(entries: &[(&str, u8, &[u8])]) -> Vec<u8> {
        let mut all: Vec<u8> = entries.iter().flat_map(|(name, kind, data)| entry(name, *kind, data)).collect();
        all.resize(all.len() + 2 * BLOCK, 0);
        all
    }

    #[test]
    fn files_and_folders_are_read() {
        let archive =
            archive(&[("./", b'5', b""), ("./src/", b'5', b""), ("./src/index.js", b'0', b"export {}"), ("empty.txt", b'0', b"")]);
        let expected =
            [Entry::Folder("src".into()), Entry::File("src/index.js".into(), b"export {}"), Entry::File("empty.txt".into(), b"")];
        assert_eq!(read(&archive).unwrap(), expected);
    }

    #[test]
    fn long_names_are_read_in_both_ways() {
        let long = format!("{}/index.js", "d".repeat(120));
        let record = |text: &str| {
            (1..)
                .map(|digits| format!("{} {text}\n", text.len() + 2 + digits))
                .find(|it| it.len() == it.split(' ').next().unwrap().parse::<usize>().unwrap())
                .unwrap()
        };
        let pax = record(&format!("path={long}"));
        for (kind, data) in [(b'L', long.clone().into_bytes()), (b'x', pax.into_bytes())] {
            let archive = archive(&[("././@LongLink", kind, &data), ("short", b'0', b"1"), ("next", b'0', b"2")]);
            let expected = [Entry::File(long.clone().into(), b"1"), Entry::File("next".into(), b"2")];
            assert_eq!(read(&archive).unwrap(), expected, "{kind}");
        }
    }

    #[test]
    fn what_leads_out_of_the_folder_is_refused() {
        for name in ["/etc/passwd", "../x", "a/../../x", "a\\b", "a/\u{1}"] {
            assert!(read(&archive(&[(name, b'0', b"")])).is_err(), "{name}");
        }
        for kind in *b"123467" {
            let archive = archive(&[("link", kind, b"")]);
            assert_eq!(read(&archive).is_ok(), kind == b'7', "{kind}");
        }
        assert!(read(&archive(&[(&"d/".repeat(40), b'5', b"")])).is_ok());
        assert!(read(&archive(&[(&"d/".repeat(48), b'5', b""), ("x", b'L', "d/".repeat(80).as_bytes()), ("y", b'5', b"")])).is_err());
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let whole = archive(&[("index.js", b'0', &[b'x'; 700])]);
        for cut in [0, 100, BLOCK, BLOCK + 1, BLOCK + 699] {
            assert!(read(&whole[..cut]).is_err(), "{cut}");
        }
        for compressed in [&[0x1f, 0x8b, 8][..], b"BZh9", b"\xfd7zXZ\0", &[0x28, 0xb5, 0x2f, 0xfd]] {
            let why = read(&[compressed, &[b'x'; BLOCK]].concat()).expect_err("compressed");
            assert!(why.contains("is compressed") && read(compressed).expect_err("compressed") == why, "{why}");
        }
        assert!(read(&[b'x'; 2 * BLOCK]).is_err() && read(&[0; 2 * BLOCK]).is_err());
        let mut huge = entry("index.js", b'0', b"");
        huge[124..136].copy_from_slice(&[0xff; 12]);
        assert!(read(&huge).is_err());
    }

    #[test]
    fn no_file_is_written_over_another() {
        let folder = std::env::temp_dir().join(format!("nanod-archive-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let twice = archive(&[("a/b.js", b'0', b"1"), ("a/b.js", b'0', b"2")]);
        let refused = write(&read(&twice).unwrap(), &folder);
        let kept = fs::read_to_string(folder.join("a/b.js")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert!(refused.is_err() && kept == "1");
    }
}
