//! PostgreSQL: a pool of readers, and writers with a connection of their own.

mod client;
mod connection;
mod error;
mod foreign;
mod readers;
mod value;

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use crate::{DatabaseError, Row, Value, migrations};
use client::Client;
pub(crate) use connection::PostgresConnection;
pub(crate) use error::from_postgres;
pub use foreign::{ForeignDatabase, ForeignRows, quoted_name};
use readers::Readers;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a peer may leave data unacknowledged before the connection counts as lost.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);

/// What makes the server find out, too, that nobody is there any more: it has two hours for that
/// unsaid, in which a session that was cut off keeps its locks, and with them the lease.
const SERVER_TIMEOUTS: &str = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 \
     -c tcp_keepalives_count=3 -c tcp_user_timeout=10000";

/// A database of a PostgreSQL server, one schema of it.
pub(crate) struct Server {
    config: Config,
    readers: Arc<Readers>,
    is_read_only: bool,
}

/// Whether there is a schema with tables of ours, and whether the role may read it. PostgreSQL's own
/// tables say so to everybody; to name a table of a schema that may not be used is an error.
const READABLE: &str = "\
    SELECT has_schema_privilege(nspname, 'USAGE') AND has_table_privilege(pg_class.oid, 'SELECT'),
        quote_ident(current_user)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = $1::text AND relname = 'refinery_schema_history'";

impl Server {
    pub(crate) fn connect(
        url: &str,
        schema: &str,
        scripts: &[(&str, &str)],
    ) -> Result<Server, DatabaseError> {
        let config = configure(url, schema)?;
        migrate(open(&config)?, schema, scripts)?;
        let readers = Arc::new(Readers::new(&config));
        Ok(Server { config, readers, is_read_only: false })
    }

    /// Every transaction of every connection is one that PostgreSQL lets write nothing. What the
    /// server may forget is not asked: nothing is acknowledged here.
    pub(crate) fn connect_read_only(
        url: &str,
        schema: &str,
        scripts: &[(&str, &str)],
    ) -> Result<Server, DatabaseError> {
        let mut config = configure(url, schema)?;
        let given = config.get_options().unwrap_or_default();
        config.options(format!("{given} -c default_transaction_read_only=on"));
        let readers = Arc::new(Readers::new(&config));
        let server = Server { config, readers, is_read_only: true };
        let found = server.query(READABLE, &[schema.into()])?;
        let readable = found.first().ok_or(DatabaseError::Missing)?;
        if readable.int(0)? == 0 {
            let role = readable.text(1)?;
            return Err(DatabaseError::Misconfigured(format!(
                "the role {role} may not read the schema {schema}; let its owner run GRANT USAGE \
                 ON SCHEMA {schema} TO {role} and GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO \
                 {role}"
            )));
        }
        migrations::check(scripts, &server.query(migrations::APPLIED, &[])?)?;
        Ok(server)
    }

    pub(crate) fn with_own_readers(&self) -> Server {
        let readers = Arc::new(Readers::new(&self.config));
        Server { config: self.config.clone(), readers, is_read_only: self.is_read_only }
    }

    pub(crate) const fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    pub(crate) fn settings(&self) -> Result<Vec<(String, String)>, DatabaseError> {
        const SQL: &str = "SELECT name, setting FROM pg_settings WHERE name IN ('server_version', \
             'fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method', \
             'synchronous_standby_names') ORDER BY name";
        let rows = self.query(SQL, &[])?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
    }

    pub(crate) fn writer(&self) -> Result<PostgresConnection, DatabaseError> {
        PostgresConnection::writer(&self.config)
    }

    /// A reader that is in no snapshot.
    pub(crate) fn lent(&self) -> Result<PostgresConnection, DatabaseError> {
        PostgresConnection::lent(&self.readers)
    }

    /// A reader in a snapshot.
    pub(crate) fn reader(&self) -> Result<PostgresConnection, DatabaseError> {
        let mut reader = self.lent()?;
        reader.begin_read();
        Ok(reader)
    }

    /// One statement is a snapshot by itself.
    pub(crate) fn query(
        &self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.lent()?.query(sql, params)
    }

    pub(crate) fn query_columns(
        &self,
        sql: &'static str,
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.lent()?.query_columns(sql, rows)
    }
}

impl PostgresConnection {
    /// One to write by, whatever the version of the tables.
    pub(crate) fn connect(url: &str, schema: &str) -> Result<PostgresConnection, DatabaseError> {
        PostgresConnection::writer(&configure(url, schema)?)
    }

    fn writer(config: &Config) -> Result<PostgresConnection, DatabaseError> {
        let mut config = config.clone();
        config.application_name(format!("quipu writer pid {}", std::process::id()));
        Ok(PostgresConnection::own(open(&config)?))
    }
}

fn configure(url: &str, schema: &str) -> Result<Config, DatabaseError> {
    let misconfigured = |why: String| DatabaseError::Misconfigured(why);
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if schema.is_empty() || !schema.bytes().all(plain) || schema.as_bytes()[0].is_ascii_digit() {
        return Err(misconfigured(format!("{schema:?} cannot be a schema: write a-z, 0-9 and _")));
    }
    let mut config = parse(url)?;
    let given = config.get_options().unwrap_or_default().to_owned();
    config.options(format!("{SERVER_TIMEOUTS} {given} -c search_path={schema}"));
    if config.get_application_name().is_none() {
        config.application_name("quipu");
    }
    config.keepalives(true).keepalives_idle(SILENCE_TIMEOUT).tcp_user_timeout(SILENCE_TIMEOUT);
    Ok(config)
}

/// What a URL says, if a connection can be made so.
fn parse(url: &str) -> Result<Config, DatabaseError> {
    let parsed = url.parse().map_err(|error: tokio_postgres::Error| {
        std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string)
    });
    let wants_tls = match &parsed {
        Ok(config) => Config::get_ssl_mode(config) == SslMode::Require,
        // `verify-ca` and `verify-full` are not even known.
        Err(why) => why.contains("sslmode"),
    };
    if wants_tls {
        return Err(DatabaseError::Misconfigured(
            "connections to PostgreSQL are not encrypted: quipu has no TLS; leave sslmode out of \
             the URL, and go by a local socket, a tunnel or a private network"
                .to_owned(),
        ));
    }
    let mut config = parsed.map_err(|why| {
        DatabaseError::Misconfigured(format!(
            "not a PostgreSQL URL, such as postgres://user@host/database: {why}"
        ))
    })?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    Ok(config)
}

/// Opens a connection, and checks on it that the server forgets nothing, and can hold every text:
/// settings can differ by role and can be changed while it runs.
fn open(config: &Config) -> Result<Client, DatabaseError> {
    let client = Client::connect(config)?;
    let value = |setting: &str| {
        let row = client.wait(client.query_one("SELECT current_setting($1)", &[&setting]));
        let value = row.and_then(|row| row.try_get::<_, String>(0));
        value.map_err(|error| from_postgres(&error, "connect"))
    };
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        if value(setting)? == "off" {
            return Err(DatabaseError::Misconfigured(format!(
                "PostgreSQL runs with {setting} = off, so a crash can take back what was \
                 acknowledged; run ALTER SYSTEM SET {setting} = on and SELECT pg_reload_conf(), \
                 and look for it in the role's, the database's and the URL's own settings"
            )));
        }
    }
    let encoding = value("server_encoding")?;
    if encoding != "UTF8" {
        return Err(DatabaseError::Misconfigured(format!(
            "the database's encoding is {encoding}, which not every text can be written in; make \
             another one by createdb -E UTF8 -T template0, and bring a book that is in this one \
             over by quipu export journal and quipu import journal"
        )));
    }
    Ok(client)
}

fn migrate(
    mut client: Client,
    schema: &str,
    scripts: &[(&str, &str)],
) -> Result<(), DatabaseError> {
    let runner = migrations::runner(scripts)?;
    client.wait_with(async |client| {
        let failed = |error| from_postgres(&error, "prepare the schema");
        // Two programs that start together take turns; the lock ends with this connection.
        client
            .batch_execute("SELECT pg_advisory_lock(hashtext('quipu migrations'))")
            .await
            .map_err(failed)?;
        let existing =
            client.query_one("SELECT to_regnamespace($1::text) IS NOT NULL", &[&schema]).await;
        if !existing.and_then(|row| row.try_get(0)).map_err(failed)? {
            // `configure` has checked that the name needs no quotes.
            client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.map_err(failed)?;
        }
        runner.run_async(client).await.map_err(migrations::failed)?;
        Ok(())
    })
}
