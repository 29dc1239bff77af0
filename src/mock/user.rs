//! The mock server's only user.

pub(super) const USERNAME: &str = "user@example.com";
pub(super) const PASSWORD: &str = "correct horse battery staple";
pub(super) const CONTRACT_NUMBER: u32 = 31_952_746;
pub(super) const USER_UUID: &str = "86fd1a4d-6d24-4b6a-9b5c-2e1a4d2f0c11";
