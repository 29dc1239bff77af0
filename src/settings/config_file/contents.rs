use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::{ConfigFile, FileEndpoint, FileSettings};
use crate::credentials::Credentials;
use crate::error::{MAX_SHOWN, Result, sanitize_line};
use crate::settings::environment::{Setting, variable};

/// The size of the largest file that is read, in bytes. A typical file has about 3,000.
pub(super) const MAX_LENGTH: usize = 64 * 1024;

const SKIPS_TLS_VERIFY: &str = "is refused because it would expose the credentials: remove it, and \
    set the server's certificate authority as certificateAuthData, or pin its certificate (feature \
    pinned-cert, IONOS_PINNED_CERT)";

/// A scalar as it is written: `007` and `1e3` stay what they are.
type Text = Option<Zeroizing<String>>;

/// Declares maps of the file that have no merge key (`<<`): it could bring in an address, or
/// `skipTlsVerify`.
macro_rules! maps {
    ($($(#[$doc:meta])* $vis:vis struct $name:ident { $($key:ident: $type:ty,)+ })+) => {
        $($(#[$doc])*
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", expecting = "a map")]
        $vis struct $name {
            $($key: $type,)+
            #[serde(rename = "<<")]
            _merge: Option<MergeKey>,
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

struct MergeKey;

impl<'de> Deserialize<'de> for MergeKey {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<MergeKey, D::Error> {
        let reason = "merge keys (<<) are not supported: write the keys themselves";
        Err(D::Error::custom(reason))
    }
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
        // The vendor's tools read only the first document, too.
        let document = yaml_serde::Deserializer::from_slice(yaml).next();
        let contents = document.map(Contents::deserialize).transpose();
        Ok(contents.map_err(without_value)?.unwrap_or_default())
    }

    pub(super) fn has_credentials(&self) -> bool {
        let mut profiles = self.profiles.iter().flatten();
        profiles.any(|profile| profile.credentials.is_some())
    }
}

/// Returns the text of an error, with its line, but without the value that serde quotes: it may be
/// a secret.
fn without_value(error: yaml_serde::Error) -> String {
    let text = Zeroizing::new(error.to_string());
    match (text.split_once("invalid "), text.rsplit_once(", expected ")) {
        (Some((key, _)), Some((_, expected))) => format!("{key}expected {expected}"),
        _ => text.replace(
            "cannot start any token",
            "must be in quotes or, if a tab, be spaces",
        ),
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
            let reason =
                format!("has no currentProfile{existing}; set it, or IONOS_CURRENT_PROFILE");
            return Ok(FileSettings {
                credentials: Err(self.refuse(reason)),
                endpoint: Ok(None),
            });
        };
        let named = |profile: &&Profile| is_named(&profile.name, name);
        let Some(profile) = profiles.iter().find(named) else {
            return Err(self.refuse(format!("has no profile {}{existing}", quoted(name))));
        };
        Ok(FileSettings {
            credentials: self.credentials(profile, &quoted(name)),
            endpoint: self.endpoint(profile, contents),
        })
    }

    fn credentials(&self, profile: &Profile, name: &str) -> Result<(Credentials, String)> {
        let none = ProfileCredentials::default();
        let found = profile.credentials.as_ref().unwrap_or(&none);
        let basic = given(&found.username).zip(given(&found.password));
        let (credentials, what) = match (given(&found.token), basic) {
            (Some(token), _) => (Credentials::token(token), "token"),
            (None, Some((username, password))) => {
                let credentials = Credentials::basic(username, password);
                (credentials, "user name and password")
            }
            (None, None) => {
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

    /// Returns the endpoint in the profile's environment, or else in the first that has the
    /// product.
    fn endpoint(&self, profile: &Profile, contents: &Contents) -> Result<Option<FileEndpoint>> {
        let mut environments = contents.environments.as_deref().unwrap_or_default();
        if let Some(name) = given(&profile.environment) {
            // The vendor's tools do not ignore case here.
            let has_name = |environment: &Environment| given(&environment.name) == Some(name);
            let Some(at) = environments.iter().position(has_name) else {
                let existing = available(environments.iter().map(|other| &other.name));
                let name = quoted(name);
                return Err(self.refuse(format!("there is no environment {name}{existing}")));
            };
            environments = environments.get(at..=at).unwrap_or_default();
        }
        let found = environments.iter().find_map(|environment| {
            let mut products = environment.products.iter().flatten();
            let product = products.find(|product| is_named(&product.name, "auth"))?;
            // Endpoints with a location belong to other APIs.
            let mut endpoints = product.endpoints.iter().flatten();
            let endpoint = endpoints.find(|endpoint| given(&endpoint.location).is_none())?;
            Some((environment, endpoint))
        });
        let Some((environment, endpoint)) = found else {
            return Ok(None);
        };
        let name = quoted(given(&environment.name).unwrap_or_default());
        let setting = |key, text: &str| Setting {
            text: Zeroizing::new(text.to_owned()),
            source: Some(format!(
                "{}: {key} of \"auth\" in environment {name}",
                self.shown()
            )),
        };
        let skips = given(&endpoint.skip_tls_verify).unwrap_or("false");
        if !["false", "no", "off"].contains(&skips.to_lowercase().as_str()) {
            return Err(setting("skipTlsVerify", skips).refuse("", SKIPS_TLS_VERIFY));
        }
        // Certificates without an address do not belong to any server.
        let Some(url) = given(&endpoint.name) else {
            return Ok(None);
        };
        let pem =
            given(&endpoint.certificate_auth_data).or(given(&environment.certificate_auth_data));
        Ok(Some(FileEndpoint {
            url: setting("name", url),
            certificates_pem: pem.map(|pem| setting("certificateAuthData", pem)),
        }))
    }
}

/// Returns the text, if it is not blank.
fn given(text: &Text) -> Option<&str> {
    let text = text.as_ref()?.as_str();
    Some(text).filter(|text| !text.trim().is_empty())
}

/// Whether the names are the same, ignoring case and surrounding white space.
fn is_named(name: &Text, other: &str) -> bool {
    let folded = |name: &str| name.trim().to_lowercase();
    given(name).is_some_and(|name| folded(name) == folded(other))
}

fn quoted(name: &str) -> String {
    format!("{:?}", sanitize_line(name, MAX_SHOWN))
}

/// Returns the names that exist, in a form that ends a sentence.
fn available<'a>(names: impl Iterator<Item = &'a Text>) -> String {
    let names: Vec<_> = names.filter_map(given).take(20).map(quoted).collect();
    match names.is_empty() {
        true => "; none is defined".to_owned(),
        false => format!("; available: {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8]) {
        let file = ConfigFile {
            named_by: "config file",
            path: "config".into(),
        };
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
