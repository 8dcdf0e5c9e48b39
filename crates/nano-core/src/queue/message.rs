//! A message: what an app sent, as it waits.

use std::sync::Arc;

use nano_base::cbor::{self, CborLimits};
use nano_base::limits::{QUEUE_DELAY_S_MAX, QUEUE_MESSAGE_BYTES_MAX};
use nano_base::status::{Error, Result, Status};
use nano_base::sys;
use nano_base::value::Value;

use crate::objects;

/// What a message says, and how its consumer reads it.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageBody {
    /// A value as JSON: `contentType` "json".
    Json(String),
    /// A string: "text".
    Text(String),
    /// An ArrayBuffer: "bytes".
    Bytes(Vec<u8>),
    /// Anything that can be cloned: "v8".
    Value(Value),
}

/// A message that waits.
#[derive(Debug)]
pub(super) struct Message {
    id: String,
    /// The app that sent it; none if the host did.
    pub sender: Option<Arc<str>>,
    sent_ms: f64,
    /// The same by the clock that never jumps.
    pub since_ms: u64,
    body: Kept,
    /// What its patterns count as.
    pub pattern_units: usize,
    /// How often it has been delivered.
    pub attempts: u32,
}

/// A body in the memory that it is counted with.
#[derive(Debug)]
enum Kept {
    Json(String),
    Text(String),
    Bytes(Vec<u8>),
    /// As CBOR.
    Value(Vec<u8>),
}

/// What a message costs beside its body.
const HEAD_BYTES: usize = 160;
// How handlers_queue.js reads a body.
const AS_IT_IS: i64 = 0;
const JSON_TEXT: i64 = 1;
const BYTES: i64 = 2;

impl Message {
    pub(super) fn new(body: MessageBody, sender: Option<Arc<str>>, unix_ms: f64, now_ms: u64) -> Result<Self> {
        let pattern_units = if let MessageBody::Value(value) = &body { value.pattern_units() } else { 0 };
        let body = match body {
            MessageBody::Json(text) => Kept::Json(text),
            MessageBody::Text(text) => Kept::Text(text),
            MessageBody::Bytes(bytes) => Kept::Bytes(bytes),
            MessageBody::Value(mut value) => {
                objects::refuse(&mut value, "an object of the host's cannot be sent to a queue")?;
                let mut bytes = Vec::new();
                cbor::encode(&value, &mut bytes, &CborLimits::default())?;
                Kept::Value(bytes)
            }
        };
        let bytes = body.bytes();
        if bytes > QUEUE_MESSAGE_BYTES_MAX {
            let why = format!("the message has {bytes} bytes; the most is {QUEUE_MESSAGE_BYTES_MAX}: send where it is instead");
            return Err(Error::new(Status::TooLarge, why));
        }
        let mut id = [0; 16];
        sys::random::fill(&mut id);
        let id = id.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id, sender, sent_ms: unix_ms, since_ms: now_ms, body, pattern_units, attempts: 0 })
    }

    /// What it is counted as.
    pub(super) fn bytes(&self) -> usize {
        HEAD_BYTES + self.body.bytes()
    }

    /// As the consumer gets it: id, time, attempts, how to read the body, the body.
    pub(super) fn value(&self) -> Value {
        let (kind, body) = match &self.body {
            Kept::Json(text) => (JSON_TEXT, Value::Text(text.clone())),
            Kept::Text(text) => (AS_IT_IS, Value::Text(text.clone())),
            Kept::Bytes(bytes) => (BYTES, Value::Bytes(bytes.clone())),
            Kept::Value(bytes) => (AS_IT_IS, cbor::decode(bytes, &CborLimits::default()).unwrap_or(Value::Undefined)),
        };
        Value::Array(vec![
            Value::Text(self.id.clone()),
            Value::Float(self.sent_ms),
            Value::Int(i64::from(self.attempts)),
            Value::Int(kind),
            body,
        ])
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        match self {
            Self::Json(text) | Self::Text(text) => text.len(),
            Self::Bytes(bytes) | Self::Value(bytes) => bytes.len(),
        }
    }
}

/// A body and its delay, as queue_binding.js packs them.
pub(super) fn unpack(packed: Value) -> Result<(MessageBody, u32)> {
    let invalid = |why: &str| Error::new(Status::Invalid, why);
    let Value::Array(fields) = packed else { return Err(invalid("a message is what send() makes")) };
    let Ok([Value::Text(kind), body, delay]) = <[Value; 3]>::try_from(fields) else {
        return Err(invalid("a message is what send() makes"));
    };
    let body = match (kind.as_str(), body) {
        ("json", Value::Text(text)) => MessageBody::Json(text),
        ("text", Value::Text(text)) => MessageBody::Text(text),
        ("bytes", Value::Bytes(bytes) | Value::Buffer(bytes) | Value::View(bytes) | Value::TypedArray { bytes, .. }) => {
            MessageBody::Bytes(bytes)
        }
        ("bytes", _) => return Err(invalid("the body of the content type \"bytes\" is no ArrayBuffer and no typed array")),
        ("v8", value) => MessageBody::Value(value),
        _ => return Err(invalid("a message is what send() makes")),
    };
    let delay_s = match delay {
        Value::Int(seconds) => u32::try_from(seconds).unwrap_or(u32::MAX).min(QUEUE_DELAY_S_MAX),
        _ => 0,
    };
    Ok((body, delay_s))
}
