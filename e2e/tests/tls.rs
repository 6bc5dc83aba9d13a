//! Encrypted connections to all three servers, with certificates made here: what is right is used, and what is wrong is
//! refused with an error that says what is wrong and a hint that says where to mend it. Bytes that change on their way are
//! noticed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use millrace_e2e::{LIMIT, Role, Scope, Stages, TestResult, World, in_world_at, poll_until_equal};
use millrace_testkit::{Authority, Damage, Direction, OwnServers, Proxy, Random, Server, Spot, Validity};

const SCRAM_PASSWORD: &str = "s=c;r\"am";
const PLAIN_PASSWORD: &str = "p=l;a in";

/// The servers' certificates, and those of clients: `client` is `certified` to PostgreSQL; `stranger` and `other.pem`
/// are of an authority that nobody trusts.
fn make_certificates(folder: &Path) -> Result<()> {
    let (authority, other) = (Authority::new("the test's authority")?, Authority::new("another authority")?);
    fs::create_dir_all(folder)?;
    fs::write(folder.join("ca.pem"), authority.pem())?;
    fs::write(folder.join("other.pem"), other.pem())?;
    authority.sign_into(folder, "server", "server", &["localhost"], Validity::Now)?;
    authority.sign_into(folder, "expired", "server", &["localhost"], Validity::Expired)?;
    authority.sign_into(folder, "client", "certified", &["client"], Validity::Now)?;
    other.sign_into(folder, "stranger", "certified", &["client"], Validity::Now)?;
    for (name, both) in [("server", "kafka"), ("expired", "expired-kafka")] {
        let read = |file: String| fs::read_to_string(folder.join(file));
        fs::write(
            folder.join(format!("{both}.pem")),
            read(format!("{name}-key.pem"))? + &read(format!("{name}.pem"))?,
        )?;
    }
    Ok(())
}

struct Lab<'a> {
    world: &'a World,
    certificates: String,
    addresses: BTreeMap<String, String>,
}

/// What a stage must not accept.
struct Refusal {
    role: Role,
    keys: String,
    error: &'static str,
    hint: &'static str,
}

impl Lab<'_> {
    fn port(&self, name: &str) -> Result<&str> {
        let address = self.addresses.get(name).with_context(|| format!("no address \"{name}\""))?;
        let address = address.rsplit_once(':').context("an address has a port")?.1;
        Ok(address.split('/').next().unwrap_or(address))
    }

    /// `tls = {...}` with the files in it by their names without `.pem`.
    fn tls(&self, side: &str, mode: &str, files: &[(&str, &str)]) -> String {
        let files: String =
            files.iter().map(|(key, file)| format!(", {key} = '{}/{file}.pem'", self.certificates)).collect();
        format!("{side}.tls = {{ mode = '{mode}'{files} }}\n")
    }

    fn source(&self, host: &str, mode: &str, files: &[(&str, &str)]) -> Result<String> {
        let account = format!("{}:p%40ss%2Fw%3Ard%25%201", self.world.account());
        let url = format!("source.url = 'mysql://{account}@{host}:{}'\n", self.port("MILLRACE_TEST_MYSQL")?);
        Ok(url + &self.tls("source", mode, files))
    }

    fn destination(&self, user: &str, host: &str, mode: &str, files: &[(&str, &str)]) -> Result<String> {
        let (port, database) = (self.port("MILLRACE_TEST_POSTGRES")?, &self.world.name);
        let url = format!("destination.url = 'postgres://{user}@{host}:{port}/{database}'\n");
        Ok(url + &self.tls("destination", mode, files))
    }

    /// `listener` is TLS, SASL or EXPIRED.
    fn log(&self, listener: &str, host: &str, options: &[(&str, &str)]) -> Result<String> {
        let port = self.port(&format!("MILLRACE_TEST_KAFKA_{listener}"))?;
        let options = [("broker.address.family", "v4")].iter().chain(options);
        let options: String = options
            .map(|(name, value)| match value.strip_suffix(".pem") {
                Some(_) => format!("log.options.'{name}' = '{}/{value}'\n", self.certificates),
                None => format!("log.options.'{name}' = '{value}'\n"),
            })
            .collect();
        Ok(format!("log.kafka = '{host}:{port}'\n{options}"))
    }

    fn sasl(&self, mechanism: &str, password: &str) -> Result<String> {
        let login = [("sasl.mechanism", mechanism), ("sasl.username", "millrace"), ("sasl.password", password)];
        let options = [&[("security.protocol", "SASL_SSL"), ("ssl.ca.location", "ca.pem")][..], &login].concat();
        self.log("SASL", "localhost", &options)
    }

    async fn moves_with(&self, what: &str, row: u32, keys: &str) -> Result<()> {
        self.world.run_in_source(&format!("INSERT INTO t VALUES ({row}, '{row}')")).await?;
        let task = self.world.task_file().with(keys)?.write()?;
        let mut stages = Stages::start(self.world, &task, &Role::ALL)?;
        poll_until_equal(self.world, &mut stages, &Scope::default(), LIMIT).await.context(what.to_owned())?;
        let plain = "SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) \
                     WHERE datname = current_database() AND application_name LIKE 'millrace%' AND NOT s.ssl";
        let plain: i64 = self.world.connect_postgres().await?.query_one(plain, &[]).await?.get(0);
        ensure!(plain == 0, "{what}: {plain} connections to the destination are not encrypted");
        stages.stop().await
    }

    async fn refuses(&self, refusal: &Refusal) -> Result<()> {
        let task = self.world.task_file().with(&refusal.keys)?.write()?;
        for entry in fs::read_dir(&self.world.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                fs::remove_file(path)?;
            }
        }
        let what = || format!("with {}", refusal.keys);
        let mut stages = Stages::start(self.world, &task, &[refusal.role])?;
        let printed = stages.wait_for_failure(refusal.role, LIMIT).await.with_context(what)?;
        ensure!(printed.error.contains(refusal.error), "{:?} is not in {printed:?}, {}", refusal.error, what());
        ensure!(printed.hint.contains(refusal.hint), "{:?} is not in {printed:?}, {}", refusal.hint, what());
        Ok(())
    }
}

const CLIENT: [(&str, &str); 3] = [("ca", "ca"), ("cert", "client"), ("key", "client-key")];

async fn accepts_what_is_right(lab: &Lab<'_>) -> Result<()> {
    let source = lab.source("localhost", "verify-full", &CLIENT)?;
    let certified = lab.destination("certified", "localhost", "verify-full", &CLIENT)?;
    lab.moves_with("certificates, SCRAM", 1, &(source + &certified + &lab.sasl("SCRAM-SHA-256", SCRAM_PASSWORD)?))
        .await?;
    // The certificate does not name the address, which verify-ca does not ask for.
    let source = lab.source("127.0.0.1", "verify-ca", &CLIENT)?;
    let password = lab.destination("scram:pass%20word", "127.0.0.1", "verify-ca", &CLIENT[..1])?;
    lab.moves_with("verify-ca, PLAIN", 2, &(source + &password + &lab.sasl("PLAIN", PLAIN_PASSWORD)?)).await?;
    let source = lab.source("127.0.0.1", "required", &CLIENT[1..])?;
    let password = lab.destination("scram:pass%20word", "127.0.0.1", "required", &[])?;
    lab.moves_with(
        "unchecked, client certificate",
        3,
        &(source + &password + &lab.log("TLS", "localhost", &KAFKA_CLIENT)?),
    )
    .await
}

const KAFKA_CLIENT: [(&str, &str); 4] = [
    ("security.protocol", "SSL"),
    ("ssl.ca.location", "ca.pem"),
    ("ssl.certificate.location", "client.pem"),
    ("ssl.key.location", "client-key.pem"),
];

/// Neither an answer of the source nor COPY has a checksum of its own: encryption is what notices a byte that has changed.
async fn notices_damage(lab: &Lab<'_>) -> Result<()> {
    let mut random = Random::of_test("tls");
    let (source, destination) = (Proxy::start().await?, Proxy::start().await?);
    let mut keys = lab.source("127.0.0.1", "verify-ca", &CLIENT)?
        + &lab.destination("scram:pass%20word", "127.0.0.1", "verify-ca", &CLIENT[..1])?;
    for (name, proxy) in [("MILLRACE_TEST_MYSQL", &source), ("MILLRACE_TEST_POSTGRES", &destination)] {
        let address = format!("127.0.0.1:{}", lab.port(name)?);
        proxy.forward_to(&address);
        keys = keys.replace(&address, &format!("127.0.0.1:{}", proxy.port()));
    }
    let task = lab.world.task_file().with(&keys)?.write()?;
    let mut stages = Stages::start(lab.world, &task, &Role::ALL)?;
    poll_until_equal(lab.world, &mut stages, &Scope::default(), LIMIT).await.context("by way of the proxies")?;
    let links = [(&source, Direction::ToClient), (&destination, Direction::ToServer)];
    for ((proxy, direction), row) in links.into_iter().zip(100..) {
        proxy.damage(Damage::new(direction, Spot::Encrypted, &mut random));
        let large = format!("INSERT INTO t VALUES ({row}, REPEAT(SHA2('{row}', 512), 500))");
        lab.world.run_in_source(&large).await?;
        poll_until_equal(lab.world, &mut stages, &Scope::default(), LIMIT).await.context("after damage")?;
        ensure!(proxy.damaged() == 1, "nothing was damaged {direction:?}");
    }
    stages.stop().await
}

const NAME: &str = "is for another host";
const AUTHORITY: &str = "is not signed by a trusted authority";
const EXPIRED: &str = "has expired";
/// OpenSSL within the Kafka client keeps the reason to itself.
const UNVERIFIED: &str = "is expired, for another host, or of an authority that is not trusted";
const NO_CERTIFICATE: &str = "refuses this side's certificate, or asks for one";

fn databases(lab: &Lab<'_>) -> Result<Vec<Refusal>> {
    let source = |host, files, error, hint| -> Result<Refusal> {
        Ok(Refusal { role: Role::Capture, keys: lab.source(host, "verify-full", files)?, error, hint })
    };
    let destination = |host, mode, files, error, hint| -> Result<Refusal> {
        Ok(Refusal { role: Role::Apply, keys: lab.destination("certified", host, mode, files)?, error, hint })
    };
    let stranger = [("ca", "ca"), ("cert", "stranger"), ("key", "stranger-key")];
    let no_encryption = || format!("destination.url = 'postgres://postgres@127.0.0.1:{}/x'\n", shared_postgres());
    Ok(vec![
        source("127.0.0.1", &CLIENT, NAME, "source.url")?,
        source("localhost", &[("ca", "other")], AUTHORITY, "ca in source.tls")?,
        source("localhost", &[], AUTHORITY, "ca in source.tls")?,
        source("localhost", &CLIENT[..1], "refused user", "certificate")?,
        source("localhost", &[("ca", "missing")], "missing.pem", "source.tls")?,
        destination("127.0.0.1", "verify-full", &CLIENT, NAME, "destination.url")?,
        destination("localhost", "verify-ca", &[("ca", "other")], AUTHORITY, "ca in destination.tls")?,
        destination("localhost", "verify-full", &[], AUTHORITY, "ca in destination.tls")?,
        destination("localhost", "verify-full", &CLIENT[..1], "certificate", "destination.")?,
        destination("localhost", "verify-full", &stranger, NO_CERTIFICATE, "cert and key in destination.tls")?,
        destination("localhost", "verify-full", &[("ca", "missing")], "missing.pem", "destination.tls")?,
        Refusal {
            role: Role::Apply,
            keys: no_encryption() + &lab.tls("destination", "required", &[]),
            error: "the server offers no encryption",
            hint: "switch TLS on",
        },
    ])
}

/// The port of the tests' shared server, which has no TLS.
fn shared_postgres() -> String {
    let url = std::env::var("MILLRACE_TEST_POSTGRES").unwrap_or_default();
    url.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default().to_owned()
}

fn brokers(lab: &Lab<'_>) -> Result<Vec<Refusal>> {
    let log = |listener, host, options: &[_], error, hint| -> Result<Refusal> {
        Ok(Refusal { role: Role::Transform, keys: lab.log(listener, host, options)?, error, hint })
    };
    let other = [("security.protocol", "SSL"), ("ssl.ca.location", "other.pem")];
    let sasl = |mechanism, password| -> Result<Refusal> {
        let (error, hint) = ("refused the credentials", "the user and its password");
        Ok(Refusal { role: Role::Transform, keys: lab.sasl(mechanism, password)?, error, hint })
    };
    Ok(vec![
        log("TLS", "127.0.0.1", &KAFKA_CLIENT, UNVERIFIED, "-verify_hostname")?,
        log("TLS", "localhost", &[], "speaks TLS", "security.protocol")?,
        log("TLS", "localhost", &other, UNVERIFIED, "ssl.ca.location")?,
        log("TLS", "localhost", &KAFKA_CLIENT[..2], NO_CERTIFICATE, "ssl.certificate.location")?,
        log("EXPIRED", "localhost", &KAFKA_CLIENT[..2], UNVERIFIED, "openssl s_client")?,
        sasl("SCRAM-SHA-256", PLAIN_PASSWORD)?,
        sasl("PLAIN", SCRAM_PASSWORD)?,
    ])
}

/// Gives PostgreSQL a certificate that has expired. (MySQL itself refuses to load one.)
async fn expire(lab: &Lab<'_>) -> Result<()> {
    let postgres = lab.world.servers.connect_postgres().await?;
    for (setting, file) in [("ssl_cert_file", "expired"), ("ssl_key_file", "expired-key")] {
        postgres.batch_execute(&format!("ALTER SYSTEM SET {setting} = '{file}.pem'")).await?;
    }
    postgres.batch_execute("SELECT pg_reload_conf()").await?;
    millrace_testkit::poll_until(LIMIT, "the reloaded certificate", async || {
        let connection = lab.world.servers.connect_postgres().await?;
        let file: String = connection.query_one("SHOW ssl_cert_file", &[]).await?.get(0);
        Ok(file == "expired.pem")
    })
    .await
}

async fn encrypted(world: &World, own: &OwnServers, certificates: &Path) -> Result<()> {
    let certificates = certificates.to_str().context("a path")?.to_owned();
    let lab = Lab { world, certificates, addresses: own.variables()? };
    world.run_in_source("CREATE TABLE t (id INT PRIMARY KEY, v TEXT); INSERT INTO t VALUES (0, 'a')").await?;
    let grants = ["SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.*".to_owned()];
    world.create_account(&grants).await?;
    world.run_in_source(&format!("ALTER USER '{}'@'%' REQUIRE X509", world.account())).await?;
    world
        .run_in_destination(
            "CREATE ROLE certified LOGIN; CREATE ROLE scram LOGIN PASSWORD 'pass word'; GRANT certified TO scram; \
             ALTER ROLE scram SET role = certified; \
             GRANT CREATE ON DATABASE \"{database}\" TO certified",
        )
        .await?;
    accepts_what_is_right(&lab).await?;
    notices_damage(&lab).await?;
    let mut problems = Vec::new();
    for refusal in databases(&lab)?.iter().chain(&brokers(&lab)?) {
        problems.extend(lab.refuses(refusal).await.err().map(|problem| format!("{problem:#}")));
    }
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    expire(&lab).await?;
    let keys = lab.destination("certified", "localhost", "verify-ca", &CLIENT)?;
    lab.refuses(&Refusal { role: Role::Apply, keys, error: EXPIRED, hint: "renew the server's certificate" }).await?;
    Ok(())
}

#[test]
fn tls_to_all_three_servers() -> TestResult {
    let folder = std::env::temp_dir().join(millrace_testkit::unique_name("certificates"));
    make_certificates(&folder)?;
    let own = OwnServers::new(&[("MILLRACE_TLS", folder.display().to_string())]);
    let started = own.start(&[Server::Mysql, Server::Kafka, Server::Postgres]);
    let ended = started
        .and_then(|()| in_world_at(own.addresses()?, "tls", async |world| encrypted(world, &own, &folder).await));
    drop(own);
    fs::remove_dir_all(&folder)?;
    Ok(ended?)
}
