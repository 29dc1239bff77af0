//! TLS by the platform: OpenSSL, Schannel or Secure Transport.

use std::io::{self, Read, Write};

use native_tls::{Certificate, HandshakeError, TlsConnector, TlsStream};

use super::record::Record;
use super::stream::Stream;
use super::tls::{Records, RootCertificates};
use crate::error::{Error, Result};

/// Where TLS goes to, and whom to trust there.
#[derive(Debug, Clone)]
pub(super) struct NativeTls {
    connector: TlsConnector,
    host: String,
}

impl NativeTls {
    /// Trusts what [`Tls::new`](super::tls::Tls::new) does.
    pub(super) fn new(host: &str, roots: Option<&RootCertificates>) -> Result<NativeTls> {
        let mut builder = TlsConnector::builder();
        match roots {
            Some(RootCertificates(certificates)) => {
                builder.disable_built_in_roots(true);
                for certificate in certificates.iter() {
                    builder.add_root_certificate(read(certificate)?);
                }
            }
            None if cfg!(feature = "platform-verifier") => {}
            None => {
                builder.disable_built_in_roots(true);
                for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
                    builder.add_root_certificate(read(certificate)?);
                }
            }
        }
        Ok(NativeTls {
            connector: builder.build().map_err(refused)?,
            host: host.to_owned(),
        })
    }

    /// The handshake. Why it failed is not to be had in a form that tells one cause from another.
    pub(super) fn agree(
        &self,
        stream: Box<dyn Stream>,
        record: &Record,
    ) -> io::Result<Box<dyn Stream>> {
        match self
            .connector
            .connect(&self.host, Records::one_at_a_time(stream))
        {
            Ok(stream) => Ok(Box::new(NativeStream(stream))),
            Err(HandshakeError::Failure(error)) => {
                record.time_left()?;
                Err(io::Error::other(error))
            }
            Err(HandshakeError::WouldBlock(_)) => {
                Err(io::Error::other("the handshake was interrupted"))
            }
        }
    }
}

fn read(der: &[u8]) -> Result<Certificate> {
    Certificate::from_der(der).map_err(refused)
}

fn refused(error: native_tls::Error) -> Error {
    Error::invalid("TLS", error.to_string())
}

#[derive(Debug)]
struct NativeStream(TlsStream<Records>);

impl Read for NativeStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for NativeStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Stream for NativeStream {
    fn is_quiet(&mut self) -> bool {
        matches!(self.0.buffered_read_size(), Ok(0)) && self.0.get_mut().is_quiet()
    }
}
