//! What can be said to an app's debugger, in the form in which clients ask for it: V8's own description of its protocol, which is lines
//! told apart by how far they are indented, as JSON.

use serde_json::{Map, Value, json};

/// V8's description, as the build found it beside the library; empty if it did not.
const DESCRIPTION: &str = include_str!(concat!(env!("OUT_DIR"), "/js_protocol.pdl"));

/// All of it, unless this nanod was built without.
pub(super) fn document() -> Option<Value> {
    (!DESCRIPTION.is_empty()).then(|| read(DESCRIPTION))
}

/// What the lines that are indented further belong to.
#[derive(Default)]
struct Reader {
    domains: Vec<Value>,
    version: Map<String, Value>,
    /// The last list of the current domain: "types", "commands" or "events".
    items: &'static str,
    /// The last list of that one's last item.
    members: &'static str,
    description: Vec<String>,
}

fn read(text: &str) -> Value {
    let mut reader = Reader::default();
    for line in text.lines() {
        let content = line.trim_start();
        if let Some(comment) = content.strip_prefix('#') {
            reader.description.push(comment.trim().to_string());
        } else if content.is_empty() {
            reader.description.clear();
        } else {
            reader.line(line.len() - content.len(), content);
            reader.description.clear();
        }
    }
    json!({ "version": reader.version, "domains": reader.domains })
}

impl Reader {
    fn line(&mut self, indent: usize, content: &str) {
        let mut words: Vec<&str> = content.split_whitespace().collect();
        let mut entry = Map::new();
        while let Some(flag) = words.first().copied().filter(|word| words.len() > 1 && is_flag(word)) {
            entry.insert(flag.into(), true.into());
            words.remove(0);
        }
        if !self.description.is_empty() {
            entry.insert("description".into(), self.description.join(" ").into());
        }
        match (indent, words.as_slice()) {
            (0, ["domain", name]) => {
                entry.insert("domain".into(), (*name).into());
                self.domains.push(entry.into());
                self.items = "";
            }
            (2, [name @ ("major" | "minor"), number]) => drop(self.version.insert((*name).into(), (*number).into())),
            (2, ["depends", "on", name]) => push(self.domains.last_mut(), "dependencies", (*name).into()),
            (2, ["type", name, "extends", of @ ..]) => {
                entry.insert("id".into(), (*name).into());
                entry.extend(kind(of, "type"));
                self.item("types", entry);
            }
            (2, ["command", name]) => self.named_item("commands", name, entry),
            (2, ["event", name]) => self.named_item("events", name, entry),
            (4, ["redirect", to]) => drop(self.last_item().map(|item| item.insert("redirect".into(), (*to).into()))),
            (4, ["parameters"]) => self.members = "parameters",
            (4, ["returns"]) => self.members = "returns",
            (4, ["properties"]) => self.members = "properties",
            (4, ["enum"]) => self.members = "enum",
            (6, [literal]) if self.members == "enum" => {
                let literal = Value::from(*literal);
                push_to(self.last_item(), "enum", literal);
            }
            (6, [of @ .., name]) => {
                entry.insert("name".into(), (*name).into());
                entry.extend(if of == ["enum"] { kind(&["string"], "type") } else { kind(of, "$ref") });
                let members = self.members;
                push_to(self.last_item(), members, entry.into());
            }
            (8, [literal]) => {
                let members = self.members;
                let literal = Value::from(*literal);
                let member = self.last_item().and_then(|item| item.get_mut(members)?.as_array_mut()?.last_mut()?.as_object_mut());
                push_to(member, "enum", literal);
            }
            // What later versions add is left out.
            _ => {}
        }
    }

    fn named_item(&mut self, list: &'static str, name: &str, mut entry: Map<String, Value>) {
        entry.insert("name".into(), name.into());
        self.item(list, entry);
    }

    fn item(&mut self, list: &'static str, entry: Map<String, Value>) {
        push(self.domains.last_mut(), list, entry.into());
        (self.items, self.members) = (list, "");
    }

    fn last_item(&mut self) -> Option<&mut Map<String, Value>> {
        self.domains.last_mut()?.get_mut(self.items)?.as_array_mut()?.last_mut()?.as_object_mut()
    }
}

fn is_flag(word: &str) -> bool {
    matches!(word, "experimental" | "deprecated" | "optional")
}

/// What something is: of a kind that JSON has, or of another type, which `other` is the name for.
fn kind(words: &[&str], other: &str) -> Map<String, Value> {
    let mut kind = Map::new();
    match words {
        ["array", "of", of] => {
            kind.insert("type".into(), "array".into());
            kind.insert("items".into(), self::kind(&[*of], "$ref").into());
        }
        [of @ ("string" | "integer" | "number" | "boolean" | "object" | "any" | "array")] => drop(kind.insert("type".into(), (*of).into())),
        // Its bytes are in Base64.
        ["binary"] => drop(kind.insert("type".into(), "string".into())),
        [of] => drop(kind.insert(other.into(), (*of).into())),
        _ => {}
    }
    kind
}

fn push(object: Option<&mut Value>, list: &str, value: Value) {
    push_to(object.and_then(Value::as_object_mut), list, value);
}

fn push_to(object: Option<&mut Map<String, Value>>, list: &str, value: Value) {
    let list = object.filter(|_| !list.is_empty()).map(|object| object.entry(list).or_insert_with(|| json!([])));
    if let Some(list) = list.and_then(Value::as_array_mut) {
        list.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_becomes_a_document() {
        let text = r"# Whose this is.

version
  major 1
  minor 3

# What runs.
experimental domain Runs
  depends on Other
  # Names one.
  type Id extends string
  type Kind extends string
    enum
      one
      two
  type Ids extends array of Id
  type Thing extends object
    properties
      # How.
      optional enum how
        fast
        slow
      Id id
      array of integer numbers

  # Does it.
  # Now.
  deprecated command run
    redirect Other
    parameters
      optional boolean again
    returns
      binary bytes
  event ran
    parameters
      Other.Thing thing
";
        let wanted = json!({
            "version": { "major": "1", "minor": "3" },
            "domains": [{
                "domain": "Runs", "experimental": true, "description": "What runs.", "dependencies": ["Other"],
                "types": [
                    { "id": "Id", "type": "string", "description": "Names one." },
                    { "id": "Kind", "type": "string", "enum": ["one", "two"] },
                    { "id": "Ids", "type": "array", "items": { "$ref": "Id" } },
                    { "id": "Thing", "type": "object", "properties": [
                        { "name": "how", "optional": true, "type": "string", "enum": ["fast", "slow"], "description": "How." },
                        { "name": "id", "$ref": "Id" },
                        { "name": "numbers", "type": "array", "items": { "type": "integer" } },
                    ] },
                ],
                "commands": [{
                    "name": "run", "deprecated": true, "redirect": "Other", "description": "Does it. Now.",
                    "parameters": [{ "name": "again", "optional": true, "type": "boolean" }],
                    "returns": [{ "name": "bytes", "type": "string" }],
                }],
                "events": [{ "name": "ran", "parameters": [{ "name": "thing", "$ref": "Other.Thing" }] }],
            }],
        });
        assert_eq!(read(text), wanted);
    }
}
