//! `schema.quote = "never"`: which names are refused, where, and what is to be written instead.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use millrace_model::{Failure, TableName};
use millrace_task::{Surroundings, Task, TaskError, parse};

fn read(quote: &str, objects: &str) -> Result<Task, TaskError> {
    let text = format!(
        "name = 'shop'\nsource.url = 'mysql://u@127.0.0.1'\ndestination.url = 'postgres://u@127.0.0.1/d'\n\
         schema.quote = '{quote}'\n{objects}\n"
    );
    parse(&text, Path::new("shop.toml"), &Surroundings::none())
}

#[test]
fn new_names_are_refused_when_the_file_is_read() {
    for (objects, place, key, name, like) in [
        ("[[objects]]\ntable = 'shop.*'\nrename = 'Sales.*'", "7:10", "objects.rename", "Sales", "sales"),
        ("[[objects]]\ntable = 'shop.a'\nrename = 'sales.order'", "7:10", "objects.rename", "order", "order_"),
        (
            "[[objects]]\ntable = 'shop.a'\ncolumns.rename.a = 'b'\ncolumns.rename.at = 'made at'",
            "8:21",
            "objects.columns.rename",
            "made at",
            "made_at",
        ),
    ] {
        let error = read("never", objects).unwrap_err();
        assert_eq!(error.key, key, "{error}");
        let expected = format!("shop.toml:{place}: \"{key}\": the new name \"{name}\" has to be quoted");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert_eq!(error.hint(), format!("write for example \"{like}\""));
        for quote in ["always", "needed"] {
            assert!(read(quote, objects).is_ok(), "{objects}");
        }
    }
}

#[test]
fn names_of_the_source_are_refused_by_table_and_column() {
    let objects = "[[objects]]\ntable = 'My-Shop.*'\nrename = 'shop.*'\n\
                   columns = { exclude = ['user'], rename = { All = 'whole' } }\n[[objects]]\ntable = 'Other-Shop.*'";
    let task = read("never", objects).unwrap();
    let judged = |database: &str, table: &str, columns: &[&str]| {
        let name = TableName::new(database, table);
        let rule = task.selection.selects(&name).unwrap();
        rule.ensure_table_needs_no_quotes(&name, columns.iter().copied()).map_err(Failure::from)
    };
    assert_eq!(judged("My-Shop", "Orders", &["Id", "ALL", "user"]), Ok(()));
    for (database, table, columns, message, hint) in [
        ("Other-Shop", "a", &[][..], "its schema would be called \"Other-Shop\"", "rename = \"other_shop.*\""),
        (
            "My-Shop",
            "Order",
            &[],
            "the table would be called \"Order\"",
            "table = \"`My-Shop`.`Order`\", rename = \"shop.order_\"",
        ),
        (
            "My-Shop",
            "a",
            &["Id", "Order Date"],
            "column \"Order Date\" would be called \"Order Date\"",
            "columns = { rename = { \"Order Date\" = \"order_date\" } }",
        ),
    ] {
        let failure = judged(database, table, columns).unwrap_err();
        let expected = format!("table \"{database}.{table}\": {message}, which has to be quoted");
        assert!(failure.message.starts_with(&expected), "{failure}");
        assert!(failure.hint.ends_with(hint), "{}", failure.hint);
    }
}
