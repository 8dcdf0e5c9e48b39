//! Workers' compatibility dates and flags: NANO has one behaviour, so each is either what it does anyway, or told.

use std::ops::Range;

use crate::text::finding::Findings;
use crate::text::suggest::nearest;

/// What a flag would change.
enum Effect {
    /// NANO is that way always.
    Always,
    /// It cannot be had: this is what is different.
    Lacking(&'static str),
}

use Effect::{Always, Lacking};

const NODE: &str = "of node: there are assert, async_hooks, buffer, crypto, diagnostics_channel, events, http, net, os, path, process, querystring, \
    stream, string_decoder, timers, tls, util, zlib and url as Workers have them; what is missing (files, processes, threads) says so when called";

const FLAGS: &[(&str, Effect)] = &[
    ("nodejs_compat", Lacking(NODE)),
    ("nodejs_compat_v2", Lacking(NODE)),
    ("nodejs_compat_populate_process_env", Always),
    ("nodejs_als", Always),
    ("no_nodejs_compat", Lacking("the modules of node that there are cannot be taken away")),
    ("no_nodejs_compat_v2", Lacking("the modules of node that there are cannot be taken away")),
    ("streams_enable_constructors", Always),
    ("streams_disable_constructors", Lacking("streams have constructors")),
    ("transformstream_enable_standard_constructor", Always),
    ("transformstream_disable_standard_constructor", Lacking("TransformStream is the standard's")),
    ("url_standard", Always),
    ("url_original", Lacking("URL is the standard's")),
    ("global_navigator", Always),
    ("no_global_navigator", Lacking("there is a navigator")),
    ("export_commonjs_default", Always),
    ("export_commonjs_namespace", Lacking("require() gives what module.exports is")),
    ("formdata_parser_supports_files", Always),
    ("html_rewriter_treats_esi_include_as_void_tag", Lacking("esi:include is an element like others")),
    ("http_headers_getsetcookie", Always),
    ("no_http_headers_getsetcookie", Lacking("Headers has getSetCookie")),
    ("urlsearchparams_delete_has_value_arg", Always),
    ("no_urlsearchparams_delete_has_value_arg", Lacking("URLSearchParams.delete takes a value")),
    ("web_socket_compression", Always),
    ("fetch_refuses_unknown_protocols", Always),
    ("fetch_treats_unknown_protocols_as_http", Lacking("fetch refuses unknown protocols")),
    ("fetch_iterable_type_support", Always),
    ("fetch_iterable_type_support_override_adjustment", Always),
    ("no_fetch_iterable_type_support", Lacking("async iterables can be bodies")),
    ("global_fetch_strictly_public", Always),
    ("global_fetch_private_origin", Lacking("fetch goes to public addresses, unless egress says otherwise")),
    ("experimental", Lacking("there are no experimental features to turn on")),
    ("allow_eval_during_startup", Lacking("set code_generation = true in nano.toml for apps you trust")),
    ("disallow_importable_env", Lacking("env can be imported from cloudflare:workers")),
    ("enable_request_signal", Always),
];

/// Warns of every flag that would change something.
pub fn check_flags<'a>(flags: impl IntoIterator<Item = (&'a str, Range<usize>)>, findings: &mut Findings<'_>) {
    for (flag, span) in flags {
        match FLAGS.iter().find(|(name, _)| *name == flag) {
            Some((_, Always)) => {}
            Some((_, Lacking(what))) => findings.notice(&span, format!("the flag \"{flag}\" has no effect here"), *what),
            None => {
                let help = match nearest(flag, FLAGS.iter().map(|(name, _)| *name)) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => "what it changes in Workers is not changed here".into(),
                };
                findings.warning(&span, format!("the flag \"{flag}\" is unknown"), help);
            }
        }
    }
}

/// Refuses what is no date.
pub fn check_date(date: &str, span: &Range<usize>, findings: &mut Findings<'_>) {
    let parts: Vec<&str> = date.split('-').collect();
    let number = |index: usize, len: usize| {
        let part = parts.get(index).filter(|part| part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit()));
        part.and_then(|part| part.parse::<u32>().ok())
    };
    let valid = parts.len() == 3
        && number(0, 4).is_some_and(|year| year >= 2021)
        && number(1, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(2, 2).is_some_and(|day| (1..=31).contains(&day));
    if !valid {
        findings.error(span, format!("compatibility_date: \"{date}\" is no date of Workers"), "write it as \"2026-01-31\"");
    }
}
