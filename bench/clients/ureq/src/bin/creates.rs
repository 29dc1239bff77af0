//! Bare ureq under load, with creates, each on a fresh connection.

use serde::Deserialize;
use ureq::Agent;

#[path = "../../../load.rs"]
mod load;

#[derive(Deserialize)]
struct Jwt {
    token: String,
}

fn main() {
    load::run(|settings| {
        let agent: Agent = Agent::config_builder()
            .max_idle_connections(0)
            .build()
            .into();
        let url = format!("{}/auth/v1/tokens/generate", settings.url);
        move || {
            let mut answer = agent
                .get(&url)
                .header("Authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln")
                .header("Accept", "application/json")
                .call()
                .expect("an answer");
            let body = answer.body_mut().read_to_vec().expect("a body");
            let jwt: Jwt = serde_json::from_slice(&body).expect("a token");
            jwt.token.len()
        }
    });
}
