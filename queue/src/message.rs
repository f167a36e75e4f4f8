//! What a message says, and how it is written.
//!
//! Version 1 has 25 bytes, numbers in big-endian order:
//!
//! | bytes | what |
//! |---|---|
//! | 0 | the version, 1 |
//! | 1..9 | the task's number |
//! | 9..17 | the job's number |
//! | 17..25 | the epoch of the coordinator that published it |
//!
//! A message of the one byte 0 is a probe: whoever gets it acknowledges it and takes no notice.

use assay_core::ids::{Epoch, JobId, TaskId};

const VERSION: u8 = 1;
const LENGTH: usize = 25;

/// What a producer sends to itself to see whether messages get through.
pub(crate) const PROBE: [u8; 1] = [0];

/// A task waits to be leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskMessage {
    /// Which.
    pub task: TaskId,
    /// Of which job.
    pub job: JobId,
    /// Under which coordinator.
    pub epoch: Epoch,
}

/// Bytes that are not a message of a version known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Another version's.
    #[error("a message of version {version}, not {VERSION}")]
    Version {
        /// Its first byte.
        version: u8,
    },
    /// Not as long as this version is.
    #[error("a message of {length} bytes, not {LENGTH}")]
    Length {
        /// How long it is.
        length: usize,
    },
}

impl TaskMessage {
    /// As it goes over the wire.
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [VERSION; LENGTH];
        bytes[1..9].copy_from_slice(&self.task.0.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.job.to_bits().to_be_bytes());
        bytes[17..25].copy_from_slice(&self.epoch.0.to_be_bytes());
        bytes
    }

    /// From the wire.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        match bytes.first() {
            None => return Err(MessageError::Length { length: 0 }),
            Some(&VERSION) => {}
            Some(&version) => return Err(MessageError::Version { version }),
        }
        let (numbers, []) = bytes[1..].as_chunks::<8>() else {
            return Err(MessageError::Length { length: bytes.len() });
        };
        let &[task, job, epoch] = numbers else {
            return Err(MessageError::Length { length: bytes.len() });
        };
        Ok(Self {
            task: TaskId(u64::from_be_bytes(task)),
            job: JobId::from_bits(u64::from_be_bytes(job)),
            epoch: Epoch(u64::from_be_bytes(epoch)),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_layout_is_the_documented_one() {
        let message = TaskMessage {
            task: TaskId(0x0102),
            job: JobId::from_bits(0x03 << 56),
            epoch: Epoch(4),
        };
        let expected = [1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4];
        assert_eq!(message.encode(), expected);
    }

    proptest! {
        #[test]
        fn messages_come_back_as_they_were(task: u64, job: u64, epoch: u64) {
            let message = TaskMessage { task: TaskId(task), job: JobId::from_bits(job), epoch: Epoch(epoch) };
            prop_assert_eq!(TaskMessage::decode(&message.encode()), Ok(message));
        }

        #[test]
        fn other_bytes_are_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let good = bytes.first() == Some(&VERSION) && bytes.len() == LENGTH;
            prop_assert_eq!(TaskMessage::decode(&bytes).is_ok(), good);
        }
    }
}
