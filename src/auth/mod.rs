//! Credentials, where they came from, the contract number, and keeping secrets out of texts. It
//! does not depend on HTTP.

mod concat_secret;
mod contract_number;
mod credentials;
mod secrets;
mod source;

pub(crate) use contract_number::ContractNumber;
pub use credentials::Credentials;
pub(crate) use credentials::Part;
#[cfg(test)]
pub(crate) use secrets::HASHED;
pub(crate) use secrets::{Secrets, have_in_common};
pub use source::CredentialsSource;
