//! The memory that Argon2 works in: kept by a thread between jobs, given back to the system when nobody signs in, and
//! together never more than the budget. Owns no threads and knows no passwords.

use argon2::Block;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// What all threads together may use beyond the blocks that each may always have. Counted in blocks of 1 KiB.
#[derive(Debug)]
pub(super) struct Budget {
    standard: usize,
    most: usize,
    spare: Mutex<usize>,
    returned: Condvar,
}

impl Budget {
    /// `standard` blocks for each thread at any time, and what `total` leaves beyond that for larger hashes.
    pub(super) fn new(standard: usize, threads: usize, total: usize) -> Arc<Self> {
        let spare = total.saturating_sub(standard.saturating_mul(threads));
        Arc::new(Self {
            standard,
            most: standard + spare,
            spare: Mutex::new(spare),
            returned: Condvar::new(),
        })
    }

    /// The largest hash that can be checked at all.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    fn take(&self, blocks: usize) {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits for ever: `blocks` is at most what was there at first, and who holds some never asks for more.
        let mut spare =
            self.returned.wait_while(spare, |spare| *spare < blocks).unwrap_or_else(PoisonError::into_inner);
        *spare -= blocks;
    }

    fn give_back(&self, blocks: usize) {
        *self.spare.lock().unwrap_or_else(PoisonError::into_inner) += blocks;
        self.returned.notify_all();
    }
}

/// One thread's blocks.
#[derive(Debug)]
pub(super) struct Memory {
    budget: Arc<Budget>,
    blocks: Vec<Block>,
    taken: usize,
}

/// Up to 32 MiB glibc may serve an allocation from a heap that it keeps after the free; what is larger goes back to the
/// system at once. So more address space is asked for than is touched, and untouched pages cost nothing.
const MAPPED: usize = 32 * 1024 + 64;

impl Memory {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self { budget, blocks: Vec::new(), taken: 0 }
    }

    /// Room for a hash of this size, or `None` where the budget never allows it. May wait for other large hashes.
    pub(super) fn room(&mut self, blocks: usize) -> Option<&mut [Block]> {
        if blocks > self.budget.most {
            return None;
        }
        let beyond = blocks.saturating_sub(self.budget.standard);
        if beyond > self.taken {
            self.settle();
            self.budget.take(beyond);
            self.taken = beyond;
        }
        if self.blocks.len() < blocks {
            // Not grown in place, which would copy what nobody needs and hold both for a moment.
            self.blocks = Vec::new();
            self.blocks.reserve_exact(blocks.max(MAPPED));
            self.blocks.resize(blocks, Block::new());
        }
        self.blocks.get_mut(..blocks)
    }

    /// After a job: what went beyond the standard is given back.
    pub(super) fn settle(&mut self) {
        if self.taken > 0 {
            self.free();
            self.budget.give_back(std::mem::take(&mut self.taken));
        }
    }

    /// Gives everything back to the system.
    pub(super) fn free(&mut self) {
        self.blocks = Vec::new();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_is_kept_and_what_goes_beyond_is_returned() {
        let budget = Budget::new(64, 2, 300);
        assert_eq!(budget.most(), 64 + 172);
        let mut memory = Memory::new(budget.clone());
        assert_eq!(memory.room(64).unwrap().len(), 64);
        memory.settle();
        assert!(!memory.is_empty());
        assert_eq!(memory.room(200).unwrap().len(), 200);
        assert_eq!(*budget.spare.lock().unwrap(), 172 - 136);
        assert!(memory.room(237).is_none());
        memory.settle();
        assert!(memory.is_empty());
        assert_eq!(*budget.spare.lock().unwrap(), 172);
    }

    #[test]
    fn a_budget_below_one_hash_still_allows_one() {
        let mut memory = Memory::new(Budget::new(64, 1, 10));
        assert!(memory.room(64).is_some());
        assert!(memory.room(65).is_none());
    }
}
