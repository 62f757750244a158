//! `ferry explain`: what a violation code means, offline.

use std::fmt::Write;

use ledgerferry::domain::Rule;
use serde_json::json;

use super::console::Console;
use super::failure::Failure;
use ledgerferry::run::Ending;

/// Explains one code, or lists all of them.
pub(crate) fn explain(console: &Console, code: Option<&str>) -> Result<Ending, Failure> {
    let rules: Vec<Rule> = match code {
        None => Rule::ALL.to_vec(),
        Some(code) => vec![Rule::from_code(&code.trim().to_lowercase()).ok_or_else(|| {
            let nearest = Rule::ALL.into_iter().max_by(|left, right| {
                let likeness = |rule: &Rule| strsim::jaro(&code.to_lowercase(), rule.code());
                likeness(left).total_cmp(&likeness(right))
            });
            let nearest = nearest.map_or("", Rule::code);
            Failure::usage(format!("there is no code `{code}`; the nearest is `{nearest}`"))
        })?],
    };
    if console.json {
        let documents: Vec<_> = rules
            .iter()
            .map(|rule| json!({"code": rule.code(), "title": rule.title(), "remedy": rule.remedy()}))
            .collect();
        Console::document(&json!({ "codes": documents }), Ending::Done);
    } else {
        let mut text = String::new();
        for rule in rules {
            let _ = writeln!(text, "{:<20} {}\n{:<20} → {}", rule.code(), rule.title(), "", rule.remedy());
        }
        console.verdict(&text);
    }
    Ok(Ending::Done)
}
