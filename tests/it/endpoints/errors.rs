//! The errors for HTTP error responses.

use super::*;

#[test]
fn error_contains_the_status_and_the_service_s_messages() {
    let higher = "Endpoint requires a higher level of authentication.";
    let level = format!(r#"{{"errorCode":"501","message":"{higher}"}}"#);
    let two =
        r#"{"errorCode":"315","message":"No."},{"errorCode":"316","message":"Never\u001b[2J!"}"#;
    let gone = r#"{"errorCode":"309","message":"Resource does not exist"}"#;
    let odd = r#"{"message":"m"},{},{"errorCode":null,"message":7,"x":[]}"#;
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>";
    let [of_63, of_32, of_47] = ["401 Unauthorized (63", "403 Forbidden (32", "403 Forbidden (47"]
        .map(|begin| format!("{begin} bytes); it is not the Auth API's own response"));
    // (status, body, the error's text, its messages, whether the outcome is unknown)
    type Case<'a> = (u16, String, &'a [&'a str], &'a [(&'a str, &'a str)], bool);
    #[rustfmt::skip]
    let cases: &[Case] = &[
        (401, model(401, &level), &["401 Unauthorized", higher, "501", "credentials"],
         &[("501", higher)], false),
        (403, model(403, two), &["403 Forbidden", "315", "No.", "316", "Never [2J!"],
         &[("315", "No."), ("316", "Never [2J!")], false),
        (404, model(404, gone), &["404 Not Found", "309", "Resource does not exist"],
         &[("309", "Resource does not exist")], false),
        (500, model(500, r#"{"errorCode":"1","message":"Oops"}"#),
         &["500 Internal Server Error", "Oops"], &[("1", "Oops")], true),
        (429, "".into(), &["429 Too Many Requests"], &[], false),
        (401, r#"{"httpStatus":"401","messages":[{"errorCode":315}]}"#.into(), &["error code 315"],
         &[("315", "")], false),
        (404, model(404, odd), &[": m; ; 7"], &[("", "m"), ("", ""), ("", "7")], false),
        (401, model(401, r#"{"message":"m"},"another model""#), &[&of_63], &[], false),
        (403, model(403, ""), &[&of_32], &[], true),
        (403, model(401, r#"{"message":"m"}"#), &[&of_47], &[], true),
        (401, "\u{1b}]0;x\u{7}plain".into(), &["401 Unauthorized (11 bytes); it is not"], &[],
         false),
        (502, page.into(), &["502 Bad Gateway (51 bytes)"], &[], true),
        (301, "".into(), &["301 Moved Permanently", "redirects are not followed"], &[], true),
        (418, "teapot".into(), &["418 I'm a teapot (6 bytes); it is not the Auth API's own"], &[],
         true),
    ];
    for (status, body, says, messages, outcome_unknown) in cases {
        for endpoint in ENDPOINTS {
            let name = endpoint.name;
            let (server, seen) = server(usize::from(*status), body);
            let error = (endpoint.run)(&builder_for(&server).build().unwrap()).unwrap_err();
            let text = error.to_string();
            let line = &seen.lock().unwrap()[0].0.replace("/auth/v1", "");
            assert!(text.starts_with(&format!("{line}: the response was ")), "{name}: {text}");
            for says in *says {
                assert!(text.contains(says), "{name}: {says}: {text}");
            }
            assert!(!text.chars().any(char::is_control), "{text}");
            assert_eq!(error.status(), Some(*status), "{name}: {text}");
            let reported = endpoint.reports(*outcome_unknown);
            assert_eq!(error.outcome_unknown(), reported, "{name}: {status}");
            let messages_read = &call_error(&error).messages;
            let read: Vec<_> =
                messages_read.iter().map(|m| (m.error_code.as_str(), m.message.as_str())).collect();
            assert_eq!(read, *messages, "{name}: {body}");
            let advice = ["list the tokens", "delete it again", "list them"]
                .iter()
                .any(|advice| text.contains(advice));
            assert_eq!(advice, reported, "{name}: {text}");
        }
    }
}

#[test]
fn echoed_credentials_are_not_shown() {
    #[rustfmt::skip]
    let cases = [
        (r#"{"httpStatus":403,"messages":[{"message":"bad token eyJ0eXAiOiJKV1QifQ.e30.c2ln!"}]}"#,
         "403 Forbidden: bad token [redacted]!"),
        (r#"{"httpStatus":403,"messages":[{"message":"eyJ0eXAi\u200bOiJKV1QifQ.e30.c2ln"}]}"#,
         "403 Forbidden: [redacted]"),
        ("authorization: Bearer eyJ0eXAiOiJKV1QifQ.e30.c2ln", "403 Forbidden (49 bytes)"),
    ];
    for (body, says) in cases {
        let (server, _seen) = server(403, body);
        let error = list_tokens(&builder_for(&server).build().unwrap()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(says), "{text}");
        assert!(!everything(&error).contains(TOKEN), "{text}");
    }
}
