//! The grammar of formulas: from text to tokens to a tree, with the place of every mistake.
//! Operators bind as in textbooks and Python: `^` (or `**`) before the sign, then `* / %`, `+ -`, comparisons, `not`, `and`, `or`.

use winnow::Parser;
use winnow::combinator::{Infix, Prefix, expression};
use winnow::error::ParserError;

use super::FormulaError;

/// More tokens than a person writes, fewer than the stack bears.
const MOST_TOKENS: usize = 400;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Number(f64),
    /// Place in the formula's list of names.
    Band(usize),
    One(One, Box<Node>),
    Two(Two, Box<Node>, Box<Node>),
    /// Condition, then, else.
    Where(Box<[Node; 3]>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum One {
    Negative,
    Not,
    Abs,
    Sqrt,
    Ln,
    Log10,
    Exp,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Round,
    Floor,
    Ceil,
    Sign,
    Decibel,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Two {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
    Min,
    Max,
}

/// Functions with their number of values; `min` and `max` take two or more.
pub(super) const FUNCTIONS: &[&str] = &[
    "abs", "sqrt", "ln", "log", "log10", "exp", "sin", "cos", "tan", "asin", "acos", "atan",
    "round", "floor", "ceil", "sign", "db", "min", "max", "pow", "clip", "where", "if",
];

/// A band's name as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    pub text: String,
    pub column: usize,
    pub is_quoted: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Word { text: String, is_quoted: bool },
    Sign(&'static str),
    Open,
    Close,
    Comma,
}

#[derive(Clone, Debug, PartialEq)]
struct Placed {
    token: Token,
    column: usize,
}

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: [&str; 20] = [
    "**", "<=", ">=", "==", "!=", "<>", "&&", "||", "+", "-", "*", "/", "%", "^", "<", ">", "=",
    "&", "|", "!",
];

fn tokens(text: &str) -> Result<Vec<Placed>, FormulaError> {
    let letters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let column = at;
        let wrong = |what: String| FormulaError { what, column };
        let run = |from: usize, is_in: &dyn Fn(char) -> bool| {
            letters[from..].iter().take_while(|c| is_in(**c)).count()
        };
        let token = if letter.is_whitespace() {
            at += 1;
            continue;
        } else if letter.is_ascii_digit() || letter == '.' {
            let mut length = run(at, &|c| c.is_ascii_digit() || c == '.');
            if letters
                .get(at + length)
                .is_some_and(|c| matches!(c, 'e' | 'E'))
            {
                let sign = usize::from(
                    letters
                        .get(at + length + 1)
                        .is_some_and(|c| matches!(c, '+' | '-')),
                );
                let digits = run((at + length + 1 + sign).min(letters.len()), &|c| {
                    c.is_ascii_digit()
                });
                if digits > 0 {
                    length += 1 + sign + digits;
                }
            }
            let number: String = letters[at..at + length].iter().collect();
            at += length;
            Token::Number(
                number
                    .parse()
                    .map_err(|_| wrong(format!("{number} is no number")))?,
            )
        } else if letter.is_alphabetic() || letter == '_' {
            let length = run(at, &|c| c.is_alphanumeric() || c == '_' || c == '.');
            let word: String = letters[at..at + length].iter().collect();
            at += length;
            match word.to_lowercase().as_str() {
                "and" => Token::Sign("&"),
                "or" => Token::Sign("|"),
                "not" => Token::Sign("!"),
                // A wavelength has a unit, which is no formula of its own.
                "band" if letters.get(at) == Some(&'(') => {
                    let inside = run(at, &|c| c != ')');
                    if letters.get(at + inside).is_none() {
                        return Err(wrong("the bracket of band( is not closed".to_owned()));
                    }
                    let rest: String = letters[at..=at + inside].iter().collect();
                    at += inside + 1;
                    Token::Word {
                        text: format!("band{rest}"),
                        is_quoted: false,
                    }
                }
                _ => Token::Word {
                    text: word,
                    is_quoted: false,
                },
            }
        } else if letter == '"' || letter == '\'' {
            let length = run(at + 1, &|c| c != letter);
            if letters.get(at + 1 + length).is_none() {
                return Err(wrong("the quotation mark is not closed".to_owned()));
            }
            let text = letters[at + 1..at + 1 + length].iter().collect();
            at += length + 2;
            Token::Word {
                text,
                is_quoted: true,
            }
        } else if let Some(sign) = SIGNS.iter().find(|sign| {
            let signs: Vec<char> = sign.chars().collect();
            letters[at..].starts_with(&signs)
        }) {
            at += sign.len();
            Token::Sign(sign)
        } else {
            at += 1;
            match letter {
                '(' => Token::Open,
                ')' => Token::Close,
                ',' | ';' => Token::Comma,
                '×' | '·' => Token::Sign("*"),
                '−' | '–' => Token::Sign("-"),
                '÷' => Token::Sign("/"),
                _ => return Err(wrong(format!("\"{letter}\" has no meaning here"))),
            }
        };
        tokens.push(Placed { token, column });
    }
    match tokens.get(MOST_TOKENS) {
        Some(placed) => Err(FormulaError {
            what: "the formula is too long".to_owned(),
            column: placed.column,
        }),
        None => Ok(tokens),
    }
}

const ONLY_IN_FUNCTIONS: &str = "a comma only parts the values of a function such as max(b1, b2)";

/// Why a formula cannot go on with this token.
fn missing_before(token: &Token) -> &'static str {
    match token {
        Token::Sign("<" | "<=" | ">" | ">=" | "=" | "==" | "!=" | "<>") => {
            "comparisons cannot be chained; write b1 < b2 and b2 < b3"
        }
        Token::Sign(_) => "this sign cannot stand here",
        _ => "an operator such as + or * is missing before this",
    }
}

type Tokens<'t> = &'t [Placed];

/// A mistake `left` tokens before the end; `is_final` once no other reading is possible.
#[derive(Clone, Debug)]
struct Miss {
    left: usize,
    what: String,
    is_final: bool,
}

impl Miss {
    fn at(input: &Tokens<'_>, what: impl Into<String>) -> Self {
        Self {
            left: input.len(),
            what: what.into(),
            is_final: true,
        }
    }

    fn finally(self) -> Self {
        Self {
            is_final: true,
            ..self
        }
    }
}

impl<'t> ParserError<Tokens<'t>> for Miss {
    type Inner = Self;

    fn from_input(input: &Tokens<'t>) -> Self {
        Self {
            is_final: false,
            ..Self::at(input, "a band or number is missing")
        }
    }

    fn is_backtrack(&self) -> bool {
        !self.is_final
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// The tree and the bands it names, each once.
pub(super) fn parse(text: &str) -> Result<(Node, Vec<Word>), FormulaError> {
    let tokens = tokens(text)?;
    let end = text.chars().count();
    let mut input: Tokens<'_> = &tokens;
    let place = |left: usize| {
        tokens
            .len()
            .checked_sub(left)
            .and_then(|index| tokens.get(index))
            .map_or(end, |placed| placed.column)
    };
    let mut root = formula(&mut input).map_err(|miss| FormulaError {
        what: miss.what,
        column: place(miss.left),
    })?;
    if let Some(rest) = input.first() {
        let what = match &rest.token {
            Token::Close => "this bracket was never opened",
            Token::Comma => ONLY_IN_FUNCTIONS,
            other => missing_before(other),
        };
        return Err(FormulaError {
            what: what.to_owned(),
            column: rest.column,
        });
    }
    let mut words: Vec<Word> = Vec::new();
    number_bands(&mut root, &tokens, &mut words);
    Ok((root, words))
}

/// While parsing, a band stands for its token; afterwards for its place in the list of names.
fn number_bands(node: &mut Node, tokens: &[Placed], words: &mut Vec<Word>) {
    match node {
        Node::Number(_) => {}
        Node::Band(left) => {
            let index = tokens.len().saturating_sub(*left);
            let Some(Placed {
                token: Token::Word { text, is_quoted },
                column,
            }) = tokens.get(index)
            else {
                return;
            };
            let known = words
                .iter()
                .position(|word| word.text == *text && word.is_quoted == *is_quoted);
            *left = known.unwrap_or_else(|| {
                words.push(Word {
                    text: text.clone(),
                    column: *column,
                    is_quoted: *is_quoted,
                });
                words.len() - 1
            });
        }
        Node::One(_, inner) => number_bands(inner, tokens, words),
        Node::Two(_, a, b) => {
            number_bands(a, tokens, words);
            number_bands(b, tokens, words);
        }
        Node::Where(parts) => parts
            .iter_mut()
            .for_each(|part| number_bands(part, tokens, words)),
    }
}

fn formula<'t>(input: &mut Tokens<'t>) -> Result<Node, Miss> {
    expression(operand)
        .prefix(prefix)
        .infix(infix)
        .parse_next(input)
}

fn one(kind: One, inner: Node) -> Node {
    Node::One(kind, Box::new(inner))
}

fn two(kind: Two, a: Node, b: Node) -> Node {
    Node::Two(kind, Box::new(a), Box::new(b))
}

fn prefix<'t>(input: &mut Tokens<'t>) -> Result<Prefix<Tokens<'t>, Node, Miss>, Miss> {
    let found = match input.first().map(|placed| &placed.token) {
        Some(Token::Sign("-")) => Prefix(14, |_: &mut Tokens<'t>, a| Ok(one(One::Negative, a))),
        Some(Token::Sign("+")) => Prefix(14, |_: &mut Tokens<'t>, a| Ok(a)),
        Some(Token::Sign("!")) => Prefix(6, |_: &mut Tokens<'t>, a| Ok(one(One::Not, a))),
        _ => return Err(Miss::from_input(input)),
    };
    *input = &input[1..];
    Ok(found)
}

fn infix<'t>(input: &mut Tokens<'t>) -> Result<Infix<Tokens<'t>, Node, Miss>, Miss> {
    use Infix::{Left, Neither, Right};
    let Some(Token::Sign(sign)) = input.first().map(|placed| &placed.token) else {
        return Err(Miss::from_input(input));
    };
    let found: Infix<Tokens<'t>, Node, Miss> = match *sign {
        "|" | "||" => Left(2, |_, a, b| Ok(two(Two::Or, a, b))),
        "&" | "&&" => Left(4, |_, a, b| Ok(two(Two::And, a, b))),
        "<" => Neither(8, |_, a, b| Ok(two(Two::Less, a, b))),
        "<=" => Neither(8, |_, a, b| Ok(two(Two::LessEqual, a, b))),
        ">" => Neither(8, |_, a, b| Ok(two(Two::Greater, a, b))),
        ">=" => Neither(8, |_, a, b| Ok(two(Two::GreaterEqual, a, b))),
        "=" | "==" => Neither(8, |_, a, b| Ok(two(Two::Equal, a, b))),
        "!=" | "<>" => Neither(8, |_, a, b| Ok(two(Two::NotEqual, a, b))),
        "+" => Left(10, |_, a, b| Ok(two(Two::Add, a, b))),
        "-" => Left(10, |_, a, b| Ok(two(Two::Subtract, a, b))),
        "*" => Left(12, |_, a, b| Ok(two(Two::Multiply, a, b))),
        "/" => Left(12, |_, a, b| Ok(two(Two::Divide, a, b))),
        "%" => Left(12, |_, a, b| Ok(two(Two::Remainder, a, b))),
        "^" | "**" => Right(16, |_, a, b| Ok(two(Two::Power, a, b))),
        _ => return Err(Miss::from_input(input)),
    };
    *input = &input[1..];
    Ok(found)
}

fn operand<'t>(input: &mut Tokens<'t>) -> Result<Node, Miss> {
    let left = input.len();
    match input.first().map(|placed| &placed.token) {
        Some(Token::Number(value)) => {
            *input = &input[1..];
            Ok(Node::Number(*value))
        }
        Some(Token::Open) => {
            *input = &input[1..];
            let inner = formula(input).map_err(Miss::finally)?;
            close(input, left)?;
            Ok(inner)
        }
        Some(Token::Word { text, is_quoted }) => {
            let text: &'t str = text;
            let is_quoted = *is_quoted;
            let at = Miss::at(input, "");
            *input = &input[1..];
            if is_quoted || input.first().map(|placed| &placed.token) != Some(&Token::Open) {
                return match text {
                    "pi" if !is_quoted => Ok(Node::Number(std::f64::consts::PI)),
                    _ => Ok(Node::Band(left)),
                };
            }
            let values = arguments(input)?;
            call(&text.to_lowercase(), values).map_err(|what| Miss { what, ..at })
        }
        _ => Err(Miss::from_input(input)),
    }
}

fn close(input: &mut Tokens<'_>, opened_left: usize) -> Result<(), Miss> {
    match input.first().map(|placed| &placed.token) {
        Some(Token::Close) => {
            *input = &input[1..];
            Ok(())
        }
        Some(Token::Comma) => Err(Miss::at(input, ONLY_IN_FUNCTIONS)),
        Some(other) => Err(Miss::at(input, missing_before(other))),
        None => Err(Miss {
            left: opened_left,
            what: "this bracket is never closed".to_owned(),
            is_final: true,
        }),
    }
}

/// `(a, b, ...)` after a function's name.
fn arguments<'t>(input: &mut Tokens<'t>) -> Result<Vec<Node>, Miss> {
    let opened_left = input.len();
    *input = &input[1..];
    let mut values = Vec::new();
    loop {
        values.push(formula(input).map_err(Miss::finally)?);
        if input.first().map(|placed| &placed.token) == Some(&Token::Comma) {
            *input = &input[1..];
            continue;
        }
        close(input, opened_left)?;
        return Ok(values);
    }
}

fn call(name: &str, values: Vec<Node>) -> Result<Node, String> {
    let count = values.len();
    let wants = |number: &str| {
        Err(format!(
            "{name}() takes {number}, {count} {} given",
            if count == 1 { "is" } else { "are" }
        ))
    };
    let single = match name {
        "abs" => Some(One::Abs),
        "sqrt" => Some(One::Sqrt),
        "ln" | "log" => Some(One::Ln),
        "log10" => Some(One::Log10),
        "exp" => Some(One::Exp),
        "sin" => Some(One::Sin),
        "cos" => Some(One::Cos),
        "tan" => Some(One::Tan),
        "asin" => Some(One::Asin),
        "acos" => Some(One::Acos),
        "atan" => Some(One::Atan),
        "round" => Some(One::Round),
        "floor" => Some(One::Floor),
        "ceil" => Some(One::Ceil),
        "sign" => Some(One::Sign),
        "db" => Some(One::Decibel),
        _ => None,
    };
    if let Some(kind) = single {
        return match <[Node; 1]>::try_from(values) {
            Ok([value]) => Ok(one(kind, value)),
            Err(_) => wants("one value"),
        };
    }
    match name {
        "min" | "max" => {
            let kind = if name == "min" { Two::Min } else { Two::Max };
            if count < 2 {
                return wants("two or more values");
            }
            values
                .into_iter()
                .reduce(|a, b| two(kind, a, b))
                .ok_or_else(String::new)
        }
        "pow" => match <[Node; 2]>::try_from(values) {
            Ok([a, b]) => Ok(two(Two::Power, a, b)),
            Err(_) => wants("two values"),
        },
        "clip" => match <[Node; 3]>::try_from(values) {
            Ok([value, low, high]) => Ok(two(Two::Min, two(Two::Max, value, low), high)),
            Err(_) => wants("a value and two limits"),
        },
        "where" | "if" => match <[Node; 3]>::try_from(values) {
            Ok(parts) => Ok(Node::Where(Box::new(parts))),
            Err(_) => wants("a condition and two values"),
        },
        _ => Err(format!(
            "there is no function {name}(); known are {}",
            FUNCTIONS.join(", ")
        )),
    }
}
