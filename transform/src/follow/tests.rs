#![expect(clippy::unwrap_used, reason = "tests")]
use millrace_model::mysql_type::{Rounding, Sign};
use millrace_model::row::{Row, RowWriter};
use millrace_model::{Cell, TableName};
use millrace_proto::{decode_held, encode_held};
use millrace_task::{Surroundings, Task};

use super::*;
use crate::mappings::Mappings;
use crate::table::Verdict;
use millrace_model::batch::RowChange;

fn task(objects: &str) -> Task {
    let text = format!(
        "name = 'shop'\nsource = {{ url = 'mysql://u@127.0.0.1' }}\ndestination = {{ url = 'postgres://u@127.0.0.1/d' }}\n\
         objects = [{objects}]"
    );
    millrace_task::parse(&text, "shop.toml".as_ref(), &Surroundings::none()).unwrap()
}

fn column(name: &str, ty: MysqlType) -> Column<MysqlType> {
    let nullability = if name == "id" { Nullability::NotNull } else { Nullability::Nullable };
    Column { name: name.into(), ty, nullability, default: None, comment: String::new(), collation: "".into() }
}

fn schema(table: &str, columns: &[(&str, MysqlType)]) -> TableSchema<MysqlType> {
    let columns: Vec<_> = columns.iter().map(|(name, ty)| column(name, ty.clone())).collect();
    TableSchema {
        table_id: 1,
        name: TableName::new("shop", table),
        primary_key: vec![columns.iter().position(|column| &*column.name == "id").unwrap()],
        key: vec![columns.iter().position(|column| &*column.name == "id").unwrap()],
        columns,
        indexes: vec![],
        comment: String::new(),
        route: Route::Key,
        placement: Default::default(),
    }
}

const INT: MysqlType = MysqlType::Int(Sign::Signed);

fn orders() -> TableSchema<MysqlType> {
    schema("orders", &[("id", INT), ("secret", INT), ("amt", INT), ("state", INT)])
}

/// The mappings before and after a change, and the change in the destination.
struct Followed {
    mappings: Mappings,
    after: Arc<NamedMapping>,
    alteration: Option<Alteration<PgType>>,
}

fn follow(objects: &str, steps: &[(TableSchema<MysqlType>, &[Option<usize>])]) -> Result<Followed, TransformError> {
    let task = task(objects);
    let mut mappings = Mappings::default();
    let key = |version: usize| SchemaKey::new(version as u64, 0);
    let mut before = mappings.add(key(1), orders(), &task.selection)?;
    let mut alteration = None;
    for (place, (schema, origins)) in steps.iter().enumerate() {
        let change = Alteration { before: key(place + 1), schema: key(place + 2), origins: origins.to_vec() };
        let after = mappings.follow(schema.clone(), &change, &task.selection)?;
        // Whoever begins behind the change finds the same.
        let held = decode_held(encode_held(&after.mapping.held())).unwrap();
        let recalled = Mappings::default().recall(change.schema, schema.clone(), held, &task.selection)?;
        assert_eq!(format!("{recalled:?}"), format!("{after:?}"));
        alteration = transform_alteration(&before, &after, origins);
        before = after;
    }
    Ok(Followed { mappings, after: before, alteration })
}

fn columns(named: &NamedMapping) -> Vec<String> {
    named.mapping.target().columns.iter().map(|column| format!("{} {}", column.name, column.ty)).collect()
}

#[test]
fn a_change_goes_through_the_selection_of_columns() {
    let after = schema("orders", &[("new", INT), ("id", INT), ("state2", INT), ("secret", INT), ("amt", INT)]);
    let rule = "{ table = 'shop.orders', rename = 'sales.*', columns = { exclude = ['secret'], rename = { amt = 'Amount' } } }";
    let origins = [None, Some(0), Some(3), Some(1), Some(2)];
    let followed = follow(rule, &[(after, &origins)]).unwrap();
    assert_eq!(columns(&followed.after), ["new integer", "id integer", "state2 integer", "Amount integer"]);
    let alteration = followed.alteration.unwrap();
    assert_eq!(alteration.origins, [None, Some(0), Some(2), Some(1)]);
    assert_eq!((alteration.before.version, alteration.schema.version), (1, 2));
    // A column that does not move leaves nothing to be done.
    let after = schema("orders", &[("id", INT), ("amt", INT), ("state", INT)]);
    assert_eq!(follow(rule, &[(after, &[Some(0), Some(2), Some(3)])]).unwrap().alteration, None);
}

#[test]
fn a_rule_that_would_lose_its_column_stops_the_change() {
    let same = [Some(0), Some(1), Some(2), Some(3)];
    let with = |name: &'static str, place: usize| {
        let mut columns = orders();
        columns.columns[place].name = name.into();
        columns
    };
    let mut wide = orders();
    wide.columns[3].ty = MysqlType::BigInt(Sign::Signed);
    let mut text = orders();
    text.columns[3].ty = MysqlType::Double(Rounding::None);
    let dropped = (schema("orders", &[("id", INT), ("secret", INT), ("amt", INT)]), &same[..3]);
    let again = (orders(), &[Some(0), Some(1), Some(2), None][..]);
    for (rule, step, refused) in [
        ("where = 'state > 0'", dropped.clone(), Some("takes column \"state\" from \"objects.where\"")),
        ("where = 'state > 0'", again, Some("takes column \"state\" from \"objects.where\"")),
        ("where = 'state > 0'", (with("s", 3), &same[..]), Some("takes column \"state\" from \"objects.where\"")),
        ("where = 'state > 0'", (text, &same[..]), Some("takes column \"state\" from \"objects.where\"")),
        ("where = 'state > 0'", (wide, &same[..]), None),
        ("columns = { rename = { state = 'x' } }", dropped, Some("\"state\" from \"objects.columns.rename\"")),
        (
            "columns = { exclude = ['sec*'] }",
            (with("open", 1), &same[..]),
            Some("\"secret\" from \"objects.columns.exclude\""),
        ),
        ("columns = { exclude = ['sec*'] }", (with("sec2", 1), &same[..]), None),
    ] {
        let found = follow(&format!("{{ table = 'shop.orders', {rule} }}"), &[step]);
        match refused {
            None => assert!(found.is_ok(), "{rule}"),
            Some(refused) => {
                let error = found.err().unwrap();
                assert!(error.to_string().contains(refused), "{error}");
                assert!(error.hint().contains("nothing was changed"), "{}", error.hint());
            }
        }
    }
}

#[test]
fn a_change_that_is_left_out_holds_the_table() {
    let rule = "{ table = 'shop.*', operations = ['insert', 'update', 'delete'] }";
    let after =
        schema("orders", &[("new", INT), ("total", MysqlType::BigInt(Sign::Signed)), ("id", INT), ("secret", INT)]);
    let origins: &[Option<usize>] = &[None, Some(2), Some(0), Some(1)];
    let followed = follow(rule, &[(after.clone(), origins)]).unwrap();
    assert_eq!(followed.alteration, None);
    // The columns that the destination has, in the order of the source's rows; its types.
    assert_eq!(columns(&followed.after), ["amt integer", "id integer", "secret integer"]);
    assert_eq!(followed.after.mapping.target().key, [1]);
    let change = |total: i64| {
        let row: Row = [Cell::Int(9), Cell::Int(total), Cell::Int(1), Cell::Null].into_iter().collect();
        followed.after.mapping.change(&RowChange::Insert(row), &mut String::new(), &mut RowWriter::new())
    };
    let written: Row = [Cell::Int(5), Cell::Int(1), Cell::Null].into_iter().collect();
    assert_eq!(change(5).unwrap(), Verdict::Moves(RowChange::Insert(written)));
    assert!(change(1 << 40).unwrap_err().to_string().contains("column \"total\" holds a number"));
    assert!(followed.mappings.get(SchemaKey::new(2, 0)).is_some());

    // Later changes find the table as it is held, and its name stays.
    let renamed = TableSchema { name: TableName::new("shop", "sales"), ..after.clone() };
    let later = follow(rule, &[(after, origins), (renamed, &[Some(0), Some(1), Some(2), Some(3)])]).unwrap();
    assert_eq!(later.alteration, None);
    assert_eq!(later.after.mapping.target().name, TableName::new("shop", "orders"));
    assert_eq!(columns(&later.after), ["amt integer", "id integer", "secret integer"]);
}

#[test]
fn name_and_shape_are_left_out_apart() {
    let same: &[Option<usize>] = &[Some(0), Some(1), Some(2), Some(3)];
    let renamed = TableSchema { name: TableName::new("shop", "sales"), ..orders() };
    let without_rename = "{ table = 'shop.*', operations = ['insert', 'alter'] }";
    let mut longer = renamed.clone();
    longer.columns.push(column("new", INT));
    let followed =
        follow(without_rename, &[(renamed.clone(), same), (longer, &[Some(0), Some(1), Some(2), Some(3), None])]);
    let followed = followed.unwrap();
    assert_eq!(followed.after.mapping.target().name, TableName::new("shop", "orders"));
    assert_eq!(followed.alteration.unwrap().origins.len(), 5);
    let without_alter = "{ table = 'shop.*', operations = ['insert', 'rename'] }";
    let followed = follow(without_alter, &[(renamed, same)]).unwrap();
    assert_eq!(followed.after.mapping.target().name, TableName::new("shop", "sales"));
    assert!(followed.alteration.is_some());
}

#[test]
fn what_cannot_be_left_out_is_refused() {
    let rule = "{ table = 'shop.*', operations = ['insert'] }";
    let mut other_key = orders();
    (other_key.primary_key, other_key.key) = (vec![2], vec![2]);
    let mut date = orders();
    date.columns[2].ty = MysqlType::Date;
    let same: &[Option<usize>] = &[Some(0), Some(1), Some(2), Some(3)];
    for (step, problem) in [
        ((other_key, same), "the key by which the destination tells rows apart has changed"),
        ((orders(), &[None, Some(1), Some(2), Some(3)][..]), "the key by which"),
        ((date, same), "the values of column \"amt\" cannot become integer any more"),
    ] {
        let error = follow(rule, &[step]).err().unwrap();
        assert!(error.to_string().contains(problem), "{error}");
    }
}

#[test]
fn a_change_of_type_stops_where_the_task_says_so() {
    let task = |setting: &str| {
        let text = format!(
            "name = 'shop'\nsource = {{ url = 'mysql://u@127.0.0.1' }}\ndestination = {{ url = 'postgres://u@127.0.0.1/d' }}\n\
             schema = {{ on_type_change = '{setting}' }}\nobjects = [{{ table = 'shop.*', columns = {{ exclude = ['secret'] }} }}]"
        );
        millrace_task::parse(&text, "shop.toml".as_ref(), &Surroundings::none()).unwrap()
    };
    let same = [Some(0), Some(1), Some(2), Some(3)];
    let change = |place: usize, setting: &str| {
        let (task, before) = (task(setting), Arc::new(orders()));
        let rule = task.selection.selects(&before.name).unwrap();
        let mut after = orders();
        after.columns[place].ty = MysqlType::BigInt(Sign::Signed);
        TableMapping::new(before, rule).unwrap().follow(rule, Arc::new(after), rule, &same)
    };
    assert!(change(2, "migrate").is_ok() && change(1, "stop").is_ok());
    let error = change(2, "stop").err().unwrap();
    assert!(
        error.to_string().contains("column \"amt\" of table \"shop.orders\" changes from int to bigint"),
        "{error}"
    );
    assert!(error.hint().contains("on_type_change = \"migrate\""), "{}", error.hint());
}
