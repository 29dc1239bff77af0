//! The settings of a client, from the program, the environment and the config file. It does not
//! depend on calls.

mod base_url;
mod build;
mod builder;
#[cfg(feature = "config-file")]
mod config_file;
mod environment;
mod no_proxy;
mod proxy;
mod source;
mod variable;

pub(crate) use base_url::BaseUrl;
pub(crate) use build::{Settings, validate_credentials, validate_timeout};
pub use builder::ClientBuilder;
pub(crate) use source::Source;
