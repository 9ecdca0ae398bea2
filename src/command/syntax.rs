//! The notation in which rows state their arguments, and its parser. COMMAND DOCS shows what it says, tests hold it
//! against arity and keys.
//!
//! ```text
//! name            a string; `key` is a key           name:kind      integer, double, key, pattern, unix-time, string
//! TOKEN           a word that stands for itself      TOKEN name     an argument announced by a word
//! [...]           may be left out                    (...)          one thing of several parts
//! a | b           one of them                        label=...      names a token or what brackets hold
//! ...             may be repeated                    @6.2.0         since this version
//! ```
//! A repeated argument that its token precedes each time stands in brackets: `[GET pattern]...`.

use std::str::Chars;

/// What an argument is, in COMMAND DOCS' words.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    String,
    Integer,
    Double,
    /// Number of its key spec.
    Key(usize),
    Pattern,
    UnixTime,
    PureToken,
    OneOf(Vec<Argument>),
    Block(Vec<Argument>),
}

/// One argument of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    pub name: String,
    pub kind: Kind,
    pub token: Option<String>,
    pub since: Option<String>,
    pub is_optional: bool,
    pub is_multiple: bool,
    /// Each repetition begins with the token again.
    pub repeats_token: bool,
}

/// Where and why a notation is not understood.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{reason} before {rest:?}")]
pub struct SyntaxError {
    reason: &'static str,
    rest: String,
}

impl Kind {
    pub fn name(&self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::Integer => "integer",
            Kind::Double => "double",
            Kind::Key(_) => "key",
            Kind::Pattern => "pattern",
            Kind::UnixTime => "unix-time",
            Kind::PureToken => "pure-token",
            Kind::OneOf(_) => "oneof",
            Kind::Block(_) => "block",
        }
    }

    /// What it is made of.
    pub fn parts(&self) -> &[Argument] {
        match self {
            Kind::OneOf(parts) | Kind::Block(parts) => parts,
            _ => &[],
        }
    }

    fn named(name: &str) -> Option<Kind> {
        Some(match name {
            "string" => Kind::String,
            "integer" => Kind::Integer,
            "double" => Kind::Double,
            "key" => Kind::Key(0),
            "pattern" => Kind::Pattern,
            "unix-time" => Kind::UnixTime,
            _ => return None,
        })
    }
}

impl Argument {
    /// The fewest words it takes. A block of parts that may all be left out takes one of them.
    pub fn min_words(&self) -> usize {
        if self.is_optional {
            return 0;
        }
        let token = usize::from(self.token.is_some() && self.kind != Kind::PureToken);
        token
            + match &self.kind {
                Kind::OneOf(parts) => parts.iter().map(Argument::min_words).min().unwrap_or(0),
                Kind::Block(parts) => parts.iter().map(Argument::min_words).sum::<usize>().max(1),
                _ => 1,
            }
    }

    /// Whether it may take more words than the fewest.
    pub fn is_variable(&self) -> bool {
        let parts = self.kind.parts();
        let lengths = || parts.iter().map(Argument::min_words);
        let differ = matches!(self.kind, Kind::OneOf(_)) && lengths().min() != lengths().max();
        self.is_optional || self.is_multiple || differ || parts.iter().any(Argument::is_variable)
    }
}

/// Parses a row's notation; its keys are numbered over `key_specs`, of which the last serves all that follow.
pub fn parse(notation: &str, key_specs: usize) -> Result<Vec<Argument>, SyntaxError> {
    let mut parser = Parser { rest: notation.chars(), keys: 0, key_specs };
    let arguments = parser.sequence()?;
    if parser.peek().is_some() { Err(parser.error("unexpected closing bracket or bar")) } else { Ok(arguments) }
}

struct Parser<'a> {
    rest: Chars<'a>,
    keys: usize,
    key_specs: usize,
}

impl Parser<'_> {
    fn error(&self, reason: &'static str) -> SyntaxError {
        SyntaxError { reason, rest: self.rest.as_str().to_owned() }
    }

    /// The next character that is no blank.
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.as_str().trim_start().chars();
        self.rest.clone().next()
    }

    fn take(&mut self, mark: &str) -> bool {
        match self.rest.as_str().strip_prefix(mark) {
            Some(rest) => {
                self.rest = rest.chars();
                true
            }
            None => false,
        }
    }

    /// Characters up to a blank, a bracket, a bar or a mark of the notation.
    fn word(&mut self) -> &str {
        let text = self.rest.as_str();
        let is_end = |(at, c): (usize, char)| {
            matches!(c, ' ' | '[' | ']' | '(' | ')' | '|' | '@' | ':') || text[at..].starts_with("...")
        };
        let label_end = text.find('=').filter(|&at| at > 0).unwrap_or(text.len());
        let end = text.char_indices().find(|&at| is_end(at)).map_or(text.len(), |(at, _)| at).min(label_end);
        let (word, rest) = text.split_at(end);
        self.rest = rest.chars();
        word
    }

    /// Elements up to a closing bracket, a bar or the end.
    fn sequence(&mut self) -> Result<Vec<Argument>, SyntaxError> {
        let mut list = Vec::new();
        while self.peek().is_some_and(|c| !matches!(c, ']' | ')' | '|')) {
            list.push(self.element()?);
        }
        Ok(list)
    }

    fn element(&mut self) -> Result<Argument, SyntaxError> {
        let mut argument = match self.peek() {
            Some('[' | '(') => self.group(None)?,
            _ => self.labelled_or_word()?,
        };
        loop {
            if self.take("...") {
                argument.repeats_token = argument.is_optional && argument.token.is_some();
                argument.is_multiple = true;
            } else if self.take("@") {
                argument.since = Some(self.version());
            } else {
                return Ok(argument);
            }
        }
    }

    fn labelled_or_word(&mut self) -> Result<Argument, SyntaxError> {
        let word = self.word().to_owned();
        if self.take("=") {
            return match self.peek() {
                Some('[' | '(') => self.group(Some(word)),
                _ => {
                    let token = self.word().to_owned();
                    Ok(argument(word, Kind::PureToken, Some(token)))
                }
            };
        }
        if is_token(&word) { self.token(word) } else { self.named(word) }
    }

    /// A word that stands for itself, or announces what follows it.
    fn token(&mut self, token: String) -> Result<Argument, SyntaxError> {
        let before = self.rest.clone();
        if self.rest.as_str().starts_with(' ') && self.peek().is_some_and(|c| c.is_ascii_lowercase()) {
            let mut announced = self.labelled_or_word()?;
            announced.token = Some(token);
            return Ok(announced);
        }
        self.rest = before;
        Ok(argument(token.to_ascii_lowercase(), Kind::PureToken, Some(token)))
    }

    fn named(&mut self, name: String) -> Result<Argument, SyntaxError> {
        if name.is_empty() {
            return Err(self.error("an argument is expected"));
        }
        let kind = if self.take(":") {
            let kind = Kind::named(self.word());
            kind.ok_or_else(|| self.error("unknown kind of argument"))?
        } else if name == "key" {
            Kind::Key(0)
        } else {
            Kind::String
        };
        let kind = if matches!(kind, Kind::Key(_)) { self.next_key() } else { kind };
        Ok(argument(name, kind, None))
    }

    fn next_key(&mut self) -> Kind {
        let number = self.keys.min(self.key_specs.saturating_sub(1));
        self.keys += 1;
        Kind::Key(number)
    }

    fn group(&mut self, label: Option<String>) -> Result<Argument, SyntaxError> {
        let is_optional = self.take("[");
        let close = if is_optional { "]" } else { ")" };
        if !is_optional {
            self.take("(");
        }
        let mut alternatives = vec![self.sequence()?];
        while self.take("|") {
            alternatives.push(self.sequence()?);
        }
        if !self.take(close) {
            return Err(self.error("a bracket is not closed"));
        }
        let mut grouped = self.grouped(label, alternatives)?;
        grouped.is_optional |= is_optional;
        Ok(grouped)
    }

    /// A single element is itself, several are a block, alternatives are a choice.
    fn grouped(&self, label: Option<String>, mut alternatives: Vec<Vec<Argument>>) -> Result<Argument, SyntaxError> {
        let unnamed = || self.error("brackets around several parts need a name");
        if alternatives.len() > 1 {
            let choices = alternatives.into_iter().map(|parts| self.grouped(None, vec![parts]));
            let kind = Kind::OneOf(choices.collect::<Result<_, _>>()?);
            return Ok(argument(label.ok_or_else(unnamed)?, kind, None));
        }
        let mut parts = alternatives.remove(0);
        match (parts.len(), label) {
            (0, _) => Err(self.error("empty brackets")),
            (1, None) => Ok(parts.remove(0)),
            (_, label) => Ok(argument(label.ok_or_else(unnamed)?, Kind::Block(parts), None)),
        }
    }

    fn version(&mut self) -> String {
        let text = self.rest.as_str();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        self.rest = text[end..].chars();
        text[..end].to_owned()
    }
}

fn argument(name: String, kind: Kind, token: Option<String>) -> Argument {
    Argument { name, kind, token, since: None, is_optional: false, is_multiple: false, repeats_token: false }
}

/// Upper case, or a sign.
fn is_token(word: &str) -> bool {
    word.chars().next().is_some_and(|c| !c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The structure on one line.
    fn shown(notation: &str) -> String {
        fn one(argument: &Argument) -> String {
            let mut text = format!("{}:{}", argument.name, argument.kind.name());
            if let Kind::Key(number) = argument.kind {
                text += &number.to_string();
            }
            if let Some(token) = &argument.token {
                text += &format!("={token}");
            }
            if !argument.kind.parts().is_empty() {
                let parts: Vec<_> = argument.kind.parts().iter().map(one).collect();
                text += &format!("({})", parts.join(" "));
            }
            for (is_so, mark) in
                [(argument.is_optional, "?"), (argument.is_multiple, "+"), (argument.repeats_token, "*")]
            {
                text += if is_so { mark } else { "" };
            }
            text + &argument.since.as_ref().map(|since| format!("@{since}")).unwrap_or_default()
        }
        let arguments = parse(notation, 2).unwrap_or_else(|error| panic!("{notation}: {error}"));
        arguments.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn notation_becomes_structure() {
        for (notation, expected) in [
            ("", ""),
            ("key value", "key:key0 value:string"),
            ("key newkey:key third:key", "key:key0 newkey:key1 third:key1"),
            ("key...", "key:key0+"),
            ("[key...]", "key:key0?+"),
            ("[NX]", "nx:pure-token=NX?"),
            ("[EX seconds:integer@2.6.12]", "seconds:integer=EX?@2.6.12"),
            ("c=[NX | XX]@7.0.0", "c:oneof(nx:pure-token=NX xx:pure-token=XX)?@7.0.0"),
            ("kv=(key value)...", "kv:block(key:key0 value:string)+"),
            ("[LIMIT l=(offset:integer count:integer)]", "l:block=LIMIT(offset:integer count:integer)?"),
            ("F f=(A a | B b)", "f:oneof=F(a:string=A b:string=B)"),
            ("[GET pattern:pattern]...", "pattern:pattern=GET?+*"),
            ("[GET pattern:pattern...]", "pattern:pattern=GET?+"),
            ("s=[equal== | approximately=~]", "s:oneof(equal:pure-token== approximately:pure-token=~)?"),
        ] {
            assert_eq!(shown(notation), expected, "{notation}");
        }
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for notation in ["[NX", "NX]", "[]", "key:number", "[NX | XX]", "(a b)", "a | b"] {
            assert!(parse(notation, 1).is_err(), "{notation}");
        }
    }

    #[test]
    fn fewest_words_and_whether_more_may_follow() {
        for (notation, words, is_variable) in [
            ("key value", 2, false),
            ("key [NX]", 1, true),
            ("kv=(key value)...", 2, true),
            ("EX seconds:integer", 2, false),
            ("x=(A a | B)", 1, true),
            ("x=(A a | B b)", 2, false),
            ("x=([A] [B])", 1, true),
        ] {
            let arguments = parse(notation, 1).unwrap();
            assert_eq!(arguments.iter().map(Argument::min_words).sum::<usize>(), words, "{notation}");
            assert_eq!(arguments.iter().any(Argument::is_variable), is_variable, "{notation}");
        }
    }
}
