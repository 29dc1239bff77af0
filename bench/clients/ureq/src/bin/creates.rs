//! Bare ureq under load, with creates. Each has a new agent, and with it a fresh connection.

use serde::Deserialize;
use ureq::Agent;

#[path = "../../../load.rs"]
mod load;
#[path = "../roots.rs"]
mod roots;

#[derive(Deserialize)]
struct Jwt {
    token: String,
}

fn main() {
    load::run(|settings| {
        let mut config = Agent::config_builder();
        if let Some(ca) = &settings.ca {
            config = config.tls_config(roots::only(ca));
        }
        let config = config.build();
        let url = format!("{}/auth/v1/tokens/generate", settings.url);
        move || {
            let agent = Agent::new_with_config(config.clone());
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
