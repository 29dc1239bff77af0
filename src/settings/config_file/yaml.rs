//! Reads YAML into a tree with line numbers. It does not depend on what the file means.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle};
use zeroize::Zeroizing;

use crate::error::{MAX_SHOWN, sanitize_line};

/// How deep a file may be nested. The vendor's CLI uses seven levels.
const MAX_DEPTH: usize = 64;
/// How many aliases a file may have. An alias costs no memory, but its target is read again.
const MAX_ALIASES: usize = 1000;

/// What is wrong with the file, and where. It may contain names of profiles and environments, but
/// no values, because a secret may be in the wrong place.
pub(super) struct Fault {
    pub(super) line: Option<usize>,
    pub(super) reason: String,
}

impl Fault {
    fn on(line: usize, reason: impl Into<String>) -> Fault {
        Fault {
            line: Some(line),
            reason: reason.into(),
        }
    }

    pub(super) fn at(node: &Node, reason: impl Into<String>) -> Fault {
        Fault::on(node.line, reason)
    }

    fn too_deep(line: usize) -> Fault {
        Fault::on(line, format!("is nested more than {MAX_DEPTH} deep"))
    }

    pub(super) fn of_the_file(reason: String) -> Fault {
        Fault { line: None, reason }
    }
}

pub(super) type Read<T> = std::result::Result<T, Fault>;

/// A value in the file. An alias shares the node of its anchor, and so costs no memory.
pub(super) struct Node {
    pub(super) line: usize,
    /// The number of levels below. Aliases can nest parts that are next to each other in the file.
    depth: usize,
    pub(super) value: Value,
}

pub(super) enum Value {
    /// `plain` is false for quoted text, which distinguishes `null` from `"null"`.
    Text {
        text: Zeroizing<String>,
        plain: bool,
    },
    List(Vec<Rc<Node>>),
    Map(Vec<(Rc<Node>, Rc<Node>)>),
}

/// A list or map that is not complete yet.
struct Open {
    line: usize,
    anchor: usize,
    is_map: bool,
    depth: usize,
    nodes: Vec<Rc<Node>>,
}

impl Open {
    fn closed(self) -> (usize, Node) {
        let value = if self.is_map {
            let mut nodes = self.nodes.into_iter();
            let mut pairs = Vec::new();
            while let (Some(key), Some(value)) = (nodes.next(), nodes.next()) {
                pairs.push((key, value));
            }
            Value::Map(pairs)
        } else {
            Value::List(self.nodes)
        };
        let node = Node {
            line: self.line,
            depth: self.depth,
            value,
        };
        (self.anchor, node)
    }
}

/// The file's first document, or nothing for an empty file.
pub(super) struct Document(Option<Rc<Node>>);

impl Document {
    pub(super) fn parse(text: &str) -> Read<Document> {
        // The parser would take it for a part of the first key.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut tree = Tree::default();
        for event in Parser::new_from_str(text) {
            // The parser's error is not passed on, because it may quote the file.
            let (event, span) = event.map_err(|error| not_yaml(text, error.marker().line()))?;
            if matches!(event, Event::DocumentEnd) {
                break;
            }
            if let Some(root) = tree.take(event, span.start.line())? {
                return Ok(Document(Some(root)));
            }
        }
        Ok(Document(None))
    }

    pub(super) fn root(&self) -> Option<&Node> {
        self.0.as_deref()
    }
}

fn not_yaml(text: &str, line: usize) -> Fault {
    let at = text.lines().nth(line.saturating_sub(1));
    let hint = if at.is_some_and(|line| line.contains('\t')) {
        "; it contains a tab where YAML requires spaces"
    } else {
        ""
    };
    Fault::on(line, format!("is not YAML{hint}"))
}

/// A document that is not complete yet.
#[derive(Default)]
struct Tree {
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    aliases: usize,
}

impl Tree {
    /// Takes the next event, and returns the root once it is complete.
    fn take(&mut self, event: Event<'_>, line: usize) -> Read<Option<Rc<Node>>> {
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = Value::Text {
                    text: Zeroizing::new(text.into_owned()),
                    plain: style == ScalarStyle::Plain,
                };
                let depth = 0;
                (anchor, Rc::new(Node { line, depth, value }))
            }
            Event::Alias(anchor) => (0, self.anchored(anchor, line)?),
            Event::SequenceStart(anchor, _) => return self.enter(line, anchor, false),
            Event::MappingStart(anchor, _) => return self.enter(line, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(ended) => {
                    let (anchor, node) = ended.closed();
                    (anchor, Rc::new(node))
                }
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        // Zero means that there is no anchor.
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        let Some(parent) = self.open.last_mut() else {
            return Ok(Some(node));
        };
        parent.depth = parent.depth.max(node.depth + 1);
        if parent.depth > MAX_DEPTH {
            return Err(Fault::too_deep(line));
        }
        parent.nodes.push(node);
        Ok(None)
    }

    fn enter(&mut self, line: usize, anchor: usize, is_map: bool) -> Read<Option<Rc<Node>>> {
        if self.open.len() == MAX_DEPTH {
            return Err(Fault::too_deep(line));
        }
        self.open.push(Open {
            line,
            anchor,
            is_map,
            depth: 1,
            nodes: Vec::new(),
        });
        Ok(None)
    }

    fn anchored(&mut self, anchor: usize, line: usize) -> Read<Rc<Node>> {
        self.aliases += 1;
        if self.aliases > MAX_ALIASES {
            let reason = format!("has more than {MAX_ALIASES} aliases");
            return Err(Fault::on(line, reason));
        }
        let node = self.anchors.get(&anchor).map(Rc::clone);
        node.ok_or_else(|| Fault::on(line, "an alias is inside its own anchor"))
    }
}

/// Returns the value of a key, if there is one.
pub(super) fn child<'a>(node: Option<&'a Node>, key: &str) -> Read<Option<&'a Node>> {
    let pairs = match node.map(|node| (node, &node.value)) {
        None => return Ok(None),
        Some((_, Value::Map(pairs))) => pairs,
        Some((_, value)) if value.is_missing() => return Ok(None),
        Some((node, _)) => {
            return Err(Fault::at(
                node,
                format!("a map is expected here, with the key {key:?}"),
            ));
        }
    };
    let mut found = None;
    for (name, value) in pairs {
        match &name.value {
            Value::Text { text, .. } if text.as_str() == key => {
                if found.is_some() {
                    return Err(Fault::at(name, format!("{key:?} is here twice")));
                }
                found = Some(value.as_ref());
            }
            // It could add an address, or skipTlsVerify.
            Value::Text { text, plain: true } if text.as_str() == "<<" => {
                return Err(Fault::at(
                    name,
                    "merge keys (<<) are not supported: write the keys themselves here",
                ));
            }
            _ => {}
        }
    }
    Ok(found)
}

impl Value {
    /// Whether the value is empty, `~` or `null`.
    fn is_missing(&self) -> bool {
        match self {
            Value::Text { text, plain } => {
                text.is_empty()
                    || (*plain && ["~", "null", "Null", "NULL"].contains(&text.as_str()))
            }
            _ => false,
        }
    }
}

/// Returns the text of a key and its node, or `None` if it is missing or blank.
pub(super) fn text_and_node<'a>(
    node: Option<&'a Node>,
    key: &str,
) -> Read<Option<(&'a Zeroizing<String>, &'a Node)>> {
    let Some(node) = child(node, key)? else {
        return Ok(None);
    };
    match &node.value {
        value if value.is_missing() => Ok(None),
        Value::Text { text, .. } => Ok(Some((text, node)).filter(|_| !text.trim().is_empty())),
        _ => Err(Fault::at(node, format!("{key:?} is not a text"))),
    }
}

pub(super) fn text<'a>(node: Option<&'a Node>, key: &str) -> Read<Option<&'a Zeroizing<String>>> {
    Ok(text_and_node(node, key)?.map(|(text, _)| text))
}

/// Returns the entries of a list, or nothing if the key is missing.
pub(super) fn list<'a>(node: Option<&'a Node>, key: &str) -> Read<&'a [Rc<Node>]> {
    let Some(node) = child(node, key)? else {
        return Ok(&[]);
    };
    match &node.value {
        Value::List(nodes) => Ok(nodes),
        value if value.is_missing() => Ok(&[]),
        _ => Err(Fault::at(node, format!("{key:?} is not a list"))),
    }
}

/// Returns the first entry whose `name` matches.
pub(super) fn named(entries: &[Rc<Node>], fits: impl Fn(&str) -> bool) -> Read<Option<&Node>> {
    for entry in entries {
        if text(Some(entry), "name")?.is_some_and(|name| fits(name)) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// Whether the names are the same, ignoring case and surrounding white space.
pub(super) fn are_same_folded(one: &str, other: &str) -> bool {
    fn folded(name: &str) -> impl Iterator<Item = char> {
        name.trim().chars().flat_map(char::to_lowercase)
    }
    folded(one).eq(folded(other))
}

/// Returns the names of the entries in a form that ends a sentence.
pub(super) fn those_that_exist(entries: &[Rc<Node>]) -> Read<String> {
    let mut names = Vec::new();
    for entry in entries.iter().take(20) {
        if let Some(name) = text(Some(entry), "name")? {
            names.push(format!("{:?}", sanitize_line(name, MAX_SHOWN)));
        }
    }
    Ok(if names.is_empty() {
        "; none is defined".to_owned()
    } else {
        format!("; available: {}", names.join(", "))
    })
}
