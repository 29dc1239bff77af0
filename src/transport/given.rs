//! A setting, and where it came from.

/// A setting, and what an error names as its place.
#[derive(Clone)]
pub(crate) struct Given<T> {
    pub(crate) value: T,
    pub(crate) source: String,
}
