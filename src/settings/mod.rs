//! Where settings come from: the environment and the config file.

mod base_url;
#[cfg(feature = "config-file")]
mod config_file;
mod environment;
mod proxy;

pub(crate) use base_url::{BASE_URL, BaseUrl};
#[cfg(feature = "config-file")]
pub(crate) use config_file::{ConfigFile, FileSettings};
pub(crate) use environment::{Setting, credentials, variable};
pub(crate) use proxy::ProxyChoice;
