//! File operations by name and arguments: what JavaScript asks, and a host answers that keeps files itself.
//!
//! | name | arguments | result |
//! | --- | --- | --- |
//! | `open` | path, `"file"` or `"directory"`, whether to create it | undefined |
//! | `stat` | path of a file | [size, ms since 1970 of the last change] |
//! | `read` | path, offset, length | bytes, fewer at the end |
//! | `list` | path | [[name, kind], ...] |
//! | `remove` | path, whether with all that is in it | undefined |
//! | `writer` | path, whether to begin with what is in the file | [number, size] |
//! | `write` | writer, offset, bytes | undefined |
//! | `truncate` | writer, size | undefined |
//! | `close` | writer | undefined; what was written is in the file |
//! | `abort` | writer | undefined; nothing was written |
//! | `estimate` | | [bytes in use, bytes allowed] |

use nano_base::value::Value;

use super::{FileError, Files, Quota, WriterPlace};

/// What an operation needs to know besides its arguments.
pub(crate) struct Setting {
    pub now_ms: f64,
    pub place: WriterPlace,
    pub quota: Quota,
}

impl Files {
    /// Does one operation.
    pub(crate) fn answer(&self, name: &str, args: &[Value], setting: &Setting) -> Result<Value, FileError> {
        let &Setting { now_ms, place, quota } = setting;
        let args = Args(args);
        let done = |()| Value::Undefined;
        match name {
            "open" => self.open(args.text(0)?, args.text(1)?, args.is(2), now_ms, quota).map(done),
            "stat" => self.stat(args.text(0)?).map(|(size, ms)| Value::Array(vec![count(size), Value::Float(ms)])),
            "read" => self.read(args.text(0)?, args.number(1)?, args.number(2)?).map(Value::Bytes),
            "list" => self.list(args.text(0)?).map(|entries| {
                Value::Array(
                    entries.into_iter().map(|(name, kind)| Value::Array(vec![Value::Text(name), Value::Text(kind.into())])).collect(),
                )
            }),
            "remove" => self.remove(args.text(0)?, args.is(1)).map(done),
            "writer" => {
                let (number, size) = self.writer(args.text(0)?, args.is(1), place, quota)?;
                Ok(Value::Array(vec![Value::Int(number as i64), count(size)]))
            }
            "write" => self.write(args.number(0)? as u64, args.number(1)?, args.bytes(2)?, quota).map(done),
            "truncate" => self.truncate(args.number(0)? as u64, args.number(1)?, quota).map(done),
            "close" => self.close(args.number(0)? as u64, now_ms).map(done),
            "abort" => {
                self.abort(args.number(0)? as u64);
                Ok(Value::Undefined)
            }
            "estimate" => Ok(Value::Array(vec![count(self.usage()), count(quota.bytes)])),
            _ => Err(("NotSupportedError", format!("there is no file operation {name}"))),
        }
    }
}

fn count(count: usize) -> Value {
    Value::Int(count as i64)
}

struct Args<'a>(&'a [Value]);

impl<'a> Args<'a> {
    fn text(&self, index: usize) -> Result<&'a str, FileError> {
        match self.0.get(index) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(wrong(index)),
        }
    }

    /// A size or an offset; what no memory holds is as good as the largest number.
    fn number(&self, index: usize) -> Result<usize, FileError> {
        match self.0.get(index) {
            Some(Value::Int(number)) => Ok(usize::try_from(*number).map_err(|_| wrong(index))?),
            Some(Value::Float(number)) if *number >= 0.0 => Ok(*number as usize),
            _ => Err(wrong(index)),
        }
    }

    fn bytes(&self, index: usize) -> Result<&'a [u8], FileError> {
        match self.0.get(index) {
            Some(Value::Bytes(bytes) | Value::Buffer(bytes) | Value::View(bytes) | Value::TypedArray { bytes, .. }) => Ok(bytes),
            _ => Err(wrong(index)),
        }
    }

    fn is(&self, index: usize) -> bool {
        self.0.get(index) == Some(&Value::Bool(true))
    }
}

fn wrong(index: usize) -> FileError {
    ("TypeError", format!("argument {index} of the file operation is missing or wrong"))
}
