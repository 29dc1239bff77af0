//! How ureq gets its connections: an idle one, or a new one. The record of the attempt says which
//! step it has reached, and the last is that a ready connection is handed over.

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

/// What ureq asks for connections.
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

/// Addresses are looked up where a connection is made, and only there.
#[derive(Debug)]
pub(super) struct NoLookup;

impl Resolver for NoLookup {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// A connection that ureq has, for one attempt.
pub(super) struct HandedOver {
    connection: Connection,
    is_tls: bool,
    pool: Arc<Pool>,
}

impl fmt::Debug for HandedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its buffers hold credentials and tokens.
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

    /// ureq asks when the response has ended in order and nothing follows it. Then the connection
    /// goes into the pool of this library, and ureq has none to keep.
    fn is_open(&mut self) -> bool {
        let Ok(record) = Record::current() else {
            return false;
        };
        if record.connection_is_kept() {
            let connection = std::mem::replace(&mut self.connection, Connection::closed());
            self.pool.put(connection);
            if record.shutdown.is_set() {
                // It may have been emptied just before.
                self.pool.clear();
            }
        }
        false
    }

    fn is_tls(&self) -> bool {
        self.is_tls
    }
}
