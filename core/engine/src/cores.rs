//! The cores' pool of threads, which passes over tensors are shared among. A thread that hands them work from outside sleeps
//! until it is done and is woken again: thousands of times in a training step. So the thread that runs networks becomes
//! one of the pool's. Knows threads. Knows nothing of what runs on them.

use std::num::NonZero;
use std::thread::available_parallelism;

/// Makes this thread one of the pool's, for as long as the process lives. Where the pool is at work already, or would have
/// no other thread for those outside of it, everything stays as it is and only takes longer.
pub fn join() {
    let count = count();
    if count < 2 {
        return;
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .use_current_thread();
    if let Err(error) = pool.build_global() {
        log::debug!("this thread stays outside of the cores' pool: {error}");
    }
}

/// As many threads as the pool would choose: what the user asks for, else one for every core.
fn count() -> usize {
    std::env::var("RAYON_NUM_THREADS")
        .ok()
        .and_then(|asked| asked.parse().ok())
        .filter(|asked| *asked > 0)
        .unwrap_or_else(|| available_parallelism().map_or(1, NonZero::get))
}
