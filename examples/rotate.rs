//! Keeps the token in a file fresh: where less than a share of its life is left, it is replaced.
//!
//! For a cron job: `rotate FILE [--share 0.33] [--ttl SECONDS] [--dry-run]`, with `IONOS_API_URL`
//! and `IONOS_CONTRACT_NUMBER` as ever. FILE holds the token alone, with mode 0600, and is replaced
//! whole or not at all. One job a file: two at once would each make a token, and lose one of them.
//!
//! On Windows a file has no mode: the new one may be read by whom its folder's access list says, so
//! keep it in a folder of your own. While another program has it open and does not share it, it
//! can't be replaced there: this waits five seconds for that, and then leaves it as it was.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | the token is fresh, or has been replaced |
//! | 1 | it was not replaced, and is unchanged: try again later |
//! | 2 | the arguments or the file can't be used |
//! | 3 | it has been replaced, but the old one could not be deleted |
//! | 4 | it was not replaced, and a new token that nobody uses is, or may be, orphaned |

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

/// Does what the arguments say, tells of it, and gives the exit code.
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
    // What a symbolic link points to is replaced, and not the link.
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
        Err(error) => return done(format!("{id}: its age can't be told: {error}"), 1),
    };
    let now = SystemTime::now();
    let life = expires.duration_since(created).unwrap_or_default();
    let left = expires.duration_since(now).unwrap_or_default();
    let percent = 100.0 * left.as_secs_f64() / life.as_secs_f64().max(1.0);
    let fresh = left > life.mul_f64(options.share);
    let whole = format!("{id} has {percent:.0} % of its life left");
    if fresh || options.dry_run {
        let would = if fresh {
            "is left alone"
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
            let code = if error.may_have_left_a_token() { 4 } else { 1 };
            done(format!("{whole}, and was not replaced: {error}"), code)
        }
    }
}

/// Whether the service itself says that it has no such token. A gateway's 404 says nothing of it.
fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Api(answer) if answer.status == 404 && !answer.messages.is_empty())
}

/// When the token was created and when it expires, by itself or, where it does not say, the
/// service.
fn life(client: &Client, token: &str, id: &KeyId) -> Result<(SystemTime, SystemTime)> {
    let claims = claims(token)?;
    let issued = claims.iat.map(Duration::from_secs);
    let created = issued.and_then(|issued| SystemTime::UNIX_EPOCH.checked_add(issued));
    if let (Some(created), Ok(expires)) = (created, claims.expires_at()) {
        return Ok((created, expires));
    }
    let token = get_token_by_id(client, &GetTokenByIdOptions::new(id.clone()))?;
    Ok((token.created_at()?, token.expires_at()?))
}

/// Replaces the file whole or not at all: beside it, to the disk, over it, and the folder to the
/// disk.
fn replace(file: &Path, token: &str) -> io::Result<()> {
    #[cfg(unix)]
    let old = fs::metadata(file)?;
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let beside = PathBuf::from(name);
    // What an earlier run left there when it was killed may have another mode.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = create_private(&beside).and_then(|mut new| {
        writeln!(new, "{token}")?;
        // Whoever may read the old one may read the new one, also where root runs this.
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            new.set_permissions(old.permissions())?;
            std::os::unix::fs::fchown(&new, Some(old.uid()), Some(old.gid()))?;
        }
        new.sync_all()
    });
    if let Err(error) = written.and_then(|()| rename(&beside, file)) {
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    // From here on the new token is in the file, and to say otherwise would have it deleted: that
    // the folder may not be on the disk yet is told, and no reason to undo anything.
    #[cfg(unix)]
    if let Some(folder) = file.parent() {
        if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
            eprintln!("{}: {error}", folder.display());
        }
    }
    Ok(())
}

/// Windows refuses while another program, such as a virus scanner, has the old file open and does not
/// share it. Most have it for a moment only.
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

/// A new file that nobody else can read, not even before its mode is set.
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
