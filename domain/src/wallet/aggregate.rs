//! The wallet as cqrs-es sees it.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;

use super::{Wallet, WalletCommand, WalletEvent, WalletServices};
use crate::Refusal;

impl Aggregate for Wallet {
    const TYPE: &'static str = "wallet";
    type Command = WalletCommand;
    type Event = WalletEvent;
    type Error = Refusal;
    type Services = WalletServices;

    async fn handle(
        &mut self,
        command: WalletCommand,
        services: &WalletServices,
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(&command, &services.context())? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: WalletEvent) {
        Wallet::apply(self, &event).expect("J5: events fold in the order they were recorded");
    }
}
