//! This library under load, with creates, which use a fresh connection each.

use ionoscloud_auth::{Client, CreateTokenOptions, Credentials, create_token};

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
        let options = CreateTokenOptions::new();
        move || {
            create_token(&client, &options)
                .expect("a token")
                .token()
                .len()
        }
    });
}
