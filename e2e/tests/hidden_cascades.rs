//! A MySQL that leaves cascades to InnoDB, as all did before 9.6; `maria_db.rs` does the same with MariaDB.

use millrace_e2e::{TestResult, run_hidden_cascades};
use millrace_testkit::{OwnServer, Server};

#[test]
fn cascades_that_are_not_logged_stop_the_task_until_they_are_accepted() -> TestResult {
    let own = OwnServer::start(Server::Mysql, "--loose-innodb-native-foreign-keys=ON")?;
    Ok(run_hidden_cascades(own.among_servers()?)?)
}
