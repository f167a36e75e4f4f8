//! Conditions as bits: where they hold, and where they are known not to.

use assay_lang::{BinaryOp, Body, Elementwise, Native, Type, UnaryOp, nulls};

use super::{Binder, Bound};
use crate::graph::{BitsId, BitsOp, Comparison, Operand};
use crate::template::{Form, Slot};

impl Binder<'_> {
    /// Where a condition holds, or where it is known not to.
    pub(crate) fn truth(&mut self, slot: Slot, holds: bool) -> Bound<BitsId> {
        if let Some(bits) = self.truths[slot.0 as usize][usize::from(holds)] {
            return Ok(bits);
        }
        let bits = self.make_truth(slot, holds)?;
        self.truths[slot.0 as usize][usize::from(holds)] = Some(bits);
        Ok(bits)
    }

    fn make_truth(&mut self, slot: Slot, holds: bool) -> Bound<BitsId> {
        let template = self.template;
        let part = &template.parts[slot.0 as usize];
        if part.ty.is_scalar() {
            let value = self.scalar(slot);
            return Ok(self.flag(value == nulls::from_bool(holds)));
        }
        match &part.form {
            Form::Unary(UnaryOp::Not, x) => self.truth(*x, !holds),
            Form::Binary(op, a, b) if op.is_logical() => {
                let (a, b) = (self.truth(*a, holds)?, self.truth(*b, holds)?);
                // Not (a and b) is (not a) or (not b).
                Ok(if (*op == BinaryOp::And) == holds {
                    self.and(a, b)
                } else {
                    self.or(a, b)
                })
            }
            Form::Binary(op, a, b) if template.parts[a.0 as usize].ty.is_condition() => {
                self.same_condition(*a, *b, (*op == BinaryOp::Eq) == holds)
            }
            Form::Binary(op, a, b) => {
                let (a, b) = (self.operand(*a)?, self.operand(*b)?);
                Ok(self.compare(*op, a, b, holds))
            }
            Form::Index(x, n) => {
                let x = self.truth(*x, holds)?;
                let n = self.length(*n, 0)?;
                Ok(self.delay_bits(x, n))
            }
            Form::Call(function, arguments) if function.elementwise() == Some(Elementwise::If) => {
                let [condition, a, b] = [arguments[0], arguments[1], arguments[2]];
                if template.parts[condition.0 as usize].ty == Type::ScalarBool {
                    let taken = self.scalar(condition);
                    return match taken {
                        _ if taken.is_nan() => Ok(self.flag(false)),
                        nulls::TRUE => self.truth(a, holds),
                        _ => self.truth(b, holds),
                    };
                }
                let (yes, no) = (self.truth(condition, true)?, self.truth(condition, false)?);
                let (a, b) = (self.truth(a, holds)?, self.truth(b, holds)?);
                let (a, b) = (self.and(yes, a), self.and(no, b));
                Ok(self.or(a, b))
            }
            Form::Elsewhere(place, x) => {
                let column = self.elsewhere(place, *x)?;
                let wanted = Operand::number(nulls::from_bool(holds));
                Ok(self.compare(BinaryOp::Eq, Operand::Column(column), wanted, true))
            }
            Form::Call(function, arguments) if function.elementwise() == Some(Elementwise::IsNull) => {
                self.is_null(arguments[0], holds)
            }
            Form::Call(function, arguments) => {
                let (a, b) = (self.operand(arguments[0])?, self.operand(arguments[1])?);
                let (a, b) = if function.body == Body::Native(Native::Crossover) {
                    (a, b)
                } else {
                    (b, a)
                };
                Ok(if holds { self.cross(a, b) } else { self.no_cross(a, b) })
            }
            _ => Ok(self.flag(false)),
        }
    }

    pub(crate) fn flag(&mut self, value: bool) -> BitsId {
        self.graph.bits(BitsOp::Flag(value))
    }

    fn and(&mut self, a: BitsId, b: BitsId) -> BitsId {
        if a == b {
            a
        } else {
            self.graph.bits(BitsOp::And(a.min(b), a.max(b)))
        }
    }

    fn or(&mut self, a: BitsId, b: BitsId) -> BitsId {
        if a == b {
            a
        } else {
            self.graph.bits(BitsOp::Or(a.min(b), a.max(b)))
        }
    }

    fn delay_bits(&mut self, x: BitsId, n: u32) -> BitsId {
        match n {
            0 => x,
            _ if n as usize >= self.market.len() => self.flag(false),
            _ => self.graph.bits(BitsOp::Delay(x, n)),
        }
    }

    fn same_condition(&mut self, a: Slot, b: Slot, same: bool) -> Bound<BitsId> {
        let (a_holds, a_fails) = (self.truth(a, true)?, self.truth(a, false)?);
        let (b_holds, b_fails) = (self.truth(b, same)?, self.truth(b, !same)?);
        let (both, neither) = (self.and(a_holds, b_holds), self.and(a_fails, b_fails));
        Ok(self.or(both, neither))
    }

    fn compare(&mut self, op: BinaryOp, a: Operand, b: Operand, holds: bool) -> BitsId {
        // Where `<` is known not to hold, `>=` holds: both are false at null.
        let (comparison, swap) = match (op, holds) {
            (BinaryOp::Gt, true) | (BinaryOp::Le, false) => (Comparison::Gt, false),
            (BinaryOp::Lt, true) | (BinaryOp::Ge, false) => (Comparison::Gt, true),
            (BinaryOp::Ge, true) | (BinaryOp::Lt, false) => (Comparison::Ge, false),
            (BinaryOp::Le, true) | (BinaryOp::Gt, false) => (Comparison::Ge, true),
            (BinaryOp::Eq, true) | (BinaryOp::Ne, false) => (Comparison::Eq, b < a),
            _ => (Comparison::Ne, b < a),
        };
        let (a, b) = if swap { (b, a) } else { (a, b) };
        self.graph.bits(BitsOp::Compare(comparison, a, b))
    }

    fn is_null(&mut self, slot: Slot, holds: bool) -> Bound<BitsId> {
        if self.template.parts[slot.0 as usize].ty.is_condition() {
            let (yes, no) = (self.truth(slot, true)?, self.truth(slot, false)?);
            return Ok(if holds {
                self.graph.bits(BitsOp::Nor(yes.min(no), yes.max(no)))
            } else {
                self.or(yes, no)
            });
        }
        let x = self.column(slot)?;
        let null = self.graph.bits(BitsOp::IsNull(x));
        Ok(if holds {
            null
        } else {
            self.graph.bits(BitsOp::Nor(null, null))
        })
    }

    /// Where `a` crosses over `b`.
    fn cross(&mut self, a: Operand, b: Operand) -> BitsId {
        let up = a <= b;
        let (a, b) = if up { (a, b) } else { (b, a) };
        self.graph.bits(BitsOp::Cross { a, b, up })
    }

    /// Where all four values are defined and `a` does not cross over `b`: not above, or above already.
    fn no_cross(&mut self, a: Operand, b: Operand) -> BitsId {
        let above = self.graph.bits(BitsOp::Compare(Comparison::Gt, a, b));
        let below = self.graph.bits(BitsOp::Compare(Comparison::Ge, b, a));
        let (above_before, below_before) = (self.delay_bits(above, 1), self.delay_bits(below, 1));
        let defined_before = self.or(above_before, below_before);
        let (stays_below, stays_above) = (self.and(below, defined_before), self.and(above, above_before));
        self.or(stays_below, stays_above)
    }
}
