//! The assertions of the fuzz targets without a fuzzer: with every seed, with changed seeds, and
//! with thousands of texts similar to what each target reads.

use std::fs;
use std::path::Path;

use ionoscloud_auth_fuzz::{config, error, jwt, list};
use proptest::prelude::*;

/// The number of generated inputs of each kind for each target.
const CASES: u32 = 3_000;

/// Returns the seeds of a target.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(target);
    let seeds: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert!(seeds.len() > 3, "{target}: {} seeds", seeds.len());
    seeds
}

/// Generates a seed of this target in which some bytes are replaced, removed or repeated.
fn changed(target: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    let changes = prop::collection::vec(change, 0..8);
    (prop::sample::select(seeds(target)), changes).prop_map(|(mut seed, changes)| {
        for (at, byte, kind) in changes {
            if seed.is_empty() {
                break;
            }
            let at = at.index(seed.len());
            match kind {
                0 => seed[at] = byte,
                1 => seed.insert(at, byte),
                2 => seed.truncate(at),
                _ => seed.extend_from_within(at..),
            }
        }
        seed
    })
}

fn on_text(run: fn(&str)) -> impl Fn(&[u8]) {
    move |bytes| run(&String::from_utf8_lossy(bytes))
}

#[test]
fn every_seed_holds() {
    let targets: [(&str, Box<dyn Fn(&[u8])>); 4] = [
        ("jwt", Box::new(on_text(jwt))),
        ("list", Box::new(list)),
        ("error", Box::new(error)),
        ("config", Box::new(config)),
    ];
    for (target, run) in targets {
        run(b"");
        seeds(target).iter().for_each(|seed| run(seed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn jwt_holds(seed in changed("jwt"), text in "[A-Za-z0-9_=-]{0,80}[.][A-Za-z0-9_-]{0,80}[.]?[ \
         -~]{0,40}") {
        on_text(jwt)(&seed);
        jwt(&text);
    }

    #[test]
    fn list_holds(seed in changed("list"), bytes in any::<Vec<u8>>()) {
        list(&seed);
        list(&bytes);
    }

    #[test]
    fn error_holds(seed in changed("error"), bytes in any::<Vec<u8>>(), many in 0..400_usize) {
        error(&seed);
        error(&bytes);
        error(&seed.repeat(many % 8));
    }

    #[test]
    fn config_holds(seed in changed("config"), text in "[-\\[\\]{}:,&*a-c \
         \n\t\r\"'|>?#!%@~0\\\\.<]{0,120}") {
        config(&seed);
        config(text.as_bytes());
    }
}
