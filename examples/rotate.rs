//! Replaces the token in a file before it expires. Let a timer run it, such as cron once a day:
//!
//! ```text
//! rotate FILE [--share 0.33 | --days N] [--ttl SECONDS] [--dry-run]
//! ```
//!
//! The token is replaced if less than a share of its life is left, or if it expires within N days.
//! FILE is the token alone, or a text that contains one token, such as the vendor's config file or
//! a `.env`: everything else in it stays. `IONOS_API_URL` and `IONOS_CONTRACT_NUMBER` are read, but
//! not the endpoint in a config file.
//!
//! Jobs with the same FILE take turns, by a lock on `FILE.lock`, which stays. What a job that was
//! killed left behind is deleted by the next one. SIGTERM and Ctrl-C end it in order. A token from
//! the vendor's console is not replaced if the new one could do less, as with two-factor
//! authentication.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | the token is fresh, or was replaced |
//! | 1 | the token was not replaced and is unchanged: try again later |
//! | 2 | the same, but a person must act: the arguments, the file or the token is not good |
//! | 3 | the token in the file is good, and there is or may be one too many |
//! | 4 | the token was not replaced, and there is or may be an orphaned one |
//!
//! After 3 and 4 the next run deletes the other token, unless the output says that a person must.
//! For 2 the token has expired, the service refuses it, or the file cannot be replaced.

use std::error::Error as StdError;
use std::fmt::{self, Display};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind as Io, Read as _, Seek as _, Write as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use ionoscloud_auth::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    ExitCode::from(run(&arguments))
}

/// Runs the program. Returns the exit code.
pub(crate) fn run(arguments: &[String]) -> u8 {
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(error) => {
            let usage = "rotate FILE [--share 0.33 | --days N] [--ttl SECONDS] [--dry-run]";
            eprintln!("{error}\nusage: {usage}");
            return 2;
        }
    };
    match rotate(&options) {
        Ok((what, code)) => {
            println!("{what}");
            code
        }
        Err(error) => {
            eprintln!("{}: {error}", options.file.display());
            let error = error.downcast_ref();
            let is_passing = error.is_some_and(|error| !is_refused(error) && !is_invalid(error));
            if is_passing { 1 } else { 2 }
        }
    }
}

struct Options {
    file: PathBuf,
    limit: Limit,
    ttl: Option<Duration>,
    dry_run: bool,
}

/// How much of its life a token must have left.
enum Limit {
    Share(f64),
    Time(Duration),
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options, String> {
        let (mut file, mut limit, mut ttl, mut dry_run) = (None, None, None, false);
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--dry-run" => dry_run = true,
                "--share" | "--days" if limit.is_some() => {
                    return Err("either --share or --days, and once".to_owned());
                }
                "--share" => limit = Some(Limit::Share(number(argument, value()?, 0.0..=1.0)?)),
                "--days" => {
                    limit = Some(Limit::Time(DAY * number(argument, value()?, 0..=365)?));
                }
                "--ttl" => {
                    let seconds = number(argument, value()?, 60..=31_536_000)?;
                    ttl = Some(Duration::from_secs(seconds));
                }
                other if other.starts_with('-') => return Err(format!("there is no {other}")),
                path if file.is_none() => file = Some(PathBuf::from(path)),
                other => return Err(format!("one file at a time: {other}")),
            }
        }
        Ok(Options {
            file: file.ok_or("no FILE is given")?,
            limit: limit.unwrap_or(Limit::Share(0.33)),
            ttl,
            dry_run,
        })
    }
}

fn number<T: FromStr + PartialOrd + Display>(
    name: &str,
    text: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    let (from, to) = (range.start(), range.end());
    number.ok_or_else(|| format!("{name} {text} is not from {from} to {to}"))
}

type Outcome<T> = Result<T, Box<dyn StdError + Send + Sync>>;

/// Returns what happened, and the exit code.
fn rotate(options: &Options) -> Outcome<(String, u8)> {
    // A symbolic link and its file have one lock.
    let file = fs::canonicalize(&options.file)?;
    let lock = (!options.dry_run).then(|| Lock::wait_for(&file));
    let lock = lock.transpose()?;
    let text = fs::read_to_string(&file)?;
    let (token, id) = match tokens_in(&text).as_slice() {
        [(token, id)] => (*token, id.clone()),
        [] => return Err("it contains no token".into()),
        several => return Err(format!("it contains {} tokens", several.len()).into()),
    };
    let client = ClientBuilder::from_env()?
        .credentials(Credentials::token(token))
        .user_agent("rotate-example")
        .build()?;
    let (file, text) = (file.as_path(), text.as_str());
    let job = Job {
        client,
        file,
        text,
        token,
        id,
    };
    let Some(lock) = lock else {
        let (is_due, age) = job.age(&options.limit)?;
        let would = if is_due { "would be" } else { "is not" };
        return Ok((format!("{age}, and {would} replaced"), 0));
    };

    let on_signal = job.client.clone();
    if let Err(error) = ctrlc::set_handler(move || on_signal.shutdown()) {
        eprintln!("no handler for SIGTERM and Ctrl-C: {error}");
    }
    let code = job.recover(&lock)?;
    let (is_due, age) = job.age(&options.limit)?;
    if !is_due {
        return Ok((format!("{age}, and is not replaced"), code));
    }
    let (what, new_code) = job.replace(options.ttl, &lock);
    let code = if new_code == 0 { code } else { new_code };
    Ok((format!("{age}, {what}"), code))
}

/// A file and the token in it.
struct Job<'a> {
    client: Client,
    file: &'a Path,
    text: &'a str,
    token: &'a str,
    id: KeyId,
}

impl Job<'_> {
    /// Returns whether the token is due, and what is left of its life.
    fn age(&self, limit: &Limit) -> Result<(bool, String)> {
        let (created, expires) = self.life()?;
        let life = expires.duration_since(created).unwrap_or_default();
        let now = SystemTime::now();
        let left = expires.duration_since(now).unwrap_or_default();
        let is_due = match limit {
            Limit::Share(share) => left <= life.mul_f64(*share),
            Limit::Time(time) => left <= *time,
        };
        let percent = 100.0 * left.as_secs_f64() / life.as_secs_f64().max(1.0);
        let days = left.as_secs() / DAY.as_secs();
        let age = format!("{days} days and {percent:.0} % of its life left");
        Ok((is_due, format!("{} has {age}", self.id)))
    }

    /// Returns when the token was created and when it expires, from its claims or else from the
    /// service.
    fn life(&self) -> Result<(SystemTime, SystemTime)> {
        let claims = claims(self.token)?;
        let time = |seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let (created, expires) = (claims.iat.and_then(time), claims.exp.and_then(time));
        if let (Some(created), Some(expires)) = (created, expires) {
            return Ok((created, expires));
        }
        let token = get_token_by_id(&self.client, &GetTokenByIdOptions::new(&self.id))?;
        Ok((token.created_at()?, token.expires_at()?))
    }

    /// Replaces the token. Returns what happened, and the exit code.
    fn replace(&self, ttl: Option<Duration>, lock: &Lock) -> (String, u8) {
        let old = &self.id;
        let mut options = RotateTokenOptions::current();
        if let Some(ttl) = ttl {
            options = options.ttl(ttl);
        }
        // If this run is killed, the next one says that there may be a token that it can't name.
        if let Err(error) = lock.note(old.as_str()) {
            return (format!("and is not replaced: its lock: {error}"), 1);
        }
        let rotated = rotate_token(&self.client, &options, |jwt| -> Outcome<()> {
            // From here on the next run can finish or undo this.
            lock.note(&format!("{old} {}", jwt.key_id()?))?;
            let renewed = Credentials::token(jwt.token());
            refuse_if_worse(&self.client.with_credentials(renewed)?)?;
            Ok(jwt.save_in(self.file, self.token)?)
        });
        match rotated {
            Ok(rotation) => {
                let what = format!("was replaced by {}", rotation.key_id);
                match rotation.leftover.filter(|error| !is_gone(error)) {
                    Some(error) => (format!("{what}, and could not be deleted: {error}"), 3),
                    None => {
                        lock.clear();
                        (format!("and {what}"), 0)
                    }
                }
            }
            Err(error) => {
                lock.clear();
                if let Some(new) = error.orphan().and_then(|orphan| orphan.key_id.as_ref()) {
                    if let Err(error) = lock.note(&format!("{old} {new}")) {
                        eprintln!("the next run will not delete {new}: {error}");
                    }
                }
                (format!("and was not replaced: {error}"), code_of(&error))
            }
        }
    }

    /// Deletes what an earlier run left: the one of its two tokens that the file does not hold, and
    /// the tokens in files that were not renamed. Returns the exit code of what has to stay.
    fn recover(&self, lock: &Lock) -> Outcome<u8> {
        let mut code = 0;
        let noted = lock.noted()?;
        if noted.len() == 1 {
            let cure = "list the tokens, and delete the one that nobody uses";
            eprintln!("an earlier run was killed while it made a token: {cure}");
            code = 3;
        }
        for id in noted.iter().filter(|id| **id != self.id) {
            if noted.contains(&self.id) {
                self.delete_left(id)?;
            } else {
                // Somebody has replaced the file's token since, and may use this one.
                eprintln!("{id} was in use by an earlier run: delete it if nobody uses it");
            }
        }
        for path in not_renamed(self.file)? {
            // Whoever is still writing it can't rename it any more.
            let claimed = path.with_extension("left");
            match fs::rename(&path, &claimed) {
                Err(error) if error.kind() == Io::NotFound => continue,
                renamed => renamed?,
            }
            let bytes = fs::read(&claimed)?;
            let left = String::from_utf8_lossy(&bytes);
            let is_this_file = |new| left.replace(new, self.token).trim() == self.text.trim();
            match tokens_in(&left).as_slice() {
                [] => {}
                [(_, id)] if *id == self.id => {}
                [(new, id)] if is_this_file(new) => self.delete_left(id)?,
                tokens => {
                    let ids: Vec<_> = tokens.iter().map(|(_, id)| id.as_str()).collect();
                    let (path, ids) = (claimed.display(), ids.join(", "));
                    eprintln!("{path}: remove it, and delete what nobody uses of {ids}");
                    code = 3;
                    continue;
                }
            }
            fs::remove_file(&claimed)?;
        }
        lock.clear();
        Ok(code)
    }

    fn delete_left(&self, id: &KeyId) -> Result<()> {
        println!("deleting {id}, which an earlier run left");
        match delete_token_by_id(&self.client, &DeleteTokenByIdOptions::new(id)) {
            Err(error) if !is_gone(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

fn code_of(error: &RotateError) -> u8 {
    if error.outcome_unknown() || error.orphan().is_some() {
        return 4;
    }
    let needs_a_person = match error {
        RotateError::NotStarted(error) | RotateError::NotCreated(error) => is_refused(error),
        RotateError::NotStored { error, .. } => {
            // On Windows another program may have the file for a while.
            let is_lasting = |error: &io::Error| match error.kind() {
                Io::PermissionDenied | Io::InvalidInput => cfg!(unix),
                kind => matches!(kind, Io::ReadOnlyFilesystem | Io::ResourceBusy),
            };
            error.is::<Worse>() || error.downcast_ref().is_some_and(is_lasting)
        }
        _ => false,
    };
    if needs_a_person { 2 } else { 1 }
}

fn is_invalid(error: &Error) -> bool {
    matches!(error, Error::Invalid { .. })
}

/// Whether the service itself refuses the token. A gateway's page does not count.
fn is_refused(error: &Error) -> bool {
    matches!(error, Error::Call(call)
        if matches!(call.status, Some(401 | 403)) && !call.messages.is_empty())
}

/// Whether the service itself says that there is no such token. A gateway's 404 does not count.
fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Call(call) if call.status == Some(404) && !call.messages.is_empty())
}

/// The new token may do less than the one in the file.
#[derive(Debug)]
struct Worse(Error);

impl StdError for Worse {}

impl Display for Worse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worse = "it may not delete tokens, as with two-factor authentication";
        let cure = "make the next one in the vendor's console";
        write!(f, "{worse}: {cure} ({})", self.0)
    }
}

/// Asks the service to delete a token that nobody has, to learn whether it would.
fn refuse_if_worse(renewed: &Client) -> Outcome<()> {
    let nobodys = KeyId::new("00000000-0000-0000-0000-000000000000")?;
    match delete_token_by_id(renewed, &DeleteTokenByIdOptions::new(nobodys)) {
        Err(error) if is_refused(&error) => Err(Worse(error).into()),
        _ => Ok(()),
    }
}

/// Returns the tokens in a text, each once.
fn tokens_in(text: &str) -> Vec<(&str, KeyId)> {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let words = text.split(|c| !is_of_token(c));
    let tokens = words.filter_map(|word| Some((word, key_id(word).ok()?)));
    let mut tokens: Vec<_> = tokens.collect();
    tokens.sort_by_key(|(word, _)| *word);
    tokens.dedup();
    tokens
}

/// Held until it is dropped or the process ends. Its file says which token was to be replaced by
/// which, so that it can be seen how far a job that was killed had come.
struct Lock(File);

impl Lock {
    fn wait_for(file: &Path) -> io::Result<Lock> {
        let mut path = file.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.read(true).write(true).create(true).truncate(false);
        let opened = options.open(&path);
        // The standard library has it since Rust 1.89.
        let locked = opened.and_then(|file| fs4::FileExt::lock(&file).map(|()| Lock(file)));
        let named = |error| format!("its lock {}: {error}", path.display());
        locked.map_err(|error| io::Error::new(error.kind(), named(error)))
    }

    fn note(&self, text: &str) -> io::Result<()> {
        (&self.0).rewind()?;
        // In this order, so that a kill in between loses nothing.
        (&self.0).write_all(text.as_bytes())?;
        self.0.set_len(text.len() as u64)?;
        self.0.sync_all()
    }

    fn noted(&self) -> io::Result<Vec<KeyId>> {
        let mut text = String::new();
        (&self.0).rewind()?;
        (&self.0).read_to_string(&mut text)?;
        let ids = text.split_whitespace().map(KeyId::new);
        Ok(ids.filter_map(Result::ok).collect())
    }

    /// If this fails, the next run asks for a deletion of what is gone already.
    fn clear(&self) {
        let _ = self.note("");
    }
}

/// Returns the files that [`Jwt::save`] and [`Jwt::save_in`] left: `FILE.1b0f5a3c8d92e647.new`.
fn not_renamed(file: &Path) -> io::Result<Vec<PathBuf>> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let is_left = |path: &PathBuf| {
        let found = path.file_name().unwrap_or_default().to_string_lossy();
        let end = found.strip_prefix(&*name);
        let number = end.and_then(|end| end.strip_prefix('.'));
        let number = number.and_then(|it| it.strip_suffix(".new").or(it.strip_suffix(".left")));
        number.is_some_and(|it| it.len() == 16 && it.bytes().all(|it| it.is_ascii_hexdigit()))
    };
    let folder = file.parent().unwrap_or(Path::new("."));
    let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<_> = paths.collect::<io::Result<_>>()?;
    paths.retain(is_left);
    Ok(paths)
}
