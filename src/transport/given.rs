//! A setting and its source. It does not depend on what is set.

/// A setting, and how errors name its source.
#[derive(Clone)]
pub(crate) struct Given<T> {
    pub(crate) value: T,
    pub(crate) source: String,
}
