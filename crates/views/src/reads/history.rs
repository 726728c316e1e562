//! What stood at a moment, in both times: the nodes of a tenant's trees.

use std::sync::LazyLock;

use quipu_database::{Connection, RowsStatement, Value};
use quipu_domain::{Position, TenantId};
use quipu_projections::{Book, Node, Question, Stretch, Subject, Sums, UsageSums};

use crate::{ViewsError, cells};

/// What the events of a tenant that a question is about add up to.
pub(super) fn sums<S: Stored>(
    connection: &mut Connection,
    tenant: &TenantId,
    question: &Question,
) -> Result<Sums<S>, ViewsError> {
    question.sums(|stretches| nodes(connection, tenant, stretches))
}

/// Between which positions the wallet events of a tenant stand that a question is about; `None`
/// where there are none.
pub(super) fn ends(
    connection: &mut Connection,
    tenant: &TenantId,
    question: &Question,
) -> Result<Option<(Position, Position)>, ViewsError> {
    question.ends(|stretches| nodes::<Book>(connection, tenant, stretches))
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

fn nodes<S: Stored>(
    connection: &mut Connection,
    tenant: &TenantId,
    stretches: &[Stretch],
) -> Result<Vec<Node<S>>, ViewsError> {
    let asked = |Stretch { first, last_number }: &Stretch| -> Vec<Value> {
        vec![
            tenant.as_str().into(),
            i64::from(first.tree).into(),
            i64::from(first.level).into(),
            first.number.into(),
            (*last_number).into(),
        ]
    };
    let asked: Vec<Vec<Value>> = stretches.iter().map(asked).collect();
    let rows = connection.query_rows(S::statement(), &asked)?;
    rows.iter().map(cells::typed::<Node<S>>).collect()
}
