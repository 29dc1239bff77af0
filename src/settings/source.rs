//! Where a setting was given, so that what refuses it names the place.

use crate::auth::Part;
use crate::error::{Error, Result};

/// The place where a value was given: an option of the program, a variable of the environment, or a
/// line of a file.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The option, the variable, or what names the file.
    pub(super) name: &'static str,
    /// In a file: its path and the line.
    pub(super) place: Option<String>,
}

impl Source {
    /// An option or a variable.
    pub(crate) fn named(name: &'static str) -> Source {
        Source { name, place: None }
    }

    /// A part of credentials that the program gave.
    pub(crate) fn option(part: Part) -> Source {
        Source::named(match part {
            Part::Token => "token",
            Part::Username => "username",
            Part::Password => "password",
        })
    }

    /// The error that names this place.
    pub(crate) fn refuse(&self, reason: &str) -> Error {
        match &self.place {
            Some(place) => Error::invalid(self.name, format!("{place}: {reason}")),
            None => Error::invalid(self.name, reason),
        }
    }
}

/// A setting as it was given: what it is, or why it can't be used; and where.
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

    /// The setting itself, if it can be used.
    pub(crate) fn checked(self) -> Result<Setting<T>> {
        self.get()?;
        Ok(self)
    }

    pub(crate) fn into_value(self) -> Result<T> {
        let Setting { source, value } = self;
        value.map_err(|reason| source.refuse(&reason))
    }

    pub(crate) fn refuse(&self, reason: &str) -> Error {
        self.source.refuse(reason)
    }
}
