//! The shapes in which apps are written: scripts, objects, instances, classes.

use crate::support::*;

#[test]
fn a_scripts_env_are_global_names() {
    let runtime = runtime(1);
    let source = "const atStart = GREETING; addEventListener('fetch', (event) => event.respondWith(answer(event))); \
        async function answer() { const kv = await KV.get('a'); return new Response([atStart, GREETING, kv, typeof env].join(' ')); }";
    let mut options = options("script", source);
    options.env = vec![("GREETING".into(), "hello".into()), ("NaN".into(), "odd".into())];
    options.bindings = vec!["KV".into()];
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let call = wait_for(&runtime, |event| matches!(event.payload, nano_core::Payload::Call).then_some(event.id));
    runtime.call_return(call, nano_core::Value::Text("value".into())).expect("is open");
    match until_end(&runtime, id).pop() {
        Some(nano_core::Payload::Response { body, .. }) => assert_eq!(String::from_utf8_lossy(&body), "hello hello value undefined"),
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn a_modules_env_is_not_global() {
    let runtime = runtime(1);
    let mut options = options("module", "export default { fetch(r, env) { return new Response(env.GREETING + ' ' + typeof GREETING); } }");
    options.env = vec![("GREETING".into(), "hello".into())];
    assert_eq!(text(&runtime.load(options).expect("loads"), "/"), "hello undefined");
}

#[test]
fn the_default_export_may_be_an_instance() {
    let runtime = runtime(1);
    let fields = "class A { n = 0; fetch = () => new Response('field ' + ++this.n); } export default new A();";
    let app = load(&runtime, "fields", fields);
    assert_eq!((text(&app, "/"), text(&app, "/")), ("field 1".into(), "field 2".into()));
    let inherited = "class Base { fetch(r, env, ctx) { return new Response('inherited ' + this.name + typeof ctx.waitUntil); } } \
        class A extends Base { name = 'a '; } export default new A();";
    assert_eq!(text(&load(&runtime, "inherited", inherited), "/"), "inherited a function");
    let made = "export default Object.create({ fetch() { return new Response('made'); } });";
    assert_eq!(text(&load(&runtime, "made", made), "/"), "made");
}

#[test]
fn the_context_has_props_and_pass_through_is_harmless() {
    let runtime = runtime(1);
    let module = "export default { fetch(r, env, ctx) { return Response.json([JSON.stringify(ctx.props), ctx.passThroughOnException() === undefined]); } }";
    assert_eq!(text(&load(&runtime, "module", module), "/"), r#"["{}",true]"#);
    let script = "addEventListener('fetch', (e) => { e.passThroughOnException(); e.respondWith(new Response('script')); })";
    assert_eq!(text(&load(&runtime, "script", script), "/"), "script");
}
