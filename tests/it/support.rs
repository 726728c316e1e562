//! A server of the real program on a store of its own, and how to talk to it.

pub(crate) mod client;
pub(crate) mod files;
#[cfg(target_os = "linux")]
pub(crate) mod preload;
pub(crate) mod server;
pub(crate) mod store;

/// Runs a case on both engines: `both_stores!(name, |store| …)` makes `name::sqlite` and
/// `name::postgres`.
macro_rules! both_stores {
    ($($(#[$doc:meta])* fn $name:ident($store:ident: Store) $body:block)+) => {$(
        $(#[$doc])*
        mod $name {
            #[allow(unused_imports, reason = "each case uses what it needs of the file's imports")]
            use super::*;

            fn case($store: crate::support::store::Store) $body

            #[test]
            fn sqlite() {
                case(crate::support::store::Store::sqlite());
            }

            #[test]
            fn postgres() {
                case(crate::support::store::Store::postgres());
            }
        }
    )+};
}
pub(crate) use both_stores;
