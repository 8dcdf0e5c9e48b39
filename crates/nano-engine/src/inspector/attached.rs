//! The debuggers' side of one isolate: V8's inspector, its sessions, and the pause.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use nano_base::base64;
use nano_base::limits::INSPECTOR_MAP_BYTES_MAX;
use v8::inspector::{
    Channel, ChannelImpl, StringBuffer, StringView, V8Inspector, V8InspectorClient, V8InspectorClientImpl, V8InspectorClientTrustLevel,
    V8InspectorSession,
};

use super::{Debugger, Inspector, console};
use crate::engine::modules::url_under;
use crate::isolate::app::ModuleCode;

/// There is one context, and so one group of them.
const GROUP: i32 = 1;

/// What a debugger is told before it meets another instance of the app: what it knew of the one before is gone.
const FORGET_ALL: [&str; 2] =
    [r#"{"method":"Debugger.resumed","params":{}}"#, r#"{"method":"Runtime.executionContextsCleared","params":{}}"#];

/// What ends a pause of a debugger's own making, when it goes in the middle of what it has asked for.
const LET_GO: &str = r#"{"id":2147483647,"method":"Debugger.disable"}"#;

/// The platform's own files are stepped over, and what they catch is not caught.
const SKIP_PLATFORM: &str = r#"{"id":2147483646,"method":"Debugger.setBlackboxPatterns","params":{"patterns":["^nano:"]}}"#;

/// V8's inspector of one isolate.
pub(crate) struct Attached {
    pub(crate) inspector: Arc<Inspector>,
    /// The URL of the app's folder.
    root: String,
    /// Before `v8`, which they point to.
    sessions: RefCell<BTreeMap<u32, Rc<Session>>>,
    /// Sessions that are over, but further down on the stack.
    over: RefCell<Vec<Rc<Session>>>,
    /// Messages that are being dispatched.
    depth: Cell<u32>,
    /// This is the instance that debuggers speak to.
    listening: Cell<bool>,
    pausing: Cell<bool>,
    paused: Cell<bool>,
    v8: V8Inspector,
}

struct Session {
    v8: V8InspectorSession,
    /// What is answered is an answer to something that was said to another instance, or by us.
    quiet: Rc<Cell<bool>>,
}

impl Attached {
    /// Makes an isolate known to the debuggers, before it has compiled anything of the app's.
    pub(crate) fn new(scope: &mut v8::PinScope, inspector: &Arc<Inspector>, name: &str, root: &str) -> Rc<Self> {
        let context = scope.get_current_context();
        let attached = Rc::new_cyclic(|weak: &Weak<Self>| {
            // SAFETY: read only to be given back to V8, by callbacks of this very isolate.
            let isolate = unsafe { scope.as_raw_isolate_ptr() };
            let client = Client { attached: weak.clone(), isolate, context: v8::Global::new(scope, context) };
            let client = V8InspectorClient::new(Box::new(client));
            Self {
                inspector: inspector.clone(),
                root: root.to_string(),
                sessions: RefCell::default(),
                over: RefCell::default(),
                depth: Cell::new(0),
                listening: Cell::new(false),
                pausing: Cell::new(false),
                paused: Cell::new(false),
                v8: V8Inspector::create(scope, client),
            }
        });
        let (name, aux) = (Text::new(name), Text::new(r#"{"isDefault":true}"#));
        attached.v8.context_created(context, GROUP, name.view(), aux.view());
        console::tell_debuggers(scope);
        attached
    }

    /// Greets the debuggers that are there: what they have asked of an instance before holds for this one.
    pub(crate) fn listen(&self, isolate: v8::IsolateHandle) {
        self.inspector.attach(isolate);
        self.sessions.take();
        self.listening.set(true);
        self.follow();
    }

    pub(crate) fn is_listening(&self) -> bool {
        self.listening.get()
    }

    /// Another instance listens: breakpoints are gone from this one, which comes to its end undisturbed.
    pub(crate) fn silence(&self) {
        self.listening.set(false);
        self.sessions.take();
    }

    /// Hears what debuggers have said, and answers.
    pub(crate) fn hear(&self) {
        if !self.listening.get() {
            return;
        }
        self.follow();
        while let Some((id, text)) = self.inspector.take() {
            let session = self.sessions.borrow().get(&id).cloned();
            match session {
                Some(session) => self.dispatch(&session, &text),
                // It came after the last look.
                None => {
                    self.follow();
                    if let Some(session) = self.sessions.borrow().get(&id).cloned() {
                        self.dispatch(&session, &text);
                    }
                }
            }
        }
    }

    /// An exception that the app did not catch.
    pub(crate) fn exception(&self, scope: &mut v8::PinScope, value: v8::Local<v8::Value>, what: &str) {
        let context = scope.get_current_context();
        let message = v8::Exception::create_message(scope, value);
        let detail = message.get(scope).to_rust_string_lossy(scope);
        let url = message.get_script_resource_name(scope).map(|name| name.to_rust_string_lossy(scope)).unwrap_or_default();
        let url = self.url(&url).unwrap_or(url);
        let line = message.get_line_number(scope).unwrap_or(0) as u32;
        let column = message.get_start_column() as u32 + 1;
        let stack = message.get_stack_trace(scope);
        let script = stack.and_then(|stack| stack.get_frame(scope, 0)).map_or(0, |frame| frame.get_script_id() as i32);
        let stack = self.v8.create_stack_trace(stack);
        let (what, detail, url) = (Text::new(what), Text::new(&detail), Text::new(&url));
        self.v8.exception_thrown(context, what.view(), value, detail.view(), url.view(), line, column, stack, script);
    }

    /// The source map of a module whose text is not what its author wrote, as the URL that V8 tells of.
    pub(crate) fn source_map<'s>(&self, scope: &v8::PinScope<'s, '_>, code: &ModuleCode) -> Option<v8::Local<'s, v8::Value>> {
        let positions = code.positions.as_ref().filter(|_| code.translated)?;
        let json = positions.json(&|file| self.url(file).unwrap_or_else(|| file.to_string()), &|file| self.inspector.text(file));
        if json.len() > INSPECTOR_MAP_BYTES_MAX {
            return None;
        }
        let url = format!("data:application/json;base64,{}", base64::encode(json.as_bytes()));
        v8::String::new_external_onebyte(scope, url.into_bytes().into_boxed_slice()).map(Into::into)
    }

    /// The isolate is not debugged any more, or ends.
    pub(crate) fn end(&self, context: v8::Local<v8::Context>) {
        self.sessions.take();
        self.over.take();
        self.v8.context_destroyed(context);
    }

    /// Opens a session for whoever has come, and ends those of who has gone.
    fn follow(&self) {
        let peers = self.inspector.look();
        let gone: Vec<u32> = self.sessions.borrow().keys().filter(|id| !peers.iter().any(|(peer, _)| peer == *id)).copied().collect();
        for id in gone {
            let Some(session) = self.sessions.borrow_mut().remove(&id) else { continue };
            if self.depth.get() > 0 {
                session.quiet.set(true);
                self.over.borrow_mut().push(session.clone());
                self.dispatch(&session, LET_GO);
            }
        }
        for (id, debugger) in peers {
            if !self.sessions.borrow().contains_key(&id) {
                self.open(id, debugger);
            }
        }
    }

    fn open(&self, id: u32, debugger: Arc<dyn Debugger>) {
        let Some((kept, again)) = self.inspector.greet(id) else { return };
        if again {
            FORGET_ALL.iter().for_each(|text| debugger.message(text.to_string()));
        }
        let quiet = Rc::new(Cell::new(true));
        let channel = Channel::new(Box::new(Outlet { debugger, quiet: quiet.clone() }));
        let v8 = self.v8.connect(GROUP, channel, StringView::empty(), V8InspectorClientTrustLevel::FullyTrusted);
        let session = Rc::new(Session { v8, quiet });
        self.sessions.borrow_mut().insert(id, session.clone());
        kept.iter().for_each(|text| self.dispatch(&session, text));
        session.quiet.set(false);
    }

    fn dispatch(&self, session: &Rc<Session>, text: &str) {
        self.depth.set(self.depth.get() + 1);
        match method(text) {
            "Debugger.enable" => {
                session.v8.dispatch_protocol_message(Text::new(text).view());
                let quiet = session.quiet.replace(true);
                session.v8.dispatch_protocol_message(Text::new(SKIP_PLATFORM).view());
                session.quiet.set(quiet);
            }
            "Debugger.setBlackboxPatterns" => session.v8.dispatch_protocol_message(Text::new(&with_platform(text)).view()),
            _ => session.v8.dispatch_protocol_message(Text::new(text).view()),
        }
        self.depth.set(self.depth.get() - 1);
        if self.depth.get() == 0 {
            self.over.take();
        }
    }

    /// What debuggers call a file of the app's; nothing for code that is in none.
    fn url(&self, path: &str) -> Option<String> {
        let is_file = !path.is_empty() && !path.contains("://") && !path.starts_with("nano:") && !path.starts_with("node:");
        is_file.then(|| url_under(&self.root, path))
    }

    /// The app is paused: its thread does nothing but listen, until a debugger says that it goes on, or none is left.
    fn pause(&self) {
        if self.pausing.replace(true) {
            return;
        }
        self.paused.set(true);
        while self.paused.get() && !self.inspector.is_hurried() {
            self.hear();
            if self.paused.get() && !self.inspector.wait() {
                // Whoever was the last to go has asked for nothing any more.
                self.follow();
                break;
            }
        }
        self.pausing.set(false);
    }
}

/// What V8 asks of whoever embeds it.
struct Client {
    attached: Weak<Attached>,
    isolate: v8::UnsafeRawIsolatePtr,
    context: v8::Global<v8::Context>,
}

impl V8InspectorClientImpl for Client {
    fn run_message_loop_on_pause(&self, _group: i32) {
        if let Some(attached) = self.attached.upgrade() {
            attached.pause();
        }
    }

    fn quit_message_loop_on_pause(&self) {
        if let Some(attached) = self.attached.upgrade() {
            attached.paused.set(false);
        }
    }

    fn ensure_default_context_in_group(&self, _group: i32) -> Option<v8::Local<'_, v8::Context>> {
        // SAFETY: V8 asks from within the isolate that it was made for.
        let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(self.isolate) };
        v8::callback_scope!(unsafe scope, &mut isolate);
        let context = v8::Local::new(scope, &self.context);
        // SAFETY: the handle is in the scope that V8 has opened around its question, not in the one above, which opens none.
        Some(unsafe { context.extend_lifetime_unchecked() })
    }

    fn resource_name_to_url(&self, name: &StringView) -> Option<v8::UniquePtr<StringBuffer>> {
        let url = self.attached.upgrade()?.url(&read(name))?;
        Some(StringBuffer::create(Text::new(&url).view()))
    }
}

/// Where a session speaks to its debugger.
struct Outlet {
    debugger: Arc<dyn Debugger>,
    quiet: Rc<Cell<bool>>,
}

impl ChannelImpl for Outlet {
    fn send_response(&self, _call: i32, message: v8::UniquePtr<StringBuffer>) {
        if !self.quiet.get() {
            self.send_notification(message);
        }
    }

    fn send_notification(&self, message: v8::UniquePtr<StringBuffer>) {
        if let Some(message) = message.as_ref() {
            self.debugger.message(read(&message.string()));
        }
    }

    fn flush_protocol_notifications(&self) {}
}

/// The method that a request names: the text after the first key of this name. What stands within a text of its own has its quotes escaped.
fn method(request: &str) -> &str {
    let is_key = |at: &usize| !request[..*at].ends_with('\\');
    let key = request.match_indices("\"method\"").map(|(at, key)| at + key.len()).find(|at| is_key(&(at - "\"method\"".len())));
    let value = key.and_then(|at| request[at..].trim_start().strip_prefix(':')).map(str::trim_start);
    value.and_then(|value| value.strip_prefix('"')).and_then(|value| value.split('"').next()).unwrap_or_default()
}

/// A debugger's patterns of what to step over, with the platform's.
fn with_platform(request: &str) -> String {
    let list = request.find("\"patterns\"").and_then(|at| request[at..].find('[').map(|bracket| at + bracket + 1));
    let Some(list) = list else { return request.to_string() };
    let comma = if request[list..].trim_start().starts_with(']') { "" } else { "," };
    format!("{}\"^nano:\"{comma}{}", &request[..list], &request[list..])
}

/// Text as V8's inspector takes it.
enum Text<'a> {
    Ascii(&'a [u8]),
    Wide(Vec<u16>),
}

impl<'a> Text<'a> {
    fn new(text: &'a str) -> Self {
        if text.is_ascii() { Self::Ascii(text.as_bytes()) } else { Self::Wide(text.encode_utf16().collect()) }
    }

    fn view(&self) -> StringView<'_> {
        match self {
            Self::Ascii(bytes) => StringView::from(*bytes),
            Self::Wide(units) => StringView::from(&units[..]),
        }
    }
}

fn read(view: &StringView) -> String {
    match view {
        StringView::U8(bytes) if bytes.is_ascii() => String::from_utf8_lossy(bytes).into_owned(),
        StringView::U8(bytes) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        StringView::U16(units) => String::from_utf16_lossy(units),
    }
}

#[cfg(test)]
mod tests {
    use super::{method, with_platform};

    #[test]
    fn requests_are_known_by_their_method() {
        assert_eq!(method(r#"{"id":1,"method":"Debugger.enable"}"#), "Debugger.enable");
        assert_eq!(method(r#"{ "params": { "a": "\"method\":\"b\"" }, "method" : "c" }"#), "c");
        assert_eq!([method("{}"), method("\"method\""), method("\"method\":1")], ["", "", ""]);
    }

    #[test]
    fn the_platform_is_always_stepped_over() {
        assert_eq!(with_platform(r#"{"params":{"patterns":["a"]}}"#), r#"{"params":{"patterns":["^nano:","a"]}}"#);
        assert_eq!(with_platform(r#"{"params":{"patterns": [ ]}}"#), r#"{"params":{"patterns": ["^nano:" ]}}"#);
        assert_eq!(with_platform("{}"), "{}");
    }
}
