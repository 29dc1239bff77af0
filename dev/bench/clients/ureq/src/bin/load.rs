//! Bare ureq under load. If `DEADLINE` is set, each call has a time limit of 30 s. Each create has a
//! new agent, and with it a new connection.

use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig};

#[path = "../../../load.rs"]
mod load;
#[path = "../../../tokens.rs"]
mod tokens;

fn main() {
    load::run(|settings| {
        let mut config = Agent::config_builder();
        if let Some(pem) = &settings.ca {
            config = config.tls_config(TlsConfig::builder().root_certs(only(pem)).build());
        }
        if std::env::var_os("DEADLINE").is_some() {
            config = config.timeout_global(Some(Duration::from_secs(30)));
        }
        let config = config.build();
        let agent = Agent::new_with_config(config.clone());
        let url = format!("{}/auth/v1/tokens", settings.url);
        let creates = settings.creates;
        move || match creates {
            true => {
                let agent = Agent::new_with_config(config.clone());
                let url = format!("{url}/generate");
                get::<tokens::Jwt>(&agent, &url).token.len()
            }
            false => get::<tokens::Tokens>(&agent, &url).tokens.len(),
        }
    });
}

/// Trusts only these certificates.
fn only(pem: &[u8]) -> RootCerts {
    let certificates = ureq::tls::parse_pem(pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    RootCerts::new_with_certs(&certificates.collect::<Vec<_>>())
}

fn get<T: DeserializeOwned>(agent: &Agent, url: &str) -> T {
    let mut answer = agent
        .get(url)
        .header("Authorization", format!("Bearer {}", load::TOKEN))
        .header("Accept", "application/json")
        .call()
        .expect("an answer");
    let body = answer.body_mut().read_to_vec().expect("a body");
    serde_json::from_slice(&body).expect("the model")
}
