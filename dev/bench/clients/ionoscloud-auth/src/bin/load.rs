//! This library under load.

use ionoscloud_auth::{
    Client, CreateTokenOptions, Credentials, GetAllTokensOptions, create_token, get_all_tokens,
};

#[path = "../../../load.rs"]
mod load;

fn main() {
    load::run(|settings| {
        let mut builder = Client::builder()
            .base_url(&settings.url)
            .credentials(Credentials::token(load::TOKEN));
        if let Some(ca) = &settings.ca {
            builder = builder.root_certificates_pem(ca.clone());
        }
        let client = builder.build().expect("a client");
        let creates = settings.creates;
        move || match creates {
            true => {
                let jwt = create_token(&client, &CreateTokenOptions::new());
                jwt.expect("a token").token().len()
            }
            false => {
                let list = get_all_tokens(&client, &GetAllTokensOptions::new());
                list.expect("a list").tokens.len()
            }
        }
    });
}
