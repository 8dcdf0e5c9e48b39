//! The platform's JavaScript, in the order it runs: external one-byte strings in static memory, shared by all isolates.

/// One file.
pub(crate) struct Source {
    /// Its name in stacks.
    pub name: &'static str,
    /// Its text.
    pub text: v8::OneByteConst,
}

/// Lists the files once.
macro_rules! sources {
    ($($file:literal,)*) => {
        &[$(Source {
            name: concat!("nano:", $file),
            text: v8::String::create_external_onebyte_const(include_bytes!(concat!("js/", $file))),
        },)*]
    };
}

/// Every file, in order.
pub(crate) static SOURCES: &[Source] = sources![
    "zz_stub.js",
];
