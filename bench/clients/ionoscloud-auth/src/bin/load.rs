//! This library under load.

use ionoscloud_auth::{Client, Credentials, GetAllTokensOptions, get_all_tokens};

#[path = "../../../load.rs"]
mod load;

fn main() {
    load::run(|settings| {
        let mut builder = Client::builder()
            .base_url(&settings.url)
            .credentials(Credentials::token("eyJhbGciOiJSUzI1NiJ9.e30.c2ln"));
        if let Some(ca) = &settings.ca {
            builder = builder.root_certificates_pem(ca.clone());
        }
        let client = builder.build().expect("a client");
        let options = GetAllTokensOptions::new();
        move || {
            get_all_tokens(&client, &options)
                .expect("a list")
                .tokens
                .len()
        }
    });
}
