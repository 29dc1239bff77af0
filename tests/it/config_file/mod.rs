//! The vendor's config file. Each test has a home folder, and a child process that reads it.

mod contents;
#[cfg(unix)] // Windows has no file modes.
mod permissions;
mod precedence;

use crate::support::*;

/// The variable that contains the home folder.
const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// Returns a path with slashes, for comparison on every platform.
fn shown(path: &Path) -> String {
    slashes(&path.display().to_string())
}

fn slashes(text: &str) -> String {
    if cfg!(windows) {
        // `Debug` output doubles backslashes.
        return text.replace("\\\\", "/").replace('\\', "/");
    }
    text.to_owned()
}

const TOKEN: (&str, &str) = ("IONOS_TOKEN", "SECRET-variable");
const MISSING: (&str, &str) = ("IONOS_CONFIG_FILE", "/nowhere/at/all");

/// A home folder with a config file.
struct Home {
    folder: Folder,
    file: PathBuf,
}

impl Home {
    fn new() -> Home {
        let folder = Folder::new();
        let file = folder.0.join(".ionos").join("config");
        fs::create_dir(folder.0.join(".ionos")).unwrap();
        Home { folder, file }
    }

    fn with(contents: impl AsRef<[u8]>) -> Home {
        let home = Home::new();
        home.write(contents);
        home
    }

    fn path(&self) -> &Path {
        &self.folder.0
    }

    fn write(&self, contents: impl AsRef<[u8]>) -> &Path {
        fs::write(&self.file, contents).unwrap();
        &self.file
    }

    /// The variable for the home folder.
    fn found(&self) -> (&str, &str) {
        (HOME, self.path().to_str().unwrap())
    }

    /// The variable for the file.
    fn named(&self) -> (&str, &str) {
        ("IONOS_CONFIG_FILE", self.file.to_str().unwrap())
    }
}

/// Writes the file where `ionosctl login` writes it.
fn write_by_login(home: &Home, contents: &str) {
    let config = match () {
        () if cfg!(target_vendor = "apple") => "Library/Application Support",
        () => ".config",
    };
    let folder = home.path().join(config).join("ionosctl");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.yaml"), contents).unwrap();
}

/// A file as the vendor's CLI writes it.
const WRITTEN: &str = r#"version: 1.0
currentProfile: user
profiles:
  - name: user                # compared without case
    environment: prod
    credentials:
      token: "SECRET-file-token"
      username: "file@example.com"
      password: "SECRET-file-password"
      s3AccessKey: "x"
      s3SecretKey: "SECRET-s3"
  - name: Second
    environment: test
    credentials:
      token: SECRET-second-token
  - name: bare
    credentials:
      username: "bare@example.com"
      password: 12345678
  - name: none
    environment: prod
environments:
  - name: prod
    certificateAuthData: ""   # PEM
    products:
      - name: compute
        endpoints:
          - name: https://compute.example
            skipTlsVerify: true
      - name: auth
        endpoints:
          - name: https://auth.example
            skipTlsVerify: false
            certificateAuthData: ""
          - name: https://second.example
  - name: test
    products: []
"#;

#[test]
#[ignore = "the program of other tests"]
fn child_makes_a_client() {
    assert_child();
    let client = match std::env::var("FILE_ALONE") {
        Ok(path) => ClientBuilder::from_config_file(path).and_then(ClientBuilder::build),
        Err(_) => Client::from_env_or_config(),
    };
    match client {
        Ok(client) => {
            println!("source: {}\n{client:?}", client.credentials_source());
            let other = client.with_credentials(Credentials::token("a.b.c")).unwrap();
            println!("then: {}", other.credentials_source());
        }
        Err(error) => println!("error: {error}"),
    }
}

/// Prints the log lines of making a client.
#[test]
#[ignore = "the program of other tests"]
fn child_logs_to_stdout() {
    assert_child();
    logger::install_printer(log::LevelFilter::Debug);
    Client::from_env_or_config().unwrap();
}

fn client_in_child(variables: &[(&str, &str)]) -> String {
    let output = run_child("config_file::child_makes_a_client", variables);
    let output = slashes(&output);
    assert!(!output.contains("SECRET"), "{output}");
    if output.contains("source: ") {
        assert!(output.contains("then: the program itself"), "{output}");
    }
    output
}

/// Returns the builder that the file makes, as text.
fn read(path: &Path) -> String {
    let text = match ClientBuilder::from_config_file(path).and_then(ClientBuilder::build) {
        Ok(client) => format!("{client:?} {}", client.credentials_source()),
        Err(error) => error.to_string(),
    };
    assert!(!text.contains("SECRET"), "{text}");
    text
}
