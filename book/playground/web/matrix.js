// The one matrix product that everything here is made of, on plain Float64Arrays.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  // C[r, c] += sum over d of A[r, d] B[d, c]. Matrices are given with their strides, so that no transposed copy is made:
  // A[r, d] stands at a[r * aRow + d * aStep], B[d, c] at b[d * bStep + c * bColumn], C[r, c] at c[r * cRow + c].
  // Two rows by four columns at a time: eight sums and what they are made of fit a processor's registers.
  Playground.addProduct = function (rows, columns, depth, a, aRow, aStep, b, bStep, bColumn, c, cRow) {
    const evenRows = rows & ~1, fourColumns = columns & ~3;
    for (let r = 0; r < evenRows; r += 2) {
      for (let k = 0; k < fourColumns; k += 4) {
        let c00 = 0, c01 = 0, c02 = 0, c03 = 0, c10 = 0, c11 = 0, c12 = 0, c13 = 0;
        let atA = r * aRow, atB = k * bColumn;
        for (let d = 0; d < depth; d++, atA += aStep, atB += bStep) {
          const a0 = a[atA], a1 = a[atA + aRow];
          const b0 = b[atB], b1 = b[atB + bColumn], b2 = b[atB + 2 * bColumn], b3 = b[atB + 3 * bColumn];
          c00 += a0 * b0; c01 += a0 * b1; c02 += a0 * b2; c03 += a0 * b3;
          c10 += a1 * b0; c11 += a1 * b1; c12 += a1 * b2; c13 += a1 * b3;
        }
        const at = r * cRow + k, below = at + cRow;
        c[at] += c00; c[at + 1] += c01; c[at + 2] += c02; c[at + 3] += c03;
        c[below] += c10; c[below + 1] += c11; c[below + 2] += c12; c[below + 3] += c13;
      }
    }
    rest(0, evenRows, fourColumns, columns);
    rest(evenRows, rows, 0, columns);

    function rest(firstRow, lastRow, firstColumn, lastColumn) {
      for (let r = firstRow; r < lastRow; r++) {
        for (let k = firstColumn; k < lastColumn; k++) {
          let sum = 0;
          for (let d = 0, atA = r * aRow, atB = k * bColumn; d < depth; d++, atA += aStep, atB += bStep) sum += a[atA] * b[atB];
          c[r * cRow + k] += sum;
        }
      }
    }
  };
})();
