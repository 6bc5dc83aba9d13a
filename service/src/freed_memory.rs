//! Memory that was given back is kept for the next batch.
//!
//! A stage takes and gives back messages of a megabyte, hundreds a second. By itself glibc gives such memory back to the
//! kernel each time, which has to clear it page by page when it is taken again: in a full load 60,000 page faults for a
//! million rows in apply, and 22,000 with this.
//!
//! How much free memory glibc keeps follows from the largest block that was mapped for itself and then freed ("the dynamic
//! mmap threshold" of mallopt(3)): blocks up to that size are no longer mapped each for itself, and twice as much may lie free
//! at an end of the heap. The largest size that it heeds is 32 MiB. So freeing one such block, which is never written to
//! and so takes no memory, is all there is to do; `MALLOC_TRIM_THRESHOLD_` or `GLIBC_TUNABLES` of the environment are
//! stronger. Other allocators are not changed by it.

use std::hint::black_box;

/// A little less than what glibc heeds at most, which counts its own bookkeeping too.
const BLOCK: usize = 31 << 20;

/// Has the allocator keep what is freed; once, at the start of a process that moves rows.
pub fn keep_freed_memory() {
    drop(black_box(Vec::<u8>::with_capacity(BLOCK)));
}
