//! What stood at a moment, in both times: the nodes of a tenant's trees.

use std::sync::LazyLock;

use quipu_database::{Connection, RowsStatement, Value};
use quipu_domain::TenantId;
use quipu_projections::{Book, Node, Nodes, Stretch, Subject, UsageSums};

use crate::{ViewsError, cells};

/// A tenant's trees in the database.
pub(super) type Trees<'a, S> = quipu_projections::Trees<S, StoredNodes<'a>>;

pub(super) fn trees<'a, S: Stored>(
    connection: &'a mut Connection,
    tenant: &'a TenantId,
) -> Trees<'a, S> {
    Trees::of(StoredNodes { connection, tenant })
}

pub(super) struct StoredNodes<'a> {
    connection: &'a mut Connection,
    tenant: &'a TenantId,
}

impl<S: Stored> Nodes<S> for StoredNodes<'_> {
    type Error = ViewsError;

    fn read(&mut self, stretches: &[Stretch]) -> Result<Vec<Node<S>>, ViewsError> {
        let asked = stretches.iter().map(|stretch| asked(self.tenant, stretch));
        let rows = self.connection.query_rows(S::statement(), &asked.collect::<Vec<_>>())?;
        rows.iter().map(cells::typed::<Node<S>>).collect()
    }
}

fn asked(tenant: &TenantId, Stretch { first, last_number }: &Stretch) -> Vec<Value> {
    vec![
        tenant.as_str().into(),
        i64::from(first.tree).into(),
        i64::from(first.level).into(),
        first.number.into(),
        (*last_number).into(),
    ]
}

/// A subject whose trees are in the database.
pub(super) trait Stored: Subject {
    /// Finds nodes, a stretch of a level at a time.
    fn statement() -> &'static RowsStatement;
}

impl Stored for Book {
    fn statement() -> &'static RowsStatement {
        static STATEMENT: LazyLock<RowsStatement> = LazyLock::new(nodes_of::<Book>);
        &STATEMENT
    }
}

impl Stored for UsageSums {
    fn statement() -> &'static RowsStatement {
        static STATEMENT: LazyLock<RowsStatement> = LazyLock::new(nodes_of::<UsageSums>);
        &STATEMENT
    }
}

/// The text is made once per program.
fn nodes_of<S: Subject>() -> RowsStatement {
    let table = S::TABLE;
    let one = format!(
        "SELECT * FROM {table} WHERE tenant = $1 AND tree = $2 AND level = $3 \
         AND number >= $4 AND number <= $5"
    );
    let many = format!(
        "SELECT node.* FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], \
         $5::bigint[]) AS asked (tenant, tree, level, first_number, last_number) \
         CROSS JOIN LATERAL (SELECT * FROM {table} AS found WHERE found.tenant = asked.tenant \
         AND found.tree = asked.tree AND found.level = asked.level \
         AND found.number >= asked.first_number AND found.number <= asked.last_number) AS node"
    );
    RowsStatement { one: one.leak(), many: many.leak() }
}
