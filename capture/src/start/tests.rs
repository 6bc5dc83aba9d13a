#![expect(clippy::unwrap_used, reason = "tests")]
use millrace_model::schema::Route;
use millrace_task::Surroundings;

use super::*;

fn schema(table: &str, route: Route) -> TableSchema<MysqlType> {
    TableSchema {
        table_id: 1,
        name: TableName::new("shop", table),
        columns: Vec::new(),
        primary_key: vec![0],
        key: vec![0],
        indexes: Vec::new(),
        comment: String::new(),
        route,
        placement: Default::default(),
    }
}

#[test]
fn tables_are_routed_as_the_task_file_says() {
    let text = "
        name = 'shop'
        source = { url = 'mysql://u@127.0.0.1' }
        destination = { url = 'postgres://u@127.0.0.1/d' }
        objects = [{ table = 'shop.*' }, { table = 'shop.whole', route = 'table' }]";
    let task = millrace_task::parse(text, "shop.toml".as_ref(), &Surroundings::none()).unwrap();
    for (table, usual, expected) in [
        ("orders", Route::Key, Route::Key),
        ("orders", Route::Table, Route::Table),
        ("whole", Route::Key, Route::Table),
        ("whole", Route::Table, Route::Table),
    ] {
        assert_eq!(routed(schema(table, usual), &task).route, expected, "{table} {usual:?}");
    }
}
