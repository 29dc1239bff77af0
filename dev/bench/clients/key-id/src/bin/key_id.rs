//! The smallest program that reads a Key ID.

fn main() -> ionoscloud_auth::Result<()> {
    let jwt = std::env::var("IONOS_TOKEN").unwrap_or_default();
    println!("{}", ionoscloud_auth::key_id(&jwt)?);
    Ok(())
}
