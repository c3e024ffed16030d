//! The migrations: the list of them, and what is to be done about a database in which some are applied. How they are
//! applied under a lock is the driver's.

use crate::MigrationStatus;
use keyward_auth::values::Timestamp;

pub(crate) struct Migration {
    /// 1, 2, 3 ... without a gap.
    pub(crate) version: i64,
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// All that this Keyward knows, in order. A released one is never edited: its checksum is kept where it was applied.
pub(crate) const ALL: &[Migration] = &[
    Migration { version: 1, name: "accounts", text: include_str!("../../migrations/0001_accounts.sql") },
    Migration { version: 2, name: "servers", text: include_str!("../../migrations/0002_servers.sql") },
    Migration { version: 3, name: "mail", text: include_str!("../../migrations/0003_mail.sql") },
    Migration { version: 4, name: "pictures", text: include_str!("../../migrations/0004_pictures.sql") },
];

pub(crate) const TABLE: &str = "CREATE TABLE IF NOT EXISTS keyward_migrations (
    version BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL
)";

impl Migration {
    /// Notices an edit, not an attack: FNV-1a of the text, whatever a checkout did to its line ends.
    pub(crate) fn checksum(&self) -> String {
        let hash =
            self.text.bytes().filter(|byte| *byte != b'\r').fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        format!("{hash:016x}")
    }
}

/// A line of `keyward_migrations`.
pub(crate) struct Applied {
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) checksum: String,
    pub(crate) at: Timestamp,
}

/// Why a database's schema is not one that this Keyward can bring up to date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error(
        "the schema is of a newer Keyward: it has migration {found}, and this one knows up to {known}; run the newer Keyward, or restore a backup from before it"
    )]
    Newer { found: i64, known: i64 },
    #[error(
        "migration {version} ({name}) is not the one that this Keyward knows; run the Keyward that applied it, or restore a backup from before it"
    )]
    Changed { version: i64, name: String },
}

/// What of `known` is still to be applied.
pub(crate) fn pending<'k>(
    known: &'k [Migration],
    applied: &[Applied],
) -> Result<&'k [Migration], SchemaError> {
    for (index, line) in applied.iter().enumerate() {
        match known.get(index) {
            None => {
                let known = known.last().map_or(0, |last| last.version);
                let found = applied.last().map_or(0, |last| last.version);
                return Err(SchemaError::Newer { found, known });
            }
            Some(own) if own.version != line.version || own.checksum() != line.checksum => {
                return Err(SchemaError::Changed { version: line.version, name: line.name.clone() });
            }
            Some(_) => {}
        }
    }
    Ok(known.get(applied.len()..).unwrap_or_default())
}

/// Everything that is applied, then everything that is to be.
pub(crate) fn status(known: &[Migration], applied: &[Applied]) -> Result<Vec<MigrationStatus>, SchemaError> {
    let done = applied.iter().map(|line| MigrationStatus {
        version: line.version,
        name: line.name.clone(),
        applied_at: Some(line.at),
    });
    let due = pending(known, applied)?.iter().map(|own| MigrationStatus {
        version: own.version,
        name: own.name.to_owned(),
        applied_at: None,
    });
    Ok(done.chain(due).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Migration] = &[
        Migration { version: 1, name: "one", text: "a\nb" },
        Migration { version: 2, name: "two", text: "c" },
    ];

    fn line(own: &Migration) -> Applied {
        Applied {
            version: own.version,
            name: own.name.to_owned(),
            checksum: own.checksum(),
            at: Timestamp::from_micros(1),
        }
    }

    #[test]
    fn what_is_missing_is_pending() {
        assert_eq!(pending(KNOWN, &[]).unwrap().len(), 2);
        assert_eq!(pending(KNOWN, &[line(&KNOWN[0])]).unwrap()[0].version, 2);
        assert!(pending(KNOWN, &[line(&KNOWN[0]), line(&KNOWN[1])]).unwrap().is_empty());
    }

    #[test]
    fn a_newer_schema_and_a_changed_migration_are_refused() {
        let newer = pending(&KNOWN[..1], &[line(&KNOWN[0]), line(&KNOWN[1])]);
        assert_eq!(newer.err(), Some(SchemaError::Newer { found: 2, known: 1 }));
        let changed = Applied { checksum: "0".into(), ..line(&KNOWN[0]) };
        assert!(matches!(pending(KNOWN, &[changed]), Err(SchemaError::Changed { version: 1, .. })));
    }

    #[test]
    fn line_ends_are_no_change() {
        let windows = Migration { text: "a\r\nb", ..KNOWN[0] };
        assert_eq!(windows.checksum(), KNOWN[0].checksum());
    }

    #[test]
    fn versions_count_without_a_gap() {
        assert!(ALL.iter().zip(1..).all(|(own, number)| own.version == number));
    }
}
