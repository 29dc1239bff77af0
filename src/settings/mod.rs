//! Where settings come from: the environment and the config file.

mod base_url;
#[cfg(feature = "config-file")]
mod config_file;
mod environment;
mod proxy;

pub(crate) use base_url::BaseUrl;
pub(crate) use environment::Setting;
pub(crate) use proxy::ProxyChoice;
