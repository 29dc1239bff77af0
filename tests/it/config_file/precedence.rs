//! Which file is read, and the precedence of program, environment and file.

use super::*;

#[test]
fn environment_credentials_override_those_of_the_file() {
    // All combinations of credentials in the environment and in the file, and of naming the
    // profile.
    in_parallel(0..48, |n| {
        let folder = Home::new();
        let [env_token, env_basic, file_token, file_basic] =
            [1, 2, 4, 8].map(|bit| (n % 16) & bit != 0);
        let named_by = ["file", "variable", "nothing"][n / 16];
        let mut contents =
            "profiles:\n  - {name: other, credentials: {token: SECRET-other}}\n".to_owned();
        contents.push_str("  - name: mine\n    credentials:\n      s3AccessKey: x\n");
        if file_token {
            contents.push_str("      token: SECRET-file\n");
        }
        if file_basic {
            contents.push_str("      username: file\n      password: SECRET-file\n");
        }
        let mut variables = vec![folder.found()];
        match named_by {
            "file" => contents.push_str("currentProfile: MINE\n"),
            // The variable overrides the file.
            "variable" => {
                contents.push_str("currentProfile: other\n");
                variables.push(("IONOS_CURRENT_PROFILE", "Mine"));
            }
            _ => {}
        }
        folder.write(contents);
        if env_token {
            variables.push(TOKEN);
        }
        if env_basic {
            variables.push(("IONOS_USERNAME", "variable"));
            variables.push(("IONOS_PASSWORD", "SECRET-variable"));
        }
        let of_file =
            |what| format!("source: the {what} of profile {:?} in {}", "mine", shown(&folder.file));
        let expected = match (env_token, env_basic, named_by, file_token, file_basic) {
            (true, ..) => "source: IONOS_TOKEN".to_owned(),
            (_, true, ..) => "source: IONOS_USERNAME and IONOS_PASSWORD".to_owned(),
            (_, _, "nothing", ..) => {
                "has no currentProfile; available: \"other\", \"mine\"".to_owned()
            }
            (_, _, _, true, _) => of_file("token"),
            (_, _, _, _, true) => of_file("user name and password"),
            _ => "the profile \"mine\" has no credentials".to_owned(),
        }
        .to_lowercase();
        let output = client_in_child(&variables).to_lowercase();
        assert!(output.contains(&expected), "{variables:?}: {expected}: {output}");
    });
}

#[test]
fn variables_choose_the_file_the_profile_and_the_base_url() {
    let [folder, elsewhere] = [Home::new(), Home::with(WRITTEN)];
    let [home, named] = [folder.found(), elsewhere.named()];
    let profile = variable("IONOS_CURRENT_PROFILE");
    let [second, user] = [profile("SECOND"), ("IONOS_USERNAME", "u")];
    let [default, auth] = ["https://api.ionos.com/auth/v1", "https://auth.example/auth/v1"];
    let stale = "error: IONOS_CONFIG_FILE: /nowhere/at/all: ";
    #[rustfmt::skip]
    let cases = [
        (vec![home, TOKEN], default, "no file, but not needed"),
        (vec![home], "credentials: none found", "no file, and nothing else"),
        (vec![TOKEN], default, "no home"),
        (vec![], "credentials: none found", "nothing at all"),
        (vec![home, named], "source: the token of profile \"user\"", "the file that is named"),
        (vec![named], auth, "its endpoint"),
        (vec![named, TOKEN], auth, "its endpoint, whatever the credentials"),
        (vec![named, ("IONOS_API_URL", "other.example")], "https://other.example/auth/v1",
         "the variable wins"),
        (vec![named, second], default, "an environment without the product"),
        (vec![named, second], "source: the token of profile \"SECOND\"",
         "the profile that is named"),
        (vec![named, profile("bare")], "user name and password of profile",
         "no environment, a number for a password"),
        (vec![named, profile("bare")], auth, "no environment: the first that has the product"),
        (vec![named, profile("none")], "the profile \"none\" has no credentials", "no credentials"),
        (vec![named, TOKEN, profile("none")], "source: IONOS_TOKEN", "but not needed"),
        (vec![named, profile("x")],
         "has no profile \"x\", which IONOS_CURRENT_PROFILE names; available: \"user\", \"Second\", \"bare\", \"none\"",
         "a missing profile"),
        (vec![named, TOKEN, profile("x")], "has no profile \"x\"", "although it is not needed"),
        (vec![MISSING], stale, "a named file must be there"),
        (vec![MISSING, TOKEN], stale, "whatever the credentials"),
        (vec![named, user], "source: the token of profile \"user\"", "a user name alone"),
        (vec![named, user, profile("none")], "profile \"none\" has no credentials", "nothing else"),
        (vec![home, user], "error: IONOS_PASSWORD: is not set", "no file either"),
        (vec![named, ("IONOS_PASSWORD", "p")], "error: IONOS_USERNAME: is not set", "a password"),
    ];
    in_parallel(cases, |(variables, says, reason)| {
        let output = client_in_child(&variables);
        assert!(output.contains(says), "{reason}: {says}: {output}");
    });
    let output = run_child("config_file::child_logs_to_stdout", &[named, user]);
    let warning = "WARN IONOS_PASSWORD: is not set, but IONOS_USERNAME is (ignored: ";
    assert!(output.contains(warning), "{output}");
    let output = slashes(&output);
    let file = shown(&elsewhere.file);
    let made = format!(
        "DEBUG calls go to {auth} ({file}: name of \"auth\" in environment \"prod\"), with \
         credentials from the token of profile \"user\" in {file}\n"
    );
    assert!(output.contains(&made), "{made}{output}");
    let output = run_child("config_file::child_logs_to_stdout", &[TOKEN]);
    let made =
        format!("DEBUG calls go to {default} (the default), with credentials from IONOS_TOKEN\n");
    assert!(output.contains(&made), "{made}{output}");
}

#[test]
fn certificates_of_an_endpoint_apply_only_to_its_base_url() {
    let elsewhere = Home::new();
    let ca = authority("A test's CA").pem.replace('\n', "\\n");
    let [none, some] = ["\"\"\n", &format!("\"{ca}\"\n")]
        .map(|pem| format!("            certificateAuthData: {pem}"));
    let private = WRITTEN.replacen(&none, &some, 1);
    let nameless = private.replacen("name: https://auth.example\n            ", "", 1);
    for (contents, has_roots) in [(WRITTEN.to_owned(), false), (private, true), (nameless, false)] {
        let path = elsewhere.write(contents);
        let builder = ClientBuilder::from_config_file(path).unwrap();
        let shown = format!("{builder:?}");
        assert_eq!(shown.contains("file_certificates: true"), has_roots, "{shown}");
        let other = builder.base_url("https://other.example");
        assert!(format!("{other:?}").contains("file_certificates: false"));
    }
}

#[test]
fn pin_is_never_ignored() {
    let elsewhere = Home::with(WRITTEN);
    let named = elsewhere.named();
    let pin = ("IONOS_PINNED_CERT", "ab:cd");
    for variables in [vec![named, TOKEN, pin], vec![("FILE_ALONE", named.1), pin]] {
        let output = client_in_child(&variables);
        assert!(output.contains("error: IONOS_PINNED_CERT: is "), "{output}");
    }
}

/// An endpoint, credentials or a whole file that is not used is not checked.
#[test]
fn only_what_is_used_is_checked() {
    let spoiled = WRITTEN.replacen("skipTlsVerify: false", "skipTlsVerify: true", 1);
    let no_profile = spoiled.replacen("currentProfile: user\n", "", 1);
    let profile = |credentials: &str| {
        format!("currentProfile: a\nprofiles:\n- {{name: a, credentials: {credentials}}}\n")
    };
    let url = ("IONOS_API_URL", "other.example");
    let [good, of_a] = ["source: the token of profile", "profile \"a\""];
    let refused = "is refused because it would expose the credentials";
    let none = "has no currentProfile; none is defined";
    // (the file, what it says alone, another variable, what both say)
    let cases = [
        (spoiled, refused, url, good),
        (no_profile, "has no currentProfile; available: \"user\"", TOKEN, refused),
        (profile("{token: \"<SECRET token>\"}"), of_a, TOKEN, "source: IONOS_TOKEN"),
        (profile("{username: u}"), of_a, TOKEN, "source: IONOS_TOKEN"),
        (profile("{username: \"us:er\", password: SECRET}"), of_a, TOKEN, "source: IONOS_TOKEN"),
        (String::new(), none, TOKEN, "source: IONOS_TOKEN"),
        (WRITTEN.to_owned(), "source: the token of profile \"user\"", url, good),
    ];
    in_parallel(cases, |(contents, alone, variable, both)| {
        let home = Home::with(&contents);
        for file in [home.named(), home.found()] {
            let output = client_in_child(&[file]);
            assert!(output.contains(alone), "{contents}: {output}");
            let output = client_in_child(&[file, variable]);
            assert!(output.contains(both), "{contents}: {output}");
        }
    });
}

#[test]
fn file_that_is_named_comes_before_one_that_is_found() {
    let profile = |token: &str| {
        format!("currentProfile: a\nprofiles:\n- name: a\n  credentials: {{token: {token}}}\n")
    };
    let home = Home::new();
    let [by_variable, config] = [Home::new(), Home::new()];
    by_variable.write(profile("b"));
    let settings = home.path().join(".config");
    let [at_home, by_name] = [home.found(), by_variable.named()];
    let app_data = ("APPDATA", settings.to_str().unwrap());
    let xdg = ("XDG_CONFIG_HOME", config.path().to_str().unwrap());

    let none = client_in_child(&[at_home, app_data]);
    assert!(none.contains("ionosctl/config.yaml or "), "{none}");
    assert!(none.contains(".ionos/config either"), "{none}");

    home.write(profile("c"));
    let is = |variables: &[(&str, &str)], path: &str, reason: &str| {
        let output = client_in_child(variables);
        assert!(
            output.contains("source: the token") && output.contains(path),
            "{reason}: {output}"
        );
    };
    let at = |folder: &Home, file: &str| shown(&folder.path().join(file));
    let [last, named_file] = [at(&home, ".ionos/config"), at(&by_variable, ".ionos/config")];
    is(&[at_home, app_data], &last, "the last place");
    let named = "the one that is named";
    is(&[at_home, app_data, by_name], &named_file, named);
    write_by_login(&home, &profile("a"));
    let first = "ionosctl/config.yaml";
    is(&[at_home, app_data], first, "that of a login");
    is(&[at_home, app_data, by_name], &named_file, named);
    let output = client_in_child(&[at_home, app_data, MISSING]);
    assert!(output.contains("IONOS_CONFIG_FILE: /nowhere"), "{output}");
    if cfg!(all(unix, not(target_vendor = "apple"))) {
        // The settings folder is in another place.
        is(&[at_home, xdg], &last, "ionosctl login was not used");
        fs::create_dir(config.path().join("ionosctl")).unwrap();
        fs::write(config.path().join(first), profile("d")).unwrap();
        is(&[at_home, xdg], &at(&config, first), "somebody has");
        let relative = ("XDG_CONFIG_HOME", "relative");
        is(&[at_home, relative], &at(&home, ".config/ionosctl"), "no folder");
    }
    // Where a folder is expected there is a file.
    let none = client_in_child(&[(HOME, home.file.to_str().unwrap())]);
    assert!(none.contains("there is no config file at"), "{none}");
}

#[test]
fn complete_environment_needs_no_file() {
    let url = ("IONOS_API_URL", "other.example");
    let user = ("IONOS_USERNAME", "user");
    let password = ("IONOS_PASSWORD", "SECRET-variable");
    let good = WRITTEN;
    let profile = variable("IONOS_CURRENT_PROFILE");
    let [unknown, second] = ["unknown", "Second"].map(profile);
    let skips = WRITTEN.replacen("skipTlsVerify: false", "skipTlsVerify: true", 1);
    let no_such = "has no profile \"unknown\", which IONOS_CURRENT_PROFILE names";
    for (contents, variable, warning, reason) in [
        (good, MISSING, Some("/nowhere/at/all"), "a stale name"),
        (good, unknown, Some(no_such), "no such profile"),
        ("a: [SECRET", second, Some("did not find expected"), "a broken file"),
        ("SECRET: [", second, Some("did not find expected"), "half of a file"),
        ("[SECRET]", second, Some("expected a map"), "a foreign file"),
        ("", second, Some("has no profile"), "an empty file"),
        (good, second, None, "a good file"),
        (&skips, second, None, "an endpoint that is not used"),
        (good, profile("none"), None, "a profile without credentials"),
    ] {
        let home = Home::with(contents);
        let file = home.found();
        for (credentials, source) in [
            (vec![TOKEN], "IONOS_TOKEN"),
            (vec![user, password], "IONOS_USERNAME and IONOS_PASSWORD"),
        ] {
            let complete = [&[file, variable, url][..], &credentials].concat();
            let output = client_in_child(&complete);
            assert!(output.contains("https://other.example"), "{reason}: {output}");
            assert!(output.contains(&format!("source: {source}")), "{reason}: {output}");
        }
        let complete = [file, variable, url, TOKEN];
        let output = run_child("config_file::child_logs_to_stdout", &complete);
        assert!(!output.contains("SECRET"), "{output}");
        let ignored = |line: &&str| line.starts_with("WARN ") && line.contains("(ignored");
        let found = output.lines().find(ignored);
        match warning {
            Some(warning) => assert!(found.expect(reason).contains(warning), "{output}"),
            None => assert_eq!(found, None, "{reason}"),
        }
        // Where something is missing, the file is needed.
        if warning.is_some() {
            for part in [url, TOKEN] {
                let output = client_in_child(&[file, variable, part]);
                assert!(output.contains("error: "), "{reason}: {part:?}: {output}");
            }
        }
    }
}

/// The vendor's CLI selects the endpoint the same way.
#[test]
fn endpoint_is_that_of_the_first_environment_and_without_a_location() {
    let environments = "environments:
- name: empty
  products: []
- name: Prod
  products:
  - name: auth
    endpoints:
    - name: https://located.example
      location: de/fra
      skipTlsVerify: true
    - name: https://global.example
    - name: https://another.example
- name: prod
  products:
  - name: auth
    endpoints:
    - name: https://lower.example
- name: located
  products:
  - name: auth
    endpoints:
    - name: https://located.example
      location: de/fra
";
    let cases = [
        ("", "https://global.example/auth/v1", "the first environment with the product"),
        ("environment: Prod", "https://global.example", "by its name"),
        ("environment: prod", "https://lower.example", "by case"),
        ("environment: PROD", "no environment \"PROD\"", "by case"),
        ("environment: empty", "https://api.ionos.com", "no product"),
        ("environment: located", "https://api.ionos.com", "only endpoints with a location"),
    ];
    in_parallel(cases, |(environment, says, reason)| {
        let home = Home::with(format!(
            "currentProfile: a\nprofiles:\n- name: a\n  credentials: {{token: t}}\n  \
             {environment}\n{environments}"
        ));
        let output = client_in_child(&[home.found()]);
        assert!(output.contains(says), "{reason}: {environment}: {output}");
    });
}

/// macOS does not allow such a path, and Wine cannot store it.
#[cfg(target_os = "linux")]
#[test]
fn file_is_found_by_a_path_that_is_not_utf8() {
    let home = Home::new();
    let folder = home.path().join(not_utf8("caf"));
    fs::create_dir_all(folder.join(".ionos")).unwrap();
    let file = folder.join(".ionos").join("config");
    fs::write(&file, WRITTEN).unwrap();
    for (name, value) in [(HOME, &folder), ("IONOS_CONFIG_FILE", &file)] {
        let output = run_child("config_file::child_makes_a_client", &[(name, value)]);
        assert!(output.contains("source: the token of profile"), "{name}: {output}");
    }
}

#[test]
fn default_file_that_can_not_be_examined_is_an_error() {
    let folder = Folder::new();
    // ERROR_INVALID_NAME
    #[cfg(windows)]
    let (home, says) = (folder.0.join("a|b"), "(os error 123)".to_owned());
    // ELOOP
    #[cfg(unix)]
    let (home, says) = {
        std::os::unix::fs::symlink(".ionos", folder.0.join(".ionos")).unwrap();
        let number = if cfg!(target_os = "linux") { 40 } else { 62 };
        (folder.0.clone(), format!("(os error {number})"))
    };
    let output = client_in_child(&[(HOME, home.to_str().unwrap())]);
    assert!(output.contains(&says), "{output}");
}

#[test]
fn certificates_of_the_program_override_the_endpoint() {
    let folder = Home::new();
    let (right, wrong) = (authority("One CA"), authority("Another CA"));
    let server = serve(certificate("127.0.0.1", 2020..2100, Some(&right)));
    let line = |authority: Option<&Authority>| {
        authority.map_or_else(String::new, |authority| {
            format!("certificateAuthData: \"{}\", ", authority.pem.replace('\n', "\\n"))
        })
    };
    for (endpoint, environment, program, agreed, reason) in [
        (Some(&right), None, None, true, "the endpoint's"),
        (Some(&wrong), Some(&right), None, false, "also where it is wrong"),
        (None, Some(&right), None, false, "the environment's is not used"),
        (Some(&wrong), None, Some(&right), true, "the program's wins"),
        (Some(&right), None, Some(&wrong), false, "also where it is wrong"),
        (None, None, None, false, "an unknown CA"),
    ] {
        let path = folder.write(format!(
            "currentProfile: a\nprofiles:\n- {{name: a, environment: e, credentials: {{token: \
             a.b.c}}}}\nenvironments:\n\
             - {{name: e, {}products: [{{name: auth, endpoints: [{{{}name: \
             'https://127.0.0.1:{}'}}]}}]}}\n",
            line(environment),
            line(endpoint),
            server.port
        ));
        let mut builder = ClientBuilder::from_config_file(path).unwrap().retry(RetryPolicy::none());
        if let Some(authority) = program {
            builder = builder.root_certificates_pem(authority.pem.clone());
        }
        let list = get_all_tokens(&builder.build().unwrap(), &GetAllTokensOptions::new());
        match list {
            Ok(_) => assert!(agreed, "{reason}"),
            Err(error) => {
                assert_eq!(kind(&error), ErrorKind::TlsFailed, "{reason}: {error}");
                assert!(!agreed, "{reason}: {error}");
            }
        }
    }
}
