//! Names: who is asked, how often, and what nobody waits for.

use nano_base::limits::{LOOKUP_MS_MAX, LOOKUP_STUCK_MS, LOOKUPS_STUCK_OF_APP_MAX, RESOLVERS_MAX};
use nano_net::names::{Addresses, NameError, Resolved, Ticket};

use crate::shard::{Later, Script, Shard, host};

fn ask(shard: &Shard, app: u64, name: &str) -> (Resolved, Later<Addresses>) {
    let later = Later::new();
    let put = later.clone();
    (shard.names.resolve(&shard.reactor, app, &host(name), move |_, addresses| put.put(addresses)), later)
}

fn ticket(resolved: Resolved) -> Ticket {
    match resolved {
        Resolved::Later(ticket) => ticket,
        Resolved::Now(addresses) => panic!("known already: {addresses:?}"),
    }
}

fn now(resolved: Resolved) -> String {
    match resolved {
        Resolved::Now(addresses) => text(addresses),
        Resolved::Later(_) => "later".into(),
    }
}

fn text(addresses: Addresses) -> String {
    match addresses {
        Ok(addresses) => addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        Err(error) => error.to_string(),
    }
}

fn resolved(shard: &Shard, app: u64, name: &str) -> String {
    match ask(shard, app, name) {
        (Resolved::Now(addresses), _) => text(addresses),
        (Resolved::Later(_), later) => text(later.wait(shard)),
    }
}

#[test]
fn addresses_and_localhost_are_answered_without_asking() {
    let script = Script::new(&[("localhost", &["8.8.8.8"])]);
    let shard = Shard::new(&script);
    assert_eq!(now(ask(&shard, 1, "127.1").0), "127.0.0.1");
    assert_eq!(now(ask(&shard, 1, "[::1]").0), "::1");
    assert_eq!(now(ask(&shard, 1, "localhost").0), "::1 127.0.0.1");
    assert_eq!(now(ask(&shard, 1, "app.LOCALHOST.").0), "::1 127.0.0.1");
    assert_eq!(script.asked(), 0);
}

#[test]
fn an_answer_is_kept_for_its_app_alone_and_not_for_long() {
    let script = Script::new(&[("a.b", &["1.1.1.1", "2.2.2.2", "3.3.3.3"])]);
    let shard = Shard::new(&script);
    assert_eq!(resolved(&shard, 1, "a.b"), "1.1.1.1");
    assert_eq!(now(ask(&shard, 1, "a.b").0), "1.1.1.1");
    assert_eq!(resolved(&shard, 2, "a.b"), "2.2.2.2");
    shard.advance_ms(29_999);
    assert_eq!(now(ask(&shard, 1, "a.b").0), "1.1.1.1");
    shard.advance_ms(1);
    assert_eq!(resolved(&shard, 1, "a.b"), "3.3.3.3");
    assert_eq!(script.asked(), 3);
    shard.names.forget(1);
    assert_eq!(resolved(&shard, 1, "a.b"), "3.3.3.3");
    assert_eq!(script.asked(), 4);
}

#[test]
fn that_there_is_no_name_is_believed_for_five_seconds() {
    let script = Script::new(&[]);
    let shard = Shard::new(&script);
    assert_eq!(resolved(&shard, 1, "no.where"), "no such name in the script");
    shard.advance_ms(4_999);
    assert_eq!(now(ask(&shard, 1, "no.where").0), "no such name in the script");
    shard.advance_ms(1);
    assert_eq!(resolved(&shard, 1, "no.where"), "no such name in the script");
    assert_eq!(script.asked(), 2);
}

#[test]
fn an_app_that_asks_twice_at_once_asks_once_and_another_app_asks_for_itself() {
    let script = Script::new(&[("a.b", &["1.1.1.1"])]);
    let gate = script.gate("a.b");
    let shard = Shard::new(&script);
    let (first, second, other) = (ask(&shard, 1, "a.b"), ask(&shard, 1, "a.b"), ask(&shard, 2, "a.b"));
    gate.send(()).unwrap();
    gate.send(()).unwrap();
    for (_, later) in [first, second, other] {
        assert_eq!(text(later.wait(&shard)), "1.1.1.1");
    }
    assert_eq!(script.asked(), 2);
}

#[test]
fn a_stuck_resolver_is_waited_for_no_longer_than_the_limit() {
    let script = Script::new(&[("stuck.b", &["1.1.1.1"]), ("a.b", &["2.2.2.2"])]);
    let gate = script.gate("stuck.b");
    let shard = Shard::new(&script);
    let (_, later) = ask(&shard, 1, "stuck.b");
    shard.advance_ms(LOOKUP_MS_MAX - 1);
    assert!(!later.is_there());
    shard.advance_ms(1);
    assert_eq!(later.take(), Some(Err(NameError::TimedOut)));
    // When it gets loose, nobody is told again, and others were never behind it.
    assert_eq!(resolved(&shard, 2, "a.b"), "2.2.2.2");
    gate.send(()).unwrap();
    assert_eq!(resolved(&shard, 2, "none.b"), "no such name in the script");
    shard.settle();
    assert!(!later.is_there());
}

#[test]
fn one_app_with_slow_names_leaves_threads_for_the_others() {
    let names: Vec<String> = (0..RESOLVERS_MAX * 2).map(|n| format!("slow{n}.b")).collect();
    let script = Script::new(&[("quick.b", &["1.1.1.1"])]);
    let gates: Vec<_> = names.iter().map(|name| script.gate(name)).collect();
    let shard = Shard::new(&script);
    let slow: Vec<_> = names.iter().map(|name| ask(&shard, 1, name)).collect();
    assert_eq!(resolved(&shard, 2, "quick.b"), "1.1.1.1");
    let asked_of_slow = script.order.lock().unwrap().iter().filter(|name| name.starts_with("slow")).count();
    assert!(asked_of_slow <= RESOLVERS_MAX / 2, "{asked_of_slow}");
    drop(gates);
    for (_, later) in slow {
        assert_eq!(text(later.wait(&shard)), "no such name in the script");
    }
}

#[test]
fn apps_whose_names_never_come_do_not_keep_the_others_from_theirs() {
    let script = Script::new(&[("quick.b", &["1.1.1.1"])]);
    let names: Vec<String> = (0..RESOLVERS_MAX).map(|n| format!("slow{n}.b")).collect();
    let gates: Vec<_> = names.iter().map(|name| script.gate(name)).collect();
    let shard = Shard::new(&script);
    // Half of the threads each: all of them.
    let slow: Vec<_> = names.iter().enumerate().map(|(n, name)| ask(&shard, (n % 2) as u64, name)).collect();
    shard.until(|| script.asked() == RESOLVERS_MAX);
    // They have given up, and their threads are where they were.
    for (resolved, _) in slow {
        shard.names.cancel(&shard.reactor, ticket(resolved));
    }
    let (_, quick) = ask(&shard, 2, "quick.b");
    shard.advance_ms(LOOKUP_STUCK_MS);
    assert_eq!(text(quick.wait(&shard)), "1.1.1.1");
    // Also when they have come back there are enough.
    drop(gates);
    assert_eq!(resolved(&shard, 3, "quick.b"), "1.1.1.1");
}

#[test]
fn an_app_has_few_threads_stuck_and_is_told_so() {
    let script = Script::new(&[("quick.b", &["1.1.1.1"])]);
    let names: Vec<String> = (0..LOOKUPS_STUCK_OF_APP_MAX * 2).map(|n| format!("slow{n}.b")).collect();
    let gates: Vec<_> = names.iter().map(|name| script.gate(name)).collect();
    let shard = Shard::new(&script);
    let slow: Vec<_> = names.iter().map(|name| ask(&shard, 1, name)).collect();
    // Half of the threads, and one after the other when these are stuck.
    for asked in RESOLVERS_MAX / 2..=LOOKUPS_STUCK_OF_APP_MAX {
        shard.until(|| script.asked() == asked);
        assert_eq!(resolved(&shard, asked as u64 + 1, "quick.b"), "1.1.1.1");
        script.asked.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        shard.advance_ms(LOOKUP_STUCK_MS);
    }
    assert_eq!(now(ask(&shard, 1, "quick.b").0), NameError::Stuck.to_string());
    assert_eq!(resolved(&shard, 2, "other.b"), "no such name in the script");
    assert_eq!(script.order.lock().unwrap().iter().filter(|name| name.starts_with("slow")).count(), LOOKUPS_STUCK_OF_APP_MAX);
    // Those behind them do not wait for them; they themselves come in the end.
    let mut slow: Vec<_> = slow.into_iter().map(|(_, later)| later).collect();
    for later in slow.split_off(LOOKUPS_STUCK_OF_APP_MAX) {
        assert_eq!(later.wait(&shard), Err(NameError::Stuck));
    }
    drop(gates);
    for later in slow {
        assert_eq!(text(later.wait(&shard)), "no such name in the script");
    }
    assert_eq!(resolved(&shard, 1, "quick.b"), "1.1.1.1");
}

#[test]
fn who_has_canceled_is_not_told_and_a_question_of_nobody_is_not_asked() {
    let script = Script::new(&[("a.b", &["1.1.1.1"])]);
    let gate = script.gate("a.b");
    let shard = Shard::new(&script);
    let (first, second) = (ask(&shard, 1, "a.b"), ask(&shard, 1, "a.b"));
    // Behind the gates of the app's share.
    let gates = ["x.b", "y.b"].map(|name| script.gate(name));
    let waiting = ["x.b", "y.b", "z.b"].map(|name| ask(&shard, 1, name));
    let [x, y, z] = waiting;
    shard.names.cancel(&shard.reactor, ticket(first.0));
    shard.names.cancel(&shard.reactor, ticket(z.0));
    gate.send(()).unwrap();
    assert_eq!(text(second.1.wait(&shard)), "1.1.1.1");
    drop(gates);
    assert!(x.1.wait(&shard).is_err() && y.1.wait(&shard).is_err());
    assert_eq!(resolved(&shard, 1, "last.b"), "no such name in the script");
    assert!(!first.1.is_there() && !z.1.is_there());
    assert!(!script.order.lock().unwrap().contains(&"z.b".to_owned()));
}
