//! Faults at each request of a rotation. The caller always has a valid token, and every other token
//! is reported.

use proptest::prelude::*;

use super::*;

/// Whether the service can have acted on a request that ends with this fault. Otherwise, a test in
/// which it acts would test a gateway that lies.
fn may_have_acted(fault: &Fault) -> bool {
    !matches!(fault.outcome, Outcome::Refused | Outcome::Conclusive)
}

/// Rotates with these steps, and compares the service's state with the reported one.
fn rotate_and_check(
    steps: impl Fn(usize) -> Step + Send + Sync + 'static,
    store_fails: bool,
    timeout: Duration,
    case: &str,
) {
    let api = MockAuthApi::start();
    let jwt = new_jwt(&builder_for(&api).build().unwrap()).unwrap();
    let old = jwt.key_id().unwrap();
    let relay = FaultServer::before(api.base_url(), steps);
    let client = builder_of(&relay.url())
        .credentials(Credentials::token(jwt.token()))
        .timeout(timeout)
        .build()
        .unwrap();
    let mut holds = old.clone();
    let result = rotate_token(&client, &RotateTokenOptions::current(), |jwt| {
        if store_fails {
            return Err(Full);
        }
        holds = jwt.key_id().unwrap();
        Ok(())
    });

    let ids = api.key_ids();
    assert!(ids.contains(&holds), "{case}: what the caller contains is not valid: {result:?}");
    let mut known = vec![holds.clone()];
    let mut unnamed = 0;
    match &result {
        Ok(rotation) => {
            assert_eq!(rotation.key_id, holds, "{case}");
            match &rotation.leftover {
                None => assert!(!ids.contains(&old), "{case}: {result:?}"),
                Some(error) => {
                    assert!(ids.contains(&old) || error.outcome_unknown(), "{case}: {result:?}");
                    known.push(old.clone());
                }
            }
        }
        Err(error) => {
            assert_eq!(holds, old, "{case}: it says that nothing was stored: {error}");
            if let RotateError::NotCreated(error) = error {
                unnamed = usize::from(error.outcome_unknown());
            }
            if let Some(orphan) = error.orphan() {
                known.extend(orphan.key_id.clone());
            }
            let text = error.to_string();
            assert!(!text.contains(jwt.token()), "{case}: {text}");
        }
    }
    let unknown: Vec<_> = ids.iter().filter(|id| !known.contains(id)).collect();
    assert!(unknown.len() <= unnamed, "{case}: {unknown:?} is not reported: {result:?}");
}

fn time_for(fault: &Fault) -> Duration {
    match fault.outcome {
        Outcome::TimedOut => Duration::from_millis(300),
        _ => LONG,
    }
}

#[test]
fn no_fault_at_any_request_loses_a_token() {
    let bools = [false, true];
    let mut cases = Vec::new();
    for fault in FAULTS {
        for acted in bools {
            // A success without an action would be a gateway that lies, too.
            let possible =
                if acted { may_have_acted(fault) } else { fault.outcome != Outcome::Success };
            if !possible {
                continue;
            }
            // Create, read back, delete the old token or, if the store fails, the new one.
            for at in 0..3 {
                for lasting in bools {
                    for store_fails in bools {
                        cases.push((fault, acted, at, lasting, store_fails));
                    }
                }
            }
        }
    }
    assert!(cases.len() > 500);
    in_parallel(cases, |(fault, acted, at, lasting, store_fails)| {
        let step = move |n: usize| {
            if n == at || lasting && n > at { Step::Fault(fault, acted) } else { Step::Pass }
        };
        let case = format!(
            "{} at request {at}, acted {acted}, lasting {lasting}, store fails {store_fails}",
            fault.name
        );
        rotate_and_check(step, store_fails, time_for(fault), &case);
    });
}

#[test]
fn no_sequence_of_faults_loses_a_token() {
    in_parallel(0..4, |_| sixteen_sequences());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    fn sixteen_sequences(
        script in prop::collection::vec((0..FAULTS.len(), any::<bool>(), any::<bool>()), 0..10),
        store_fails: bool,
    ) {
        let steps: Vec<Step> = script
            .iter()
            .map(|(index, acted, pass)| {
                let fault = &FAULTS[*index];
                let acted =
                    fault.outcome == Outcome::Success || *acted && may_have_acted(fault);
                // After a lost deletion, a 404 of the service that still has the token is a lie.
                let lies = fault.name == "404";
                if *pass || lies { Step::Pass } else { Step::Fault(fault, acted) }
            })
            .collect();
        let case = format!("{script:?}, store fails {store_fails}");
        let step = move |n: usize| steps.get(n).copied().unwrap_or(Step::Pass);
        rotate_and_check(step, store_fails, Duration::from_millis(300), &case);
    }
}
