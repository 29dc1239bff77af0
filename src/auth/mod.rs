//! Who calls: credentials, where they came from, the contract; and what of it must not be seen.

mod contract_number;
mod credentials;
mod secrets;
mod source;

pub(crate) use contract_number::ContractNumber;
pub use credentials::Credentials;
pub(crate) use credentials::Part;
pub(crate) use secrets::{Secrets, concat_secret, repeats};
pub use source::CredentialsSource;
