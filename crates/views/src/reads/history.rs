//! What stood at a moment, in both times: the nodes of a tenant's trees.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use quipu_database::{Connection, RowsStatement, Value};
use quipu_domain::{Position, TenantId};
use quipu_projections::{Address, Book, Node, Question, Stretch, Subject, Sums, UsageSums};

use crate::{ViewsError, cells};

/// A tenant's trees, from which one request reads no node twice.
pub(super) struct Trees<'a, S: Stored> {
    connection: &'a mut Connection,
    tenant: &'a TenantId,
    read: BTreeMap<Address, Node<S>>,
    has_roots: bool,
}

impl<'a, S: Stored> Trees<'a, S> {
    pub(super) fn of(connection: &'a mut Connection, tenant: &'a TenantId) -> Trees<'a, S> {
        Trees { connection, tenant, read: BTreeMap::new(), has_roots: false }
    }

    /// What the events add up to that a question is about.
    pub(super) fn sums(&mut self, question: &Question) -> Result<Sums<S>, ViewsError> {
        question.sums(|stretches| self.nodes(stretches))
    }

    /// Between which positions they stand; `None` where there are none.
    pub(super) fn ends(
        &mut self,
        question: &Question,
    ) -> Result<Option<(Position, Position)>, ViewsError> {
        question.ends(|stretches| self.nodes(stretches))
    }

    fn nodes(&mut self, stretches: &[Stretch]) -> Result<Vec<Node<S>>, ViewsError> {
        let unread = stretches.iter().filter(|stretch| !self.has(stretch));
        let asked: Vec<Vec<Value>> = unread.map(|stretch| asked(self.tenant, stretch)).collect();
        if !asked.is_empty() {
            let rows = self.connection.query_rows(S::statement(), &asked)?;
            for row in &rows {
                let node: Node<S> = cells::typed(row)?;
                self.read.insert(node.address(), node);
            }
            self.has_roots = true;
        }
        let found = stretches.iter().flat_map(|Stretch { first, last_number }| {
            let last = Address { number: *last_number, ..*first };
            self.read.range(*first..=last).map(|(_, node)| node.clone())
        });
        Ok(found.collect())
    }

    /// The roots are the only stretches without an end, and always read first.
    fn has(&self, Stretch { first, last_number }: &Stretch) -> bool {
        if *last_number == Address::OPEN {
            return self.has_roots;
        }
        let mut numbers = first.number..=*last_number;
        numbers.all(|number| self.read.contains_key(&Address { number, ..*first }))
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
