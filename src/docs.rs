//! Pages that go further than an item's own documentation.

#[doc = include_str!("../docs/settings.md")]
pub mod settings {}

#[doc = include_str!("../docs/rotating_tokens.md")]
pub mod rotating_tokens {}

#[doc = include_str!("../docs/platforms.md")]
pub mod platforms {}

#[doc = include_str!("../SECURITY.md")]
pub mod security {}
