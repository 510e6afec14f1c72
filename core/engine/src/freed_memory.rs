//! What becomes of memory that is freed while a network runs on the processor: it is kept for the next step instead of being
//! given to the system and asked for again, page by page. After a job it goes back. Knows the C library's heap, where there
//! is one that can be told; elsewhere nothing happens.

#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "the heap of glibc is told what to keep")
)]

/// Keeps freed memory from now on.
pub(crate) fn keep() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        /// Larger blocks than this, bytes, still come from the system and go back to it.
        const LARGEST_KEPT: libc::c_int = 1 << 30;
        // SAFETY: both calls only set numbers of the heap; they may be made at any time, from any thread.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST_KEPT);
            libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
        }
    }
}

/// Gives what is kept back to the system.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: asks the heap to return whole free pages; nothing in use is touched.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}
