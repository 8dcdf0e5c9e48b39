use super::*;

fn policy(mode: Mode, allow: &[&str], deny: &[&str]) -> Policy {
    let rules = |texts: &[&str]| texts.iter().map(|text| Rule::parse(text).unwrap()).collect();
    Policy::new(mode, rules(allow), rules(deny))
}

fn host(text: &str) -> Host {
    Host::parse(text).unwrap_or_else(|| panic!("{text}"))
}

fn addresses(text: &str) -> Vec<IpAddr> {
    text.split(' ').filter(|text| !text.is_empty()).map(|text| text.parse().unwrap()).collect()
}

/// What is connected to when a host has these addresses.
fn chosen(policy: &Policy, name: &str, port: u16, of: &str) -> String {
    match policy.choose(Scheme::Http, &host(name), port, &addresses(of)) {
        Ok(chosen) => chosen.iter().map(|socket| socket.ip().to_string()).collect::<Vec<_>>().join(" "),
        Err(refused) => format!("{:?}", refused.reason()),
    }
}

#[test]
fn the_default_is_the_internet_and_nothing_nearer() {
    let policy = Policy::default();
    let texts = [
        "127.0.0.1",
        "0177.1",
        "2130706433",
        "127.1",
        "0x7f000001",
        "[::1]",
        "[::ffff:7f00:1]",
        "[::ffff:127.0.0.1]",
        "[::7f00:1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "[fd00:ec2::254]",
        "168.63.129.16",
        "0",
        "0.0.0.0",
        "[::]",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "[64:ff9b::a00:1]",
        "[2002:7f00:1::]",
        "[2001::1]",
        "[fe80::1]",
        "[ff02::1]",
        "[2001:db8::1]",
    ];
    for text in texts {
        let refused = policy.admits(Scheme::Https, &host(text), 443).expect_err(text);
        assert!(matches!(refused.reason(), Reason::Space(_)), "{text}: {refused}");
    }
    for text in ["8.8.8.8", "[2606:4700::1111]", "example.com", "[::ffff:808:808]"] {
        policy.admits(Scheme::Https, &host(text), 443).unwrap_or_else(|refused| panic!("{refused}"));
    }
}

#[test]
fn of_a_mix_of_addresses_only_the_public_ones_are_connected_to() {
    let policy = Policy::default();
    assert_eq!(chosen(&policy, "a.b", 80, "10.0.0.1 8.8.8.8 127.0.0.1 ::1 2606::1"), "8.8.8.8 2606::1");
    assert_eq!(chosen(&policy, "a.b", 80, "10.0.0.1 127.0.0.1"), "Space(Private)");
    assert_eq!(chosen(&policy, "a.b", 80, "::ffff:8.8.8.8 8.8.8.8"), "8.8.8.8");
    assert_eq!(chosen(&policy, "a.b", 80, "::ffff:127.0.0.1"), "Space(Loopback)");
    assert_eq!(chosen(&policy, "localhost", 80, "127.0.0.1 ::1"), "Space(Loopback)");
    assert_eq!(chosen(&policy, "a.b", 80, ""), "");
}

#[test]
fn deny_goes_before_allow_by_name_and_by_address() {
    let by_name = policy(Mode::Any, &["evil.example"], &["*.example", "8.8.8.0/24", "*:8080"]);
    assert_eq!(chosen(&by_name, "evil.example", 80, "1.1.1.1"), format!("{:?}", Reason::Denied(Rule::parse("*.example").unwrap())));
    assert_eq!(chosen(&by_name, "other.org", 80, "1.1.1.1 8.8.8.8 10.0.0.1 ::ffff:8.8.8.9 64:ff9b::8.8.8.1"), "1.1.1.1 10.0.0.1");
    assert_eq!(chosen(&by_name, "other.org", 8080, "1.1.1.1"), format!("{:?}", Reason::Denied(Rule::parse("*:8080").unwrap())));
    assert!(by_name.admits(Scheme::Http, &host("8.8.8.8"), 80).is_err());
}

#[test]
fn what_leads_to_a_denied_address_is_denied() {
    let table: &[(&[&str], &str, &str)] = &[
        (
            &["127.0.0.0/8"],
            "0.0.0.0 [::ffff:0.0.0.0] [64:ff9b::] 0 [64:ff9b::7f00:1] [2002:7f00:1::] [2001:0:4136:e378:8000:63bf:80ff:fffe] [::7f00:1] \
             [::ffff:0:7f00:1] [64:ff9b:1::7f00:1] [2a00::5efe:7f00:1] [fe80::200:5efe:7f00:1]",
            "0.0.0.1 [::] [::1] 10.0.0.1 [2002:a00:1::] [2a00::5eff:7f00:1] [2001:1::80ff:fffe]",
        ),
        (&["::1"], "[::] [::1]", "0.0.0.0 [::2]"),
        (&["0.0.0.0/8"], "0.0.0.0 [::ffff:0:0]", "127.0.0.1 [::1]"),
        (&["10.0.0.0/8"], "[2002:a01:203::1] [::a01:203] [2001::f5fe:fdfc]", "[2002:b01:203::1]"),
        (&["0.0.0.0/0"], "[2002:808:808::1] 8.8.8.8", "[2606::1] [::1]"),
    ];
    for (deny, yes, no) in table {
        let policy = policy(Mode::Any, &["localhost"], deny);
        for text in yes.split_whitespace() {
            let refused = policy.admits(Scheme::Tcp, &host(text), 8080).expect_err(text);
            assert!(matches!(refused.reason(), Reason::Denied(_)), "{text}: {refused}");
        }
        for text in no.split_whitespace() {
            policy.admits(Scheme::Tcp, &host(text), 8080).unwrap_or_else(|refused| panic!("{refused}"));
        }
    }
    // So it is for names.
    let denied = format!("{:?}", Reason::Denied(Rule::parse("127.0.0.0/8").unwrap()));
    assert_eq!(chosen(&policy(Mode::Any, &[], &["127.0.0.0/8"]), "a.b", 80, "0.0.0.0 2002:7f00:1::"), denied);
    // What is opened is opened as it is written: nothing leads there.
    let opened = policy(Mode::Deny, &["127.0.0.0/8", "10.0.0.0/8"], &[]);
    for text in ["0.0.0.0", "[2002:7f00:1::]", "[::a01:203]"] {
        assert!(opened.admits(Scheme::Tcp, &host(text), 8080).is_err(), "{text}");
    }
}

#[test]
fn a_list_alone_allows_what_is_in_it() {
    let listed = policy(Mode::Deny, &["api.example", "*.cdn.example:443", "1.1.1.0/24"], &[]);
    assert_eq!(chosen(&listed, "api.example", 80, "8.8.8.8"), "8.8.8.8");
    assert_eq!(chosen(&listed, "a.cdn.example", 443, "8.8.8.8"), "8.8.8.8");
    assert_eq!(chosen(&listed, "a.cdn.example", 80, "8.8.8.8"), "Unlisted");
    assert_eq!(chosen(&listed, "other.org", 80, "8.8.8.8"), "Unlisted");
    // By its address, whatever its name.
    assert_eq!(chosen(&listed, "other.org", 80, "8.8.8.8 1.1.1.1"), "1.1.1.1");
    let nothing = policy(Mode::Deny, &[], &[]);
    assert!(nothing.admits(Scheme::Https, &host("example.com"), 443).is_err());
    assert!(nothing.admits(Scheme::Https, &host("8.8.8.8"), 443).is_err());
}

#[test]
fn a_rule_opens_no_more_space_than_it_says() {
    let full = policy(Mode::Public, &["db.internal", "*.svc.internal", "localhost:9000"], &[]);
    assert_eq!(chosen(&full, "db.internal", 80, "10.0.0.1 100.64.0.1 fd00::1"), "10.0.0.1 100.64.0.1 fd00::1");
    assert_eq!(chosen(&full, "db.internal", 80, "127.0.0.1"), "Space(Loopback)");
    assert_eq!(chosen(&full, "db.internal", 80, "169.254.169.254 fd00:ec2::254 0.0.0.0"), "Space(LinkLocal)");
    assert_eq!(chosen(&full, "a.svc.internal", 80, "10.0.0.1"), "Space(Private)");
    assert_eq!(chosen(&full, "other.org", 80, "10.0.0.1"), "Space(Private)");
    assert_eq!(chosen(&full, "localhost", 9000, "::1 127.0.0.1"), "::1 127.0.0.1");
    assert_eq!(chosen(&full, "localhost", 9001, "::1 127.0.0.1"), "Space(Loopback)");
    let by_block = policy(Mode::Public, &["10.0.0.0/8:5432", "127.0.0.1"], &["10.9.0.0/16"]);
    assert_eq!(chosen(&by_block, "any.org", 5432, "10.1.1.1 10.9.1.1 8.8.8.8"), "10.1.1.1 8.8.8.8");
    assert_eq!(chosen(&by_block, "any.org", 80, "10.1.1.1"), "Space(Private)");
    assert_eq!(chosen(&by_block, "127.1", 80, "127.0.0.1"), "127.0.0.1");
    let star = policy(Mode::Deny, &["*"], &[]);
    assert_eq!(chosen(&star, "any.org", 80, "8.8.8.8 10.0.0.1"), "8.8.8.8");
}

#[test]
fn ports_of_other_protocols_are_closed_to_the_web_and_mail_to_all() {
    let any = policy(Mode::Any, &[], &[]);
    for (scheme, port, open) in [
        (Scheme::Http, 25, false),
        (Scheme::Https, 6667, false),
        (Scheme::Ws, 22, false),
        (Scheme::Wss, 10080, false),
        (Scheme::Http, 0, false),
        (Scheme::Http, 8080, true),
        (Scheme::Tcp, 22, true),
        (Scheme::Tcp, 25, false),
        (Scheme::Tcp, 0, false),
    ] {
        assert_eq!(any.admits(scheme, &host("a.b"), port).is_ok(), open, "{scheme:?} {port}");
    }
    assert!(policy(Mode::Any, &["mail.example:25"], &[]).admits(Scheme::Tcp, &host("mail.example"), 25).is_ok());
    assert!(policy(Mode::Any, &["mail.example:25"], &[]).admits(Scheme::Http, &host("mail.example"), 25).is_err());
}

#[test]
fn a_refusal_names_the_host_and_the_rule_and_no_address_that_it_found() {
    let refused = policy(Mode::Public, &[], &["*.evil.example"]).admits(Scheme::Http, &host("a.evil.example"), 80).unwrap_err();
    assert_eq!(refused.to_string(), "a.evil.example:80 was refused by the egress policy: the rule `*.evil.example` denies it");
    let refused = Policy::default().choose(Scheme::Http, &host("db.corp"), 80, &addresses("10.11.12.13")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "db.corp:80 was refused by the egress policy: it is no public address (private), and no rule allows it"
    );
    let refused = Policy::default().admits(Scheme::Http, &host("example.com"), 6667).unwrap_err();
    assert!(refused.to_string().contains("port 6667 is blocked"), "{refused}");
}

#[test]
fn only_the_schemes_of_the_web_are_spoken() {
    for scheme in ["http", "https", "ws", "wss"] {
        assert!(Scheme::parse(scheme).is_some());
    }
    for scheme in ["ftp", "file", "gopher", "data", "tcp", "HTTP", "http:", ""] {
        assert_eq!(Scheme::parse(scheme), None, "{scheme}");
    }
}

#[test]
fn a_rule_that_nobody_granted_opens_only_what_is_public() {
    let rule = |text: &str| Rule::parse(text).expect("a rule");
    for (text, private) in [
        ("10.0.0.0/8", true),
        ("127.0.0.1", true),
        ("localhost:5432", true),
        ("a.example:25", true),
        ("9.9.9.9", false),
        ("a.example", false),
        ("*", false),
    ] {
        assert_eq!(rule(text).names_private(), private, "{text}");
    }
    let host = Host::parse("a.example").expect("a host");
    let addresses: [IpAddr; 2] = ["10.1.2.3".parse().unwrap(), "9.9.9.9".parse().unwrap()];
    let chosen = |rule: Rule| {
        let policy = Policy::new(Mode::Deny, vec![rule], Vec::new());
        policy.choose(Scheme::Https, &host, 443, &addresses).map(|list| list.iter().map(|to| to.ip().to_string()).collect::<Vec<_>>())
    };
    assert_eq!(chosen(rule("a.example")).expect("both"), ["10.1.2.3", "9.9.9.9"]);
    assert_eq!(chosen(rule("a.example").only_public()).expect("one"), ["9.9.9.9"]);
    assert_eq!(chosen(rule("10.0.0.0/8")).expect("one"), ["10.1.2.3"]);
    assert!(chosen(rule("10.0.0.0/8").only_public()).is_err());
}
