//! Gives ureq its connections, idle or new. Each step is recorded; the last one is that a ready
//! connection is handed over. It does not depend on requests.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use super::connection::Connection;
use super::pool::Pool;
use super::record::{Pooling, Record, Step};
use super::route::Route;
use super::tls::ClientRefused;

/// The connector that ureq calls.
pub(super) struct Connections {
    route: Arc<Route>,
    pool: Arc<Pool>,
}

impl Connections {
    pub(super) fn new(route: Arc<Route>, pool: Arc<Pool>) -> Connections {
        Connections { route, pool }
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connections")
    }
}

impl Connector<()> for Connections {
    type Out = HandedOver;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<HandedOver>, Error> {
        let record = Record::current()?;
        record.time_left()?;
        let idle = match record.pooling {
            Pooling::Any => self.pool.take(),
            Pooling::Fresh | Pooling::Own => None,
        };
        let connection = match idle {
            Some(connection) => connection,
            None => Connection {
                stream: self.route.open(&record)?,
                buffers: LazyBuffers::new(
                    details.config.input_buffer_size(),
                    details.config.output_buffer_size(),
                ),
            },
        };
        record.reached(Step::HandedOver);
        Ok(Some(HandedOver {
            connection,
            is_tls: self.route.tls.is_some(),
            pool: Arc::clone(&self.pool),
        }))
    }
}

/// Does nothing, because the DNS lookup belongs to connecting.
#[derive(Debug)]
pub(super) struct NoLookup;

impl Resolver for NoLookup {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// A connection that ureq uses for one attempt.
pub(super) struct HandedOver {
    connection: Connection,
    is_tls: bool,
    pool: Arc<Pool>,
}

impl fmt::Debug for HandedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The buffers contain credentials and tokens.
        f.write_str("HandedOver")
    }
}

impl Transport for HandedOver {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.connection.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        let Connection { stream, buffers } = &mut self.connection;
        stream.write_all(buffers.output().get(..amount).unwrap_or_default())?;
        stream.flush()?;
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let Connection { stream, buffers } = &mut self.connection;
        match stream.read(buffers.input_append_buf()) {
            Ok(amount) => {
                buffers.input_appended(amount);
                Ok(amount > 0)
            }
            Err(error) => {
                if self.is_tls && ClientRefused::is_in(&error) {
                    Record::current()?.client_refused();
                }
                Err(error.into())
            }
        }
    }

    /// ureq calls this after a complete response with no bytes after it. The connection then goes
    /// into this library's pool, and ureq keeps nothing.
    fn is_open(&mut self) -> bool {
        let Ok(record) = Record::current() else {
            return false;
        };
        if record.connection_is_kept() {
            let connection = std::mem::replace(&mut self.connection, Connection::closed());
            self.pool.put(connection);
            if record.shutdown.is_set() {
                // The pool may have been closed just before.
                self.pool.clear();
            }
        }
        false
    }

    fn is_tls(&self) -> bool {
        self.is_tls
    }
}
