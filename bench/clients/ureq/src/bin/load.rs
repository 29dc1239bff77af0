//! Bare ureq under load. If `DEADLINE` is set, each call has a time limit of 30 s.

use std::time::Duration;

use ureq::Agent;

#[path = "../../../load.rs"]
mod load;
#[path = "../roots.rs"]
mod roots;
#[path = "../../../tokens.rs"]
mod tokens;

fn main() {
    load::run(|settings| {
        let mut config = Agent::config_builder();
        if std::env::var_os("DEADLINE").is_some() {
            config = config.timeout_global(Some(Duration::from_secs(30)));
        }
        if let Some(ca) = &settings.ca {
            config = config.tls_config(roots::only(ca));
        }
        let agent: Agent = config.build().into();
        let url = format!("{}/auth/v1/tokens", settings.url);
        move || {
            let mut answer = agent
                .get(&url)
                .header("Authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln")
                .header("Accept", "application/json")
                .call()
                .expect("an answer");
            let body = answer.body_mut().read_to_vec().expect("a body");
            let tokens: tokens::Tokens = serde_json::from_slice(&body).expect("a list");
            tokens.tokens.len()
        }
    });
}
