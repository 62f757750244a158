//! The grammar of `$filter`: text to a tree that knows no types yet.
//!
//! In: the decoded text of the option. Out: an [`Expression`] whose leaves remember where they stand.
//!
//! Promises: `or` binds looser than `and`, `and` looser than `not`, `not` looser than a comparison; what is not
//! understood is refused with the position where understanding ended; nesting is bounded.

use winnow::ascii::{multispace0, multispace1};
use winnow::combinator::{alt, cut_err, delimited, not, opt, peek, preceded, repeat, separated, terminated};
use winnow::stream::{LocatingSlice, Location};
use winnow::token::{take_till, take_while};
use winnow::{ModalResult, Parser};

use super::literal::Literal;

/// What a filter says, before names and types are looked up.
#[derive(Debug, PartialEq)]
pub(crate) enum Expression<'a> {
    /// All of these; at least two.
    And(Vec<Expression<'a>>),
    /// Any of these; at least two.
    Or(Vec<Expression<'a>>),
    /// The opposite.
    Not(Box<Expression<'a>>),
    /// One comparison.
    Compare(Operand<'a>, Comparison, Operand<'a>),
    /// One of a list.
    In(Operand<'a>, Vec<Operand<'a>>),
    /// Something that is true or false by itself.
    Truth(Operand<'a>),
}

/// A side of a comparison, or an argument.
#[derive(Debug, PartialEq)]
pub(crate) struct Operand<'a> {
    /// Where it starts, in bytes from the start of the filter.
    pub(crate) position: usize,
    /// What it is.
    pub(crate) term: Term<'a>,
}

/// What a side of a comparison is.
#[derive(Debug, PartialEq)]
pub(crate) enum Term<'a> {
    /// A literal, or a bare word that may be a name.
    Literal(Literal<'a>),
    /// A function and its arguments.
    Call(&'a str, Vec<Operand<'a>>),
}

/// How two sides are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

/// Every comparison with its word.
pub(crate) const COMPARISONS: [(&str, Comparison); 6] = [
    ("eq", Comparison::Equal),
    ("ne", Comparison::NotEqual),
    ("gt", Comparison::Greater),
    ("ge", Comparison::GreaterOrEqual),
    ("lt", Comparison::Less),
    ("le", Comparison::LessOrEqual),
];

/// How deep parentheses may nest, so that a hostile URL cannot exhaust the stack.
const MAX_DEPTH: usize = 32;

/// How many `not`s may follow each other.
const MAX_TURNS: usize = 8;

type Input<'a> = LocatingSlice<&'a str>;
type Failure = winnow::error::ErrMode<winnow::error::ContextError>;

/// The tree of `text`, or the byte position where it stops making sense.
pub(crate) fn parse(text: &str) -> Result<Expression<'_>, usize> {
    if let Some(position) = first_too_deep(text) {
        return Err(position);
    }
    delimited(multispace0, any_of, multispace0)
        .parse(LocatingSlice::new(text))
        .map_err(|failure| failure.offset())
}

fn first_too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut quoted) = (0_usize, false);
    text.bytes().position(|byte| {
        match byte {
            b'\'' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

fn any_of<'a>(input: &mut Input<'a>) -> ModalResult<Expression<'a>> {
    let parts: Vec<_> = separated(1.., all_of, joint("or")).parse_next(input)?;
    Ok(only_or(parts, Expression::Or))
}

fn all_of<'a>(input: &mut Input<'a>) -> ModalResult<Expression<'a>> {
    let parts: Vec<_> = separated(1.., negation, joint("and")).parse_next(input)?;
    Ok(only_or(parts, Expression::And))
}

fn only_or<'a>(
    mut parts: Vec<Expression<'a>>,
    join: fn(Vec<Expression<'a>>) -> Expression<'a>,
) -> Expression<'a> {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            parts.extend(last);
            join(parts)
        }
    }
}

/// `word` between two parts: a space before it, and a space or an opening parenthesis after it.
fn joint<'a>(word: &'static str) -> impl Parser<Input<'a>, (), Failure> {
    (multispace0, word, end_of_word, multispace0).void()
}

fn end_of_word(input: &mut Input<'_>) -> ModalResult<()> {
    not(take_while(1, is_word)).parse_next(input)
}

fn negation<'a>(input: &mut Input<'a>) -> ModalResult<Expression<'a>> {
    let turns: usize =
        repeat(0..=MAX_TURNS, terminated(("not", end_of_word), multispace0).void()).parse_next(input)?;
    let wrap = |expression, _| Expression::Not(Box::new(expression));
    Ok((0..turns).fold(primary(input)?, wrap))
}

fn primary<'a>(input: &mut Input<'a>) -> ModalResult<Expression<'a>> {
    alt((delimited(('(', multispace0), cut_err(any_of), cut_err((multispace0, ')'))), comparison))
        .parse_next(input)
}

fn comparison<'a>(input: &mut Input<'a>) -> ModalResult<Expression<'a>> {
    let left = operand(input)?;
    if opt((multispace1, "in", end_of_word)).parse_next(input)?.is_some() {
        let members = delimited((multispace0, '(', multispace0), arguments, (multispace0, ')'));
        return Ok(Expression::In(left, cut_err(members).parse_next(input)?));
    }
    let Some(comparison) = opt(preceded(multispace1, comparison_word)).parse_next(input)? else {
        return Ok(Expression::Truth(left));
    };
    let right = cut_err(preceded(multispace1, operand)).parse_next(input)?;
    Ok(Expression::Compare(left, comparison, right))
}

fn comparison_word(input: &mut Input<'_>) -> ModalResult<Comparison> {
    let word = take_while(2, |character: char| character.is_ascii_lowercase());
    let known = |word: &str| COMPARISONS.iter().find(|known| known.0 == word).map(|known| known.1);
    terminated(word.verify_map(known), end_of_word).parse_next(input)
}

fn arguments<'a>(input: &mut Input<'a>) -> ModalResult<Vec<Operand<'a>>> {
    separated(1.., operand, (multispace0, ',', multispace0)).parse_next(input)
}

fn operand<'a>(input: &mut Input<'a>) -> ModalResult<Operand<'a>> {
    let position = input.current_token_start();
    let term = alt((quoted.map(|text| Term::Literal(Literal::Quoted(text))), worded)).parse_next(input)?;
    Ok(Operand { position, term })
}

/// A bare word, a word with a quoted text, or a call.
fn worded<'a>(input: &mut Input<'a>) -> ModalResult<Term<'a>> {
    let word: &str = take_while(1.., is_word).parse_next(input)?;
    if peek(opt('\'')).parse_next(input)?.is_some() {
        return Ok(Term::Literal(Literal::Typed(word, cut_err(quoted).parse_next(input)?)));
    }
    if opt(('(', multispace0)).parse_next(input)?.is_none() {
        return Ok(Term::Literal(Literal::Word(word)));
    }
    let arguments = cut_err(terminated(arguments, (multispace0, ')'))).parse_next(input)?;
    Ok(Term::Call(word, arguments))
}

/// Whether a character can stand in a name, a number, a date or a GUID.
fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | ':' | '-' | '+' | '/' | '@')
}

/// Text in single quotes, in which a doubled quote is one.
fn quoted(input: &mut Input<'_>) -> ModalResult<String> {
    let mut text = String::new();
    '\''.parse_next(input)?;
    loop {
        text.push_str(cut_err(terminated(take_till(0.., '\''), '\'')).parse_next(input)?);
        if opt('\'').parse_next(input)?.is_none() {
            return Ok(text);
        }
        text.push('\'');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree with parentheses around everything that has parts.
    fn shape(expression: &Expression<'_>) -> String {
        let joined = |parts: &[Expression<'_>], word: &str| {
            let parts: Vec<_> = parts.iter().map(shape).collect();
            format!("({})", parts.join(word))
        };
        match expression {
            Expression::And(parts) => joined(parts, " and "),
            Expression::Or(parts) => joined(parts, " or "),
            Expression::Not(inner) => format!("(not {})", shape(inner)),
            Expression::Compare(left, comparison, right) => {
                format!("{} {comparison:?} {}", side(left), side(right))
            }
            Expression::In(left, members) => format!("{} in {}", side(left), members.len()),
            Expression::Truth(operand) => side(operand),
        }
    }

    fn side(operand: &Operand<'_>) -> String {
        match &operand.term {
            Term::Literal(Literal::Word(word)) => (*word).to_owned(),
            Term::Literal(Literal::Quoted(text)) => format!("{text:?}"),
            Term::Literal(Literal::Typed(name, text)) => format!("{name}:{text:?}"),
            Term::Call(name, arguments) => {
                format!("{name}({})", arguments.iter().map(side).collect::<Vec<_>>().join(","))
            }
        }
    }

    #[test]
    fn or_binds_looser_than_and_and_and_looser_than_not() {
        assert_eq!(
            shape(&parse("not a eq 1 and b eq 2 or c eq 3 and (d eq 4 or not(e eq 5))").unwrap()),
            "(((not a Equal 1) and b Equal 2) or (c Equal 3 and (d Equal 4 or (not e Equal 5))))"
        );
    }

    #[test]
    fn quotes_hold_words_parentheses_and_doubled_quotes() {
        assert_eq!(
            shape(&parse(" contains( n , 'O''Brien and (Sons)' ) ").unwrap()),
            r#"contains(n,"O'Brien and (Sons)")"#
        );
    }

    #[test]
    fn names_may_begin_like_words_of_the_grammar() {
        assert_eq!(
            shape(&parse("notes eq android and order eq inside").unwrap()),
            "(notes Equal android and order Equal inside)"
        );
    }

    #[test]
    fn a_refusal_says_where_understanding_ended() {
        for (text, position) in
            [("balance gtt 0", 8), ("a eq", 4), ("(a eq 1", 7), ("a eq 'x", 7), ("", 0), ("a eq 1 and", 7)]
        {
            assert_eq!(parse(text), Err(position), "{text}");
        }
    }

    #[test]
    fn the_deepest_filter_that_is_taken_fits_the_stack() {
        let turns = "not ".repeat(MAX_TURNS);
        let deepest = format!("{}a eq 1{}", format!("{turns}(").repeat(MAX_DEPTH), ")".repeat(MAX_DEPTH));
        assert!(parse(&deepest).is_ok(), "{deepest}");
    }

    #[test]
    fn parentheses_without_end_are_refused_and_not_followed() {
        assert_eq!(parse(&"(".repeat(100_000)), Err(MAX_DEPTH));
        let many_turns = format!("{}a eq 1", "not ".repeat(100_000));
        assert_eq!(parse(&many_turns), Err(4 * MAX_TURNS + 4));
    }
}
