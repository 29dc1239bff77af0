//! The integration tests in one binary, one module per subject. Tests that need a process of their
//! own are separate files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub)] // Its modules are private anyway.

#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "config-file")]
mod config_file;
mod connections;
mod dual_stack;
mod endpoints;
mod environment;
mod examples;
mod faults;
mod headers;
mod hook;
mod hostile;
mod mock;
mod mock_faults;
#[cfg(target_os = "linux")]
mod namespace;
mod peers;
#[cfg(feature = "pinned-cert")]
mod pinned_certificate;
mod proxy;
mod public_types;
mod redirects;
mod rotate_example;
mod rotation;
mod settings;
mod shutdown;
mod texts;
mod timeouts;
mod tls;
mod tls_connections;
mod token_file;
mod truth;
