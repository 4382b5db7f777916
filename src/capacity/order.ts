/**
 * The order in which times come. For times that are roughly in order and even, as departures are: counted into
 * as many equal slots as there are times, then sorted within the slots by insertion.
 */
export function orderOf(times: Float64Array): Int32Array {
  const count = times.length
  const order = new Int32Array(count)
  if (count === 0) return order
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (let i = 0; i < count; i++) {
    const time = times[i]!
    if (time < least) least = time
    if (time > most) most = time
  }
  const slotted = (count - 1) / (most - least)
  const scale = Number.isFinite(slotted) ? slotted : 0
  const ends = new Int32Array(count + 1)
  for (let i = 0; i < count; i++) ends[Math.floor((times[i]! - least) * scale) + 1]!++
  for (let slot = 0; slot < count; slot++) ends[slot + 1]! += ends[slot]!
  for (let i = 0; i < count; i++) order[ends[Math.floor((times[i]! - least) * scale)]!++] = i
  for (let i = 1; i < count; i++) {
    const index = order[i]!
    const time = times[index]!
    let at = i - 1
    while (at >= 0 && times[order[at]!]! > time) {
      order[at + 1] = order[at]!
      at--
    }
    order[at + 1] = index
  }
  return order
}
