//! Messages in parts. A part's content says who wrote it and which it is, so that a message joined of wrong parts shows.

use std::sync::Arc;

use bytes::Bytes;
use millrace_model::batch::Batch;
use millrace_model::part::{Part, WriterId};
use millrace_protocol::parts::Joined;

use crate::random::Random;

/// A message, or a part of one.
#[derive(Debug)]
pub(crate) enum Message<T> {
    Whole(Arc<Batch<T>>),
    /// The batch is looked at only where all parts are there.
    Part(Part, Arc<Batch<T>>),
}

impl<T> Clone for Message<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Whole(batch) => Self::Whole(batch.clone()),
            Self::Part(part, batch) => Self::Part(part.clone(), batch.clone()),
        }
    }
}

impl<T> Message<T> {
    pub(crate) fn batch(&self) -> &Arc<Batch<T>> {
        match self {
            Self::Whole(batch) | Self::Part(_, batch) => batch,
        }
    }

    /// The batch, if the message covers its sequences: whole, or with its last part.
    pub(crate) fn covers(&self) -> Option<&Arc<Batch<T>>> {
        match self {
            Self::Whole(batch) => Some(batch),
            Self::Part(part, batch) => part.is_last().then_some(batch),
        }
    }
}

/// A batch as one message, or now and then (so many of 1,000) in parts.
pub(crate) fn cut<T>(batch: Arc<Batch<T>>, writer: u64, per_mille: usize, random: &mut Random) -> Vec<Message<T>> {
    if !random.chance(per_mille) {
        return vec![Message::Whole(batch)];
    }
    let count = random.between(2, 4) as u32;
    let part = |number| Part {
        writer: writer_id(writer),
        number,
        count,
        first: batch.first,
        last: batch.last,
        input_offset: batch.input_offset,
        content: content(writer, number, &batch),
    };
    (0..count).map(|number| Message::Part(part(number), batch.clone())).collect()
}

pub(crate) fn writer_id(writer: u64) -> WriterId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&writer.to_le_bytes());
    WriterId(id)
}

fn content<T>(writer: u64, number: u32, batch: &Batch<T>) -> Bytes {
    Bytes::from(format!("{writer}/{number}/{}..{} ", batch.first, batch.last))
}

/// Whether the joined parts are those of one writer, all and in order.
pub(crate) fn is_sound<T>(joined: Joined, batch: &Batch<T>) -> bool {
    let bytes = joined.into_bytes();
    let count = bytes.iter().filter(|byte| **byte == b' ').count() as u32;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let writer = text.split('/').next().and_then(|writer| writer.parse().ok()).unwrap_or_default();
    let expected: Vec<u8> = (0..count).flat_map(|number| content(writer, number, batch)).collect();
    bytes == expected
}
