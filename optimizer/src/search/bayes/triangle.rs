//! The Cholesky factor of a covariance matrix, to which points can be added.

use nalgebra::{Cholesky, DMatrix, DVector, DVectorView};

/// A lower triangular matrix, row after row.
#[derive(Debug, Clone, Default)]
pub(super) struct Triangle {
    len: usize,
    entries: Vec<f64>,
}

impl Triangle {
    /// The factor of a symmetric matrix of which the lower triangle is given; nothing if it is not positive definite.
    pub(super) fn factor(matrix: DMatrix<f64>) -> Option<Self> {
        let factor = Cholesky::new(matrix)?.unpack_dirty();
        let len = factor.nrows();
        let entries = (0..len).flat_map(|row| (0..=row).map(move |column| (row, column)));
        Some(Self {
            len,
            entries: entries.map(|place| factor[place]).collect(),
        })
    }

    /// Adds the row of a point with these covariances with the others and this variance. `least` keeps the diagonal positive.
    pub(super) fn extend(&mut self, covariances: &[f64], variance: f64, least: f64) {
        let mut row = covariances.to_vec();
        self.solve(&mut row);
        let rest = variance - dot(&row, &row);
        self.entries.extend_from_slice(&row);
        self.entries.push(libm::sqrt(rest.max(least)));
        self.len += 1;
    }

    /// Solves L x = b in place.
    pub(super) fn solve(&self, b: &mut [f64]) {
        for i in 0..self.len {
            let row = self.row(i);
            b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
        }
    }

    /// Solves L^T x = b in place.
    pub(super) fn solve_transposed(&self, b: &mut [f64]) {
        for i in (0..self.len).rev() {
            let row = self.row(i);
            let x = b[i] / row[i];
            b[i] = x;
            for (b, l) in b[..i].iter_mut().zip(row) {
                *b -= l * x;
            }
        }
    }

    fn row(&self, i: usize) -> &[f64] {
        let start = i * (i + 1) / 2;
        &self.entries[start..=start + i]
    }
}

/// Scalar product, summed in an order that depends on the length only.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    DVectorView::from_slice(a, a.len()).dot(&DVectorView::from_slice(b, b.len()))
}

/// From the lower triangle of a symmetric matrix: the lower triangle of its inverse and the logarithm of its determinant; nothing
/// if it is not positive definite.
pub(super) fn invert(matrix: DMatrix<f64>) -> Option<(DMatrix<f64>, f64)> {
    let len = matrix.nrows();
    let factor = Cholesky::new(matrix)?.unpack_dirty();
    let log_determinant = 2.0 * (0..len).map(|i| libm::log(factor[(i, i)])).sum::<f64>();
    // Column by column, so that what is known to be 0 costs nothing.
    let mut inverse = DMatrix::zeros(len, len);
    for column in 0..len {
        let mut unit = DVector::zeros(len - column);
        unit[0] = 1.0;
        factor
            .view((column, column), (len - column, len - column))
            .solve_lower_triangular_mut(&mut unit);
        inverse.view_mut((column, column), (len - column, 1)).copy_from(&unit);
    }
    let mut product = DMatrix::zeros(len, len);
    for column in 0..len {
        for row in column..len {
            product[(row, column)] = dot(
                &inverse.column(row).as_slice()[row..],
                &inverse.column(column).as_slice()[row..],
            );
        }
    }
    Some((product, log_determinant))
}
