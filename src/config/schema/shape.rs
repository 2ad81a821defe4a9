//! Which keys a type is read from, and what may stand there: found by reading it from a deserializer that has an answer to
//! everything and takes notes.

use serde::de::value::{BorrowedStrDeserializer, Error};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// A text that every check of the parser itself takes: a path, and a name.
const TEXT: &str = "/x";

/// A day.
const DAY: &str = "2026-12-31";

/// What may stand somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SchemaShape {
    Boolean,
    Integer,
    Text,
    Day,
    /// A text or a list of texts.
    Words,
    List(Box<Self>),
    /// The keys, in their order.
    Table(Vec<(&'static str, Self)>),
}

/// Returns the shape of a type.
pub(super) fn of<T: DeserializeOwned>() -> SchemaShape {
    let mut shape = SchemaShape::Text;
    let read = T::deserialize(Notes(&mut shape));
    assert!(read.is_ok(), "{:?}", read.err());
    shape
}

struct Notes<'n>(&'n mut SchemaShape);

impl<'de> Deserializer<'de> for Notes<'_> {
    type Error = Error;

    // Only what takes several types asks for any.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        *self.0 = SchemaShape::Words;
        visitor.visit_str(TEXT)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        *self.0 = SchemaShape::Boolean;
        visitor.visit_bool(true)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        *self.0 = SchemaShape::Integer;
        visitor.visit_i64(1)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        *self.0 = SchemaShape::Text;
        visitor.visit_str(TEXT)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut item = SchemaShape::Text;
        let value = visitor.visit_seq(Once(Some(&mut item)))?;
        *self.0 = SchemaShape::List(Box::new(item));
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        // How the parser of TOML hands out its own types.
        if name.contains("Spanned") {
            return visitor.visit_map(Spanned { fields, at: 0, shape: self.0 });
        }
        if name.contains("Datetime") {
            *self.0 = SchemaShape::Day;
            return visitor
                .visit_map(serde::de::value::MapDeserializer::new(fields.iter().map(|field| (*field, DAY))));
        }
        let mut keys = Vec::new();
        let value = visitor.visit_map(Table { fields, at: 0, keys: &mut keys })?;
        *self.0 = SchemaShape::Table(keys);
        Ok(value)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct map enum
        identifier ignored_any
    }
}

/// One item of a list.
struct Once<'n>(Option<&'n mut SchemaShape>);

impl<'de> SeqAccess<'de> for Once<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.0.take().map(|shape| seed.deserialize(Notes(shape))).transpose()
    }
}

/// Every key of a table.
struct Table<'n> {
    fields: &'static [&'static str],
    at: usize,
    keys: &'n mut Vec<(&'static str, SchemaShape)>,
}

impl<'de> MapAccess<'de> for Table<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some(field) = self.fields.get(self.at) else { return Ok(None) };
        self.at += 1;
        seed.deserialize(BorrowedStrDeserializer::new(field)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let mut shape = SchemaShape::Text;
        let value = seed.deserialize(Notes(&mut shape))?;
        self.keys.push((self.fields[self.at - 1], shape));
        Ok(value)
    }
}

/// A value with its place in the file.
struct Spanned<'n> {
    fields: &'static [&'static str],
    at: usize,
    shape: &'n mut SchemaShape,
}

impl<'de> MapAccess<'de> for Spanned<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some(field) = self.fields.get(self.at) else { return Ok(None) };
        self.at += 1;
        seed.deserialize(BorrowedStrDeserializer::new(field)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        if self.fields[self.at - 1].ends_with("value") {
            return seed.deserialize(Notes(self.shape));
        }
        seed.deserialize(0_usize.into_deserializer())
    }
}
