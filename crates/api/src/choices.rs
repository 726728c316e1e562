//! Names of which one is chosen, as the document lists them: those that serde knows of the
//! domain's own types, so that none can be forgotten.

use std::borrow::Cow;

use quipu_domain::{meter, wallet::event};
use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{Deserializer, Error as _, Visitor};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Declares the schema of each type.
macro_rules! choices {
    ($($(#[doc = $doc:literal])+ $name:ident of $domain:ty;)+) => {$(
        $(#[doc = $doc])+
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let description = concat!($($doc),+).trim();
                let names = names_of::<$domain>();
                let schema = ObjectBuilder::new().schema_type(Type::String);
                RefOr::T(schema.description(Some(description)).enum_values(Some(names.iter().copied())).into())
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

choices! {
    /// Whether credits were paid for; promotional ones burn first.
    GrantKind of event::GrantKind;
    /// Which account issues credits.
    Origin of event::Origin;
    /// What a settlement that is larger than its hold does.
    Overage of event::Overage;
    /// How usage records add up within a period.
    Aggregation of meter::Aggregation;
}

/// The names of an enum's variants.
fn names_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &[&str] = &[];
    // It ends in an error, as soon as the names have been told.
    drop(T::deserialize(Listener(&mut names)));
    names
}

/// A deserializer of nothing, which hears what names an enum has.
struct Listener<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Listener<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("there is no value"))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = names;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
