//! Functions as nodes.

use assay_lang::functions::Kind;
use assay_lang::{Body, Elementwise, Function, Kernel, Native, Type, nulls};

use super::{Binder, Bound};
use crate::graph::{Call, ColumnId, ColumnOp, Operand, Pairwise};
use crate::template::Slot;

impl Binder<'_> {
    pub(super) fn call(&mut self, function: &'static Function, arguments: &[Slot]) -> Bound<Operand> {
        Ok(match function.body {
            Body::Elementwise(Elementwise::If) => self.choose(arguments)?,
            Body::Elementwise(id) => self.each(id, arguments)?,
            Body::Native(native) => Operand::Column(self.native(native, arguments)?),
            Body::Kernel(kernel, output) => Operand::Column(self.walked(function, kernel, output, arguments)?),
            Body::Formula(_) => unreachable!("a formula stands in its call's place since the call was checked"),
        })
    }

    fn each(&mut self, id: Elementwise, arguments: &[Slot]) -> Bound<Operand> {
        if let [x] = arguments {
            let x = self.column(*x)?;
            return Ok(Operand::Column(self.graph.column(ColumnOp::Function(id, x))));
        }
        let mut folded = self.operand(arguments[0])?;
        for other in &arguments[1..] {
            let other = self.operand(*other)?;
            folded = self.pairwise(Pairwise::Function(id), folded, other);
        }
        Ok(folded)
    }

    fn choose(&mut self, arguments: &[Slot]) -> Bound<Operand> {
        let [condition, a, b] = [arguments[0], arguments[1], arguments[2]];
        if self.template.parts[condition.0 as usize].ty == Type::ScalarBool {
            // Only the branch taken is ever built: `if(mode == "sma", sma(..), ema(..))` costs one average.
            let holds = self.scalar(condition);
            return match holds {
                _ if holds.is_nan() => Ok(Operand::number(f64::NAN)),
                nulls::TRUE => self.operand(a),
                _ => self.operand(b),
            };
        }
        let (then, otherwise) = (self.operand(a)?, self.operand(b)?);
        Ok(Operand::Column(self.select(condition, then, otherwise)?))
    }

    pub(super) fn select(&mut self, condition: Slot, then: Operand, otherwise: Operand) -> Bound<ColumnId> {
        let (holds, fails) = (self.truth(condition, true)?, self.truth(condition, false)?);
        Ok(self.graph.column(ColumnOp::Select {
            holds,
            fails,
            then,
            otherwise,
        }))
    }

    fn native(&mut self, native: Native, arguments: &[Slot]) -> Bound<ColumnId> {
        match native {
            Native::Clock(clock) => return Ok(self.graph.column(ColumnOp::Clock(clock))),
            Native::BarsSince => {
                let condition = self.truth(arguments[0], true)?;
                return Ok(self.graph.column(ColumnOp::BarsSince(condition)));
            }
            Native::Crossover | Native::Crossunder => unreachable!("{native:?} is a condition"),
            Native::Sma | Native::Sum | Native::Ema | Native::EmaAfter | Native::Rma | Native::Delay => {}
        }
        let x = self.column(arguments[0])?;
        if native == Native::Delay {
            let n = self.length(arguments[1], 0)?;
            return Ok(self.delay(x, n));
        }
        let n = self.length(arguments[1], 1)?;
        let op = match native {
            Native::Sma => ColumnOp::Mean(x, n),
            Native::Sum => ColumnOp::Sum(x, n),
            Native::Rma => ColumnOp::Wilder(x, n),
            Native::EmaAfter => {
                let skip = self.length(arguments[2], 0)?;
                ColumnOp::Ema { x, n, skip }
            }
            _ => ColumnOp::Ema { x, n, skip: 0 },
        };
        Ok(self.windowed(op))
    }

    /// A function with a kernel: series that it reads and series that it is given are inputs, all else is numbers.
    fn walked(&mut self, function: &'static Function, kernel: Kernel, output: u8, arguments: &[Slot]) -> Bound<ColumnId> {
        let (mut inputs, mut numbers) = (Vec::new(), Vec::new());
        for series in &function.reads {
            inputs.push(self.series(series)?);
        }
        for (parameter, slot) in function.parameters.iter().zip(arguments) {
            match parameter.kind {
                Kind::Series | Kind::Any => inputs.push(self.column(*slot)?),
                Kind::Condition => inputs.push(self.select(*slot, Operand::number(1.0), Operand::number(0.0))?),
                Kind::Scalar => numbers.push(self.scalar(*slot)),
                Kind::Length { minimum } => numbers.push(f64::from(self.length(*slot, minimum)?)),
            }
        }
        Ok(self.kernel(kernel, output, &inputs, &numbers))
    }

    /// An output of a kernel, unless its first value would come after the last bar.
    pub(crate) fn kernel(&mut self, kernel: Kernel, output: u8, inputs: &[ColumnId], numbers: &[f64]) -> ColumnId {
        let call = Call {
            kernel,
            inputs: inputs.into(),
            numbers: numbers.iter().map(|number| (number + 0.0).to_bits()).collect(),
        };
        let lookback = self.graph.lookback_of_call(&call, output);
        if lookback as usize >= self.market.len() {
            return self.graph.column(ColumnOp::Never(lookback));
        }
        self.graph.call(call, output)
    }
}
