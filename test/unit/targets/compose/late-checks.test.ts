import { beforeEach, expect, test } from 'vitest'
import type { FoundContainer } from '../../../../src/targets/docker/containers.ts'
import { LateChecks } from '../../../../src/targets/compose/late-checks.ts'
import { container, service } from './found-stack.ts'

const late: Partial<FoundContainer> = { health: 'unhealthy', checkLate: true }
const of = (more: Partial<FoundContainer>): FoundContainer => container(service('embed'), 1, more)

let nowMs: number
let checks: LateChecks

beforeEach(() => {
  nowMs = 1_000
  checks = new LateChecks(() => nowMs)
})

test('a replica whose checks are answered too late is waited for, but not for longer than a minute', () => {
  expect(checks.isLate(of(late))).toBe(true)
  nowMs += 59_000
  expect(checks.isLate(of(late))).toBe(true)
  nowMs += 2_000
  expect(checks.isLate(of(late))).toBe(false)
})

test('one that has answered since has a minute again', () => {
  checks.isLate(of(late))
  nowMs += 61_000
  expect(checks.isLate(of({}))).toBe(false)
  expect(checks.isLate(of(late))).toBe(true)
})

test.each([
  ['refuses', { health: 'unhealthy' }],
  ['has ended', { ...late, status: 'exited' }],
  ['is paused', { ...late, status: 'paused' }],
  ['starts', { health: 'starting', checkLate: true }],
] satisfies [string, Partial<FoundContainer>][])('one that %s is not waited for as late', (_, more) => {
  expect(checks.isLate(of(more))).toBe(false)
  expect(checks.takeAnew()).toBe(false)
})

test('whoever asks hears once of each that has become late', () => {
  checks.isLate(of(late))
  checks.isLate(of(late))
  expect([checks.takeAnew(), checks.takeAnew()]).toEqual([true, false])
  checks.isLate(of({}))
  checks.isLate(of(late))
  expect(checks.takeAnew()).toBe(true)
})
