//! Guides that go further than an item's own documentation.

#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

#[doc = include_str!("../docs/settings.md")]
pub mod settings {}

#[doc = include_str!("../docs/rotating_tokens.md")]
pub mod rotating_tokens {}

#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

// The page's own picture is a file next to it, which rustdoc does not copy: it is inlined instead.
/// What a call costs, compared with other clients.
///
/// <style>img[src="performance.svg"] { display: none }</style>
#[doc = include_str!("../docs/performance.svg")]
#[doc = include_str!("../docs/performance.md")]
pub mod performance {}

#[doc = include_str!("../docs/dependencies.md")]
pub mod dependencies {}

#[doc = include_str!("../docs/platforms.md")]
pub mod platforms {}

#[doc = include_str!("../docs/coming_from_go.md")]
pub mod coming_from_go {}

#[doc = include_str!("../SECURITY.md")]
pub mod security {}
