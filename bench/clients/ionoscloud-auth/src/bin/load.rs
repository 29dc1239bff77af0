//! This library under load.

use ionoscloud_auth::{GetAllTokensOptions, get_all_tokens};

#[path = "../client.rs"]
mod client;
#[path = "../../../load.rs"]
mod load;

fn main() {
    load::run(|settings| {
        let client = client::client(settings);
        let options = GetAllTokensOptions::new();
        move || {
            get_all_tokens(&client, &options)
                .expect("a list")
                .tokens
                .len()
        }
    });
}
