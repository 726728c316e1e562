//! The aggregates as cqrs-es sees them: its test framework drives them, and so may its users.

/// Implements `cqrs_es::Aggregate` for a state by its own `decide` and `apply`. Where a decision
/// needs more than state and command, the last part says how that comes from the services.
macro_rules! aggregate {
    (
        $state:ident in $type_name:literal: $command:ty => $event:ty,
        |$services:ident: $services_type:ty| ($($context:expr)?)
    ) => {
        impl cqrs_es::Aggregate for $state {
            const TYPE: &'static str = $type_name;
            type Command = $command;
            type Event = $event;
            type Error = $crate::Refusal;
            type Services = $services_type;

            async fn handle(
                &mut self,
                command: $command,
                $services: &$services_type,
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), $crate::Refusal> {
                for event in self.decide(&command $(, $context)?)? {
                    sink.write(event.into(), self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: $event) {
                $state::apply(self, &event)
                    .expect("J5: events fold in the order they were recorded");
            }
        }
    };
}
pub(crate) use aggregate;
