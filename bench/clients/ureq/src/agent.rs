//! What the load programs of ureq share: the settings of an agent, and a request.

use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::tls::{PemItem, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

/// Returns settings that trust only these certificates, if there are any.
pub fn config(ca: Option<&[u8]>) -> ConfigBuilder<AgentScope> {
    let config = Agent::config_builder();
    let Some(pem) = ca else {
        return config;
    };
    let certificates: Vec<_> = ureq::tls::parse_pem(pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    let roots = RootCerts::new_with_certs(&certificates);
    config.tls_config(TlsConfig::builder().root_certs(roots).build())
}

/// Returns the body of the answer.
pub fn get(agent: &Agent, url: &str) -> Vec<u8> {
    let mut answer = agent
        .get(url)
        .header("Authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln")
        .header("Accept", "application/json")
        .call()
        .expect("an answer");
    answer.body_mut().read_to_vec().expect("a body")
}
