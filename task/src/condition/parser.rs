//! Tokens as a tree, by recursive descent: one function for each level of precedence, the weakest first.

use super::lexer::{Kind, Token, problem, tokens};
use super::words::Keyword;
use super::{Comparison, ConditionProblem, Expression, Negation, Operand, Truth, Value};

/// Parentheses and NOTs within each other.
const DEEPEST: usize = 64;

pub(super) fn parse(text: &str) -> Result<Expression, ConditionProblem> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    if parser.kind() == &Kind::End {
        return Err(problem(1, "the condition is empty", "write for example \"status <> 'draft'\""));
    }
    let tree = parser.or()?.condition();
    match parser.kind() {
        Kind::End => Ok(tree),
        _ => Err(parser.unexpected("AND, OR, or the end of the condition")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

/// What a part of the text is: only a value can be compared.
enum Part {
    Value(Operand),
    Condition(Expression),
}

impl Part {
    fn condition(self) -> Expression {
        match self {
            Self::Value(operand) => Expression::Value(operand),
            Self::Condition(condition) => condition,
        }
    }
}

impl Parser {
    fn token(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn kind(&self) -> &Kind {
        &self.token().kind
    }

    fn take_word(&mut self, keyword: Keyword) -> bool {
        let is_there = *self.kind() == Kind::Word(keyword);
        self.at += usize::from(is_there);
        is_there
    }

    fn take_sign(&mut self, sign: &'static str) -> bool {
        let is_there = *self.kind() == Kind::Sign(sign);
        self.at += usize::from(is_there);
        is_there
    }

    fn unexpected(&self, expected: &str) -> ConditionProblem {
        let found = match self.kind() {
            Kind::End => "the end".to_owned(),
            Kind::Word(keyword) => format!("{keyword:?}").to_uppercase(),
            Kind::Name { text, .. } => format!("\"{text}\""),
            Kind::Number(_) => "a number".to_owned(),
            Kind::Text(_) => "a text".to_owned(),
            Kind::Bytes(_) => "a hexadecimal constant".to_owned(),
            Kind::Sign(sign) => format!("\"{sign}\""),
        };
        problem(
            self.token().column,
            format!("expected {expected}, found {found}"),
            "see docs/task-file.md for conditions",
        )
    }

    fn or(&mut self) -> Result<Part, ConditionProblem> {
        let first = self.xor()?;
        if *self.kind() != Kind::Word(Keyword::Or) {
            return Ok(first);
        }
        let mut all = vec![first.condition()];
        while self.take_word(Keyword::Or) {
            all.push(self.xor()?.condition());
        }
        Ok(Part::Condition(Expression::Or(all)))
    }

    fn xor(&mut self) -> Result<Part, ConditionProblem> {
        let mut left = self.and()?;
        while self.take_word(Keyword::Xor) {
            let right = self.and()?.condition();
            left = Part::Condition(Expression::Xor(Box::new(left.condition()), Box::new(right)));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Part, ConditionProblem> {
        let first = self.not()?;
        let mut all = Vec::new();
        while self.take_word(Keyword::And) || self.take_sign("&&") {
            all.push(self.not()?.condition());
        }
        if all.is_empty() {
            return Ok(first);
        }
        all.insert(0, first.condition());
        Ok(Part::Condition(Expression::And(all)))
    }

    fn not(&mut self) -> Result<Part, ConditionProblem> {
        if !self.take_word(Keyword::Not) {
            return self.comparison();
        }
        let inner = self.deeper(Self::not)?.condition();
        Ok(Part::Condition(Expression::Not(Box::new(inner))))
    }

    fn deeper(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<Part, ConditionProblem>,
    ) -> Result<Part, ConditionProblem> {
        self.depth += 1;
        if self.depth > DEEPEST {
            let message = format!("more than {DEEPEST} parentheses or NOTs within each other");
            return Err(problem(self.token().column, message, "write the condition with fewer of them"));
        }
        let part = inner(self);
        self.depth -= 1;
        part
    }

    /// Comparisons and IS, from left to right.
    fn comparison(&mut self) -> Result<Part, ConditionProblem> {
        let mut left = self.predicate()?;
        loop {
            if let Some(comparison) = self.take_comparison() {
                let column = self.token().column;
                let right = self.predicate()?;
                let (left_value, right) = (self.value(left, column)?, self.value(right, column)?);
                left = Part::Condition(Expression::Compare { left: left_value, comparison, right });
            } else if self.take_word(Keyword::Is) {
                left = Part::Condition(self.is(left)?);
            } else {
                return Ok(left);
            }
        }
    }

    fn take_comparison(&mut self) -> Option<Comparison> {
        let comparison = match self.kind() {
            Kind::Sign("=") => Comparison::Equal,
            Kind::Sign("<>" | "!=") => Comparison::Different,
            Kind::Sign("<") => Comparison::Less,
            Kind::Sign("<=") => Comparison::LessOrEqual,
            Kind::Sign(">") => Comparison::Greater,
            Kind::Sign(">=") => Comparison::GreaterOrEqual,
            Kind::Sign("<=>") => Comparison::NullSafeEqual,
            _ => return None,
        };
        self.at += 1;
        Some(comparison)
    }

    fn value(&self, part: Part, column: usize) -> Result<Operand, ConditionProblem> {
        match part {
            Part::Value(operand) => Ok(operand),
            Part::Condition(_) => {
                let message = "the result of a comparison cannot be compared again";
                Err(problem(column, message, "write IS TRUE, IS FALSE or IS UNKNOWN"))
            }
        }
    }

    fn is(&mut self, left: Part) -> Result<Expression, ConditionProblem> {
        let negation = if self.take_word(Keyword::Not) { Negation::Negated } else { Negation::Plain };
        if self.take_word(Keyword::Null) {
            return Ok(match left {
                Part::Value(operand) => Expression::IsNull { operand, negation },
                Part::Condition(inner) => Expression::Is { inner: Box::new(inner), truth: Truth::Unknown, negation },
            });
        }
        let words = [(Keyword::True, Truth::True), (Keyword::False, Truth::False), (Keyword::Unknown, Truth::Unknown)];
        for (word, truth) in words {
            if self.take_word(word) {
                return Ok(Expression::Is { inner: Box::new(left.condition()), truth, negation });
            }
        }
        Err(self.unexpected("NULL, TRUE, FALSE or UNKNOWN after IS"))
    }

    /// IN, BETWEEN and LIKE.
    fn predicate(&mut self) -> Result<Part, ConditionProblem> {
        let left = self.simple()?;
        let column = self.token().column;
        let negation = if self.take_word(Keyword::Not) { Negation::Negated } else { Negation::Plain };
        let condition = if self.take_word(Keyword::In) {
            Expression::In { operand: self.value(left, column)?, list: self.list()?, negation }
        } else if self.take_word(Keyword::Between) {
            let operand = self.value(left, column)?;
            let low = self.simple_value()?;
            if !self.take_word(Keyword::And) {
                return Err(self.unexpected("AND between the bounds of BETWEEN"));
            }
            Expression::Between { operand, low, high: self.simple_value()?, negation }
        } else if self.take_word(Keyword::Like) {
            let operand = self.value(left, column)?;
            let pattern = self.simple_value()?;
            Expression::Like { operand, pattern, escape: self.escape()?, negation }
        } else if negation == Negation::Negated {
            return Err(self.unexpected("IN, BETWEEN or LIKE after NOT"));
        } else {
            return Ok(left);
        };
        Ok(Part::Condition(condition))
    }

    fn list(&mut self) -> Result<Vec<Operand>, ConditionProblem> {
        if !self.take_sign("(") {
            return Err(self.unexpected("( after IN"));
        }
        let mut list = vec![self.simple_value()?];
        while self.take_sign(",") {
            list.push(self.simple_value()?);
        }
        match self.take_sign(")") {
            true => Ok(list),
            false => Err(self.unexpected(", or ) in the list of IN")),
        }
    }

    fn escape(&mut self) -> Result<char, ConditionProblem> {
        if !self.take_word(Keyword::Escape) {
            return Ok('\\');
        }
        let column = self.token().column;
        let Kind::Text(text) = self.kind() else { return Err(self.unexpected("a text after ESCAPE")) };
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) if letter.is_ascii_graphic() && !letter.is_ascii_alphanumeric() => {
                self.at += 1;
                Ok(letter)
            }
            _ => {
                Err(problem(column, "ESCAPE takes one ASCII character that is no letter or digit", "write ESCAPE '|'"))
            }
        }
    }

    fn simple_value(&mut self) -> Result<Operand, ConditionProblem> {
        let column = self.token().column;
        let part = self.simple()?;
        self.value(part, column)
    }

    /// A constant, a column, or something in parentheses.
    fn simple(&mut self) -> Result<Part, ConditionProblem> {
        let Token { column, kind } = self.token().clone();
        self.at += 1;
        let value = match kind {
            Kind::Sign("(") => {
                let inner = self.deeper(Self::or)?;
                return match self.take_sign(")") {
                    true => Ok(inner),
                    false => Err(self.unexpected(")")),
                };
            }
            Kind::Sign("!") => {
                let inner = self.deeper(Self::simple)?.condition();
                return Ok(Part::Condition(Expression::Not(Box::new(inner))));
            }
            Kind::Sign("-") => self.signed("-")?,
            Kind::Sign("+") => self.signed("")?,
            Kind::Number(digits) => Value::Number(digits),
            Kind::Text(text) => Value::Text(self.joined(text)),
            Kind::Bytes(bytes) => Value::Bytes(bytes),
            Kind::Word(Keyword::Null) => Value::Null,
            Kind::Word(Keyword::True) => Value::Number("1".to_owned()),
            Kind::Word(Keyword::False) => Value::Number("0".to_owned()),
            Kind::Name { text, quoted } => self.named(text, quoted, column)?,
            _ => {
                self.at -= 1;
                return Err(self.unexpected("a column or a constant"));
            }
        };
        Ok(Part::Value(Operand { column, value }))
    }

    fn signed(&mut self, sign: &str) -> Result<Value, ConditionProblem> {
        let Kind::Number(digits) = self.kind() else { return Err(self.unexpected("a number after the sign")) };
        let value = Value::Number(format!("{sign}{digits}"));
        self.at += 1;
        Ok(value)
    }

    /// Texts side by side are one.
    fn joined(&mut self, mut text: String) -> String {
        while let Kind::Text(more) = self.kind() {
            text.push_str(more);
            self.at += 1;
        }
        text
    }

    /// A column, or DATE, TIME or TIMESTAMP before a text.
    fn named(&mut self, name: String, quoted: bool, column: usize) -> Result<Value, ConditionProblem> {
        if let (Kind::Text(text), false) = (self.kind(), quoted) {
            let value = match &*name.to_ascii_uppercase() {
                "DATE" => Value::Date(text.clone()),
                "TIME" => Value::Time(text.clone()),
                "TIMESTAMP" => Value::Timestamp(text.clone()),
                _ => return Err(self.unexpected("a comparison")),
            };
            self.at += 1;
            return Ok(value);
        }
        if *self.kind() == Kind::Sign("(") && !quoted {
            let message = format!("the function \"{name}\" is not supported");
            return Err(problem(column, message, "compare columns with constants: functions are not supported"));
        }
        Ok(Value::Column(name))
    }
}
