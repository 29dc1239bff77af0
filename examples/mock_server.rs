//! Serves the mock server until Ctrl-C, to test a whole program: `cargo run --example mock_server`.
//!
//! It prints the environment variables that such a program reads, to be copied into a shell, and
//! then each request.

use std::time::Duration;

use ionoscloud_auth::mock::MockAuthApi;

pub(crate) fn main() -> ! {
    let api = MockAuthApi::start();
    println!("export IONOS_API_URL='{}'", api.base_url());
    println!("export IONOS_USERNAME='{}'", api.username());
    println!("export IONOS_PASSWORD='{}'", api.password());
    let mut shown = 0;
    loop {
        for request in api.requests().iter().skip(shown) {
            eprintln!("{request}");
            shown += 1;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
