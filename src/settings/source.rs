//! Where a setting comes from, so that errors can name the place. It does not depend on what is
//! set.

use std::fmt;

use crate::auth::Part;
use crate::error::{Error, Result};

/// The place where a value was set.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A method of the builder, or of a call's options.
    Option(&'static str),
    /// An environment variable.
    Variable(&'static str),
    /// A file.
    #[cfg_attr(not(feature = "config-file"), allow(dead_code))]
    File {
        /// `config file`, or the variable that names it.
        named_by: &'static str,
        /// The path and line.
        place: String,
    },
}

impl Source {
    /// A part of the program's credentials.
    pub(crate) fn part(part: Part) -> Source {
        Source::Option(match part {
            Part::Token => "token",
            Part::Username => "username",
            Part::Password => "password",
        })
    }

    /// Returns an error that names this place.
    pub(crate) fn refuse(&self, reason: &str) -> Error {
        match self {
            Source::Option(name) | Source::Variable(name) => Error::invalid(name, reason),
            Source::File { named_by, place } => {
                Error::invalid(named_by, format!("{place}: {reason}"))
            }
        }
    }
}

/// Writes the place where to correct the value.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Option(name) => write!(f, "ClientBuilder::{name}"),
            Source::Variable(name) => f.write_str(name),
            Source::File { place, .. } => f.write_str(place),
        }
    }
}

/// A setting and its place, for errors that occur later.
pub(crate) type Given<T> = (T, String);

/// A setting: its value, or why it is not usable, and the place where it was set.
#[derive(Clone)]
pub(crate) struct Setting<T> {
    source: Source,
    value: std::result::Result<T, String>,
}

impl<T> Setting<T> {
    pub(crate) fn new<R: Into<String>>(
        source: Source,
        value: std::result::Result<T, R>,
    ) -> Setting<T> {
        let value = value.map_err(R::into);
        Setting { source, value }
    }

    pub(crate) fn get(&self) -> Result<&T> {
        self.value.as_ref().map_err(|reason| self.refuse(reason))
    }

    /// Returns the value, if it is usable.
    pub(crate) fn checked(self) -> Result<Setting<T>> {
        self.get()?;
        Ok(self)
    }

    pub(crate) fn into_value(self) -> Result<T> {
        let Setting { source, value } = self;
        value.map_err(|reason| source.refuse(&reason))
    }

    /// Returns the value and its place, for errors that occur later.
    pub(crate) fn into_given(self) -> Result<Given<T>> {
        let source = self.source.to_string();
        let value = self.into_value()?;
        Ok((value, source))
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn refuse(&self, reason: &str) -> Error {
        self.source.refuse(reason)
    }
}
