//! What the file says.

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::place::{ConfigFile, MAX_LENGTH};
use crate::credentials::Credentials;
use crate::error::{MAX_SHOWN, Result, sanitize_line};
use crate::settings::environment::{Setting, variable};

/// What the file says to a client. An error counts only where the part is needed.
pub(crate) struct FileSettings {
    /// The credentials, and where they come from, for people.
    pub(crate) credentials: Result<(Credentials, String)>,
    pub(crate) endpoint: Result<Option<FileEndpoint>>,
}

pub(crate) struct FileEndpoint {
    pub(crate) url: Setting,
    pub(crate) certificates_pem: Option<Setting>,
}

const SKIPS_TLS_VERIFY: &str = "is refused because it would expose the credentials: remove it, and \
    set the server's certificate authority as certificateAuthData, or pin its certificate (feature \
    pinned-cert, IONOS_PINNED_CERT)";

/// A scalar as it is written: `007` and `1e3` stay what they are.
type Text = Option<Zeroizing<String>>;

/// Declares maps of the file that have no merge key (`<<`): it could bring in an address, or
/// `skipTlsVerify`.
macro_rules! maps {
    ($($(#[$doc:meta])* $vis:vis struct $name:ident { $($field:tt)+ })+) => {
        $($(#[$doc])*
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", expecting = "a map")]
        $vis struct $name {
            #[serde(rename = "<<", default, deserialize_with = "no_merge_key")]
            _merge: (),
            $($field)+
        })+
    };
}

maps! {
    /// The keys of the file that concern this library.
    pub(super) struct Contents {
        current_profile: Text,
        profiles: Option<Vec<Profile>>,
        environments: Option<Vec<Environment>>,
    }

    struct Profile {
        name: Text,
        environment: Text,
        credentials: Option<ProfileCredentials>,
    }

    struct ProfileCredentials {
        token: Text,
        username: Text,
        password: Text,
    }

    struct Environment {
        name: Text,
        #[expect(dead_code)] // Like the vendor's tools, checks its form and does not use it.
        certificate_auth_data: Text,
        products: Option<Vec<Product>>,
    }

    struct Product {
        name: Text,
        endpoints: Option<Vec<Endpoint>>,
    }

    struct Endpoint {
        name: Text,
        location: Text,
        skip_tls_verify: Text,
        certificate_auth_data: Text,
    }
}

fn no_merge_key<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    let reason = "merge keys (<<) are not supported: write the keys themselves";
    Err(D::Error::custom(reason))
}

impl Contents {
    pub(super) fn parse(bytes: &[u8]) -> Result<Contents, String> {
        if bytes.len() > MAX_LENGTH {
            return Err("is longer than 64 KiB".to_owned());
        }
        if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
            return Err("is UTF-16: save it as UTF-8".to_owned());
        }
        // libyaml would take a byte order mark for a column.
        let yaml = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        first_document(yaml).map_err(without_value)
    }

    pub(super) fn has_credentials(&self) -> bool {
        let mut profiles = self.profiles.iter().flatten();
        profiles.any(|profile| profile.credentials.is_some())
    }
}

/// Like the vendor's tools, reads nothing but the first document, and nothing if a later one is
/// broken.
fn first_document(yaml: &[u8]) -> Result<Contents, yaml_serde::Error> {
    let mut documents = yaml_serde::Deserializer::from_slice(yaml);
    let first = documents.next().map(Option::deserialize).transpose()?;
    documents.try_for_each(|other| IgnoredAny::deserialize(other).map(drop))?;
    Ok(first.flatten().unwrap_or_default())
}

/// Returns the text of an error, with its line, but without the value that serde quotes: it may be
/// a secret.
fn without_value(error: yaml_serde::Error) -> String {
    let text = Zeroizing::new(error.to_string());
    match (text.split_once("invalid "), text.rsplit_once(", expected ")) {
        (Some((key, _)), Some((_, expected))) => format!("{key}expected {expected}"),
        _ => text.to_string(),
    }
}

impl ConfigFile {
    /// Returns the settings of the profile that `IONOS_CURRENT_PROFILE` or the file selects.
    pub(super) fn select(&self, contents: &Contents) -> Result<FileSettings> {
        let setting = variable("IONOS_CURRENT_PROFILE")?;
        let profiles = contents.profiles.as_deref().unwrap_or_default();
        let existing = available(profiles.iter().map(|profile| &profile.name));
        let by_variable = setting.as_ref().map(|setting| setting.text.as_str());
        let Some(name) = by_variable.or(given(&contents.current_profile)) else {
            let why = format!("has no currentProfile{existing}; set it, or IONOS_CURRENT_PROFILE");
            return Ok(FileSettings {
                credentials: Err(self.refuse(why)),
                endpoint: self.endpoint(None, contents),
            });
        };
        let Some(profile) = profiles.iter().find(|other| is_named(&other.name, name)) else {
            let from = by_variable.map_or("", |_| ", which IONOS_CURRENT_PROFILE names");
            return Err(self.refuse(format!("has no profile {}{from}{existing}", quoted(name))));
        };
        Ok(FileSettings {
            credentials: self.credentials(profile, &quoted(name)),
            endpoint: self.endpoint(written(&profile.environment), contents),
        })
    }

    fn credentials(&self, profile: &Profile, name: &str) -> Result<(Credentials, String)> {
        let none = ProfileCredentials::default();
        let found = profile.credentials.as_ref().unwrap_or(&none);
        let [username, password] = [&found.username, &found.password].map(written);
        let (credentials, what) = match (given(&found.token), username, password) {
            (Some(token), ..) => (Credentials::token(token), "token"),
            (None, Some(user), Some(password)) => {
                (Credentials::basic(user, password), "user name and password")
            }
            _ => {
                let reason = "has no credentials: neither a token, nor username and password";
                return Err(self.refuse(format!("the profile {name} {reason}")));
            }
        };
        let what = format!("the {what} of profile {name}");
        match credentials.validate() {
            Ok(()) => Ok((credentials, format!("{what} in {}", self.shown()))),
            Err((_, reason)) => Err(self.refuse(format!("{what}: {reason}"))),
        }
    }

    /// Returns the endpoint of the first environment that has the product, among all or among those
    /// with this name, as the vendor's tools do. Older ones do not ignore the name's case.
    fn endpoint(&self, name: Option<&str>, contents: &Contents) -> Result<Option<FileEndpoint>> {
        let environments = contents.environments.as_deref().unwrap_or_default();
        let is_meant =
            |other: &&Environment| name.is_none_or(|name| written(&other.name) == Some(name));
        let meant: Vec<_> = environments.iter().filter(is_meant).collect();
        if meant.is_empty() && !environments.is_empty() {
            let name = quoted(name.unwrap_or_default());
            let existing = available(environments.iter().map(|other| &other.name));
            return Err(self.refuse(format!("there is no environment {name}{existing}")));
        }
        let found = meant.into_iter().find_map(|environment| {
            let mut products = environment.products.iter().flatten();
            let product = products.find(|product| is_named(&product.name, "auth"))?;
            // Endpoints with a location belong to other APIs.
            let mut endpoints = product.endpoints.iter().flatten();
            let endpoint = endpoints.find(|endpoint| given(&endpoint.location).is_none());
            Some((environment, endpoint))
        });
        let Some((environment, Some(endpoint))) = found else {
            return Ok(None);
        };
        let name = quoted(given(&environment.name).unwrap_or_default());
        let file = self.shown();
        let setting = |key, text: &str| Setting {
            text: Zeroizing::new(text.to_owned()),
            source: Some(format!("{file}: {key} of \"auth\" in environment {name}")),
        };
        if let Some(skips) = &endpoint.skip_tls_verify {
            if !["false", "False", "FALSE", "no", "off", "n", "N"].contains(&skips.as_str()) {
                return Err(setting("skipTlsVerify", skips).refuse("", SKIPS_TLS_VERIFY));
            }
        }
        // Certificates without an address do not belong to any server.
        Ok(written(&endpoint.name).map(|url| FileEndpoint {
            url: setting("name", url),
            certificates_pem: given(&endpoint.certificate_auth_data)
                .map(|pem| setting("certificateAuthData", pem)),
        }))
    }
}

/// Returns the text, if it is not empty.
fn written(text: &Text) -> Option<&str> {
    let text = text.as_ref()?.as_str();
    Some(text).filter(|text| !text.is_empty())
}

/// Returns the text, if it is not blank.
fn given(text: &Text) -> Option<&str> {
    written(text).filter(|text| !text.trim().is_empty())
}

/// Whether the names are the same, ignoring surrounding white space and the case of ASCII letters:
/// for others there are several rules.
fn is_named(name: &Text, other: &str) -> bool {
    given(name).is_some_and(|name| name.trim().eq_ignore_ascii_case(other.trim()))
}

fn quoted(name: &str) -> String {
    format!("{:?}", sanitize_line(name, MAX_SHOWN))
}

/// Returns the names that exist, in a form that ends a sentence.
fn available<'a>(names: impl Iterator<Item = &'a Text>) -> String {
    let names: Vec<_> = names.filter_map(given).take(20).map(quoted).collect();
    match names.is_empty() {
        true => "; none is defined, as in an empty file".to_owned(),
        false => format!("; available: {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8]) {
        let file = ConfigFile::at("config".as_ref());
        if let Ok(contents) = Contents::parse(text) {
            let settings = file.select(&contents);
            let _ = settings.map(|settings| (settings.credentials, settings.endpoint));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in any::<Vec<u8>>()) {
            read(&bytes);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            read(text.as_bytes());
        }

        #[test]
        fn text_like_yaml_is_read_without_a_panic(
            text in "[-\\[\\]{}:,&*a-c \n\t\r\"'|>?#!%@~0\\\\.<]{0,120}",
        ) {
            read(text.as_bytes());
        }

        #[test]
        fn pieces_of_a_file_are_read_without_a_panic(
            cut in 0..300_usize,
            with in "[-\\[\\]{}:,&*a \n\"'|>?#!<]{0,3}",
        ) {
            let file = "currentProfile: a\n\
                        profiles:\n\
                        - &p {name: a, environment: e, credentials: {token: \"t\"}}\n\
                        - *p\n\
                        environments:\n\
                        - name: e\n  certificateAuthData: |\n    pem\n  products:\n\
                        \x20 - name: auth\n    endpoints:\n    - name: h\n      skipTlsVerify: \
                        no\n";
            let cut = file.len().min(cut);
            read(format!("{}{with}{}", &file[..cut], &file[cut..]).as_bytes());
            read(format!("{}{with}", &file[..cut]).as_bytes());
        }
    }
}
