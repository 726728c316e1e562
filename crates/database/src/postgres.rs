//! PostgreSQL: a pool of readers, and writers with a connection of their own.

mod connection;
mod error;
mod foreign;
mod value;

use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio::runtime::Handle;
use tokio_postgres::{Config, NoTls};

use crate::{DatabaseError, Row, Value, migrations};
pub(crate) use connection::PostgresConnection;
use error::from_postgres;
pub use foreign::{ForeignDatabase, ForeignRows, quoted_name};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a peer may leave data unacknowledged before the connection counts as lost.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);
const MOST_READERS: usize = 8;
const READ_OPTIONS: &str = "-c statement_timeout=30s";

/// A database of a PostgreSQL server, one schema of it.
pub(crate) struct Server {
    config: Config,
    handle: Handle,
    readers: Pool,
}

impl Server {
    pub(crate) fn connect(
        url: &str,
        schema: &str,
        handle: Handle,
        scripts: &[(&str, &str)],
    ) -> Result<Server, DatabaseError> {
        let config = configure(url, schema)?;
        let readers = pool(&config)?;
        let server = Server { config, handle, readers };
        server.handle.block_on(server.migrate(schema, scripts))?;
        Ok(server)
    }

    pub(crate) fn settings(&self) -> Result<Vec<(String, String)>, DatabaseError> {
        const SQL: &str = "SELECT name, setting FROM pg_settings WHERE name IN ('server_version', \
             'fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method', \
             'synchronous_standby_names') ORDER BY name";
        let rows = self.query(SQL, &[])?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
    }

    pub(crate) fn writer(&self) -> Result<PostgresConnection, DatabaseError> {
        let mut config = self.config.clone();
        config.application_name(format!("quipu writer pid {}", std::process::id()));
        let client = self.handle.block_on(open(&config))?;
        Ok(PostgresConnection::own(client, self.handle.clone()))
    }

    /// A reader in a snapshot.
    pub(crate) fn reader(&self) -> Result<PostgresConnection, DatabaseError> {
        self.on_reader(|mut reader| reader.begin_read().map(|()| reader))
    }

    /// One statement is a snapshot by itself, for one message instead of three.
    pub(crate) fn query(
        &self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.on_reader(|mut reader| reader.query(sql, params))
    }

    pub(crate) fn query_columns(
        &self,
        sql: &'static str,
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.on_reader(|mut reader| reader.query_columns(sql, rows))
    }

    /// Idle connections do not notice at once that the server has gone: what fails on one for
    /// that is tried on the next.
    fn on_reader<T>(
        &self,
        first: impl Fn(PostgresConnection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        for _ in 0..MOST_READERS {
            let client = self.handle.block_on(self.readers.get()).map_err(error::from_pool)?;
            match first(PostgresConnection::pooled(client, self.handle.clone())) {
                Err(DatabaseError::Unavailable(_)) => {}
                done => return done,
            }
        }
        let why = "no connection to the server stays open".to_owned();
        Err(DatabaseError::Unavailable(why))
    }

    async fn migrate(&self, schema: &str, scripts: &[(&str, &str)]) -> Result<(), DatabaseError> {
        let mut client = open(&self.config).await?;
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
        migrations::runner(scripts)?.run_async(&mut *client).await.map_err(migrations::failed)?;
        Ok(())
    }
}

fn configure(url: &str, schema: &str) -> Result<Config, DatabaseError> {
    let misconfigured = |why: String| DatabaseError::Misconfigured(why);
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if schema.is_empty() || !schema.bytes().all(plain) || schema.as_bytes()[0].is_ascii_digit() {
        return Err(misconfigured(format!("{schema:?} cannot be a schema: write a-z, 0-9 and _")));
    }
    let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
        let why = std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string);
        misconfigured(format!("not a PostgreSQL URL, such as postgres://user@host/database: {why}"))
    })?;
    let given = config.get_options().unwrap_or_default().to_owned();
    config.options(format!("{given} -c search_path={schema}"));
    if config.get_application_name().is_none() {
        config.application_name("quipu");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    config.keepalives(true).keepalives_idle(SILENCE_TIMEOUT).tcp_user_timeout(SILENCE_TIMEOUT);
    Ok(config)
}

fn pool(config: &Config) -> Result<Pool, DatabaseError> {
    let mut config = config.clone();
    config.options(format!("{} {READ_OPTIONS}", config.get_options().unwrap_or_default()));
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    Pool::builder(Manager::from_config(config, NoTls, recycling))
        .max_size(MOST_READERS)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(SILENCE_TIMEOUT))
        .create_timeout(Some(SILENCE_TIMEOUT))
        .build()
        .map_err(|error| DatabaseError::Misconfigured(error.to_string()))
}

/// Opens a connection, and checks on it that the server forgets nothing: settings can differ by
/// role and can be changed while it runs.
async fn open(config: &Config) -> Result<ClientWrapper, DatabaseError> {
    let failed = |error| from_postgres(&error, "connect");
    let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection to PostgreSQL ended");
        }
    });
    let client = ClientWrapper::new(client, driver);
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        let row = client.query_one("SELECT current_setting($1)", &[&setting]).await;
        let value: String = row.and_then(|row| row.try_get(0)).map_err(failed)?;
        if value == "off" {
            return Err(DatabaseError::Misconfigured(format!(
                "PostgreSQL runs with {setting} = off, so a crash can take back what was \
                 acknowledged; run ALTER SYSTEM SET {setting} = on and SELECT pg_reload_conf(), \
                 and look for it in the role's, the database's and the URL's own settings"
            )));
        }
    }
    Ok(client)
}
