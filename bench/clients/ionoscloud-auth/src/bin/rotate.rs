//! The smallest program that rotates its token.

use ionoscloud_auth::{Client, RotateTokenOptions, rotate_token};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?;
    let rotation = rotate_token(&client, &RotateTokenOptions::current(), |jwt| {
        std::fs::write("token", jwt.token())
    })?;
    println!("{}", rotation.key_id);
    Ok(())
}
