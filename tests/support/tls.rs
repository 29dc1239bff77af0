//! A TLS server with certificates made for the test.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, date_time_ymd};
use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    ConfigBuilder, ConnectionTrafficSecrets, DEFAULT_VERSIONS, RootCertStore, ServerConfig,
    ServerConnection, StreamOwned, SupportedProtocolVersion, WantsVerifier,
};

use super::*;

/// A certificate authority made for this test.
pub struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

pub fn authority(name: &str) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // rcgen uses the line endings of the platform.
    let pem = params.self_signed(&key).unwrap().pem().replace("\r\n", "\n");
    Authority { pem, issuer: Issuer::new(params, key) }
}

impl Authority {
    /// Returns the authority's own certificate, for use by a server.
    pub fn as_server(&self) -> Certified {
        let der = CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap();
        let key = self.issuer.key().serialize_der();
        (der, PrivatePkcs8KeyDer::from(key).into())
    }
}

/// A server's certificate and its key.
pub type Certified = (CertificateDer<'static>, PrivateKeyDer<'static>);

pub fn certificate(name: &str, years: std::ops::Range<i32>, by: Option<&Authority>) -> Certified {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(years.start, 1, 1);
    params.not_after = date_time_ymd(years.end, 1, 1);
    let certificate = match by {
        Some(authority) => params.signed_by(&key, &authority.issuer),
        None => params.self_signed(&key),
    };
    let der = certificate.unwrap().der().clone();
    (der, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

/// Responds to each request with an empty list, and keeps the requests.
pub struct Server {
    pub port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

pub fn serve(identity: Certified) -> Server {
    let (certificate, key) = identity;
    serve_with(DEFAULT_VERSIONS, |config| config.with_single_cert(vec![certificate], key).unwrap())
}

/// Accepts a key that does not belong to the certificate.
pub fn serve_unchecked(
    (certificate, key): Certified,
    versions: &[&'static SupportedProtocolVersion],
) -> Server {
    let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
    let key = Arc::new(CertifiedKey::new(vec![certificate], key));
    serve_with(versions, |config| config.with_cert_resolver(Arc::new(SingleCertAndKey::from(key))))
}

fn serve_with(
    versions: &[&'static SupportedProtocolVersion],
    finish: impl FnOnce(ConfigBuilder<ServerConfig, WantsServerCert>) -> ServerConfig,
) -> Server {
    let config = finish(builder(versions).with_no_client_auth());
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let keep = Arc::clone(&heads);
    let port = listen(config, move |mut stream| {
        let mut buffer = [0; 16 * 1024];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            let head = String::from_utf8_lossy(&buffer[..n]).into_owned();
            keep.lock().unwrap().push(head);
            let _ = stream.write_all(&super::response(200, "", r#"{"tokens":[]}"#));
        }
    });
    Server { port, heads }
}

fn builder(
    versions: &[&'static SupportedProtocolVersion],
) -> ConfigBuilder<ServerConfig, WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
}

pub type Stream = StreamOwned<ServerConnection, TcpStream>;

pub fn config((certificate, key): Certified) -> ServerConfig {
    let mut config = builder(DEFAULT_VERSIONS)
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.enable_secret_extraction = true; // For `alert`.
    config
}

/// Returns a fatal TLS 1.3 alert, which rustls would not send at any time (RFC 8446, sections 5.2
/// and 6).
pub fn alert<S>(stream: StreamOwned<ServerConnection, S>, description: u8) -> (S, Vec<u8>)
where
    S: std::io::Read + std::io::Write,
{
    let StreamOwned { conn, sock } = stream;
    let (sequence, secrets) = conn.dangerous_extract_secrets().unwrap().tx;
    let (algorithm, key, iv) = match &secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
        ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv),
        ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
        _ => panic!("another cipher"),
    };
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&sequence.to_be_bytes());
    nonce.iter_mut().zip(iv.as_ref()).for_each(|(n, iv)| *n ^= iv);
    // The level, the description, and the inner record type.
    let mut record = vec![2, description, 21];
    let header = [23, 3, 3, 0, 3 + 16];
    LessSafeKey::new(UnboundKey::new(algorithm, key.as_ref()).unwrap())
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(header),
            &mut record,
        )
        .unwrap();
    (sock, [header.as_slice(), &record].concat())
}

/// Returns a configuration that refuses clients without a certificate of this authority.
pub fn config_with_client_auth(
    (certificate, key): Certified,
    clients: &Authority,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for der in CertificateDer::pem_slice_iter(clients.pem.as_bytes()) {
        roots.add(der.unwrap()).unwrap();
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    builder(versions)
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

/// Serves each connection over TLS on a thread. Returns the port.
pub fn listen(
    config: impl Into<Arc<ServerConfig>>,
    serve: impl Fn(Stream) + Send + Sync + 'static,
) -> u16 {
    let config = config.into();
    super::accept(move |_, stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        serve(StreamOwned::new(connection, stream));
    })
}

/// As [`listen`], with the number of each connection whose handshake succeeds, from 0. The client of
/// another test, whose server had this port before, has none.
pub fn listen_by_number(
    config: impl Into<Arc<ServerConfig>>,
    serve: impl Fn(usize, Stream) + Send + Sync + 'static,
) -> u16 {
    let served = AtomicUsize::new(0);
    listen(config, move |mut stream| {
        if stream.conn.complete_io(&mut stream.sock).is_ok() {
            serve(served.fetch_add(1, Ordering::SeqCst), stream);
        }
    })
}
