//! How a command ends: one enum, frozen, listed in README. Reports carry it, and the process ends with it.

use serde::Serialize;

use crate::report::ExitFacts;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All asked for was done; also when nothing needed doing.
    Done,
    /// A fault of this program.
    Internal,
    /// The command line or the project file is wrong; nothing was attempted.
    Usage,
    /// Finished, but some rows were left out; they are in the rejects file.
    LeftOut,
    /// Validation or a guard said no; nothing was written.
    Refused,
    /// Stopped part-way by the error threshold; resumable.
    TooManyErrors,
    /// Not authenticated or not permitted.
    NotPermitted,
    /// The target is unreachable, or throttled past the retry budget; resumable.
    Unreachable,
    /// The plan is stale, or another process works on the run.
    Conflict,
    /// A local file could not be read or written.
    LocalFile,
    /// Only with `--detailed-exitcode`: the plan is clean and has changes.
    Changes,
    /// Interrupted after a checkpoint; resumable.
    Interrupted,
    /// Asked to terminate, after a checkpoint; resumable.
    Terminated,
}

impl Ending {
    /// All of them, in numeric order.
    pub const ALL: [Self; 13] = [
        Self::Done,
        Self::Internal,
        Self::Usage,
        Self::LeftOut,
        Self::Refused,
        Self::TooManyErrors,
        Self::NotPermitted,
        Self::Unreachable,
        Self::Conflict,
        Self::LocalFile,
        Self::Changes,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::LeftOut => 3,
            Self::Refused => 4,
            Self::TooManyErrors => 5,
            Self::NotPermitted => 6,
            Self::Unreachable => 7,
            Self::Conflict => 8,
            Self::LocalFile => 9,
            Self::Changes => 10,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The ending with this number; any other number is a fault.
    #[must_use]
    pub fn from_code(code: i32) -> Self {
        Self::ALL.into_iter().find(|ending| i32::from(ending.code()) == code).unwrap_or(Self::Internal)
    }

    /// The word that goes with the number in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::LeftOut => "left-out",
            Self::Refused => "refused",
            Self::TooManyErrors => "too-many-errors",
            Self::NotPermitted => "not-permitted",
            Self::Unreachable => "unreachable",
            Self::Conflict => "conflict",
            Self::LocalFile => "local-file",
            Self::Changes => "changes",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }
}

impl From<Ending> for ExitFacts {
    fn from(ending: Ending) -> Self {
        Self { code: i32::from(ending.code()), name: ending.name().to_owned() }
    }
}

/// Code and name, as `exit` in a JSON document.
impl Serialize for Ending {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut object = serializer.serialize_struct("exit", 2)?;
        object.serialize_field("code", &self.code())?;
        object.serialize_field("name", self.name())?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_frozen() {
        let numbers: Vec<u8> = Ending::ALL.map(Ending::code).to_vec();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130, 143]);
    }
}
