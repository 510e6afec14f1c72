//! The option `--shard`, the same for every command that has it.

use clap::Args;
use terroir_engine::{JobSpec, Shard, ShardSpec};

#[derive(Clone, Copy, Debug, Args)]
pub struct ShardOption {
    /// Do only this share of the rows, for example 2/4, on this machine; --out stays the name of the whole, the shard goes
    /// beside it as <stem>.shard-2-of-4.tif, and `terroir merge` joins all
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
}

impl ShardOption {
    pub fn is_given(self) -> bool {
        self.shard.is_some()
    }

    /// The job, or the share of it that was asked for.
    pub fn of(self, job: JobSpec) -> JobSpec {
        match self.shard {
            None => job,
            Some(shard) => JobSpec::Shard(ShardSpec {
                shard,
                of: Box::new(job),
            }),
        }
    }
}
