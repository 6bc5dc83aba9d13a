//! Every key of `tls`, on both sides, against servers that ask for encryption and certificates.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_testkit::{OwnServer, Server, Servers, poll_until, run_script, unique_name};
use mysql_async::prelude::Queryable;
use tokio_postgres::{Client, NoTls};

use crate::world::millrace;

/// An authority, and certificates of a server on the loopback and of a client called `with_certificate`.
const REQUEST: &str = "
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = IP:127.0.0.1
[client]
basicConstraints = critical, CA:FALSE
";

fn make_certificates(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("request.cnf"), REQUEST)?;
    for (name, subject) in
        [("authority", "/CN=authority"), ("server", "/CN=server"), ("client", "/CN=with_certificate")]
    {
        let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
        let mut openssl = Command::new("openssl");
        openssl.current_dir(folder).args(["req", "-x509", "-nodes", "-days", "2", "-config", "request.cnf"]);
        openssl.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", subject, "-extensions", name]);
        openssl.args(["-keyout", &key, "-out", &certificate]);
        if name != "authority" {
            openssl.args(["-CA", "authority.pem", "-CAkey", "authority.key"]);
        }
        let output = openssl.output().context("openssl")?;
        ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// A task file whose `[source]` and `[destination]` are these.
fn write_task(folder: &Path, source: &str, destination: &str) -> Result<PathBuf> {
    let path = folder.join("task.toml");
    let text = format!(
        "name = \"tls\"\nobjects = [{{ table = \"no_database.*\" }}]\n[source]\n{source}\n[destination]\n{destination}\n"
    );
    fs::write(&path, text)?;
    Ok(path)
}

/// What `millrace check` says of a side's connection: its result, and what it found.
fn connection(task: &Path, side: &str) -> Result<(String, String)> {
    let json = millrace(&["check", &task.to_string_lossy(), "--json"])?.json();
    let name = format!("{side}_connection");
    let check = json["checks"].as_array().and_then(|checks| checks.iter().find(|check| check["name"] == *name));
    let check = check.context("the connection was not checked")?;
    let text = |field: &str| check[field].as_str().unwrap_or_default().to_owned();
    Ok((text("result"), text("found")))
}

/// `tls` of a side, and whether it connects or what the refusal says.
struct Attempt {
    tls: &'static str,
    refusal: Option<&'static str>,
}

const fn connects(tls: &'static str) -> Attempt {
    Attempt { tls, refusal: None }
}

const fn is_refused(tls: &'static str, refusal: &'static str) -> Attempt {
    Attempt { tls, refusal: Some(refusal) }
}

fn try_each(attempts: &[Attempt], side: &str, connect: impl Fn(&str) -> Result<PathBuf>) -> Result<()> {
    for Attempt { tls, refusal } in attempts {
        let (result, found) = connection(&connect(tls)?, side)?;
        match refusal {
            None => ensure!(result == "ok", "{tls} is refused: {found}"),
            Some(part) => ensure!(result == "blocks" && found.contains(part), "{tls}: {result}: {found}"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_source_is_reached_as_its_tls_says() -> Result<()> {
    let servers = Servers::from_environment()?;
    let name = unique_name("tls_source");
    let folder = std::env::temp_dir().join(&name);
    make_certificates(&folder)?;
    let mut admin = servers.connect_mysql().await?;
    // MySQL makes an authority and certificates of its own; the server's names no host.
    let data: String = admin.query_first("SELECT @@datadir").await?.context("no datadir")?;
    for file in ["ca.pem", "client-cert.pem", "client-key.pem"] {
        fs::copy(Path::new(&data).join(file), folder.join(file)).with_context(|| format!("{data}{file}"))?;
    }
    let tail = &name[name.len().saturating_sub(24)..];
    let (encrypted, certified) = (format!("e{tail}"), format!("c{tail}"));
    let accounts = format!(
        "CREATE USER {encrypted} IDENTIFIED BY 'p' REQUIRE SSL; CREATE USER {certified} IDENTIFIED BY 'p' REQUIRE X509;"
    );
    run_script(&mut admin, &accounts).await?;
    let address = servers.mysql.rsplit('@').next().unwrap_or_default();
    let source = |user: &str, tls: &str| {
        let source = format!("url = \"mysql://{user}:p@{address}\"\ntls = {tls}");
        write_task(&folder, &source, "url = \"postgres://u@127.0.0.1:1/d\"")
    };
    let modes = [
        is_refused("{ mode = 'disabled' }", "refused user"),
        connects("{ mode = 'required' }"),
        connects("{ mode = 'verify-ca', ca = 'ca.pem' }"),
        is_refused("{ mode = 'verify-ca', ca = 'authority.pem' }", "no TLS connection"),
        is_refused("{ mode = 'verify-ca' }", "no TLS connection"),
        is_refused("{ mode = 'verify-full', ca = 'ca.pem' }", "no TLS connection"),
        is_refused("{ mode = 'verify-ca', ca = 'nowhere.pem' }", "nowhere.pem"),
    ];
    let certificates = [
        is_refused("{ mode = 'required' }", "refused user"),
        connects("{ mode = 'required', cert = 'client-cert.pem', key = 'client-key.pem' }"),
    ];
    let tried = try_each(&modes, "source", |tls| source(&encrypted, tls))
        .and_then(|()| try_each(&certificates, "source", |tls| source(&certified, tls)));
    run_script(&mut admin, &format!("DROP USER {encrypted}; DROP USER {certified};")).await?;
    fs::remove_dir_all(&folder)?;
    tried
}

async fn connect(url: &str) -> Result<Client> {
    let (client, driver) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(driver);
    Ok(client)
}

/// Lets a PostgreSQL speak TLS, and ask some users for it.
async fn ask_for_encryption(url: &str, folder: &Path) -> Result<()> {
    let admin = connect(url).await?;
    let data: String = admin.query_one("SELECT current_setting('data_directory')", &[]).await?.get(0);
    let data = Path::new(&data);
    let owner = fs::metadata(data)?;
    for file in ["authority.pem", "server.pem", "server.key"] {
        fs::copy(folder.join(file), data.join(file))?;
        fs::set_permissions(data.join(file), fs::Permissions::from_mode(0o600))?;
        chown(data.join(file), Some(owner.uid()), Some(owner.gid()))?;
    }
    let rules = fs::read_to_string(data.join("pg_hba.conf"))?;
    let asks =
        "hostssl all with_certificate all cert\nhostssl all encrypted all trust\nhost all encrypted all reject\n";
    fs::write(data.join("pg_hba.conf"), format!("{asks}{rules}"))?;
    for statement in [
        "CREATE ROLE encrypted LOGIN",
        "CREATE ROLE with_certificate LOGIN",
        "ALTER SYSTEM SET ssl_cert_file = 'server.pem'",
        "ALTER SYSTEM SET ssl_key_file = 'server.key'",
        "ALTER SYSTEM SET ssl_ca_file = 'authority.pem'",
        "ALTER SYSTEM SET ssl = on",
        "SELECT pg_reload_conf()",
    ] {
        admin.batch_execute(statement).await.context(statement)?;
    }
    poll_until(Duration::from_secs(60), "the server speaks TLS", async || {
        let ssl: String = connect(url).await?.query_one("SHOW ssl", &[]).await?.get(0);
        Ok(ssl == "on")
    })
    .await
}

#[tokio::test]
async fn the_destination_is_reached_as_its_tls_says() -> Result<()> {
    let folder = std::env::temp_dir().join(unique_name("tls_destination"));
    make_certificates(&folder)?;
    make_certificates(&folder.join("other"))?;
    let server = OwnServer::start(Server::Postgres, "")?;
    let url = server.url()?;
    ask_for_encryption(&url, &folder).await?;
    let address = url.rsplit('@').next().unwrap_or_default();
    let destination = |user: &str, tls: &str| {
        let destination = format!("url = \"postgres://{user}@{address}\"\ntls = {tls}");
        write_task(&folder, "url = \"mysql://u@127.0.0.1:1\"", &destination)
    };
    let modes = [
        is_refused("{ mode = 'disabled' }", "encrypted"),
        connects("{ mode = 'required' }"),
        connects("{ mode = 'verify-ca', ca = 'authority.pem' }"),
        connects("{ mode = 'verify-full', ca = 'authority.pem' }"),
        is_refused("{ mode = 'verify-ca', ca = 'other/authority.pem' }", "encrypted connection"),
        is_refused("{ mode = 'verify-full' }", "encrypted connection"),
        is_refused("{ mode = 'verify-ca', ca = 'nowhere.pem' }", "nowhere.pem"),
    ];
    let certificates = [
        is_refused("{ mode = 'required' }", "certificate"),
        connects("{ mode = 'required', cert = 'client.pem', key = 'client.key' }"),
        is_refused("{ mode = 'required', cert = 'other/client.pem', key = 'other/client.key' }", ""),
        is_refused("{ mode = 'required', cert = 'client.pem', key = 'nowhere.key' }", "nowhere.key"),
    ];
    try_each(&modes, "destination", |tls| destination("encrypted", tls))?;
    try_each(&certificates, "destination", |tls| destination("with_certificate", tls))?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}
