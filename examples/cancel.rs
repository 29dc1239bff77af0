//! Ends a call on Ctrl-C or SIGTERM and reports its outcome: `cargo run --example cancel`, with the
//! credentials of the environment.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | the tokens were listed |
//! | 1 | they could not be listed |
//! | 130 | Ctrl-C was pressed, or the process got SIGTERM |

use std::process::ExitCode;

use ionoscloud_auth::{Client, Error, ErrorKind, GetAllTokensOptions, Result, get_all_tokens};

fn main() -> ExitCode {
    ExitCode::from(run())
}

/// Lists the tokens. Returns the exit code.
pub(crate) fn run() -> u8 {
    match list() {
        Ok(count) => {
            println!("{count} tokens");
            0
        }
        Err(error) if is_cancelled(&error) => {
            eprintln!("cancelled: {error}");
            130
        }
        Err(error) => {
            eprintln!("{error}");
            1
        }
    }
}

fn list() -> Result<usize> {
    let client = Client::from_env()?;
    let on_ctrl_c = client.clone();
    // The handler runs in a thread of its own. Any clone of the client can end all calls.
    if let Err(error) = ctrlc::set_handler(move || on_ctrl_c.shutdown()) {
        eprintln!("no handler for Ctrl-C: {error}");
    }
    println!("listing the tokens; press Ctrl-C to cancel");
    Ok(get_all_tokens(&client, &GetAllTokensOptions::new())?
        .tokens
        .len())
}

fn is_cancelled(error: &Error) -> bool {
    error.kind() == Some(ErrorKind::ShutDown)
}
