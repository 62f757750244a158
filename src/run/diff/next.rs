//! What can be done about the differences that were found, as commands to type.

use super::Opening;
use crate::domain::EntityKind;
use crate::report::DiffKind;
use crate::run::reading::typed;

/// A command for each kind of difference that one can do something about.
pub(super) fn next_steps(
    kind: EntityKind,
    openings: &[Opening<'_>; 2],
    journals: &[Option<String>; 2],
) -> Vec<(DiffKind, String)> {
    let mut steps = Vec::new();
    let [a, b] = openings;
    let [of_a, of_b] = journals.each_ref().map(Option::as_deref);
    for (from, to, alone) in
        [((a, of_a), (b, of_b), DiffKind::OnlyInA), ((b, of_b), (a, of_a), DiffKind::OnlyInB)]
    {
        let Some(step) = carry(kind, from, to) else { continue };
        steps.extend([(DiffKind::Different, step.clone()), (alone, step)]);
    }
    if kind == EntityKind::Customers {
        let step = "say with --match which fields tell the ambiguous records apart, such as --match email";
        steps.push((DiffKind::Ambiguous, step.to_owned()));
    }
    for opening in openings {
        if let Opening::File(opened, _) = opening {
            let path = typed(&opened.path.to_string_lossy());
            let step = format!("ferry validate {path}   says how to repair the rows that could not be read");
            steps.push((DiffKind::Unreadable, step));
        }
    }
    steps
}

/// One side, and the code of its payment journal.
type Sided<'o> = (&'o Opening<'o>, Option<&'o str>);

/// How what one side holds gets into the other; `None` where the other is a file.
fn carry(kind: EntityKind, (from, from_journal): Sided<'_>, (to, to_journal): Sided<'_>) -> Option<String> {
    let target = to.target()?;
    let mut words = Vec::new();
    let (path, is_exported) = match from {
        Opening::File(opened, read) => {
            (opened.path.to_string_lossy().into_owned(), read.sign == crate::validation::Sign::AsIs)
        }
        Opening::Target(source) => {
            let file = format!("{}-{}.csv", kind.as_str(), source.profile);
            let journal = from_journal.map(|code| format!(" --journal {}", typed(code)));
            words.push(format!(
                "ferry export {} -p {}{} -o {} && ",
                kind.as_str(),
                typed(&source.profile),
                journal.unwrap_or_default(),
                typed(&file)
            ));
            (file, true)
        }
    };
    words.push(format!("ferry import {} -p {}", typed(&path), typed(&target.profile)));
    if kind == EntityKind::Payments {
        if is_exported {
            words.push(" --sign as-is".to_owned());
        }
        if target.api.habits().has_journals {
            words.push(format!(" --journal {}", typed(to_journal.unwrap_or("CODE"))));
        }
    }
    let of = match from {
        Opening::File(opened, _) => opened.facts.name.to_string(),
        Opening::Target(source) => format!("@{}", source.profile),
    };
    words.push(format!("   makes @{} hold what {of} holds", target.profile));
    Some(words.concat())
}
