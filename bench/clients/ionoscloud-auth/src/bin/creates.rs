//! This library under load, with creates, which use a fresh connection each.

use ionoscloud_auth::{CreateTokenOptions, create_token};

#[path = "../client.rs"]
mod client;
#[path = "../../../load.rs"]
mod load;

fn main() {
    load::run(|settings| {
        let client = client::client(settings);
        let options = CreateTokenOptions::new();
        move || {
            create_token(&client, &options)
                .expect("a token")
                .token()
                .len()
        }
    });
}
