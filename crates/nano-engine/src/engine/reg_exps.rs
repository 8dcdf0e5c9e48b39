//! Regular expressions as values: what V8 made them of, whatever the app has written to their properties since. Whoever is sent a pattern reads
//! it at its own expense, so it must be one that its sender has read before.

use std::fmt::Write;

use v8::RegExpCreationFlags as Flags;

use super::exceptions;

/// The flags that there are, in the order that `flags` has them.
const FLAGS: [(char, Flags); 8] = [
    ('d', Flags::HAS_INDICES),
    ('g', Flags::GLOBAL),
    ('i', Flags::IGNORE_CASE),
    ('m', Flags::MULTILINE),
    ('s', Flags::DOT_ALL),
    ('u', Flags::UNICODE),
    ('v', Flags::UNICODE_SETS),
    ('y', Flags::STICKY),
];

/// What one unit of a source may become as UTF-8, escaped or not.
pub(super) const UNIT_BYTES_MAX: usize = r"\u{d800}".len();

unsafe extern "C" {
    // `v8::RegExp::GetFlags() const`, for which the crate has no function.
    #[link_name = "_ZNK2v86RegExp8GetFlagsEv"]
    fn get_flags(reg_exp: *const v8::RegExp) -> std::ffi::c_int;
}

/// What it was made with.
pub(super) fn flags_of(reg_exp: v8::Local<v8::RegExp>) -> String {
    // SAFETY: V8 takes its own objects by this address, which the handle keeps for the time of the call, and only reads.
    let all = Flags::from_bits_truncate(unsafe { get_flags(&raw const *reg_exp) });
    FLAGS.iter().filter(|(_, flag)| all.contains(*flag)).map(|(name, _)| name).collect()
}

/// A source in which there are halves of pairs, with these written as escapes: in a pattern they mean the same.
pub(super) fn escaped(units: &[u16], flags: &str) -> String {
    // Where pairs are characters, two halves that are escaped without braces would become one.
    let of_characters = flags.contains(['u', 'v']);
    let mut source = String::new();
    let mut after_backslash = false;
    for character in char::decode_utf16(units.iter().copied()) {
        match character {
            Ok(character) => {
                after_backslash = character == '\\' && !after_backslash;
                source.push(character);
            }
            Err(half) => {
                // A half that the pattern escapes already has its backslash.
                if !std::mem::take(&mut after_backslash) {
                    source.push('\\');
                }
                let half = half.unpaired_surrogate();
                let _ = if of_characters { write!(source, "u{{{half:x}}}") } else { write!(source, "u{half:x}") };
            }
        }
    }
    source
}

/// A regular expression, as its constructor makes it; `None` with an exception pending where there is none like it.
pub(super) fn to_js<'s>(scope: &mut v8::PinScope<'s, '_>, source: &str, flags: &str) -> Option<v8::Local<'s, v8::Value>> {
    let mut all = Flags::empty();
    for name in flags.chars() {
        let Some((_, flag)) = FLAGS.iter().find(|(known, _)| *known == name) else {
            exceptions::throw_type_error(scope, "a RegExp has the flags d, g, i, m, s, u, v and y only");
            return None;
        };
        if all.contains(*flag) || (all | *flag).contains(Flags::UNICODE | Flags::UNICODE_SETS) {
            exceptions::throw_type_error(scope, "a RegExp has each of its flags once, and not both u and v");
            return None;
        }
        all |= *flag;
    }
    let source = v8::String::new(scope, source)?;
    Some(v8::RegExp::new(scope, source, all)?.into())
}
