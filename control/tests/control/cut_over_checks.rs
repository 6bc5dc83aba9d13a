//! CHECK constraints of `millrace cut-over`: made when nobody applies any more, each once, of what the source has then.

use anyhow::Result;
use millrace_testkit::{Stage, poll_until};

use crate::cut_over::{
    LIMIT, cut_over, expected, items, start, start_one_process, value, wait_until_it_runs, without_kafka,
};
use crate::world::{World, millrace};

/// Under other names there, over a column that stays behind, not enforced, about a text, with a name too long for there.
const TABLES: &str = "
CREATE TABLE offers (id INT PRIMARY KEY, price INT, low INT, hidden INT, word VARCHAR(9),
    CONSTRAINT `Price \"ok` CHECK (price >= low),
    CONSTRAINT goes CHECK (price < 1000),
    CONSTRAINT is_loose CHECK (id > 5) NOT ENFORCED,
    CONSTRAINT behind CHECK (hidden > 0),
    CONSTRAINT texts CHECK (word <> 'x'),
    CONSTRAINT a_name_of_sixty_four_characters_which_is_one_more_than_there_can CHECK (low > 0),
    CHECK (low IS NOT NULL));
INSERT INTO offers VALUES (1, 20, 10, 1, 'a'), (2, NULL, 5, 1, 'b');
CREATE TABLE other (id INT PRIMARY KEY, CONSTRAINT of_other CHECK (id <> 7));
INSERT INTO other VALUES (1);
";

const LONG: &str = "offers.a_name_of_sixty_four_characters_which_is_one_more_than_there_can";

/// What is judged of each constraint that the source still has.
fn all(made: &str, price: &str) -> Vec<(String, String, Option<i64>)> {
    expected(&[
        (LONG, made, None),
        ("offers.behind", "left out", None),
        ("offers.is_loose", "left out", None),
        ("offers.Price \"ok", price, None),
        ("offers.offers_chk_1", made, None),
        ("offers.texts", "left out", None),
        ("other.of_other", made, None),
    ])
}

fn objects(name: &str) -> String {
    format!(
        "objects = [{{ table = \"{name}.*\" }}, {{ table = \"{name}.offers\", rename = \"{name}.Deals\", \
         columns = {{ exclude = [\"hidden\"], rename = {{ price = \"the price\" }} }} }}]"
    )
}

#[tokio::test]
async fn checks_are_made_once_nobody_applies_any_more() -> Result<()> {
    let world = World::new("cut_checks").await?;
    let task = world.task(&world.servers.mysql, &objects(&world.name))?;
    make_checks(world, &task, start).await
}

#[tokio::test]
async fn checks_are_made_once_the_one_process_has_ended() -> Result<()> {
    let world = World::new("cut_checks_run").await?;
    let task = world.task(&world.servers.mysql, &objects(&world.name))?;
    without_kafka(&task)?;
    make_checks(world, &task, start_one_process).await
}

/// The constraints among the items, by name.
fn checks(ended: &crate::world::Ended, database: &str) -> Vec<(String, String, Option<i64>)> {
    let mut checks: Vec<_> = items(ended, database).into_iter().filter(|(name, ..)| name != "customers.id").collect();
    checks.sort();
    checks
}

fn sorted(mut list: Vec<(String, String, Option<i64>)>) -> Vec<(String, String, Option<i64>)> {
    list.sort();
    list
}

async fn make_checks(world: World, task: &str, start: impl Fn(&World, &str) -> Result<Vec<Stage>>) -> Result<()> {
    let name = world.name.clone();
    world.mysql(&format!("USE {name}; {TABLES}")).await?;
    let planned = millrace(&["plan", task])?.out;
    assert!(planned.contains("CHECK ((\"the price\" >= \"low\")) NOT VALID"), "{planned}");
    let mut stages = start(&world, task)?;
    wait_until_it_runs(task).await?;
    world.mysql(&format!("ALTER TABLE {name}.offers DROP CHECK goes")).await?;
    let waiting = cut_over(task, &["--execute", "--wait", "90", "--json"], 1)?;
    assert_eq!(checks(&waiting, &name), sorted(all("waiting", "waiting")));
    let made = |more: &str| {
        let of_schema = format!("contype = 'c' AND connamespace = '{name}'::regnamespace");
        format!("SELECT count(*) FROM pg_constraint WHERE {of_schema} {more}")
    };
    assert_eq!(value(&world, &made("")).await?, "0");
    for stage in &mut stages {
        stage.terminate()?;
        stage.wait_for_success(LIMIT).await?;
    }

    // A row that somebody changed in the destination breaks one.
    world.postgres(&format!("UPDATE {name}.\"Deals\" SET \"the price\" = -424242 WHERE id = 1")).await?;
    // A session ends a little after its process.
    poll_until(LIMIT, "the constraints that rows hold to", async || {
        let ended = millrace(&["cut-over", task, "--execute", "--unchecked", "--json"])?;
        Ok(!items(&ended, &name).iter().any(|(_, state, _)| state == "waiting"))
    })
    .await?;
    let broken = cut_over(task, &["--execute", "--unchecked", "--json"], 1)?;
    assert_eq!(checks(&broken, &name), sorted(all("ready", "impossible")));
    let text = cut_over(task, &["--execute", "--unchecked"], 1)?.out;
    let why = format!("1 row of \"{name}.Deals\" break it: (\"the price\" >= \"low\")");
    assert!(text.contains(&format!("-- impossible: {name}.offers.Price \"ok, {why}")), "{text}");
    assert!(!text.contains("424242"), "{text}");
    assert!(
        text.contains("the source does not enforce it") && text.contains("column \"hidden\" is excluded"),
        "{text}"
    );
    assert_eq!(value(&world, &made("")).await?, "3");

    world.postgres(&format!("UPDATE {name}.\"Deals\" SET \"the price\" = 10 WHERE id = 1")).await?;
    let shown = cut_over(task, &["--unchecked", "--json"], 0)?;
    assert_eq!(checks(&shown, &name), sorted(all("ready", "needed")));
    let done = cut_over(task, &["--execute", "--unchecked", "--json"], 0)?;
    assert_eq!(checks(&done, &name), sorted(all("ready", "done")));
    let again = cut_over(task, &["--execute", "--unchecked", "--json"], 0)?;
    assert_eq!(checks(&again, &name), sorted(all("ready", "ready")));
    assert_eq!(
        (value(&world, &made("")).await?, value(&world, &made("AND NOT convalidated")).await?),
        ("4".into(), "0".into())
    );
    let refused = world.postgres(&format!("INSERT INTO {name}.\"Deals\" VALUES (3, 1, 2, 'c')")).await;
    assert!(refused.is_err_and(|error| format!("{error:?}").contains("Price \"ok")));

    // One of the same name means something else now.
    world
        .mysql(&format!("ALTER TABLE {name}.other DROP CHECK of_other, ADD CONSTRAINT of_other CHECK (id <> 8)"))
        .await?;
    let changed = cut_over(task, &["--execute", "--unchecked"], 1)?.out;
    assert!(changed.contains("of that name with another condition"), "{changed}");
    world.remove().await
}

#[tokio::test]
async fn checks_that_the_task_does_not_want_are_named_by_plan_alone() -> Result<()> {
    let world = World::new("cut_no_checks").await?;
    let name = world.name.clone();
    world.mysql(&format!("USE {name}; {TABLES}")).await?;
    let objects = format!("schema = {{ check_constraints = false }}\n{}", objects(&name));
    let task = world.task(&world.servers.mysql, &objects)?;
    let planned = millrace(&["plan", &task])?.out;
    assert!(planned.contains("check \"goes\": schema.check_constraints = false"), "{planned}");
    assert!(!planned.contains("at cut-over:"), "{planned}");
    let shown = millrace(&["cut-over", &task, "--unchecked"])?;
    assert!(!shown.out.contains("offers.goes"), "{shown:?}");
    world.remove().await
}
