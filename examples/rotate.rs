//! Replaces the token in a file if less than a share of its lifetime is left.
//!
//! Use it as a cron job: `rotate FILE [--share 0.33] [--ttl SECONDS] [--dry-run]`. It reads
//! `IONOS_API_URL` and `IONOS_CONTRACT_NUMBER`. FILE contains only the token, with mode 0600, and
//! is replaced completely or not at all. Run one job per file: two at the same time would each
//! create a token and lose one of them.
//!
//! Windows has no file modes. The new file gets the access control list of its folder, so use a
//! folder that only you can read. The file cannot be replaced while another program has it open
//! without sharing it. The job tries for five seconds, then keeps the old token.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | the token is fresh, or was replaced |
//! | 1 | the token was not replaced and is unchanged: try again later |
//! | 2 | the arguments or the file are not valid |
//! | 3 | the token was replaced, but the old one could not be deleted |
//! | 4 | the token was not replaced, and there is or may be an orphaned token |

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

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
    // Replaces the target of a symbolic link, and not the link.
    let file = fs::canonicalize(&options.file)?;
    let token = fs::read_to_string(&file)?;
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
    match rotate_token(&client, &rotation, |jwt| replace(&file, jwt.token())) {
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

/// Replaces the file completely or not at all: writes a new file, syncs it, renames it over the old
/// one, and syncs the folder.
fn replace(file: &Path, token: &str) -> io::Result<()> {
    #[cfg(unix)]
    let old = fs::metadata(file)?;
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let new_path = PathBuf::from(name);
    // A file left by a run that was killed may have another mode.
    match fs::remove_file(&new_path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = create_private(&new_path).and_then(|mut new| {
        writeln!(new, "{token}")?;
        // The new file has the mode and owner of the old one, even if root runs this.
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            new.set_permissions(old.permissions())?;
            std::os::unix::fs::fchown(&new, Some(old.uid()), Some(old.gid()))?;
        }
        new.sync_all()
    });
    if let Err(error) = written.and_then(|()| rename(&new_path, file)) {
        let _ = fs::remove_file(&new_path);
        return Err(error);
    }
    // The new token is in place now. An error would have it deleted, so a failed sync of the folder
    // is only reported.
    #[cfg(unix)]
    if let Some(folder) = file.parent() {
        if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
            eprintln!("{}: {error}", folder.display());
        }
    }
    Ok(())
}

/// Renames the new file over the old one. Windows refuses that while another program, such as a
/// virus scanner, has the old file open without sharing it, usually only for a moment.
fn rename(new: &Path, file: &Path) -> io::Result<()> {
    const ERROR_ACCESS_DENIED: i32 = 5;
    const ERROR_SHARING_VIOLATION: i32 = 32;
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let renamed = fs::rename(new, file);
        let refused = renamed.as_ref().err().and_then(io::Error::raw_os_error);
        let may_be_over_soon =
            cfg!(windows) && matches!(refused, Some(ERROR_ACCESS_DENIED | ERROR_SHARING_VIOLATION));
        if !may_be_over_soon || Instant::now() > until {
            return renamed;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Creates a file that only its owner can read.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}
