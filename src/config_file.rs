//! The config file of the vendor's tools: which profile is meant, and what it says of credentials
//! and of the service's address. Knows nothing of the environment's credentials or of the client.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle};
use zeroize::Zeroizing;

use crate::base_url::BaseUrl;
use crate::credentials::{Credentials, CredentialsSource, Names};
use crate::error::{Error, Result, SHORT, printable};
use crate::transport::RootCertificates;

/// The longest file that is read, in bytes. One profile has about 3,000.
const LONGEST: u64 = 1024 * 1024;
/// How deep a file may be nested. That of the vendor's CLI is seven deep.
const DEEPEST: usize = 64;
/// How many aliases a file may have. One costs no memory, but what it stands for is looked at again.
const MOST_ALIASES: usize = 1000;

/// What the file says of the one profile that is used.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) credentials: Option<(Credentials, CredentialsSource)>,
    /// The address, and the file and line where it stands.
    pub(crate) base_url: Option<(String, String)>,
    pub(crate) certificates: Option<RootCertificates>,
}

/// What the file is read for.
#[derive(Clone, Copy)]
pub(crate) struct Needed {
    /// It is an error if there are none.
    pub(crate) credentials: bool,
    /// It is not even looked at where something else has won.
    pub(crate) endpoint: bool,
}

/// The file where the vendor's tools look for it, if it is there. One that can't be looked at counts
/// as there, so that reading it says why.
pub(crate) fn default_path(home: &Path) -> Option<PathBuf> {
    let path = home.join(".ionos").join("config");
    let absent = fs::symlink_metadata(&path).is_err_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        )
    });
    (!absent).then_some(path)
}

/// Reads the file and picks a profile: the one that `profile` names, or the file's `currentProfile`.
/// `what` names the setting that gave the path, for errors.
pub(crate) fn read(
    what: &'static str,
    path: &Path,
    profile: Option<&str>,
    needed: Needed,
) -> Result<Settings> {
    let refuse = |reason: &str| refused(what, path, Fault::of_the_file(reason.to_owned()));
    let bytes = bytes(path).map_err(|error| refuse(&error.to_string()))?;
    if bytes.len() as u64 > LONGEST {
        return Err(refuse("is longer than 1 MiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        refuse(&format!("line {line} is no UTF-8"))
    })?;
    let fault = |fault| refused(what, path, fault);
    let document = Document::parse(text).map_err(fault)?;
    if document.holds_credentials() {
        warn_if_others_can_read(path);
    }
    document.settings(path, profile, needed).map_err(fault)
}

fn refused(what: &'static str, path: &Path, fault: Fault) -> Error {
    let (path, reason) = (shown(path), fault.reason);
    let text = match fault.line {
        Some(line) => format!("{path}: line {line}: {reason}"),
        None => format!("{path}: {reason}"),
    };
    Error::invalid(what, text)
}

/// What becomes of a config file with this text, whoever is named in it.
#[cfg(fuzzing)]
pub fn fuzzed(text: &str) -> Result<()> {
    let (what, path) = ("config file", Path::new("config"));
    let needed = Needed {
        credentials: true,
        endpoint: true,
    };
    let document = Document::parse(text).map_err(|fault| refused(what, path, fault))?;
    let _ = document.holds_credentials();
    for profile in [None, Some("a")] {
        document
            .settings(path, profile, needed)
            .map_err(|fault| refused(what, path, fault))?;
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy(), SHORT)
}

fn bytes(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "is a directory",
        ));
    }
    // A buffer that grows leaves copies behind.
    let length = metadata.len().min(LONGEST);
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        usize::try_from(length).unwrap_or_default() + 1,
    ));
    File::open(path)?
        .take(LONGEST + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(unix)]
fn warn_if_others_can_read(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;

    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o044 != 0) {
        let path = shown(path);
        log::warn!("{path} holds credentials and can be read by others: chmod 600 {path}");
    }
}

#[cfg(not(unix))]
fn warn_if_others_can_read(_: &Path) {}

/// What is wrong with the file, and where. No value of the file is in it, as it may be a secret in
/// the wrong place; names of profiles and environments are.
struct Fault {
    line: Option<usize>,
    reason: String,
}

impl Fault {
    fn on(line: usize, reason: impl Into<String>) -> Fault {
        Fault {
            line: Some(line),
            reason: reason.into(),
        }
    }

    fn at(node: &Node, reason: impl Into<String>) -> Fault {
        Fault::on(node.line, reason)
    }

    fn too_deep(line: usize) -> Fault {
        Fault::on(line, format!("is nested more than {DEEPEST} deep"))
    }

    fn of_the_file(reason: String) -> Fault {
        Fault { line: None, reason }
    }
}

type Read<T> = std::result::Result<T, Fault>;

/// A value of the file. An alias shares the node of its anchor, and so costs no memory.
struct Node {
    line: usize,
    /// How many levels are below. Aliases can pile up what stands side by side in the file.
    depth: usize,
    value: Value,
}

enum Value {
    /// Quoted or not, as that tells `null` from `"null"`.
    Text {
        text: Zeroizing<String>,
        plain: bool,
    },
    List(Vec<Rc<Node>>),
    Map(Vec<(Rc<Node>, Rc<Node>)>),
}

/// A list or a map whose end has not come yet.
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

/// The file's first document; an empty file has none.
struct Document(Option<Rc<Node>>);

impl Document {
    fn parse(text: &str) -> Read<Document> {
        let mut open: Vec<Open> = Vec::new();
        let mut anchors: HashMap<usize, Rc<Node>> = HashMap::new();
        let mut aliases = 0;
        // The parser takes it for the beginning of the first key.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for event in Parser::new_from_str(text) {
            // What the parser found wrong is not repeated: it may quote the file.
            let (event, span) = event.map_err(|error| {
                let line = error.marker().line();
                let tab = text
                    .lines()
                    .nth(line.saturating_sub(1))
                    .is_some_and(|line| line.contains('\t'));
                let hint = if tab {
                    "; there is a tab in it, where YAML wants spaces"
                } else {
                    ""
                };
                Fault::on(line, format!("is no YAML{hint}"))
            })?;
            let line = span.start.line();
            let (anchor, node) = match event {
                Event::Scalar(text, style, anchor, _) => {
                    let value = Value::Text {
                        text: Zeroizing::new(text.into_owned()),
                        plain: style == ScalarStyle::Plain,
                    };
                    let depth = 0;
                    (anchor, Rc::new(Node { line, depth, value }))
                }
                Event::Alias(anchor) => {
                    aliases += 1;
                    if aliases > MOST_ALIASES {
                        let reason = format!("has more than {MOST_ALIASES} aliases");
                        return Err(Fault::on(line, reason));
                    }
                    let node = anchors
                        .get(&anchor)
                        .ok_or_else(|| Fault::on(line, "an alias stands within its own anchor"))?;
                    (0, Rc::clone(node))
                }
                Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                    if open.len() == DEEPEST {
                        return Err(Fault::too_deep(line));
                    }
                    open.push(Open {
                        line,
                        anchor,
                        is_map: matches!(event, Event::MappingStart(..)),
                        depth: 1,
                        nodes: Vec::new(),
                    });
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                    Some(ended) => {
                        let (anchor, node) = ended.closed();
                        (anchor, Rc::new(node))
                    }
                    None => continue,
                },
                Event::DocumentEnd => break,
                _ => continue,
            };
            // Zero is no anchor.
            if anchor != 0 {
                anchors.insert(anchor, Rc::clone(&node));
            }
            match open.last_mut() {
                Some(parent) => {
                    parent.depth = parent.depth.max(node.depth + 1);
                    if parent.depth > DEEPEST {
                        return Err(Fault::too_deep(line));
                    }
                    parent.nodes.push(node);
                }
                None => return Ok(Document(Some(node))),
            }
        }
        Ok(Document(None))
    }

    /// Whether any profile holds a secret, be it used or not. What is wrong with the file is found elsewhere.
    fn holds_credentials(&self) -> bool {
        let secrets = ["token", "password", "s3SecretKey"];
        let profiles = list(self.0.as_deref(), "profiles").unwrap_or_default();
        profiles.iter().any(|profile| {
            let credentials = child(Some(profile), "credentials").ok().flatten();
            secrets
                .iter()
                .any(|key| text(credentials, key).is_ok_and(|secret| secret.is_some()))
        })
    }

    fn settings(&self, path: &Path, profile: Option<&str>, needed: Needed) -> Read<Settings> {
        let root = self.0.as_deref();
        let profiles = list(root, "profiles")?;
        let wanted = match profile {
            Some(name) => Some(name.to_owned()),
            None => text(root, "currentProfile")?.map(|name| name.to_string()),
        };
        let mut settings = Settings::default();
        let Some(wanted) = wanted else {
            if needed.credentials {
                return Err(Fault::of_the_file(format!(
                    "names no currentProfile{}; IONOS_CURRENT_PROFILE can name one, too",
                    those_that_exist(profiles)?
                )));
            }
            return Ok(settings);
        };
        let Some(profile) = named(profiles, &wanted)? else {
            return Err(Fault::of_the_file(format!(
                "has no profile {:?}{}",
                printable(&wanted, SHORT),
                those_that_exist(profiles)?
            )));
        };
        if needed.credentials {
            settings.credentials = Some(credentials(profile, path, &wanted)?);
        }
        if !needed.endpoint {
            return Ok(settings);
        }
        if let Some(wanted) = text(Some(profile), "environment")? {
            let environments = list(root, "environments")?;
            let environment = named(environments, wanted)?.ok_or_else(|| {
                let others = those_that_exist(environments).unwrap_or_default();
                let wanted = printable(wanted, SHORT);
                Fault::at(
                    profile,
                    format!("there is no environment {wanted:?}{others}"),
                )
            })?;
            read_environment(environment, path, &mut settings)?;
        }
        Ok(settings)
    }
}

fn credentials(profile: &Node, path: &Path, name: &str) -> Read<(Credentials, CredentialsSource)> {
    let node = child(Some(profile), "credentials")?;
    let path = path.to_owned();
    let name = name.to_owned();
    let (credentials, source, nodes) = match (
        text_and_node(node, "token")?,
        text_and_node(node, "username")?,
        text_and_node(node, "password")?,
    ) {
        (Some((token, at)), ..) => (
            Credentials::token(token.trim()),
            CredentialsSource::ConfigFileToken {
                path,
                profile: name,
            },
            [at, at],
        ),
        (None, Some((username, at)), Some((password, password_at))) => (
            Credentials::basic(username.as_str(), password.as_str()),
            CredentialsSource::ConfigFilePassword {
                path,
                profile: name,
            },
            [at, password_at],
        ),
        (None, None, None) => {
            return Err(Fault::at(
                profile,
                format!(
                    "the profile {:?} holds no credentials: neither a token, nor username and password",
                    printable(&name, SHORT)
                ),
            ));
        }
        (None, Some((_, at)), None) => {
            return Err(Fault::at(at, "there is a username and no password"));
        }
        (None, None, Some((_, at))) => {
            return Err(Fault::at(at, "there is a password and no username"));
        }
    };
    credentials.check(&Names::OPTIONS).map_err(|error| {
        let [first, password] = nodes;
        let password_is_wrong =
            matches!(&error, Error::Invalid { what, .. } if *what == Names::OPTIONS.password);
        Fault::at(
            if password_is_wrong { password } else { first },
            error.to_string(),
        )
    })?;
    Ok((credentials, source))
}

fn read_environment(environment: &Node, path: &Path, settings: &mut Settings) -> Read<()> {
    let products = list(Some(environment), "products")?;
    let Some(product) = named(products, "auth")? else {
        return Ok(());
    };
    let endpoint = list(Some(product), "endpoints")?.first().map(Rc::as_ref);
    if let Some(node) = child(endpoint, "skipTlsVerify")? {
        let off = match &node.value {
            Value::Text { text, .. } => ["", "false", "no", "off", "null", "~"]
                .iter()
                .any(|off| text.eq_ignore_ascii_case(off)),
            _ => false,
        };
        if !off {
            return Err(Fault::at(
                node,
                "skipTlsVerify would show the credentials to whoever stands on the way, and is refused: remove it, and give the \
                 server's own authority as certificateAuthData, or pin its certificate (feature pinned-cert, IONOS_PINNED_CERT)",
            ));
        }
    }
    // Without an address, whose certificate would it be?
    let Some((url, node)) = text_and_node(endpoint, "name")? else {
        return Ok(());
    };
    BaseUrl::parse("name", url).map_err(|error| Fault::at(node, error.to_string()))?;
    let place = format!("{}: line {}", shown(path), node.line);
    settings.base_url = Some((url.to_string(), place));
    let name = "certificateAuthData";
    let certificates = match text_and_node(endpoint, name)? {
        Some(found) => Some(found),
        None => text_and_node(Some(environment), name)?,
    };
    if let Some((pem, node)) = certificates {
        let certificates = RootCertificates::from_pem(pem.as_bytes())
            .map_err(|reason| Fault::at(node, format!("{name}: {reason}")))?;
        settings.certificates = Some(certificates);
    }
    Ok(())
}

/// The value of a key, if there is one.
fn child<'a>(node: Option<&'a Node>, key: &str) -> Read<Option<&'a Node>> {
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
                    return Err(Fault::at(name, format!("{key:?} stands here twice")));
                }
                found = Some(value.as_ref());
            }
            // What it brings in could be an address, or skipTlsVerify.
            Value::Text { text, plain: true } if text.as_str() == "<<" => {
                return Err(Fault::at(
                    name,
                    "merge keys (<<) are not read: write the keys themselves here",
                ));
            }
            _ => {}
        }
    }
    Ok(found)
}

impl Value {
    /// Nothing, `~` or `null`.
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

/// The text of a key and where it stands; `None` if there is none, or it is blank.
fn text_and_node<'a>(
    node: Option<&'a Node>,
    key: &str,
) -> Read<Option<(&'a Zeroizing<String>, &'a Node)>> {
    let Some(node) = child(node, key)? else {
        return Ok(None);
    };
    match &node.value {
        value if value.is_missing() => Ok(None),
        Value::Text { text, .. } => Ok(Some((text, node)).filter(|_| !text.trim().is_empty())),
        _ => Err(Fault::at(node, format!("{key:?} is no text"))),
    }
}

fn text<'a>(node: Option<&'a Node>, key: &str) -> Read<Option<&'a Zeroizing<String>>> {
    Ok(text_and_node(node, key)?.map(|(text, _)| text))
}

/// The entries of a list; none if there is no such key.
fn list<'a>(node: Option<&'a Node>, key: &str) -> Read<&'a [Rc<Node>]> {
    let Some(node) = child(node, key)? else {
        return Ok(&[]);
    };
    match &node.value {
        Value::List(nodes) => Ok(nodes),
        value if value.is_missing() => Ok(&[]),
        _ => Err(Fault::at(node, format!("{key:?} is no list"))),
    }
}

/// The entry with this `name`, compared without case.
fn named<'a>(entries: &'a [Rc<Node>], wanted: &str) -> Read<Option<&'a Node>> {
    fn folded(name: &str) -> impl Iterator<Item = char> {
        name.trim().chars().flat_map(char::to_lowercase)
    }
    for entry in entries {
        if text(Some(entry), "name")?.is_some_and(|name| folded(name).eq(folded(wanted))) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// The names of the entries, as the end of a sentence.
fn those_that_exist(entries: &[Rc<Node>]) -> Read<String> {
    let mut names = Vec::new();
    for entry in entries.iter().take(20) {
        if let Some(name) = text(Some(entry), "name")? {
            names.push(format!("{:?}", printable(name, SHORT)));
        }
    }
    Ok(if names.is_empty() {
        "; there are none".to_owned()
    } else {
        format!("; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NEEDED: Needed = Needed {
        credentials: false,
        endpoint: true,
    };

    fn settings(text: &str) -> Read<Settings> {
        Document::parse(text)?.settings(Path::new("config"), Some("a"), NEEDED)
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = settings(&text);
        }

        #[test]
        fn nothing_that_looks_like_yaml_panics(text in "[-\\[\\]{}:,&*a-c \n\t\r\"'|>?#!%@~0\\\\.<]{0,120}") {
            let _ = settings(&text);
        }

        #[test]
        fn no_piece_of_a_file_panics(cut in 0..300_usize, with in "[-\\[\\]{}:,&*a \n\"'|>?#!]{0,3}") {
            let file = "profiles:\n- &p {name: a, environment: e, credentials: {token: \"t\"}}\n- *p\nenvironments:\n\
                - name: e\n  certificateAuthData: |\n    pem\n  products:\n  - name: auth\n    endpoints:\n    - name: h\n      skipTlsVerify: no\n";
            let cut = file.len().min(cut);
            let _ = settings(&format!("{}{with}{}", &file[..cut], &file[cut..]));
            let _ = settings(&format!("{}{with}", &file[..cut]));
        }
    }
}
