//! Redirects are not followed, because a response must not decide where credentials go.

use crate::support::*;

#[test]
fn redirects_are_not_followed() {
    let elsewhere = FaultServer::start(vec![answer(200, r#"{"tokens":[]}"#)]);
    for endpoint in ENDPOINTS {
        for status in [300, 301, 302, 303, 307, 308] {
            for location in [elsewhere.url(), "/auth/v1/tokens".to_owned(), "//[".to_owned()] {
                let headers = format!("Location: {location}\r\n");
                let server = FaultServer::start(vec![Play::Write(response(status, &headers, ""))]);
                let error = (endpoint.run)(&client_of(&server.url())).unwrap_err();
                assert_eq!(error.status(), Some(status), "{}: {error}", endpoint.name);
                // A gateway may send one instead of a response to what the service did.
                assert_eq!(error.outcome_unknown(), endpoint.reports(true), "{error}");
                let case = format!("{}: {status} {location}", endpoint.name);
                assert_eq!(server.requests().len(), 1, "{case}");
            }
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}
