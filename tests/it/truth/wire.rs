//! The network, with proxies and TLS: what happens to the bytes.

use std::io::{Read, Write};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::LATE;
use super::world::{Network, Random, World};
use crate::support::*;

/// A stream, and the socket below it.
struct Wire<S> {
    socket: TcpStream,
    stream: S,
}

fn reset(socket: &TcpStream) {
    let _ = socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// Waits until the peer closes the connection.
fn wait_for_the_end(mut socket: &TcpStream) {
    let _ = socket.set_read_timeout(Some(5 * LATE));
    while socket.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {}
}

impl<S: Read + Write> Wire<S> {
    /// Sends the response. Returns whether the connection stays open.
    fn write(&mut self, bytes: &[u8], network: Network, random: &mut Random) -> bool {
        // A body without a length ends with the connection.
        let is_open_ended = bytes.is_empty()
            || !bytes.windows(8).any(|part| part == b"Content-" || part == b"Transfer")
                && !bytes.starts_with(b"HTTP/1.1 204");
        let cut = random.below(bytes.len() as u64 + 1) as usize;
        match network {
            Network::Whole if !is_open_ended => self.stream.write_all(bytes).is_ok(),
            Network::Late if !is_open_ended => {
                thread::sleep(Duration::from_millis(random.below(120)));
                self.stream.write_all(bytes).is_ok()
            }
            Network::Twice if !is_open_ended => {
                self.stream.write_all(&[bytes, bytes].concat()).is_ok()
            }
            Network::Drips if !is_open_ended => bytes.chunks(7).all(|piece| {
                thread::sleep(Duration::from_millis(2));
                self.stream.write_all(piece).is_ok()
            }),
            Network::CutAndReset => {
                let _ = self.stream.write_all(&bytes[..cut]);
                thread::sleep(Duration::from_millis(random.below(3)));
                reset(&self.socket);
                false
            }
            Network::CutAndSilent => {
                let _ = self.stream.write_all(&bytes[..cut]);
                wait_for_the_end(&self.socket);
                false
            }
            Network::CutAndClosed => {
                let _ = self.stream.write_all(&bytes[..cut]);
                let _ = self.socket.shutdown(Shutdown::Write);
                false
            }
            _ => {
                let _ = self.stream.write_all(bytes);
                let _ = self.socket.shutdown(Shutdown::Write);
                false
            }
        }
    }

    fn serve(mut self, world: &World, random: &mut Random) {
        while let Some(head) = read_head(&mut self.stream) {
            let number = head
                .lines()
                .find_map(|line| {
                    let line = line.to_ascii_lowercase();
                    line.strip_prefix("x-contract-number: ")?.parse().ok()
                })
                .unwrap();
            let (bytes, network) = world.respond(number);
            if !self.write(&bytes, network, random) {
                return;
            }
        }
    }

    /// Completes a TLS handshake, or returns `None`.
    fn with_tls(
        mut self,
        config: &Arc<ServerConfig>,
        random: &mut Random,
    ) -> Option<Wire<StreamOwned<ServerConnection, S>>> {
        match random.below(30) {
            0 => reset(&self.socket),
            1 => wait_for_the_end(&self.socket),
            2 => drop(self.stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
            3 => drop(self.stream.write_all(b"\x15\x03\x03\x00\x02\x02\x28")),
            _ => {
                let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                let stream = StreamOwned::new(connection, self.stream);
                let socket = self.socket;
                return Some(Wire { socket, stream });
            }
        }
        None
    }

    /// Responds to CONNECT, or returns `None` if there is no tunnel.
    fn tunnelled(mut self, random: &mut Random) -> Option<Wire<S>> {
        read_head(&mut self.stream)?;
        let refusal: &[u8] = match random.below(30) {
            0 => b"HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n",
            1 => b"HTTP/1.1 502 X\r\n\r\n",
            2 => b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            3 => b"garbage\r\n\r\n",
            4 => {
                reset(&self.socket);
                return None;
            }
            5 => {
                wait_for_the_end(&self.socket);
                return None;
            }
            6 => {
                for byte in b"HTTP/1.1 200 OK\r\nX-Drip: drip\r\n\r\n" {
                    thread::sleep(Duration::from_millis(random.below(8)));
                    self.stream.write_all(&[*byte]).ok()?;
                }
                return Some(self);
            }
            _ => {
                self.stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
                return Some(self);
            }
        };
        let _ = self.stream.write_all(refusal);
        None
    }
}

/// The role of a listener.
#[derive(Clone, Copy)]
pub struct Role {
    /// An http or https proxy.
    pub proxy: Option<bool>,
    pub https: bool,
    /// It accepts every connection.
    pub is_calm: bool,
}

pub struct Configs {
    pub proxy: Arc<ServerConfig>,
    pub service: Arc<ServerConfig>,
}

fn serve(world: &World, role: Role, configs: &Configs, socket: TcpStream) -> Option<()> {
    let n = world.connections.fetch_add(1, Ordering::SeqCst) as u64;
    let mut random = Random(world.seed ^ n << 8);
    if !role.is_calm && random.one_in(40) {
        reset(&socket);
        return None;
    }
    let stream = socket.try_clone().unwrap();
    let wire = Wire { socket, stream };
    match role.proxy {
        None => reach(world, role, configs, wire, &mut random),
        Some(false) => {
            let wire = wire.tunnelled(&mut random)?;
            reach(world, role, configs, wire, &mut random)
        }
        Some(true) => {
            let wire = wire.with_tls(&configs.proxy, &mut random)?;
            let wire = wire.tunnelled(&mut random)?;
            reach(world, role, configs, wire, &mut random)
        }
    }
}

/// The service itself.
fn reach<S: Read + Write>(
    world: &World,
    role: Role,
    configs: &Configs,
    wire: Wire<S>,
    random: &mut Random,
) -> Option<()> {
    if role.https {
        wire.with_tls(&configs.service, random)?.serve(world, random);
    } else {
        wire.serve(world, random);
    }
    Some(())
}

pub fn listen(world: &Arc<World>, role: Role, configs: &Arc<Configs>) -> u16 {
    let (world, configs) = (Arc::clone(world), Arc::clone(configs));
    accept(move |_, socket| {
        serve(&world, role, &configs, socket);
    })
}
