mod contents;
mod place;

use crate::error::Result;

use contents::Contents;
pub(crate) use contents::FileSettings;
pub(crate) use place::ConfigFile;

impl ConfigFile {
    pub(crate) fn read(&self) -> Result<FileSettings> {
        let bytes = self.bytes().map_err(|error| self.refuse(error))?;
        let contents = Contents::parse(&bytes).map_err(|reason| self.refuse(reason))?;
        if contents.has_credentials() {
            self.warn_if_others_can_read();
        }
        self.select(&contents)
    }
}
