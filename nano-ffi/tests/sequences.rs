//! The functions of nano.h in any order: the programs that the fuzzer begins with, and some by chance.
#![allow(
    clippy::disallowed_methods,
    reason = "the fuzzer is a host like any other: it has the clock of its process, and its threads sleep"
)]

#[path = "../../fuzz/fuzz_targets/abi_sequences/apps.rs"]
mod apps;
#[path = "../../fuzz/fuzz_targets/abi_sequences/calls.rs"]
mod calls;
#[path = "../../fuzz/fuzz_targets/abi_sequences/env.rs"]
mod env;
#[path = "../../fuzz/fuzz_targets/abi_sequences/host.rs"]
mod host;
#[path = "../../fuzz/fuzz_targets/abi_sequences/ledger.rs"]
mod ledger;
#[path = "../../fuzz/fuzz_targets/abi_sequences/program.rs"]
mod program;

/// Programs by chance, each as long as the fuzzer's may be.
const PROGRAMS: u64 = 300;
const BYTES_MAX: u64 = 512;

/// Knuth's numbers: the same in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

#[test]
fn what_the_header_guarantees_holds_whatever_is_called_in_whatever_order() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds/abi_sequences");
    for seed in std::fs::read_dir(seeds).expect("the fuzzer's seeds") {
        let seed = seed.expect("a seed").path();
        println!("{}", seed.display());
        host::play(&std::fs::read(seed).expect("its bytes"));
    }
    let mut chance = Chance(1);
    for number in 0..PROGRAMS {
        let bytes = 1 + chance.next() % BYTES_MAX;
        let program: Vec<u8> = (0..bytes).map(|_| chance.next() as u8).collect();
        println!("program {number}");
        host::play(&program);
    }
}
