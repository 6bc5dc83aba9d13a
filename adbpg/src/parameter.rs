//! Parameters in text form: the server's own input functions read them, as they read COPY.

use std::error::Error;

use bytes::{BufMut, Bytes, BytesMut};
use millrace_model::PgType;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

/// The text of a value of whatever type the statement declares; none for NULL.
#[derive(Debug)]
pub(crate) struct TextParameter(pub(crate) Option<Bytes>);

impl ToSql for TextParameter {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(text) = &self.0 else { return Ok(IsNull::Yes) };
        out.put_slice(text);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// The type to declare for a parameter that is compared with a column of type `ty`: without length or precision, so that
/// the comparison neither cuts nor rounds.
pub(crate) fn scalar_type(ty: &PgType) -> Type {
    match ty {
        PgType::SmallInt => Type::INT2,
        PgType::Integer => Type::INT4,
        PgType::BigInt => Type::INT8,
        PgType::Numeric { .. } => Type::NUMERIC,
        PgType::Real => Type::FLOAT4,
        PgType::Double => Type::FLOAT8,
        PgType::Bit(_) => Type::BIT,
        PgType::Boolean => Type::BOOL,
        PgType::Date => Type::DATE,
        PgType::Timestamp(_) => Type::TIMESTAMP,
        PgType::TimestampTz(_) => Type::TIMESTAMPTZ,
        PgType::Time(_) => Type::TIME,
        PgType::Interval(_) => Type::INTERVAL,
        PgType::Varchar(_) | PgType::Text => Type::TEXT,
        PgType::Char(_) => Type::BPCHAR,
        PgType::Bytea => Type::BYTEA,
        PgType::Json => Type::JSON,
        PgType::Jsonb => Type::JSONB,
        PgType::RealArray => Type::FLOAT4_ARRAY,
        PgType::Uuid => Type::UUID,
        PgType::Inet => Type::INET,
    }
}

/// The array of [`scalar_type`]; none for types whose values cannot be told apart by a key.
pub(crate) fn array_type(ty: &PgType) -> Option<Type> {
    Some(match ty {
        PgType::SmallInt => Type::INT2_ARRAY,
        PgType::Integer => Type::INT4_ARRAY,
        PgType::BigInt => Type::INT8_ARRAY,
        PgType::Numeric { .. } => Type::NUMERIC_ARRAY,
        PgType::Real => Type::FLOAT4_ARRAY,
        PgType::Double => Type::FLOAT8_ARRAY,
        PgType::Bit(_) => Type::BIT_ARRAY,
        PgType::Boolean => Type::BOOL_ARRAY,
        PgType::Date => Type::DATE_ARRAY,
        PgType::Timestamp(_) => Type::TIMESTAMP_ARRAY,
        PgType::TimestampTz(_) => Type::TIMESTAMPTZ_ARRAY,
        PgType::Time(_) => Type::TIME_ARRAY,
        PgType::Interval(_) => Type::INTERVAL_ARRAY,
        PgType::Varchar(_) | PgType::Text => Type::TEXT_ARRAY,
        PgType::Char(_) => Type::BPCHAR_ARRAY,
        PgType::Bytea => Type::BYTEA_ARRAY,
        PgType::Jsonb => Type::JSONB_ARRAY,
        PgType::Uuid => Type::UUID_ARRAY,
        PgType::Inet => Type::INET_ARRAY,
        PgType::Json | PgType::RealArray => return None,
    })
}
