#![expect(clippy::unwrap_used, reason = "tests")]
use millrace_model::mysql_type::Sign;
use millrace_model::schema::{DefaultValue, Distribution, Placement, Route, Storage, Uniqueness};
use millrace_model::{Cell, Failure};
use millrace_task::{Surroundings, Task};

use super::*;

fn task(objects: &str) -> Task {
    let text = format!(
        "name = 'shop'\nsource = {{ url = 'mysql://u@127.0.0.1' }}\ndestination = {{ url = 'postgres://u@127.0.0.1/d' }}\n\
         objects = [{objects}]"
    );
    millrace_task::parse(&text, "shop.toml".as_ref(), &Surroundings::none()).unwrap()
}

fn schema() -> TableSchema<MysqlType> {
    let column = |name: &str, ty| Column {
        name: name.into(),
        ty,
        nullability: Nullability::NotNull,
        default: Some(DefaultValue::Literal("1".into())),
        comment: String::new(),
        collation: "".into(),
    };
    TableSchema {
        table_id: 1,
        name: TableName::new("shop", "orders"),
        columns: vec![
            column("id", MysqlType::Int(Sign::Signed)),
            column("Amt", MysqlType::Decimal { precision: 10, scale: 2 }),
            column("flags", MysqlType::TinyInt(Sign::Signed)),
        ],
        primary_key: vec![0],
        key: vec![0],
        indexes: vec![Index { name: "amt".into(), columns: vec![1], uniqueness: Uniqueness::NonUnique }],
        comment: String::new(),
        route: Route::Key,
        placement: Default::default(),
    }
}

fn mapping(objects: &str) -> Result<TableMapping, Failure> {
    let (task, schema) = (task(objects), schema());
    let rule = task.selection.selects(&schema.name).unwrap();
    ensure_columns_are_there(&schema, rule)?;
    Ok(TableMapping::new(Arc::new(schema), rule)?)
}

#[test]
fn names_and_types_of_the_task_file_are_the_destinations() {
    let mapped = mapping(
        "{ table = 'shop.orders', rename = 'sales.`all.orders`', columns = { rename = { amt = 'Amount' }, \
         type = { FLAGS = 'boolean' } } }",
    )
    .unwrap();
    let target = mapped.target();
    assert_eq!(target.name, TableName::new("sales", "all.orders"));
    let shown: Vec<String> = target.columns.iter().map(|column| format!("{} {}", column.name, column.ty)).collect();
    assert_eq!(shown, ["id integer", "Amount numeric(10,2)", "flags boolean"]);
    assert_eq!(target.columns[2].default, None);
    assert!(target.columns[0].default.is_some());
    let row: Row = [Cell::Int(5), Cell::Text("1.50"), Cell::Int(1)].into_iter().collect();
    let change = |row| mapped.change(&RowChange::Insert(row), &mut String::new(), &mut RowWriter::new());
    assert_eq!(change(row.clone()).unwrap(), Verdict::Moves(RowChange::Insert(row)));
    let error = change([Cell::Int(5), Cell::Text("1.50"), Cell::Int(2)].into_iter().collect()).unwrap_err();
    assert!(error.to_string().contains("column \"flags\" holds a number other than 0 and 1"), "{error}");
    let in_schema = mapping("{ table = 'shop.*', rename = 'sales.*' }").unwrap();
    assert_eq!(in_schema.target().name, TableName::new("sales", "orders"));
}

#[test]
fn a_row_of_which_nothing_changes_travels_on_in_its_bytes() {
    let mapped = mapping("{ table = 'shop.orders' }").unwrap();
    let change = |row| mapped.change(&RowChange::Delete(row), &mut String::new(), &mut RowWriter::new()).unwrap();
    let row: Row = [Cell::Int(5), Cell::Text("1.50"), Cell::Int(1)].into_iter().collect();
    let Verdict::Moves(RowChange::Delete(moved)) = change(row.clone()) else { panic!("it does not move") };
    assert_eq!((&moved, moved.as_bytes().as_ptr()), (&row, row.as_bytes().as_ptr()));
    // A cell too many is not what the schema says, and does not travel on.
    let longer: Row = row.cells().chain([Cell::Int(7)]).collect();
    assert_eq!(change(longer), Verdict::Moves(RowChange::Delete(row)));
}

#[test]
fn what_does_not_fit_the_table_is_refused_by_name() {
    for (columns, message, hint) in [
        (
            "rename = { amount = 'x' }",
            "columns.rename\" of table \"shop.orders\" names column \"amount\"",
            "name a column",
        ),
        ("type = { amount = 'text' }", "columns.type", "name a column"),
        (
            "rename = { amt = 'id' }",
            "\"id\" and \"Amt\" of table \"shop.orders\" would both be called \"id\"",
            "rename",
        ),
        (
            "type = { amt = 'date' }",
            "column \"Amt\" of table \"shop.orders\" has type decimal(10,2), which cannot become date",
            "numeric(p,s)",
        ),
    ] {
        let failure = mapping(&format!("{{ table = 'shop.orders', columns = {{ {columns} }} }}")).unwrap_err();
        assert!(failure.message.contains(message), "{failure}");
        assert!(failure.hint.contains(hint), "{}", failure.hint);
    }
    // A rule of many tables names columns that some of them have.
    assert!(mapping("{ table = 'shop.*', columns = { rename = { amount = 'x' }, type = { y = 'text' } } }").is_ok());
}

#[test]
fn a_key_of_the_task_file_tells_rows_apart() {
    let key =
        |keys: &str| mapping(&format!("{{ table = 'shop.*', columns = {{ rename = {{ id = 'no' }} }}, {keys} }}"));
    let named = key("primary_key = ['flags', 'ID'], distributed_by = ['flags'], storage = 'heap'").unwrap();
    let target = named.target();
    assert_eq!((&target.primary_key, &target.key), (&vec![2, 0], &vec![2, 0]));
    assert_eq!(target.placement, Placement { distribution: Distribution::Columns(vec![2]), storage: Storage::Heap });
    let usual = key("distributed_by = 'replicated'").unwrap();
    assert_eq!((&usual.target().key, &usual.target().placement.distribution), (&vec![0], &Distribution::Replicated));
    for (keys, message, hint) in [
        ("primary_key = ['x']", "names column \"x\", which the table does not have", "columns of the source"),
        ("primary_key = ['flags']", "does not tell the source's rows apart", "unique key"),
        ("distributed_by = 'randomly'", "\"objects.distributed_by\" is \"randomly\"", "columns of the key"),
        ("distributed_by = ['flags']", "\"objects.distributed_by\" names column \"flags\"", "primary key"),
    ] {
        let failure = key(keys).unwrap_err();
        assert!(failure.message.contains(message), "{failure}");
        assert!(failure.hint.contains(hint), "{}", failure.hint);
    }
    let mut keyless = schema();
    (keyless.key, keyless.primary_key) = (vec![], vec![]);
    let random = task("{ table = 'shop.*', distributed_by = 'randomly' }");
    let rule = random.selection.selects(&keyless.name).unwrap();
    assert!(TableMapping::new(Arc::new(keyless), rule).is_ok());
    let mut nullable = schema();
    nullable.columns[2].nullability = Nullability::Nullable;
    let task = task("{ table = 'shop.*', primary_key = ['id', 'flags'] }");
    let rule = task.selection.selects(&nullable.name).unwrap();
    let refused = TableMapping::new(Arc::new(nullable), rule).unwrap_err();
    assert!(refused.to_string().contains("column \"flags\" can be NULL"), "{refused}");
}

#[test]
fn names_need_quotes_as_the_task_file_says() {
    let mapped = |quote: &str, rule: &str| -> Result<TableMapping, Failure> {
        let text = format!(
            "name = 'shop'\nsource = {{ url = 'mysql://u@127.0.0.1' }}\ndestination = {{ url = 'postgres://u@127.0.0.1/d' }}\n\
             schema = {{ {quote} }}\nobjects = [{{ table = 'My-Shop.*' }}{rule}]"
        );
        let task = millrace_task::parse(&text, "shop.toml".as_ref(), &Surroundings::none()).unwrap();
        let mut schema = schema();
        schema.name = TableName::new("My-Shop", "Order");
        schema.indexes[0].name = "By Amt".into();
        let rule = task.selection.selects(&schema.name).unwrap();
        Ok(TableMapping::new(Arc::new(schema), rule)?)
    };
    let names = |mapped: &TableMapping| {
        let (target, column) = (mapped.target(), mapped.target().columns[1].name.clone());
        format!("{} {column} {}", target.name, target.indexes[0].name)
    };
    for (quote, rule, expected) in [
        ("", "", "My-Shop.Order Amt By Amt"),
        ("quote = 'always', names = 'lower'", "", "my-shop.order amt by amt"),
        ("quote = 'needed'", "", "My-Shop.Order amt By Amt"),
        ("quote = 'needed'", ", { table = 'My-Shop.Order', rename = 'Sales.Orders' }", "Sales.Orders amt By Amt"),
        ("quote = 'never'", ", { table = 'My-Shop.Order', rename = 'sales.orders' }", "sales.orders amt by$20$amt"),
    ] {
        assert_eq!(names(&mapped(quote, rule).unwrap()), expected, "{quote} {rule}");
    }
    for (rule, message, hint) in [
        ("", "table \"My-Shop.Order\": its schema would be called \"My-Shop\"", "rename = \"my_shop.*\""),
        (
            ", { table = 'My-Shop.Ord*', rename = 'shop.*' }",
            "the table would be called \"Order\", which has to be quoted",
            "table = \"`My-Shop`.`Order`\", rename = \"shop.order_\"",
        ),
    ] {
        let failure = mapped("quote = 'never'", rule).unwrap_err();
        assert!(failure.message.contains(message), "{failure}");
        assert!(failure.hint.contains(hint), "{}", failure.hint);
    }
}
