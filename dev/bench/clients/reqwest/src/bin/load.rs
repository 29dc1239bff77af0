//! Blocking reqwest under load.

use reqwest::Certificate;
use reqwest::blocking::Client;

#[path = "../../../load.rs"]
mod load;
#[path = "../../../tokens.rs"]
mod tokens;

fn main() {
    load::run(|settings| {
        let mut builder = Client::builder();
        if let Some(ca) = &settings.ca {
            builder = builder.tls_certs_only([Certificate::from_pem(ca).expect("a certificate")]);
        }
        let client = builder.build().expect("a client");
        let url = format!("{}/auth/v1/tokens", settings.url);
        move || {
            let answer = client
                .get(&url)
                .bearer_auth(load::TOKEN)
                .header("Accept", "application/json")
                .send()
                .expect("an answer")
                .error_for_status()
                .expect("a success");
            let list = answer.json::<tokens::Tokens>();
            list.expect("a list").tokens.len()
        }
    });
}
