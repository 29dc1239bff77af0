//! The client of the load programs.

use ionoscloud_auth::{Client, Credentials};

use crate::load::Settings;

pub fn client(settings: &Settings) -> Client {
    let mut builder = Client::builder()
        .base_url(&settings.url)
        .credentials(Credentials::token("eyJhbGciOiJSUzI1NiJ9.e30.c2ln"));
    if let Some(ca) = &settings.ca {
        builder = builder.root_certificates_pem(ca.clone());
    }
    builder.build().expect("a client")
}
