//! Selects the profile in the config file, and reads its credentials and endpoint. It does not
//! depend on where the file is.

use std::rc::Rc;

use super::file::ConfigFile;
use super::yaml::{
    Document, Fault, Node, Read, Value, are_same_folded, child, list, named, text, text_and_node,
    those_that_exist,
};
use crate::auth::{Credentials, CredentialsSource, Part};
use crate::error::{MAX_SHOWN, sanitize_line};
use crate::settings::base_url::BaseUrl;
use crate::settings::builder::Service;
use crate::settings::source::{Given, Setting};
use crate::transport::RootCertificates;

/// The settings of the selected profile.
#[derive(Default)]
pub(super) struct Profile {
    pub(super) credentials: Option<(Credentials, CredentialsSource)>,
    pub(super) service: Option<Setting<Service>>,
}

/// Which settings are needed from the file.
#[derive(Clone, Copy)]
pub(super) struct Needed {
    /// If true, missing credentials are an error.
    pub(super) credentials: bool,
    /// If false, the endpoint is not read because another source takes precedence.
    pub(super) service: bool,
}

/// Whether any profile contains a secret, even an unused profile. Errors in the file are ignored
/// here and reported elsewhere.
pub(super) fn holds_credentials(document: &Document) -> bool {
    let secrets = ["token", "password", "s3SecretKey"];
    let profiles = list(document.root(), "profiles").unwrap_or_default();
    profiles.iter().any(|profile| {
        let credentials = child(Some(profile), "credentials").ok().flatten();
        secrets
            .iter()
            .any(|key| text(credentials, key).is_ok_and(|secret| secret.is_some()))
    })
}

/// Returns the profile with this name, or else the file's `currentProfile`.
pub(super) fn choose(
    document: &Document,
    file: &ConfigFile,
    name: Option<&str>,
    needed: Needed,
) -> Read<Profile> {
    let root = document.root();
    let profiles = list(root, "profiles")?;
    let name = match name {
        Some(name) => Some(name.to_owned()),
        None => text(root, "currentProfile")?.map(|name| name.to_string()),
    };
    let Some(name) = name else {
        if needed.credentials {
            return Err(Fault::of_the_file(format!(
                "has no currentProfile{}; set it, or IONOS_CURRENT_PROFILE",
                those_that_exist(profiles)?
            )));
        }
        return Ok(Profile::default());
    };
    let Some(profile) = named(profiles, |other| are_same_folded(other, &name))? else {
        return Err(Fault::of_the_file(format!(
            "has no profile {:?}{}",
            sanitize_line(&name, MAX_SHOWN),
            those_that_exist(profiles)?
        )));
    };
    Ok(Profile {
        credentials: match needed.credentials {
            true => Some(credentials(profile, file, &name)?),
            false => None,
        },
        service: match needed.service {
            true => service_of(root, profile, file)?,
            false => None,
        },
    })
}

fn credentials(
    profile: &Node,
    file: &ConfigFile,
    name: &str,
) -> Read<(Credentials, CredentialsSource)> {
    let node = child(Some(profile), "credentials")?;
    let token = text_and_node(node, "token")?;
    let username = text_and_node(node, "username")?;
    let password = text_and_node(node, "password")?;
    let path = file.path.clone();
    let profile_name = name.to_owned();
    let (credentials, source) = match (token, username, password) {
        (Some((token, _)), ..) => (
            Credentials::token(token.as_str()),
            CredentialsSource::ConfigFileToken {
                path,
                profile: profile_name,
            },
        ),
        (None, Some((username, _)), Some((password, _))) => (
            Credentials::basic(username.as_str(), password.as_str()),
            CredentialsSource::ConfigFilePassword {
                path,
                profile: profile_name,
            },
        ),
        (None, None, None) => {
            let name = sanitize_line(name, MAX_SHOWN);
            let reason = format!(
                "the profile {name:?} has no credentials: neither a token, nor username and \
                 password"
            );
            return Err(Fault::at(profile, reason));
        }
        (None, Some((_, at)), None) => {
            return Err(Fault::at(at, "there is a username but no password"));
        }
        (None, None, Some((_, at))) => {
            return Err(Fault::at(at, "there is a password but no username"));
        }
    };
    credentials.validate().map_err(|(part, reason)| {
        let (key, found) = match part {
            Part::Token => ("token", token),
            Part::Username => ("username", username),
            Part::Password => ("password", password),
        };
        let node = found.map_or(profile, |(_, node)| node);
        Fault::at(node, format!("{key}: {reason}"))
    })?;
    Ok((credentials, source))
}

/// Returns the endpoint in the profile's environment.
fn service_of(
    root: Option<&Node>,
    profile: &Node,
    file: &ConfigFile,
) -> Read<Option<Setting<Service>>> {
    let environments = list(root, "environments")?;
    let found = match text(Some(profile), "environment")? {
        Some(name) => {
            // The vendor's tools do not ignore case here.
            let Some(environment) = named(environments, |other| other == name.as_str())? else {
                let others = those_that_exist(environments).unwrap_or_default();
                let name = sanitize_line(name, MAX_SHOWN);
                let reason = format!("there is no environment {name:?}{others}");
                return Err(Fault::at(profile, reason));
            };
            product(environment)?.map(|product| (environment, product))
        }
        None => first_with_product(environments)?,
    };
    let Some((environment, product)) = found else {
        return Ok(None);
    };
    let endpoint = endpoint_without_location(product)?;
    refuse_skipped_verification(endpoint)?;
    // Certificates without an address do not belong to any server.
    let Some((url, node)) = text_and_node(endpoint, "name")? else {
        return Ok(None);
    };
    let base_url =
        BaseUrl::parse(url).map_err(|reason| Fault::at(node, format!("name: {reason}")))?;
    let service = Service {
        base_url,
        certificates: certificates(endpoint, environment, file)?,
    };
    let source = file.source(Some(node.line));
    Ok(Some(Setting::new(source, Ok::<_, String>(service))))
}

/// Returns the product of this API in an environment.
fn product(environment: &Node) -> Read<Option<&Node>> {
    let products = list(Some(environment), "products")?;
    named(products, |name| are_same_folded(name, "auth"))
}

/// Returns the first environment that has this API, for profiles that do not name one.
fn first_with_product(environments: &[Rc<Node>]) -> Read<Option<(&Node, &Node)>> {
    for environment in environments {
        if let Some(product) = product(environment)? {
            return Ok(Some((environment, product)));
        }
    }
    Ok(None)
}

/// Returns the first endpoint without a location. Endpoints with a location belong to other APIs.
fn endpoint_without_location(product: &Node) -> Read<Option<&Node>> {
    for endpoint in list(Some(product), "endpoints")? {
        if text(Some(endpoint), "location")?.is_none() {
            return Ok(Some(endpoint));
        }
    }
    Ok(None)
}

fn refuse_skipped_verification(endpoint: Option<&Node>) -> Read<()> {
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
                "skipTlsVerify is refused because it would expose the credentials: remove it, and \
                 set the server's certificate authority as certificateAuthData, or pin its \
                 certificate (feature pinned-cert, IONOS_PINNED_CERT)",
            ));
        }
    }
    Ok(())
}

/// Returns the certificates of the endpoint, else those of its environment.
fn certificates(
    endpoint: Option<&Node>,
    environment: &Node,
    file: &ConfigFile,
) -> Read<Option<Given<RootCertificates>>> {
    let name = "certificateAuthData";
    let found = match text_and_node(endpoint, name)? {
        Some(found) => Some(found),
        None => text_and_node(Some(environment), name)?,
    };
    let Some((pem, node)) = found else {
        return Ok(None);
    };
    let value = RootCertificates::from_pem(pem.as_bytes())
        .map_err(|reason| Fault::at(node, format!("{name}: {reason}")))?;
    let source = format!("{name} of {}", file.source(Some(node.line)));
    Ok(Some((value, source)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NEEDED: Needed = Needed {
        credentials: false,
        service: true,
    };

    fn read(text: &str) -> Read<Profile> {
        let file = ConfigFile::new("config file", "config".into());
        choose(&Document::parse(text)?, &file, Some("a"), NEEDED)
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            let _ = read(&text);
        }

        #[test]
        fn text_like_yaml_is_read_without_a_panic(
            text in "[-\\[\\]{}:,&*a-c \n\t\r\"'|>?#!%@~0\\\\.<]{0,120}",
        ) {
            let _ = read(&text);
        }

        #[test]
        fn pieces_of_a_file_are_read_without_a_panic(
            cut in 0..300_usize,
            with in "[-\\[\\]{}:,&*a \n\"'|>?#!]{0,3}",
        ) {
            let file = "profiles:\n\
                        - &p {name: a, environment: e, credentials: {token: \"t\"}}\n\
                        - *p\n\
                        environments:\n\
                        - name: e\n  certificateAuthData: |\n    pem\n  products:\n\
                        \x20 - name: auth\n    endpoints:\n    - name: h\n      skipTlsVerify: \
                        no\n";
            let cut = file.len().min(cut);
            let _ = read(&format!("{}{with}{}", &file[..cut], &file[cut..]));
            let _ = read(&format!("{}{with}", &file[..cut]));
        }
    }
}
