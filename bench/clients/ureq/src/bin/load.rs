//! Bare ureq under load. If `DEADLINE` is set, each call has a time limit of 30 s.

use std::time::Duration;

use ureq::Agent;

#[path = "../agent.rs"]
mod agent;
#[path = "../../../load.rs"]
mod load;
#[path = "../../../tokens.rs"]
mod tokens;

fn main() {
    load::run(|settings| {
        let mut config = agent::config(settings.ca.as_deref());
        if std::env::var_os("DEADLINE").is_some() {
            config = config.timeout_global(Some(Duration::from_secs(30)));
        }
        let agent: Agent = config.build().into();
        let url = format!("{}/auth/v1/tokens", settings.url);
        move || {
            let body = agent::get(&agent, &url);
            let tokens: tokens::Tokens = serde_json::from_slice(&body).expect("a list");
            tokens.tokens.len()
        }
    });
}
