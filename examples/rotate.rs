//! Replaces the token in a file if less than a share of its lifetime is left.
//!
//! Use it as a cron job: `rotate FILE [--share 0.33] [--ttl SECONDS] [--dry-run]`. It reads
//! `IONOS_API_URL` and `IONOS_CONTRACT_NUMBER`. FILE contains only the token, and [`Jwt::save`]
//! replaces it. Run one job per file: two at the same time would each create a token and lose one of
//! them.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | the token is fresh, or was replaced |
//! | 1 | the token was not replaced and is unchanged: try again later |
//! | 2 | the arguments or the file are not valid |
//! | 3 | the token was replaced, but the old one could not be deleted |
//! | 4 | the token was not replaced, and there is or may be an orphaned token |

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use ionoscloud_auth::*;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    ExitCode::from(run(&arguments))
}

/// Runs the program. Returns the exit code.
pub(crate) fn run(arguments: &[String]) -> u8 {
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}\nusage: rotate FILE [--share 0.33] [--ttl SECONDS] [--dry-run]");
            return 2;
        }
    };
    match rotate(&options) {
        Ok(done) => {
            println!("{}", done.what);
            done.code
        }
        Err(problem) => {
            eprintln!("{}: {problem}", options.file.display());
            2
        }
    }
}

struct Options {
    file: PathBuf,
    share: f64,
    ttl: Option<Duration>,
    dry_run: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> std::result::Result<Options, String> {
        let mut file = None;
        let mut share = 0.33;
        let mut ttl = None;
        let mut dry_run = false;
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--dry-run" => dry_run = true,
                "--share" => {
                    let text = value()?;
                    let parsed = text
                        .parse()
                        .ok()
                        .filter(|share| (0.0..=1.0).contains(share));
                    share = parsed.ok_or(format!("--share {text} is not from 0 to 1"))?;
                }
                "--ttl" => {
                    let text = value()?;
                    let seconds = text
                        .parse()
                        .ok()
                        .filter(|ttl| (60..=31_536_000).contains(ttl));
                    let seconds =
                        seconds.ok_or(format!("--ttl {text} is not from 60 to 31536000"))?;
                    ttl = Some(Duration::from_secs(seconds));
                }
                other if other.starts_with('-') => return Err(format!("there is no {other}")),
                path if file.is_none() => file = Some(PathBuf::from(path)),
                other => return Err(format!("one file at a time: {other}")),
            }
        }
        Ok(Options {
            file: file.ok_or("no FILE is given")?,
            share,
            ttl,
            dry_run,
        })
    }
}

struct Done {
    what: String,
    code: u8,
}

fn rotate(options: &Options) -> std::result::Result<Done, Box<dyn std::error::Error>> {
    let done = |what: String, code| Ok(Done { what, code });
    let token = fs::read_to_string(&options.file)?;
    let token = token.trim();
    let id = key_id(token)?;
    let client = ClientBuilder::from_env()?
        .credentials(Credentials::token(token))
        .user_agent("rotate-example")
        .build()?;

    let (created, expires) = match life(&client, token, &id) {
        Ok(life) => life,
        Err(error) => return done(format!("{id}: its age is unknown: {error}"), 1),
    };
    let now = SystemTime::now();
    let life = expires.duration_since(created).unwrap_or_default();
    let left = expires.duration_since(now).unwrap_or_default();
    let percent = 100.0 * left.as_secs_f64() / life.as_secs_f64().max(1.0);
    let fresh = left > life.mul_f64(options.share);
    let whole = format!("{id} has {percent:.0} % of its life left");
    if fresh || options.dry_run {
        let would = if fresh {
            "is not replaced"
        } else {
            "would be replaced"
        };
        return done(format!("{whole}, and {would}"), 0);
    }

    let mut rotation = RotateTokenOptions::current();
    if let Some(ttl) = options.ttl {
        rotation = rotation.ttl(ttl);
    }
    match rotate_token(&client, &rotation, |jwt| jwt.save(&options.file)) {
        Ok(rotation) => {
            let new = rotation.key_id;
            match rotation.leftover {
                None => done(format!("{whole}, and was replaced by {new}"), 0),
                Some(error) if is_gone(&error) => {
                    done(format!("{whole}, was replaced by {new}, and is gone"), 0)
                }
                Some(error) => {
                    let what = format!(
                        "{whole}, was replaced by {new}, and could not be deleted: {error}"
                    );
                    done(what, 3)
                }
            }
        }
        Err(error) => {
            let may_be_orphaned = error.outcome_unknown() || error.orphan().is_some();
            let code = if may_be_orphaned { 4 } else { 1 };
            done(format!("{whole}, and was not replaced: {error}"), code)
        }
    }
}

/// Whether the service itself says that there is no such token. A gateway's 404 does not count.
fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Call(call) if call.status == Some(404) && !call.messages.is_empty())
}

/// Returns when the token was created and when it expires, from its claims or else from the
/// service.
fn life(client: &Client, token: &str, id: &KeyId) -> Result<(SystemTime, SystemTime)> {
    let claims = claims(token)?;
    let time = |seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    let (created, expires) = (claims.iat.and_then(time), claims.exp.and_then(time));
    if let (Some(created), Some(expires)) = (created, expires) {
        return Ok((created, expires));
    }
    let token = get_token_by_id(client, &GetTokenByIdOptions::new(id.clone()))?;
    Ok((token.created_at()?, token.expires_at()?))
}
