//! What `env` holds besides bindings: texts, and values.

use nano_core::{Binding, BindingKind, Status};

use crate::support::*;

#[test]
fn variables_may_be_what_json_has() {
    let runtime = runtime(1);
    let source = "import { env as early } from 'cloudflare:workers'; import process from 'node:process'; const { LIST } = early; \
        export default { fetch(request, env) { env.TABLE.seen = true; return Response.json([env, LIST.length, Object.getPrototypeOf(env.TABLE) === Object.prototype, \
        env.TABLE.__proto__ === Object.prototype, process.env]); } }";
    let mut options = options("app", source);
    options.env = vec![("TEXT".into(), "5".into())];
    let json = [("NUMBER", "5"), ("YES", "true"), ("NONE", "null"), ("LIST", "[1, \"a\"]"), ("TABLE", "{\"a\": {\"b\": 0.5}}")];
    let binding = |(name, json): (&str, &str)| Binding { name: name.into(), kind: BindingKind::Json { json: json.into() } };
    options.bindings = json.map(binding).into();
    let app = runtime.load(options.clone()).expect("loads");
    assert_eq!(
        text(&app, "/"),
        "[{\"TEXT\":\"5\",\"NUMBER\":5,\"YES\":true,\"NONE\":null,\"LIST\":[1,\"a\"],\"TABLE\":{\"a\":{\"b\":0.5},\"seen\":true}},2,true,true,\
        {\"TEXT\":\"5\",\"NUMBER\":\"5\",\"YES\":\"true\",\"NONE\":\"null\",\"LIST\":\"[1,\\\"a\\\"]\",\"TABLE\":\"{\\\"a\\\":{\\\"b\\\":0.5}}\"}]"
    );
    for (name, json, wanted) in [
        ("TEXT", "1", "env has two entries named \"TEXT\""),
        ("", "1", "an entry of env has no name"),
        ("BROKEN", "{", "env.BROKEN is not JSON"),
        ("LONG", &"1".repeat(6000), "the limit env_entry_bytes is 5120"),
    ] {
        let mut options = options.clone();
        options.name = "refused".into();
        options.bindings.push(binding((name, json)));
        let error = runtime.load(options).expect_err(wanted);
        assert!(error.message.contains(wanted) && matches!(error.status, Status::Invalid | Status::Compile), "{error:?}");
    }
}

#[test]
fn what_an_app_changes_in_env_is_not_in_the_env_of_its_process() {
    let runtime = runtime(1);
    // The process is made when it is first asked for: here, after the change.
    let source = "export default { fetch(request, env) { env.TABLE.a = 2; env.LIST.push(1); return Response.json([env.TABLE, env.LIST, process.env]); } }";
    let mut options = options("app", source);
    options.env = vec![("TEXT".into(), "5".into())];
    let json = [("TABLE", "{\"a\": 1}"), ("LIST", "[]"), ("QUOTED", "\"a\"")];
    options.bindings = json.map(|(name, json)| Binding { name: name.into(), kind: BindingKind::Json { json: json.into() } }).into();
    let app = runtime.load(options).expect("loads");
    assert_eq!(text(&app, "/"), r#"[{"a":2},[1],{"TEXT":"5","TABLE":"{\"a\":1}","LIST":"[]","QUOTED":"a"}]"#);
}
