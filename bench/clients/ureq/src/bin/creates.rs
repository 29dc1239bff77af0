//! Bare ureq under load, with creates. Each has a new agent, and with it a fresh connection.

use serde::Deserialize;
use ureq::Agent;

#[path = "../agent.rs"]
mod agent;
#[path = "../../../load.rs"]
mod load;

#[derive(Deserialize)]
struct Jwt {
    token: String,
}

fn main() {
    load::run(|settings| {
        let config = agent::config(settings.ca.as_deref()).build();
        let url = format!("{}/auth/v1/tokens/generate", settings.url);
        move || {
            let agent = Agent::new_with_config(config.clone());
            let body = agent::get(&agent, &url);
            let jwt: Jwt = serde_json::from_slice(&body).expect("a token");
            jwt.token.len()
        }
    });
}
