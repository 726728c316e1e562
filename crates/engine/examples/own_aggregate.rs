//! Somebody's own `cqrs-es` aggregate, a shared shopping list, on Quipu's journal.
//!
//! Run it twice: `cargo run -p quipu-engine --example own_aggregate [FOLDER]`. The list is still there, and
//! `sqlite3 FOLDER/journal.db 'select position, stream, type, data from journal_event'` shows it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, CqrsFramework, DomainEvent, EventStore as _};
use quipu_engine::cqrs::EventStore;
use quipu_engine::{Engine, Options};
use quipu_journal::SqlStore;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
struct ShoppingList {
    items: BTreeSet<String>,
}

enum Change {
    Add(String),
    Take(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Changed {
    Added { item: String },
    Taken { item: String },
}

impl DomainEvent for Changed {
    fn event_type(&self) -> String {
        match self {
            Changed::Added { .. } => "ItemAdded".to_owned(),
            Changed::Taken { .. } => "ItemTaken".to_owned(),
        }
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{0} is on the list already")]
    OnTheList(String),
    #[error("{0} is not on the list")]
    NotOnTheList(String),
}

impl Aggregate for ShoppingList {
    const TYPE: &'static str = "shopping_list";
    type Command = Change;
    type Event = Changed;
    type Error = Refused;
    type Services = ();

    async fn handle(
        &mut self,
        change: Change,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refused> {
        let changed = match change {
            Change::Add(item) if self.items.contains(&item) => {
                return Err(Refused::OnTheList(item));
            }
            Change::Take(item) if !self.items.contains(&item) => {
                return Err(Refused::NotOnTheList(item));
            }
            Change::Add(item) => Changed::Added { item },
            Change::Take(item) => Changed::Taken { item },
        };
        sink.write(changed, self).await;
        Ok(())
    }

    fn apply(&mut self, changed: Changed) {
        match changed {
            Changed::Added { item } => self.items.insert(item),
            Changed::Taken { item } => self.items.remove(&item),
        };
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(|| "shopping".into(), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let store = SqlStore::open_sqlite(&folder.join("journal.db"))?;
    let engine = Engine::start(Arc::new(store), Options::default())?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(shop(engine))
}

async fn shop(engine: Engine) -> Result<(), Box<dyn std::error::Error>> {
    let lists = CqrsFramework::new(EventStore::<ShoppingList>::new(engine.clone()), Vec::new(), ());
    for change in
        [Change::Add("apples".into()), Change::Add("bread".into()), Change::Take("apples".into())]
    {
        if let Err(refused) = lists.execute("home", change).await {
            println!("refused: {refused}");
        }
    }
    let store = EventStore::<ShoppingList>::new(engine.clone());
    for event in store.load_events("home").await? {
        let position = &event.metadata["position"];
        println!("position {position}, version {}: {:?}", event.sequence, event.payload);
    }
    engine.shutdown().await;
    Ok(())
}
