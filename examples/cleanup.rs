//! Lists the tokens that have expired or expire soon, and deletes them with `--delete`, except its
//! own: `cleanup [--days N] [--json] [--delete]`, with the credentials of the environment.
//!
//! A token is due if it expires within N days, or without `--days`, if it has expired. The exit
//! code is 1 if tokens could not be listed or deleted, and 2 if the arguments are not valid.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use ionoscloud_auth::*;
use serde_json::json;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    ExitCode::from(run(&arguments))
}

/// Runs the program. Returns the exit code.
pub(crate) fn run(arguments: &[String]) -> u8 {
    let Some(options) = Options::parse(arguments) else {
        eprintln!("usage: cleanup [--days N] [--json] [--delete]");
        return 2;
    };
    match clean_up(&options) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(error) => {
            eprintln!("{error}");
            1
        }
    }
}

#[derive(Default)]
struct Options {
    within: Duration,
    json: bool,
    delete: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Option<Options> {
        let mut options = Options::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--days" => {
                    options.within = DAY * u32::from(arguments.next()?.parse::<u16>().ok()?)
                }
                "--json" => options.json = true,
                "--delete" => options.delete = true,
                _ => return None,
            }
        }
        Some(options)
    }
}

/// A line of output about a token.
struct Row<'a> {
    token: &'a Token,
    what: String,
}

/// Lists and deletes tokens. Returns whether all of that succeeded.
fn clean_up(options: &Options) -> Result<bool> {
    let client = Client::from_env()?;
    let own = client.key_id();
    let tokens = get_all_tokens(&client, &GetAllTokensOptions::new())?;
    let end = SystemTime::now() + options.within;
    let mut all_is_well = true;
    let mut rows = Vec::new();
    for token in &tokens {
        let what = match token.expires_at() {
            Ok(expires) if expires > end => continue,
            Ok(_) if own.as_ref() == Some(&token.id) => "kept: it is the one in use".to_owned(),
            Ok(_) if options.delete => {
                match delete_token_by_id(&client, &DeleteTokenByIdOptions::new(&token.id)) {
                    Ok(_) => "deleted".to_owned(),
                    Err(error) => {
                        all_is_well = false;
                        format!("not deleted: {error}")
                    }
                }
            }
            Ok(_) => "due".to_owned(),
            Err(error) => {
                all_is_well = false;
                format!("kept: {error}")
            }
        };
        rows.push(Row { token, what });
    }
    if options.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| json!({ "token": row.token, "what": row.what }))
            .collect();
        println!("{}", json!(rows));
    } else {
        for Row { token, what } in rows {
            // The date is text from the service, quoted so that it cannot harm a terminal.
            println!("{}  {:?}  {what}", token.id, token.expiration_date);
        }
    }
    Ok(all_is_well)
}
