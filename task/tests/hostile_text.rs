//! Task files and conditions with anything in them: parsed or refused with a place, never a panic.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use millrace_task::{Condition, Surroundings, parse};
use millrace_testkit::{Mutations, peak_address_space};

const ROUNDS: usize = 8_000;
const MOST_MEMORY: u64 = 512 << 20;

const FILE: &str = r#"
name = "shop"
phases = ["schema", "full", "incremental"]
source = { url = "mysql://u:p@h:3306", tls = { mode = "required" } }
destination.url = "postgres://u:p@[::1]:5432/warehouse"
log = { kafka = "a:1,b:2", partitions = 3, options = { "linger.ms" = 5 } }
retry.connection_minutes = 20
[[objects]]
table = "`my.shop`.o*_?"
exclude = ["`my.shop`.o_x"]
where = "a = 5 AND b LIKE 'x%' ESCAPE '!'"
columns = { exclude = ["secret"] }
[[objects]]
table = "shop.orders"
rename = "sales.orders"
"#;

const CONDITION: &str = "NOT (a <=> NULL) OR `b``c` NOT BETWEEN -1.5e3 AND 0x1F XOR t IN ('x''y', \"z\\n\") \
                         AND d >= TIMESTAMP '2024-01-31 12:30:00' || e IS NOT UNKNOWN && f NOT LIKE 'é%_' ESCAPE '|'";

fn changed(mutations: &mut Mutations, text: &str) -> String {
    String::from_utf8_lossy(&mutations.mutate(text.as_bytes())).into_owned()
}

#[test]
fn changed_task_files_are_parsed_or_refused_with_a_place() {
    let mut mutations = Mutations::of_test("changed_task_files_are_parsed_or_refused_with_a_place");
    let before = peak_address_space().unwrap();
    for _ in 0..ROUNDS {
        let text = changed(&mut mutations, FILE);
        if let Err(error) = parse(&text, Path::new("task.toml"), &Surroundings::of_process()) {
            assert!(error.to_string().starts_with("task.toml:"), "{error}");
        }
    }
    assert!(peak_address_space().unwrap() < before + MOST_MEMORY);
}

#[test]
fn changed_conditions_are_parsed_or_refused() {
    let mut mutations = Mutations::of_test("changed_conditions_are_parsed_or_refused");
    for _ in 0..ROUNDS {
        let _ = Condition::parse(&changed(&mut mutations, CONDITION));
    }
    for depth in [100, 10_000, 100_000] {
        let nested = format!("{}a = 1{}", "(".repeat(depth), ")".repeat(depth));
        let _ = Condition::parse(&nested);
        let _ = Condition::parse(&format!("{}a = 1", "NOT ".repeat(depth)));
    }
}
