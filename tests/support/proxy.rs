//! A proxy that tunnels every request to the same port.

use super::*;

pub struct TunnelProxy {
    pub port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl TunnelProxy {
    pub fn to(target: u16) -> TunnelProxy {
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let keep = Arc::clone(&heads);
        let port = accept(move |_, mut stream| {
            let head = read_head(&mut stream).unwrap_or_default();
            keep.lock().unwrap().push(head);
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let target = TcpStream::connect(("127.0.0.1", target)).unwrap();
            let (mut from, mut back) = (stream.try_clone().unwrap(), target.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut &target));
            thread::spawn(move || std::io::copy(&mut back, &mut stream));
        });
        TunnelProxy { port, heads }
    }

    /// Returns and clears the CONNECT requests so far.
    pub fn take_heads(&self) -> Vec<String> {
        std::mem::take(&mut self.heads.lock().unwrap())
    }
}
