/** The Universal Scalability Law: X(N) = γN / (1 + α(N − 1) + βN(N − 1)); α is contention, β coherency. */
export interface Usl {
  readonly alpha: number
  readonly beta: number
  /** Throughput of one. */
  readonly gamma: number
}

export function uslThroughput(usl: Usl, n: number): number {
  return (usl.gamma * n) / (1 + usl.alpha * (n - 1) + usl.beta * n * (n - 1))
}

/** The count beyond which more makes it slower, √((1 − α)/β); Infinity without coherency. */
export function uslPeak(usl: Usl): number {
  return usl.beta <= 0 ? Number.POSITIVE_INFINITY : Math.sqrt((1 - usl.alpha) / usl.beta)
}

/**
 * Least squares on N/X(N) = (1 + α(N − 1) + βN(N − 1))/γ, which is linear in (1/γ, α/γ, β/γ).
 * With two different counts only contention is fitted, with one nothing is. Contention and coherency are not negative.
 */
export function fitUsl(points: readonly (readonly [n: number, throughput: number])[]): Usl {
  const counts = new Set(points.map(([n]) => n))
  const columns = Math.min(3, counts.size)
  const solution = leastSquares(points, columns)
  if (columns === 3 && solution[2]! < 0) return fitted(leastSquares(points, 2))
  return fitted(solution)
}

function fitted(solution: readonly number[]): Usl {
  const [inverse = 0, contention = 0, coherency = 0] = solution
  return {
    gamma: 1 / inverse,
    alpha: Math.max(0, contention / inverse),
    beta: Math.max(0, coherency / inverse),
  }
}

function leastSquares(points: readonly (readonly [number, number])[], columns: number): number[] {
  const matrix = Array.from({ length: columns }, () => Array.from({ length: columns + 1 }, () => 0))
  for (const [n, throughput] of points) {
    const y = n / throughput
    // Relative errors: a point's weight is what it says of its own size.
    const weight = 1 / (y * y)
    const row = [1, n - 1, n * (n - 1)].slice(0, columns)
    for (let i = 0; i < columns; i++) {
      for (let j = 0; j < columns; j++) matrix[i]![j]! += weight * row[i]! * row[j]!
      matrix[i]![columns]! += weight * row[i]! * y
    }
  }
  return solved(matrix)
}

/** Gaussian elimination with partial pivoting; each row is its coefficients and its right-hand side. */
function solved(matrix: number[][]): number[] {
  const size = matrix.length
  for (let column = 0; column < size; column++) {
    let pivot = column
    for (let row = column + 1; row < size; row++)
      if (Math.abs(matrix[row]![column]!) > Math.abs(matrix[pivot]![column]!)) pivot = row
    ;[matrix[column], matrix[pivot]] = [matrix[pivot]!, matrix[column]!]
    for (let row = 0; row < size; row++) {
      if (row === column) continue
      const factor = matrix[row]![column]! / matrix[column]![column]!
      for (let k = column; k <= size; k++) matrix[row]![k]! -= factor * matrix[column]![k]!
    }
  }
  return matrix.map((row, i) => row[size]! / row[i]!)
}
