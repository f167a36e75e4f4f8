//! Tokens to a tree: operator precedence by binding strength (Pratt), with bounds on depth so that no source can exhaust the
//! stack.

use crate::ast::{Argument, BinaryOp, Expr, ExprKind, Identifier, Span, UnaryOp, strength};
use crate::error::{LangError, LangErrorKind};
use crate::functions;
use crate::lexer::{Token, TokenKind, lex};

/// Deepest nesting of brackets, calls and prefix operators.
pub const MAX_NESTING: usize = 64;

/// Tallest tree: `a + b + c` is two levels without any bracket.
pub const MAX_HEIGHT: usize = 256;

/// Reads one expression.
///
/// # Errors
/// What is wrong with its grammar. Names, functions and types are the business of [`crate::check`].
pub fn parse(source: &str) -> Result<Expr, LangError> {
    let mut parser = Parser {
        tokens: lex(source)?,
        at: 0,
        nesting: 0,
    };
    if parser.peek() == &TokenKind::End {
        return Err(parser.unexpected("an expression"));
    }
    let (expr, _) = parser.expression(0)?;
    if parser.peek() == &TokenKind::End {
        return Ok(expr);
    }
    let error = parser.unexpected("an operator or the end");
    Err(match parser.peek() {
        TokenKind::Name(word) if ["and", "or", "not"].contains(&word.to_lowercase().as_str()) => {
            error.with_hint(format!("write `{}`", word.to_lowercase()))
        }
        TokenKind::Symbol(")" | "]") => error.with_hint("it closes nothing"),
        _ => error,
    })
}

/// An expression and the height of its tree.
type Tree = (Expr, usize);

struct Parser {
    /// Ends with `End`.
    tokens: Vec<Token>,
    at: usize,
    nesting: usize,
}

impl Parser {
    fn token(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &TokenKind {
        &self.token().kind
    }

    fn advance(&mut self) -> Span {
        let span = self.token().span;
        self.at += 1;
        span
    }

    fn eat(&mut self, symbol: &'static str) -> Option<Span> {
        (self.peek() == &TokenKind::Symbol(symbol)).then(|| self.advance())
    }

    fn unexpected(&self, expected: &'static str) -> LangError {
        let found = self.peek().to_string();
        LangError::new(LangErrorKind::Unexpected { expected, found }, self.token().span)
    }

    /// Closes a bracket opened at `open`.
    fn close(&mut self, bracket: &'static str, expected: &'static str, open: Span) -> Result<Span, LangError> {
        if let Some(span) = self.eat(bracket) {
            return Ok(span);
        }
        let error = self.unexpected(expected);
        Err(match self.peek() {
            TokenKind::End => error.with_hint(format!("the bracket at column {} is not closed", open.start + 1)),
            _ => error,
        })
    }

    fn deeper(&mut self) -> Result<(), LangError> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            let kind = LangErrorKind::TooDeep { limit: MAX_NESTING };
            return Err(LangError::new(kind, self.token().span).with_hint("name a part of it in `[let]`"));
        }
        Ok(())
    }

    /// Operators at least as strong as `weakest`, and their operands.
    fn expression(&mut self, weakest: u8) -> Result<Tree, LangError> {
        let mut left = self.prefix()?;
        let mut compared = false;
        while let TokenKind::Symbol(symbol) = *self.peek() {
            if symbol == "=" {
                return Err(LangError::new(LangErrorKind::Assignment, self.token().span).with_hint("write `==` to compare"));
            }
            let Some(op) = binary_operator(symbol).filter(|op| op.strength() >= weakest) else {
                break;
            };
            if op.is_comparison() && compared {
                return Err(LangError::new(LangErrorKind::ChainedComparison, self.token().span)
                    .with_hint("write `a < b and b < c`, or put one comparison in brackets"));
            }
            compared = op.is_comparison();
            self.advance();
            let right = self.expression(op.strength() + 1)?;
            let span = left.0.span.to(right.0.span);
            let height = left.1.max(right.1);
            left = tree(ExprKind::Binary(op, Box::new(left.0), Box::new(right.0)), span, height)?;
        }
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Tree, LangError> {
        let (op, operand_strength) = match self.peek() {
            TokenKind::Symbol("-") => (UnaryOp::Neg, strength::NEGATION),
            TokenKind::Symbol("not") => (UnaryOp::Not, strength::NOT),
            _ => return self.postfix(),
        };
        self.deeper()?;
        let span = self.advance();
        let (operand, height) = self.expression(operand_strength)?;
        self.nesting -= 1;
        let span = span.to(operand.span);
        tree(ExprKind::Unary(op, Box::new(operand)), span, height)
    }

    fn postfix(&mut self) -> Result<Tree, LangError> {
        let mut value = self.primary()?;
        loop {
            if let Some(open) = self.eat("[") {
                self.deeper()?;
                let (bars, height) = self.expression(0)?;
                let end = self.close("]", "`]`", open)?;
                self.nesting -= 1;
                let span = value.0.span.to(end);
                value = tree(ExprKind::Index(Box::new(value.0), Box::new(bars)), span, height.max(value.1))?;
            } else if self.eat(".").is_some() {
                self.select_output(&mut value.0)?;
            } else {
                return Ok(value);
            }
        }
    }

    /// `macd(close).signal` becomes `macd_signal(close)`.
    fn select_output(&mut self, value: &mut Expr) -> Result<(), LangError> {
        let TokenKind::Name(output) = self.peek().clone() else {
            return Err(self.unexpected("the name of an output"));
        };
        let span = self.advance();
        let ExprKind::Call { function, .. } = &mut value.kind else {
            let found = format!("`.{output}`");
            return Err(LangError::new(
                LangErrorKind::Unexpected {
                    expected: "an operator or the end",
                    found,
                },
                span,
            )
            .with_hint("only a function with several outputs has them, as in `macd(close).signal`"));
        };
        if let Some(found) = functions::output(&function.name, &output) {
            function.name = found.name.clone();
            function.span = function.span.to(span);
            value.span = value.span.to(span);
            return Ok(());
        }
        let outputs = functions::outputs_of(&function.name);
        let hint = if outputs.is_empty() {
            format!("`{}` has one output; leave `.{output}` out", function.name)
        } else {
            assay_core::nearest::hint(&output, &outputs)
        };
        let kind = LangErrorKind::UnknownOutput {
            function: function.name.clone(),
            output,
        };
        Err(LangError::new(kind, span).with_hint(hint))
    }

    fn primary(&mut self) -> Result<Tree, LangError> {
        let kind = match self.peek().clone() {
            TokenKind::Number(value) => ExprKind::Number(value),
            TokenKind::Text(text) => ExprKind::Text(text),
            TokenKind::Symbol("true") => ExprKind::Bool(true),
            TokenKind::Symbol("false") => ExprKind::Bool(false),
            TokenKind::Name(name) => return self.name_or_call(name),
            TokenKind::Symbol("(") => {
                self.deeper()?;
                let open = self.advance();
                let (inside, height) = self.expression(0)?;
                let end = self.close(")", "`)`", open)?;
                self.nesting -= 1;
                return Ok((
                    Expr {
                        kind: inside.kind,
                        span: open.to(end),
                    },
                    height,
                ));
            }
            _ => return Err(self.missing_operand()),
        };
        let span = self.advance();
        tree(kind, span, 0)
    }

    fn missing_operand(&self) -> LangError {
        let error = self.unexpected("a value");
        let previous = self.at.checked_sub(1).map(|at| &self.tokens[at].kind);
        match (previous, self.peek()) {
            (Some(TokenKind::Symbol("%")), _) => {
                error.with_hint("`%` is the remainder of a division; write 0.02 for 2 percent")
            }
            (_, TokenKind::Symbol("+")) => error.with_hint("a `+` before a number says nothing; leave it out"),
            (Some(TokenKind::Symbol("<" | ">" | "==")), TokenKind::Symbol("=" | ">" | "<")) => {
                error.with_hint("comparisons are written `<`, `<=`, `>`, `>=`, `==`, `!=`")
            }
            _ => error,
        }
    }

    fn name_or_call(&mut self, name: String) -> Result<Tree, LangError> {
        let span = self.advance();
        let Some(open) = self.eat("(") else {
            return tree(ExprKind::Name(name), span, 0);
        };
        self.deeper()?;
        let mut arguments = Vec::new();
        let mut height = 0;
        let end = loop {
            if let Some(end) = self.eat(")") {
                break end;
            }
            let (argument, below) = self.argument(&arguments)?;
            height = height.max(below);
            arguments.push(argument);
            if self.eat(",").is_none() {
                break self.close(")", "`,` or `)`", open)?;
            }
        };
        self.nesting -= 1;
        tree(
            ExprKind::Call {
                function: Identifier { name, span },
                arguments,
            },
            span.to(end),
            height,
        )
    }

    fn argument(&mut self, earlier: &[Argument]) -> Result<(Argument, usize), LangError> {
        let next = self.tokens.get(self.at + 1).map(|token| &token.kind);
        let name = match self.peek().clone() {
            TokenKind::Name(name) if next == Some(&TokenKind::Symbol("=")) => {
                let span = self.advance();
                self.advance();
                Some(Identifier { name, span })
            }
            _ => None,
        };
        let (value, height) = self.expression(0)?;
        if name.is_none() && earlier.last().is_some_and(|argument| argument.name.is_some()) {
            return Err(LangError::new(LangErrorKind::PositionalAfterNamed, value.span)
                .with_hint("name it too, or move it to the front"));
        }
        Ok((Argument { name, value }, height))
    }
}

fn tree(kind: ExprKind, span: Span, below: usize) -> Result<Tree, LangError> {
    if below >= MAX_HEIGHT {
        let kind = LangErrorKind::TooDeep { limit: MAX_HEIGHT };
        return Err(LangError::new(kind, span).with_hint("name a part of it in `[let]`"));
    }
    Ok((Expr { kind, span }, below + 1))
}

fn binary_operator(symbol: &str) -> Option<BinaryOp> {
    use BinaryOp::{Add, And, Div, Eq, Ge, Gt, Le, Lt, Mul, Ne, Or, Rem, Sub};
    [Add, Sub, Mul, Div, Rem, Lt, Le, Gt, Ge, Eq, Ne, And, Or]
        .into_iter()
        .find(|op| op.symbol() == symbol)
}
