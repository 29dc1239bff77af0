//! The warning if others can read a file with credentials.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn warns_if_others_can_read_a_file_with_credentials() {
    let of = |profile: &str| format!("currentProfile: a\nprofiles:\n- name: a\n- {profile}\n");
    for (mode, contents, warned) in [
        (0o600, WRITTEN.to_owned(), false),
        // As a mounted secret has it, which nobody can change there.
        (0o440, WRITTEN.to_owned(), false),
        (0o640, WRITTEN.to_owned(), false),
        (0o604, WRITTEN.to_owned(), true),
        (0o644, WRITTEN.to_owned(), true),
        (0o644, "a: b".to_owned(), false),
        // Whether the credentials are complete is not looked at.
        (0o644, of("{name: b, credentials: {username: u, token: \"\"}}"), true),
        // It makes no difference whether the file is used.
        (0o644, of("{name: b, credentials: {token: SECRET}}"), true),
        (0o644, of("{name: b, credentials: {password: SECRET}}"), true),
        (0o644, of("{name: b, credentials: {s3SecretKey: SECRET}}"), true),
        (0o644, of("{credentials: {token: SECRET}}").replace("currentProfile: a\n", ""), true),
    ] {
        let folder = Home::new();
        let path = folder.write(&contents);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let variables =
            [("IONOS_CONFIG_FILE", path.to_str().unwrap()), ("IONOS_TOKEN", "SECRET-variable")];
        let output = run_child("config_file::child_logs_to_stdout", &variables);
        let warning = output.lines().find(|line| line.starts_with("WARN "));
        assert_eq!(warning.is_some(), warned, "{mode:o}: {contents}: {output}");
        if let Some(warning) = warning {
            assert!(warning.contains(variables[0].1), "{warning}");
        }
        // The source of the credentials is logged, too.
        assert!(
            output.lines().any(|line| line.starts_with("DEBUG ") && line.contains("IONOS_TOKEN"))
        );
        assert!(!output.contains("SECRET"), "{output}");
    }
}
