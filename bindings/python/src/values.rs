//! Values between Python and apps. What Python has a plain type for is converted here; for the rest, `_values.py` says what it is.

use nano_core::limits::{VALUE_DEPTH_MAX, VALUE_ITEMS_MAX};
use nano_core::value::{ErrorValue, TypedArrayKind};
use nano_core::{Error, HostObject, Status, Value};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyModule, PySet, PyString, PyTuple};

use crate::error::{exception, wrong_type};
use crate::hashing::Hashing;

/// The integers that a JavaScript number holds exactly, up to this and down to as much below zero.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// How a string is read and written that has half a surrogate pair in it.
const UTF_16: (&str, &str) = ("utf-16-le", "surrogatepass");

/// The Python half of this file.
fn helper<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || PyModule::import(py, "nano_isolates._values").map(Bound::unbind))?;
    module.bind(py).getattr(name)
}

/// A value of an app's as Python has it; `held` finds the host's objects by their numbers.
pub(crate) fn to_python<'py>(py: Python<'py>, value: Value, held: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    Writer { py, held, hashing: Hashing::new() }.value(value)
}

/// The arguments that an app calls something with.
pub(crate) fn args_to_python<'py>(py: Python<'py>, args: Vec<Value>, held: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    Writer { py, held, hashing: Hashing::new() }.list(args)
}

struct Writer<'a, 'py> {
    py: Python<'py>,
    held: &'a Bound<'py, PyAny>,
    hashing: Hashing,
}

impl<'py> Writer<'_, 'py> {
    fn value(&mut self, value: Value) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        Ok(match value {
            Value::Undefined | Value::Hole => helper(py, "undefined")?,
            Value::Null => py.None().into_bound(py),
            Value::Bool(value) => PyBool::new(py, value).to_owned().into_any(),
            Value::Int(value) => value.into_pyobject(py)?.into_any(),
            Value::Float(value) => PyFloat::new(py, value).into_any(),
            Value::Text(text) => PyString::new(py, &text).into_any(),
            Value::Units(units) => {
                let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                PyBytes::new(py, &bytes).call_method1("decode", UTF_16)?
            }
            Value::Bytes(bytes) => PyBytes::new(py, &bytes).into_any(),
            Value::Buffer(bytes) => helper(py, "to_buffer")?.call1((PyBytes::new(py, &bytes),))?,
            Value::View(bytes) => helper(py, "to_view")?.call1((PyBytes::new(py, &bytes),))?,
            Value::RegExp { source, flags } => helper(py, "to_reg_exp")?.call1((source, flags))?,
            Value::Boxed(inside) => self.value(*inside)?,
            Value::Array(items) => self.list(items)?.into_any(),
            Value::Object(entries) => self.dict(entries)?.into_any(),
            Value::Map(entries) => self.map(entries)?,
            Value::Set(items) => self.set(items)?,
            Value::BigInt { negative, magnitude } => helper(py, "to_bigint")?.call1((negative, PyBytes::new(py, &magnitude)))?,
            Value::Date(ms) => helper(py, "to_date")?.call1((ms,))?,
            Value::TypedArray { kind, bytes } => helper(py, "to_typed_array")?.call1((format!("{kind:?}"), PyBytes::new(py, &bytes)))?,
            Value::Error(error) => {
                let properties = self.dict(error.properties)?;
                helper(py, "to_error")?.call1((error.name, error.message, properties))?
            }
            Value::HostObject(object) => self.held.call1((object.class, object.id))?,
        })
    }

    fn dict(&mut self, entries: Vec<(String, Value)>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(self.py);
        for (key, item) in entries {
            dict.set_item(key, self.value(item)?)?;
        }
        Ok(dict)
    }

    fn list(&mut self, items: Vec<Value>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(self.py);
        for item in items {
            list.append(self.value(item)?)?;
        }
        Ok(list)
    }

    fn map(&mut self, entries: Vec<(Value, Value)>) -> PyResult<Bound<'py, PyAny>> {
        let slice = self.hashing.check(self.py, entries.iter().map(|(key, _)| key))?;
        let mut pairs = Vec::with_capacity(entries.len());
        for (key, item) in entries {
            pairs.push((self.hashable(key)?, self.value(item)?));
        }
        let map = helper(self.py, "Map")?.call0()?;
        let dict = map.cast::<PyDict>()?;
        self.hashing.add_all(self.py, slice, &pairs, |(key, item)| dict.set_item(key, item))?;
        self.check_whole("Map", pairs.len(), dict.len())?;
        Ok(map)
    }

    fn set(&mut self, items: Vec<Value>) -> PyResult<Bound<'py, PyAny>> {
        let slice = self.hashing.check(self.py, items.iter())?;
        let keys = items.into_iter().map(|item| self.hashable(item)).collect::<PyResult<Vec<_>>>()?;
        let set = PySet::empty(self.py)?;
        self.hashing.add_all(self.py, slice, &keys, |key| set.add(key))?;
        self.check_whole("Set", keys.len(), set.len())?;
        Ok(set.into_any())
    }

    /// An item of a set, or a key of a map.
    fn hashable(&mut self, value: Value) -> PyResult<Bound<'py, PyAny>> {
        let was_inside = self.hashing.set_inside(true);
        let made = self.value(value);
        self.hashing.set_inside(was_inside);
        helper(self.py, "hashable")?.call1((made?,))
    }

    fn check_whole(&self, kind: &str, given: usize, made: usize) -> PyResult<()> {
        if made == given {
            return Ok(());
        }
        let why = format!("the app's {kind} has several items that are one in Python, such as 1 and true: give an array of them");
        Err(exception(self.py, Error::new(Status::Unsupported, why)))
    }
}

/// Arguments or a result for an app; `give` finds the number under which an app is to hold an object of the host's.
pub(crate) fn from_python(value: &Bound<'_, PyAny>, give: &Bound<'_, PyAny>) -> PyResult<Value> {
    let value = Reader { give, items: 0, errors: Vec::new() }.value(value, 0)?;
    if value.is_small_enough() { Ok(value) } else { Err(too_large(give.py(), "the value has more than 8 MiB; send smaller ones")) }
}

/// The arguments of a call.
pub(crate) fn arguments(args: &Bound<'_, PyTuple>, give: &Bound<'_, PyAny>) -> PyResult<Vec<Value>> {
    match from_python(args.as_any(), give)? {
        Value::Array(args) => Ok(args),
        _ => Ok(Vec::new()),
    }
}

struct Reader<'a, 'py> {
    give: &'a Bound<'py, PyAny>,
    items: usize,
    /// The exceptions that it is inside of.
    errors: Vec<Bound<'py, PyAny>>,
}

impl<'py> Reader<'_, 'py> {
    fn value(&mut self, value: &Bound<'py, PyAny>, depth: usize) -> PyResult<Value> {
        self.items += 1;
        if self.items > VALUE_ITEMS_MAX {
            return Err(too_large(value.py(), "the value has more than a million items; send smaller ones"));
        }
        // Also what ends a value that contains itself.
        if depth > VALUE_DEPTH_MAX {
            return Err(too_large(value.py(), "the value nests deeper than 64 levels, or contains itself"));
        }
        if value.is_none() {
            return Ok(Value::Null);
        }
        if let Ok(value) = value.cast_exact::<PyString>() {
            return string(value);
        }
        if let Ok(value) = value.cast_exact::<PyBool>() {
            return Ok(Value::Bool(value.is_true()));
        }
        if let Ok(int) = value.cast_exact::<PyInt>()
            && let Ok(int) = int.extract::<i64>()
            && int.unsigned_abs() <= SAFE_INTEGER_MAX
        {
            return Ok(Value::Int(int));
        }
        if let Ok(value) = value.cast_exact::<PyFloat>() {
            return Ok(Value::Float(value.extract()?));
        }
        if let Ok(value) = value.cast_exact::<PyBytes>() {
            return Ok(Value::Bytes(value.as_bytes().to_vec()));
        }
        if value.is_exact_instance_of::<PyList>() || value.is_exact_instance_of::<PyTuple>() {
            return self.items(value, depth).map(Value::Array);
        }
        if let Ok(dict) = value.cast_exact::<PyDict>() {
            // As it is now: what is read of its items may run Python, which may change it.
            let items = dict.items();
            if let Some(items) = items.iter().map(|pair| text_key(&pair)).collect::<Option<Vec<_>>>() {
                let entries = items.into_iter().map(|(key, item)| Ok((text(&key)?, self.value(&item, depth + 1)?)));
                return Ok(Value::Object(entries.collect::<PyResult<_>>()?));
            }
        }
        self.described(value, depth)
    }

    /// Anything else, by what the Python half says it is.
    fn described(&mut self, value: &Bound<'py, PyAny>, depth: usize) -> PyResult<Value> {
        let said = helper(value.py(), "describe")?.call1((value, self.give))?;
        let (kind, first, second): (String, Bound<'py, PyAny>, Bound<'py, PyAny>) = said.extract()?;
        Ok(match kind.as_str() {
            "undefined" => Value::Undefined,
            "plain" => self.value(&first, depth)?,
            "array" => Value::Array(self.items(&first, depth)?),
            "set" => Value::Set(self.items(&first, depth)?),
            "map" => {
                let mut entries = Vec::new();
                for pair in first.try_iter()? {
                    let (key, item): (Bound<'py, PyAny>, Bound<'py, PyAny>) = pair?.extract()?;
                    entries.push((self.value(&key, depth + 1)?, self.value(&item, depth + 1)?));
                }
                Value::Map(entries)
            }
            "bytes" => Value::Bytes(first.extract()?),
            "bigint" => Value::bigint(first.extract()?, second.extract()?),
            "date" => Value::Date(first.extract()?),
            "buffer" => Value::Buffer(first.extract()?),
            "view" => Value::View(first.extract()?),
            "regexp" => Value::RegExp { source: text(&first)?, flags: text(&second)? },
            "error" => {
                let (name, message): (Bound<'py, PyAny>, Bound<'py, PyAny>) = first.extract()?;
                let (name, message) = (text(&name)?, text(&message)?);
                Value::Error(Box::new(ErrorValue { name, message, properties: self.properties(value, &second, depth)? }))
            }
            "object" => Value::HostObject(HostObject { class: first.extract()?, id: second.extract()?, keeper: None }),
            kind => {
                let known = TypedArrayKind::ALL.into_iter().find(|known| format!("{known:?}") == kind);
                let kind = known.ok_or_else(|| wrong_type(value.py(), &format!("no value is a \"{kind}\"")))?;
                Value::TypedArray { kind, bytes: first.extract()? }
            }
        })
    }

    /// What an exception says besides, but for what cannot cross: it has to be told of all the same.
    fn properties(&mut self, of: &Bound<'py, PyAny>, said: &Bound<'py, PyAny>, depth: usize) -> PyResult<Vec<(String, Value)>> {
        // Found here, and not by its depth: one that has itself in two places would be gone through in more ways than there is time for.
        if self.errors.iter().any(|outer| outer.is(of)) {
            return Err(too_large(of.py(), "the exception contains itself"));
        }
        self.errors.push(of.clone());
        let mut properties = Vec::new();
        for pair in said.cast::<PyDict>()?.items() {
            let (inside, given) = (self.errors.len(), self.given()?);
            let Some((key, item)) = text_key(&pair) else { continue };
            // They are a level of their own.
            match text(&key).and_then(|key| Ok((key, self.value(&item, depth + 2)?))) {
                Ok(property) => properties.push(property),
                Err(why) if why.is_instance_of::<PyException>(of.py()) => {
                    self.errors.truncate(inside);
                    if let Some(given) = given {
                        self.give.call_method1("take_back_to", (given,))?;
                    }
                }
                Err(interrupt) => return Err(interrupt),
            }
        }
        self.errors.pop();
        Ok(properties)
    }

    /// How many objects have been given, if any can be.
    fn given(&self) -> PyResult<Option<usize>> {
        self.give.getattr_opt("given")?.map(|given| given.len()).transpose()
    }

    fn items(&mut self, items: &Bound<'py, PyAny>, depth: usize) -> PyResult<Vec<Value>> {
        items.try_iter()?.map(|item| self.value(&item?, depth + 1)).collect()
    }
}

/// A string as it is, also with half a surrogate pair in it, which is no UTF-8.
fn string(value: &Bound<'_, PyString>) -> PyResult<Value> {
    if let Ok(text) = value.to_cow() {
        return Ok(Value::Text(text.into_owned()));
    }
    let bytes: Vec<u8> = value.call_method1("encode", UTF_16)?.extract()?;
    let units = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    Ok(Value::text_of_units(units.collect()))
}

/// A string where apps can only be told of whole characters.
fn text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(match string(value.cast::<PyString>()?)? {
        Value::Units(units) => String::from_utf16_lossy(&units),
        Value::Text(text) => text,
        _ => String::new(),
    })
}

/// A pair whose key may be one of a plain object's.
fn text_key<'py>(pair: &Bound<'py, PyAny>) -> Option<(Bound<'py, PyString>, Bound<'py, PyAny>)> {
    let pair = pair.cast_exact::<PyTuple>().ok()?;
    Some((pair.get_item(0).ok()?.cast_into_exact().ok()?, pair.get_item(1).ok()?))
}

fn too_large(py: Python<'_>, why: &str) -> PyErr {
    exception(py, Error::new(Status::TooLarge, why))
}
